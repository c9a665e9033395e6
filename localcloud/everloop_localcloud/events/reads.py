"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
CreateEventBus: DeadLetterConfig Description EventSourceName KmsKeyIdentifier LogConfig Name Tags
DeleteEventBus: Name
DeleteRule: EventBusName Name
DescribeEventBus: Name
DescribeRule: EventBusName Name
DisableRule: EventBusName Name
EnableRule: EventBusName Name
ListEventBuses: Limit NamePrefix NextToken
ListRuleNamesByTarget: EventBusName Limit NextToken TargetArn
ListRules: EventBusName Limit NamePrefix NextToken
ListTagsForResource: ResourceARN
ListTargetsByRule: EventBusName Limit NextToken Rule
PutEvents: EndpointId Entries
PutPermission: Action Condition EventBusName Policy Principal StatementId
PutRule: Description EventBusName EventPattern Name RoleArn ScheduleExpression State Tags
PutTargets: EventBusName Rule Targets
RemovePermission: EventBusName RemoveAllPermissions StatementId
RemoveTargets: EventBusName Ids Rule
TagResource: ResourceARN Tags
TestEventPattern: Event EventPattern
UntagResource: ResourceARN TagKeys
"""
)
