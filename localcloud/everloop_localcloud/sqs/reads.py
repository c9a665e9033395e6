"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
AddPermission: AWSAccountIds Actions Label QueueUrl
CancelMessageMoveTask: TaskHandle
ChangeMessageVisibility: QueueUrl ReceiptHandle VisibilityTimeout
ChangeMessageVisibilityBatch: Entries QueueUrl
CreateQueue: Attributes QueueName tags
DeleteMessage: QueueUrl ReceiptHandle
DeleteMessageBatch: Entries QueueUrl
DeleteQueue: QueueUrl
GetQueueAttributes: AttributeNames QueueUrl
GetQueueUrl: QueueName QueueOwnerAWSAccountId
ListDeadLetterSourceQueues: MaxResults NextToken QueueUrl
ListMessageMoveTasks: MaxResults SourceArn
ListQueueTags: QueueUrl
ListQueues: MaxResults NextToken QueueNamePrefix
PurgeQueue: QueueUrl
ReceiveMessage: AttributeNames MaxNumberOfMessages MessageAttributeNames
    MessageSystemAttributeNames QueueUrl VisibilityTimeout WaitTimeSeconds
RemovePermission: Label QueueUrl
SendMessage: DelaySeconds MessageAttributes MessageBody MessageDeduplicationId MessageGroupId
    MessageSystemAttributes QueueUrl
SendMessageBatch: Entries QueueUrl
SetQueueAttributes: Attributes QueueUrl
StartMessageMoveTask: DestinationArn MaxNumberOfMessagesPerSecond SourceArn
TagQueue: QueueUrl Tags
UntagQueue: QueueUrl TagKeys
"""
)
