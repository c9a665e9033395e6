"""Which parameters each operation reads; any other one is refused by name.

A test holds this to what the code that answers looks for.
"""

from everloop_localcloud.kernel.parameters import declared

READS = declared(
    """
DeleteScalingPolicy: PolicyName ResourceId ScalableDimension ServiceNamespace
DeregisterScalableTarget: ResourceId ScalableDimension ServiceNamespace
DescribeScalableTargets: MaxResults NextToken ResourceIds ScalableDimension ServiceNamespace
DescribeScalingActivities: MaxResults NextToken ResourceId ScalableDimension ServiceNamespace
DescribeScalingPolicies: MaxResults NextToken PolicyNames ResourceId ScalableDimension
    ServiceNamespace
PutScalingPolicy: PolicyName PolicyType ResourceId ScalableDimension ServiceNamespace
    TargetTrackingScalingPolicyConfiguration
RegisterScalableTarget: MaxCapacity MinCapacity ResourceId ScalableDimension ServiceNamespace
    SuspendedState
    """
)
