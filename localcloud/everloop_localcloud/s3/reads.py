"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
AbortMultipartUpload: Bucket ExpectedBucketOwner Key UploadId
CompleteMultipartUpload: Bucket ChecksumCRC32 ChecksumCRC32C ChecksumCRC64NVME ChecksumSHA1
    ChecksumSHA256 ChecksumType ExpectedBucketOwner IfMatch IfNoneMatch Key MpuObjectSize
    MultipartUpload UploadId
CopyObject: ACL Bucket BucketKeyEnabled CacheControl ChecksumAlgorithm ContentDisposition
    ContentEncoding ContentLanguage ContentType CopySource CopySourceIfMatch
    CopySourceIfModifiedSince CopySourceIfNoneMatch CopySourceIfUnmodifiedSince
    ExpectedBucketOwner ExpectedSourceBucketOwner Expires IfMatch IfNoneMatch Key Metadata
    MetadataDirective ObjectLockMode ObjectLockRetainUntilDate SSEKMSKeyId ServerSideEncryption
    StorageClass Tagging TaggingDirective
CreateBucket: ACL Bucket CreateBucketConfiguration ObjectLockEnabledForBucket ObjectOwnership
CreateMultipartUpload: ACL Bucket BucketKeyEnabled CacheControl ChecksumAlgorithm ChecksumType
    ContentDisposition ContentEncoding ContentLanguage ContentType ExpectedBucketOwner Expires Key
    Metadata SSEKMSKeyId ServerSideEncryption StorageClass Tagging
DeleteBucket: Bucket ExpectedBucketOwner
DeleteBucketCors: Bucket ExpectedBucketOwner
DeleteBucketEncryption: Bucket ExpectedBucketOwner
DeleteBucketLifecycle: Bucket ExpectedBucketOwner
DeleteBucketOwnershipControls: Bucket ExpectedBucketOwner
DeleteBucketPolicy: Bucket ExpectedBucketOwner
DeleteBucketTagging: Bucket ExpectedBucketOwner
DeleteObject: Bucket BypassGovernanceRetention ExpectedBucketOwner IfMatch Key VersionId
DeleteObjectTagging: Bucket ExpectedBucketOwner Key VersionId
DeleteObjects: Bucket BypassGovernanceRetention ChecksumAlgorithm Delete ExpectedBucketOwner
DeletePublicAccessBlock: Bucket ExpectedBucketOwner
GetBucketAcl: Bucket ExpectedBucketOwner
GetBucketCors: Bucket ExpectedBucketOwner
GetBucketEncryption: Bucket ExpectedBucketOwner
GetBucketLifecycleConfiguration: Bucket ExpectedBucketOwner
GetBucketLocation: Bucket ExpectedBucketOwner
GetBucketLogging: Bucket ExpectedBucketOwner
GetBucketNotificationConfiguration: Bucket ExpectedBucketOwner
GetBucketOwnershipControls: Bucket ExpectedBucketOwner
GetBucketPolicy: Bucket ExpectedBucketOwner
GetBucketTagging: Bucket ExpectedBucketOwner
GetBucketVersioning: Bucket ExpectedBucketOwner
GetObject: Bucket ChecksumMode ExpectedBucketOwner IfMatch IfModifiedSince IfNoneMatch
    IfUnmodifiedSince Key PartNumber Range ResponseCacheControl ResponseContentDisposition
    ResponseContentEncoding ResponseContentLanguage ResponseContentType ResponseExpires VersionId
GetObjectAcl: Bucket ExpectedBucketOwner Key VersionId
GetObjectAttributes: Bucket ExpectedBucketOwner Key ObjectAttributes VersionId
GetObjectLockConfiguration: Bucket ExpectedBucketOwner
GetObjectRetention: Bucket ExpectedBucketOwner Key VersionId
GetObjectTagging: Bucket ExpectedBucketOwner Key VersionId
GetPublicAccessBlock: Bucket ExpectedBucketOwner
HeadBucket: Bucket ExpectedBucketOwner
HeadObject: Bucket ChecksumMode ExpectedBucketOwner IfMatch IfModifiedSince IfNoneMatch
    IfUnmodifiedSince Key PartNumber Range ResponseCacheControl ResponseContentDisposition
    ResponseContentEncoding ResponseContentLanguage ResponseContentType ResponseExpires VersionId
ListBuckets: BucketRegion ContinuationToken MaxBuckets Prefix
ListMultipartUploads: Bucket Delimiter EncodingType ExpectedBucketOwner KeyMarker MaxUploads
    Prefix UploadIdMarker
ListObjectVersions: Bucket Delimiter EncodingType ExpectedBucketOwner KeyMarker MaxKeys Prefix
    VersionIdMarker
ListObjects: Bucket Delimiter EncodingType ExpectedBucketOwner Marker MaxKeys Prefix
ListObjectsV2: Bucket ContinuationToken Delimiter EncodingType ExpectedBucketOwner FetchOwner
    MaxKeys Prefix StartAfter
ListParts: Bucket ExpectedBucketOwner Key MaxParts PartNumberMarker UploadId
PutBucketCors: Bucket CORSConfiguration ChecksumAlgorithm ContentMD5 ExpectedBucketOwner
PutBucketEncryption: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner
    ServerSideEncryptionConfiguration
PutBucketLifecycleConfiguration: Bucket ChecksumAlgorithm ExpectedBucketOwner
    LifecycleConfiguration TransitionDefaultMinimumObjectSize
PutBucketLogging: Bucket BucketLoggingStatus ChecksumAlgorithm ContentMD5 ExpectedBucketOwner
PutBucketNotificationConfiguration: Bucket ExpectedBucketOwner NotificationConfiguration
PutBucketOwnershipControls: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner
    OwnershipControls
PutBucketPolicy: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner Policy
PutBucketTagging: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner Tagging
PutBucketVersioning: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner
    VersioningConfiguration
PutObject: ACL Body Bucket BucketKeyEnabled CacheControl ChecksumAlgorithm ChecksumCRC32
    ChecksumCRC32C ChecksumCRC64NVME ChecksumSHA1 ChecksumSHA256 ContentDisposition
    ContentEncoding ContentLanguage ContentLength ContentMD5 ContentType ExpectedBucketOwner
    Expires IfMatch IfNoneMatch Key Metadata ObjectLockMode ObjectLockRetainUntilDate SSEKMSKeyId
    ServerSideEncryption StorageClass Tagging
PutObjectLockConfiguration: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner
    ObjectLockConfiguration
PutObjectTagging: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner Key Tagging VersionId
PutPublicAccessBlock: Bucket ChecksumAlgorithm ContentMD5 ExpectedBucketOwner
    PublicAccessBlockConfiguration
UploadPart: Body Bucket ChecksumAlgorithm ChecksumCRC32 ChecksumCRC32C ChecksumCRC64NVME
    ChecksumSHA1 ChecksumSHA256 ContentLength ContentMD5 ExpectedBucketOwner Key PartNumber
    UploadId
UploadPartCopy: Bucket CopySource CopySourceIfMatch CopySourceIfModifiedSince
    CopySourceIfNoneMatch CopySourceIfUnmodifiedSince CopySourceRange ExpectedBucketOwner
    ExpectedSourceBucketOwner Key PartNumber UploadId
"""
)
