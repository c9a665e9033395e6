"""A pipeline's definition with other instances than it was installed with, where AWS refused those.

Only the steps of the standard pipeline: whoever writes a pipeline names its instances there.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from everloop.pipelines.disks import has_own_disk
from everloop.spec.instances import SCORE_STEP, Choice

Json = dict[str, Any]
Plan = Mapping[
    str, str
]  # quotas of what is taken, by section; those that are not here as installed

KEYS: Final = {SCORE_STEP: "evaluate.transform_instance"}  # of model.toml; else <section>.instance
_STEPS: Final = {
    "Preprocess": "prepare",
    "Train": "train",
    "Tune": "train",
    "Score": SCORE_STEP,
    "Evaluate": "evaluate",
}
_SPOT_WAIT: Final = 6 * 3600  # how long a job may wait for spot capacity, beside its own time


def section_of(step: str) -> str:
    """Return the section whose `instance` a step runs on; empty for a step that is not ours."""
    return _STEPS.get(step, "")


def spot_wait(seconds: int) -> int:
    """Return the longest that a job on spot capacity takes, with its wait for it."""
    return seconds + _SPOT_WAIT


def with_plan(definition: str, plan: Plan) -> str:
    """Return the definition with the planned instances; one without any plan as it was."""
    if not plan:
        return definition
    made: Json = json.loads(definition)
    for step in _all(made["Steps"]):
        quota = plan.get(section_of(step["Name"]))
        if quota:
            _move(step, Choice.of(quota))
    return json.dumps(made, sort_keys=True, separators=(",", ":"))


def _move(step: Json, choice: Choice) -> None:
    arguments = step["Arguments"]
    if step["Type"] == "Processing":
        cluster = arguments["ProcessingResources"]["ClusterConfig"]
        key = arguments["ProcessingOutputConfig"].get("KmsKeyId")
        arguments["ProcessingResources"]["ClusterConfig"] = on(cluster, choice.instance, key)
        return
    if step["Type"] == "Transform":
        key = arguments["TransformOutput"].get("KmsKeyId")
        cluster = arguments["TransformResources"]
        arguments["TransformResources"] = on(cluster, choice.instance, key)
        return
    job = arguments.get("TrainingJobDefinition", arguments)  # of a tuning
    key = job["OutputDataConfig"].get("KmsKeyId")
    job["ResourceConfig"] = on(job["ResourceConfig"], choice.instance, key)
    stopping = job["StoppingCondition"]
    stopping.pop("MaxWaitTimeInSeconds", None)
    job.pop("EnableManagedSpotTraining", None)
    if choice.spot:
        job["ResourceConfig"].pop("KeepAlivePeriodInSeconds", None)  # AWS keeps no spot machine
        job["EnableManagedSpotTraining"] = True
        stopping["MaxWaitTimeInSeconds"] = spot_wait(stopping["MaxRuntimeInSeconds"])


def on(cluster: Mapping[str, Any], instance: str, kms_key: str | None) -> Json:
    """Return what a job runs on with another instance; disks of its own take no key."""
    moved = {name: value for name, value in cluster.items() if name != "VolumeKmsKeyId"}
    moved["InstanceType"] = instance
    if kms_key and not has_own_disk(instance):
        moved["VolumeKmsKeyId"] = kms_key
    return moved


def _all(steps: Iterable[Json]) -> Iterable[Json]:
    for step in steps:
        yield step
        arguments = step.get("Arguments") or {}
        for branch in ("IfSteps", "ElseSteps"):
            yield from _all(arguments.get(branch) or ())
