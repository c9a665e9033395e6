"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
AssociateKmsKey: kmsKeyId logGroupName resourceIdentifier
CreateLogGroup: deletionProtectionEnabled kmsKeyId logGroupClass logGroupName tags
CreateLogStream: logGroupName logStreamName
DeleteLogGroup: logGroupName
DeleteLogStream: logGroupName logStreamName
DeleteRetentionPolicy: logGroupName
DescribeLogGroups: limit logGroupClass logGroupIdentifiers logGroupNamePattern logGroupNamePrefix
    nextToken
DescribeLogStreams: descending limit logGroupIdentifier logGroupName logStreamNamePrefix nextToken
    orderBy
DisassociateKmsKey: logGroupName resourceIdentifier
FilterLogEvents: endTime filterPattern limit logGroupIdentifier logGroupName logStreamNamePrefix
    logStreamNames nextToken startTime
GetLogEvents: endTime limit logGroupIdentifier logGroupName logStreamName nextToken startFromHead
    startTime
ListTagsForResource: resourceArn
PutLogEvents: logEvents logGroupName logStreamName
PutRetentionPolicy: logGroupName retentionInDays
TagResource: resourceArn tags
UntagResource: resourceArn tagKeys
"""
)
