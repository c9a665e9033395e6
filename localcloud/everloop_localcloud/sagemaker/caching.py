"""Step caching: what makes two runs of a step the same, and how long that holds."""

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

from everloop_localcloud.kernel.errors import validation

Json = dict[str, Any]

# AWS compares these members of the step's request; outputs and instances do not count.
_COMPARED: dict[str, tuple[str, ...]] = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Transform": ("DataProcessing", "Environment", "ModelName", "TransformInput"),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
}
_OF_A_TRAINING_DEFINITION = (
    "AlgorithmSpecification",
    "HyperParameterRanges",
    "InputDataConfig",
    "StaticHyperParameters",
    "TuningObjective",
)
# Sloppy forms are taken, as AWS takes them: "30d", "T12H", "p1dT5h". M is months before T.
_DURATION = re.compile(
    r"P?(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?",
    re.IGNORECASE,
)
_SECONDS = (365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1)
CACHED = (*_COMPARED, "Lambda", "Callback", "EndpointConfig", "Endpoint")


def cache_key(step: Json, arguments: Json) -> str:
    """Return what is equal for runs that AWS takes for the same; `arguments` are resolved."""
    kind = step["Type"]
    compared: Any = arguments
    if kind in _COMPARED:
        compared = {name: arguments.get(name) for name in _COMPARED[kind]}
    definition = compared.get("TrainingJobDefinition") if kind == "Tuning" else None
    if definition:
        compared["TrainingJobDefinition"] = {
            name: definition.get(name) for name in _OF_A_TRAINING_DEFINITION
        }
    target = step.get("FunctionArn") or step.get("SqsQueueUrl")
    text = json.dumps([kind, step["Name"], target, compared], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def expiry(text: str) -> timedelta:
    """Read CacheConfig's ExpireAfter. Raises AwsError ValidationException."""
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise validation(f"ExpireAfter {text!r} is no ISO 8601 duration, such as P30D or PT1H")
    parts = zip(found.groups(), _SECONDS, strict=True)
    return timedelta(seconds=sum(int(count or 0) * seconds for count, seconds in parts))
