"""Lists of instance types: one of a job's is selected, a variant's pools are filled in their order.

A job that AWS selects for is refused where the quota of any type in its list falls short:
https://docs.aws.amazon.com/sagemaker/latest/dg/train-instance-preferences.html
https://docs.aws.amazon.com/sagemaker/latest/dg/processing-job-instance-preferences.html
https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints-heterogeneous.html
Of pools the last one says nothing about quotas: they are taken to be counted alike.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from everloop_localcloud.kernel.errors import validation

Record = Mapping[str, Any]

NO_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)
_MOST = 5
_SELECTED = ("SelectedInstanceType", "SelectedInstanceCount")
_ALONE = ("InstanceType", "InstanceGroups", "InstancePlacementConfig")


def check(cluster: Record, *, spot: bool = False) -> None:
    """Raise AwsError where a job's list of preferences is none that AWS takes."""
    for name in _SELECTED:
        if name in cluster:
            raise validation(f"{name} is read-only and is not accepted in requests")
    if "InstancePreferences" not in cluster:
        return
    preferences = cluster["InstancePreferences"]
    for name in _ALONE:
        if name in cluster:
            raise validation(f"InstancePreferences and {name} are mutually exclusive")
    if spot:
        raise validation("InstancePreferences and EnableManagedSpotTraining are mutually exclusive")
    _distinct("InstancePreferences", [each["InstanceType"] for each in preferences])
    if any("TrainingPlanArns" in each for each in preferences):
        raise validation("the local cloud has no training plans: give no TrainingPlanArns")
    given = sum("InstanceCount" in each for each in preferences)
    whole = "InstanceCount" in cluster
    if given not in (0, len(preferences)) or bool(given) == whole:
        raise validation(
            "give InstanceCount either once for the job or on every one of InstancePreferences"
        )


def check_pools(variant: Record) -> None:
    """Raise AwsError where a variant has neither a type nor pools, or pools that AWS takes not."""
    if "InstancePools" not in variant:
        return
    if "InstanceType" in variant:
        raise validation("InstancePools and InstanceType are mutually exclusive")
    pools = variant["InstancePools"]
    _distinct("InstancePools", [each["InstanceType"] for each in pools])
    priorities = [each["Priority"] for each in pools]
    if len(set(priorities)) < len(priorities):
        raise validation(f"two of InstancePools have one Priority: {sorted(priorities)}")
    if any("ModelNameOverride" in each for each in pools):
        raise validation("the local cloud serves one model on all pools: no ModelNameOverride")


def of_job(cluster: Record) -> list[tuple[str, int]]:
    """Return what a job may run on, the preferred first, each with its count of instances."""
    if "InstancePreferences" in cluster:
        whole = cluster.get("InstanceCount", 1)
        return [
            (each["InstanceType"], each.get("InstanceCount", whole))
            for each in cluster["InstancePreferences"]
        ]
    if "InstanceType" in cluster:
        return [(cluster["InstanceType"], cluster.get("InstanceCount", 1))]
    return []


def of_variant(variant: Record) -> list[str]:
    """Return what a variant may run on, the preferred first; a serverless one names nothing."""
    if "ServerlessConfig" in variant:
        return []
    if "InstancePools" in variant:
        pools = sorted(variant["InstancePools"], key=lambda pool: int(pool["Priority"]))
        return [pool["InstanceType"] for pool in pools]
    return [variant["InstanceType"]]


def selected(cluster: Record, without: Collection[str]) -> dict[str, Any]:
    """Return a job's cluster with the type that was selected, where it is there to select.

    `without` are the types that there is no capacity of.
    """
    for instance, count in of_job(cluster) if "InstancePreferences" in cluster else ():
        if instance not in without:
            chosen = {"SelectedInstanceType": instance, "SelectedInstanceCount": count}
            return {**cluster, **chosen}
    return dict(cluster)


def runs_on(cluster: Record) -> str:
    """Return the type that a job runs on; empty where none could be selected."""
    return str(cluster.get("SelectedInstanceType") or cluster.get("InstanceType") or "")


def count(cluster: Record) -> int:
    """Return how many instances a job runs on."""
    return int(cluster.get("SelectedInstanceCount") or cluster.get("InstanceCount") or 1)


def check_alone(cluster: Record, kind: str) -> None:
    """Raise AwsError where a job of a kind is to run on several instances, which none does here."""
    if (several := count(cluster)) > 1:
        raise validation(
            f"InstanceCount is {several}; the local cloud runs a {kind} on one instance: give 1"
        )


def lacks(cluster: Record, without: Collection[str]) -> bool:
    """Whether there is no capacity for a job."""
    found = of_job(cluster)
    return bool(found) and all(instance in without for instance, _ in found)


def first(types: Iterable[str], without: Collection[str]) -> str:
    """Return the first type that there is capacity of; empty where there is none."""
    return next((each for each in types if each not in without), "")


def _distinct(name: str, types: list[str]) -> None:
    if not 1 <= len(types) <= _MOST:
        raise validation(f"{name} has {len(types)} members; it must have 1 to {_MOST}")
    if len(set(types)) < len(types):
        raise validation(f"{name} names an instance type twice: {', '.join(sorted(types))}")
