"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
CreateTopic: Attributes DataProtectionPolicy Name Tags
DeleteTopic: TopicArn
GetSubscriptionAttributes: SubscriptionArn
GetTopicAttributes: TopicArn
ListSubscriptions: NextToken
ListSubscriptionsByTopic: NextToken TopicArn
ListTagsForResource: ResourceArn
ListTopics: NextToken
Publish: Message MessageAttributes MessageDeduplicationId MessageStructure PhoneNumber Subject
    TargetArn TopicArn
PublishBatch: PublishBatchRequestEntries TopicArn
SetSubscriptionAttributes: AttributeName AttributeValue SubscriptionArn
SetTopicAttributes: AttributeName AttributeValue TopicArn
Subscribe: Attributes Endpoint Protocol TopicArn
TagResource: ResourceArn Tags
Unsubscribe: SubscriptionArn
UntagResource: ResourceArn TagKeys
"""
)
