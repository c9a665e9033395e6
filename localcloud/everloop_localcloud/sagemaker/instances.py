"""Instances in use and asked for, by the quota that counts them."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from everloop_localcloud.sagemaker import preferences

Record = Mapping[str, Any]

# How a job's request says what it runs on, what AWS calls its use, and how its record says its end.
_JOBS = {
    "CreateTrainingJob": ("training-job", "training job", "TrainingJobStatus"),
    "CreateProcessingJob": ("processing-job", "processing job", "ProcessingJobStatus"),
    "CreateTransformJob": ("transform-job", "transform job", "TransformJobStatus"),
}
_ENDED = ("Completed", "Failed", "Stopped")


def asked(operation: str, request: Record, records: Mapping[str, Any]) -> dict[str, int]:
    """Return how many instances a call asks for, by the quota's name."""
    if operation in _JOBS:
        return dict(_of_job(request, _JOBS[operation][1]))
    if operation in ("CreateEndpoint", "UpdateEndpoint"):
        config = records["endpoint-config"].get(request["EndpointConfigName"])
        variants = config["ProductionVariants"] if config else ()
        kept = _kept(request, records["endpoint"].get(request.get("EndpointName", "")))
        found = Counter[str]()
        for variant in variants:
            for instance in preferences.of_variant(variant):
                count = kept.get(variant["VariantName"], variant["InitialInstanceCount"])
                found[_endpoint(instance)] += count
        return dict(found)
    if operation == "UpdateEndpointWeightsAndCapacities":
        endpoint = records["endpoint"].get(request["EndpointName"])
        return _added(request, endpoint["deployed"]["Variants"] if endpoint else ())
    return {}


def _kept(request: Record, endpoint: Record | None) -> dict[str, int]:
    """Return the counts of instances that an update takes over, by variant."""
    excluded = request.get("ExcludeRetainedVariantProperties") or ()
    types = [each["VariantPropertyType"] for each in excluded]
    if endpoint is None or not request.get("RetainAllVariantProperties"):
        return {}
    if "DesiredInstanceCount" in types:
        return {}
    return {each["VariantName"]: each["Count"] for each in endpoint["deployed"]["Variants"]}


def _added(request: Record, variants: Iterable[Record]) -> dict[str, int]:
    """Return how many instances a change of counts adds."""
    counts = {
        each["VariantName"]: each.get("DesiredInstanceCount", 0)
        for each in request["DesiredWeightsAndCapacities"]
    }
    found = Counter[str]()
    for variant in variants:
        more = counts.get(variant["VariantName"], 0) - variant["Count"]
        if more > 0:
            found[_endpoint(variant["InstanceType"])] += more
    return dict(found)


def used(records: Mapping[str, Any]) -> Counter[str]:
    """Return how many instances run now; an endpoint that is updated has its new fleet, too."""
    found = Counter[str]()
    for kind, use, status in _JOBS.values():
        for job in records[kind].values():
            if job[status] not in _ENDED:
                found.update(dict(_of_job(job, use)))
    for endpoint in records["endpoint"].values():
        if endpoint["EndpointStatus"] == "Failed":
            continue
        fleets = [endpoint["deployed"], (endpoint.get("pending") or {}).get("deployed") or {}]
        for variant in (each for fleet in fleets for each in fleet.get("Variants", ())):
            if "Serverless" not in variant:
                found[_endpoint(variant["InstanceType"])] += variant["Count"]
    return found


def _of_job(job: Record, use: str) -> Iterator[tuple[str, int]]:
    cluster = (
        job.get("ResourceConfig")
        or (job.get("ProcessingResources") or {}).get("ClusterConfig")
        or job.get("TransformResources")
        or {}
    )
    spot = "spot " if job.get("EnableManagedSpotTraining") else ""
    if "SelectedInstanceType" in cluster:  # all of the list were asked for; one of it runs
        chosen = cluster["SelectedInstanceType"], cluster["SelectedInstanceCount"]
        cluster = dict(zip(("InstanceType", "InstanceCount"), chosen, strict=True))
    for instance, count in preferences.of_job(cluster):
        yield f"{instance} for {spot}{use} usage", count


def _endpoint(instance: str) -> str:
    return f"{instance} for endpoint usage"
