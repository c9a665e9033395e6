"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
CreateSchedule: ActionAfterCompletion ClientToken Description EndDate FlexibleTimeWindow GroupName
    KmsKeyArn Name ScheduleExpression ScheduleExpressionTimezone StartDate State Target
CreateScheduleGroup: ClientToken Name Tags
DeleteSchedule: ClientToken GroupName Name
DeleteScheduleGroup: ClientToken Name
GetSchedule: GroupName Name
GetScheduleGroup: Name
ListScheduleGroups: MaxResults NamePrefix NextToken
ListSchedules: GroupName MaxResults NamePrefix NextToken State
ListTagsForResource: ResourceArn
TagResource: ResourceArn Tags
UntagResource: ResourceArn TagKeys
UpdateSchedule: ActionAfterCompletion ClientToken Description EndDate FlexibleTimeWindow GroupName
    KmsKeyArn Name ScheduleExpression ScheduleExpressionTimezone StartDate State Target
"""
)
