"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
AddPermission: Action EventSourceToken FunctionName FunctionUrlAuthType InvokedViaFunctionUrl
    Principal PrincipalOrgID Qualifier RevisionId SourceAccount SourceArn StatementId
CreateEventSourceMapping: BatchSize DestinationConfig Enabled EventSourceArn FunctionName
    FunctionResponseTypes KMSKeyArn LoggingConfig MaximumBatchingWindowInSeconds
    MaximumRetryAttempts MetricsConfig ScalingConfig Tags
CreateFunction: Architectures CapacityProviderConfig Code CodeSigningConfigArn DeadLetterConfig
    Description DurableConfig Environment EphemeralStorage FileSystemConfigs FunctionName Handler
    ImageConfig KMSKeyArn Layers LoggingConfig MemorySize PackageType Publish Role Runtime
    SnapStart Tags TenancyConfig Timeout TracingConfig VpcConfig
DeleteEventSourceMapping: UUID
DeleteFunction: FunctionName Qualifier
DeleteFunctionConcurrency: FunctionName
DeleteFunctionEventInvokeConfig: FunctionName Qualifier
DeleteLayerVersion: LayerName VersionNumber
GetAccountSettings:
GetEventSourceMapping: UUID
GetFunction: FunctionName Qualifier
GetFunctionConcurrency: FunctionName
GetFunctionConfiguration: FunctionName Qualifier
GetFunctionEventInvokeConfig: FunctionName Qualifier
GetLayerVersion: LayerName VersionNumber
GetLayerVersionByArn: Arn
GetPolicy: FunctionName Qualifier
Invoke: ClientContext DurableExecutionName FunctionName InvocationType LogType Payload Qualifier
    TenantId
ListEventSourceMappings: EventSourceArn FunctionName Marker MaxItems
ListFunctionEventInvokeConfigs: FunctionName
ListFunctions: Marker MaxItems
ListLayerVersions: LayerName Marker MaxItems
ListLayers: Marker MaxItems
ListTags: Resource
PublishLayerVersion: CompatibleArchitectures CompatibleRuntimes Content Description LayerName
    LicenseInfo
PutFunctionConcurrency: FunctionName ReservedConcurrentExecutions
PutFunctionEventInvokeConfig: DestinationConfig FunctionName MaximumEventAgeInSeconds
    MaximumRetryAttempts Qualifier
RemovePermission: FunctionName Qualifier RevisionId StatementId
TagResource: Resource Tags
UntagResource: Resource TagKeys
UpdateEventSourceMapping: BatchSize DestinationConfig Enabled FunctionName FunctionResponseTypes
    LoggingConfig MaximumBatchingWindowInSeconds MaximumRetryAttempts MetricsConfig ScalingConfig
    UUID
UpdateFunctionCode: Architectures DryRun FunctionName ImageUri Publish RevisionId S3Bucket S3Key
    S3ObjectVersion ZipFile
UpdateFunctionConfiguration: CapacityProviderConfig DeadLetterConfig Description DurableConfig
    Environment EphemeralStorage FileSystemConfigs FunctionName Handler ImageConfig KMSKeyArn
    Layers LoggingConfig MemorySize RevisionId Role Runtime SnapStart Timeout TracingConfig
    VpcConfig
UpdateFunctionEventInvokeConfig: DestinationConfig FunctionName MaximumEventAgeInSeconds
    MaximumRetryAttempts Qualifier
"""
)
