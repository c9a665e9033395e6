"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
CreateStateMachine: definition encryptionConfiguration loggingConfiguration name publish roleArn
    tags tracingConfiguration type
DeleteStateMachine: stateMachineArn
DescribeExecution: executionArn includedData
DescribeStateMachine: stateMachineArn
DescribeStateMachineForExecution: executionArn
GetExecutionHistory: executionArn includeExecutionData maxResults nextToken reverseOrder
ListExecutions: mapRunArn maxResults nextToken redriveFilter stateMachineArn statusFilter
ListStateMachines: maxResults nextToken
ListTagsForResource: resourceArn
SendTaskFailure: cause error taskToken
SendTaskHeartbeat: taskToken
SendTaskSuccess: output taskToken
StartExecution: input name stateMachineArn
StartSyncExecution: input name stateMachineArn
StopExecution: cause error executionArn
TagResource: resourceArn tags
TestState: context definition input inspectionLevel mock roleArn stateConfiguration stateName
    variables
UntagResource: resourceArn tagKeys
UpdateStateMachine: definition encryptionConfiguration loggingConfiguration publish roleArn
    stateMachineArn tracingConfiguration
ValidateStateMachineDefinition: definition maxResults severity type
"""
)
