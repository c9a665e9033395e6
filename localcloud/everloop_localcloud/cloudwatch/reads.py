"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
DeleteAlarms: AlarmNames
DeleteDashboards: DashboardNames
DescribeAlarmHistory: AlarmContributorId AlarmName AlarmTypes EndDate HistoryItemType MaxRecords
    NextToken ScanBy StartDate
DescribeAlarms: ActionPrefix AlarmNamePrefix AlarmNames AlarmTypes ChildrenOfAlarmName MaxRecords
    NextToken ParentsOfAlarmName StateValue
DescribeAlarmsForMetric: Dimensions ExtendedStatistic MetricName Namespace Period Statistic Unit
DisableAlarmActions: AlarmNames
EnableAlarmActions: AlarmNames
GetDashboard: DashboardName
GetMetricData: EndTime MetricDataQueries ScanBy StartTime
GetMetricStatistics: Dimensions EndTime ExtendedStatistics MetricName Namespace Period StartTime
    Statistics Unit
ListDashboards: DashboardNamePrefix NextToken
ListMetrics: Dimensions IncludeLinkedAccounts MetricName Namespace NextToken OwningAccount
    RecentlyActive
ListTagsForResource: ResourceARN
PutCompositeAlarm: ActionConfiguration ActionsEnabled ActionsSuppressor
    ActionsSuppressorExtensionPeriod ActionsSuppressorWaitPeriod AlarmActions AlarmDescription
    AlarmName AlarmRule InsufficientDataActions OKActions Tags
PutDashboard: DashboardBody DashboardName Tags
PutMetricAlarm: ActionConfiguration ActionsEnabled AlarmActions AlarmDescription AlarmName
    ComparisonOperator DatapointsToAlarm Dimensions EvaluateLowSampleCountPercentile
    EvaluationCriteria EvaluationInterval EvaluationPeriods EvaluationWindow ExtendedStatistic
    InsufficientDataActions MetricName Metrics Namespace OKActions Period Statistic Tags Threshold
    ThresholdMetricId TreatMissingData Unit WarmUpConfiguration
PutMetricData: EntityMetricData MetricData Namespace StrictEntityValidation
SetAlarmState: AlarmName StateReason StateReasonData StateValue
TagResource: ResourceARN Tags
UntagResource: ResourceARN TagKeys
"""
)
