"""What a model needs of the account's quotas, read from the very plan that is deployed.

Quotas of SageMaker count instances of a type by what they are used for. A need is the least with
which the loop gets to its end: jobs of a pipeline follow each other, and whatever else wants an
instance at the same time waits for it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

PROCESSING, TRAINING, SPOT, WARM, TRANSFORM, ENDPOINT = (
    "processing job",
    "training job",
    "spot training job",
    "training warm pool",
    "transform job",
    "endpoint",
)
# Where a step's arguments say what it runs on: the type's key lies beside the count's.
_CLUSTERS: Final = {
    "Processing": (PROCESSING, ("ProcessingResources", "ClusterConfig")),
    "Training": (TRAINING, ("ResourceConfig",)),
    "Transform": (TRANSFORM, ("TransformResources",)),
    "Tuning": (TRAINING, ("TrainingJobDefinition", "ResourceConfig")),
}

Needs = dict[str, int]  # instances, by the quota's name


def quota(instance: str, use: str) -> str:
    """Return a quota's name as Service Quotas and AWS's refusals have it."""
    return f"{instance} for {use} usage"


def of_pipeline(definition: Mapping[str, Any]) -> Needs:
    """Return what the steps of a pipeline need: each the most that one of its jobs takes."""
    needs: Needs = {}
    for step in _steps(definition.get("Steps") or ()):
        use, place = _CLUSTERS.get(str(step.get("Type")), ("", ()))
        arguments: Any = step.get("Arguments") or {}
        spot = use == TRAINING and bool(
            arguments.get("EnableManagedSpotTraining")
            or (arguments.get("TrainingJobDefinition") or {}).get("EnableManagedSpotTraining")
        )
        times = _parallel(arguments)
        for part in place:
            arguments = arguments.get(part) if isinstance(arguments, Mapping) else None
        if use and isinstance(arguments, Mapping):
            _most(needs, arguments, SPOT if spot else use, times)
            if arguments.get("KeepAlivePeriodInSeconds"):
                _most(needs, arguments, WARM, times)
    return needs


def of_jobs(jobs: Iterable[Mapping[str, Any]]) -> Needs:
    """Return what processing jobs need that machines start: their `resources` as requested."""
    needs: Needs = {}
    for resources in jobs:
        _most(needs, resources.get("ClusterConfig") or {}, PROCESSING)
    return needs


def of_endpoints(
    production: Mapping[str, Any], staging: Mapping[str, Any], *, keep_staging: bool
) -> Needs:
    """Return what endpoints need at most at once, from their configs.

    Staging is tested beside what serves, and is deleted before a rollout unless it is kept. A
    rollout has the new fleet beside the old one.
    """
    serves, tests = _fleet(production), _fleet(staging)
    names = serves.keys() | tests.keys()
    return {
        name: max(
            tests.get(name, 0) + serves.get(name, 0),
            2 * serves.get(name, 0) + (tests.get(name, 0) if keep_staging else 0),
        )
        for name in names
    }


def together(*needs: Needs) -> Needs:
    """Return the most of several needs, as jobs that want the same wait for each other."""
    return {name: max(need.get(name, 0) for need in needs) for name in sorted(set().union(*needs))}


def _fleet(config: Mapping[str, Any]) -> Needs:
    needs: Needs = {}
    for variant in config.get("ProductionVariants") or ():
        if "InstanceType" in variant:
            name = quota(variant["InstanceType"], ENDPOINT)
            needs[name] = needs.get(name, 0) + int(variant.get("InitialInstanceCount") or 1)
    return needs


def _parallel(arguments: Mapping[str, Any]) -> int:
    """Return how many jobs a step runs at the same time: a tuning may run several."""
    limits = (arguments.get("HyperParameterTuningJobConfig") or {}).get("ResourceLimits") or {}
    times = limits.get("MaxParallelTrainingJobs")
    return times if isinstance(times, int) else 1


def _most(needs: Needs, cluster: Mapping[str, Any], use: str, times: int = 1) -> None:
    instance, count = cluster.get("InstanceType"), cluster.get("InstanceCount")
    if isinstance(instance, str):  # a parameter's reference is known when it runs, not before
        name = quota(instance, use)
        needs[name] = max(needs.get(name, 0), times * (count if isinstance(count, int) else 1))


def _steps(steps: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Yield all steps, those within conditions too."""
    for step in steps:
        yield step
        arguments = step.get("Arguments") or {}
        for branch in ("IfSteps", "ElseSteps"):
            yield from _steps(arguments.get(branch) or ())
