"""Instances in use and asked for, by the quota that counts them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

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
        found = Counter[str]()
        for variant in variants:
            found[_endpoint(variant["InstanceType"])] += variant["InitialInstanceCount"]
        return dict(found)
    return {}


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
            found[_endpoint(variant["InstanceType"])] += variant["Count"]
    return found


def _of_job(job: Record, use: str) -> Iterator[tuple[str, int]]:
    cluster = (
        job.get("ResourceConfig")
        or (job.get("ProcessingResources") or {}).get("ClusterConfig")
        or job.get("TransformResources")
        or {}
    )
    if "InstanceType" in cluster:
        spot = "spot " if job.get("EnableManagedSpotTraining") else ""
        yield f"{cluster['InstanceType']} for {spot}{use} usage", cluster.get("InstanceCount", 1)


def _endpoint(instance: str) -> str:
    return f"{instance} for endpoint usage"
