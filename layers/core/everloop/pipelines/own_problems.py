"""What keeps a stack from running a folder's own pipeline: all of it at once, each with its fix.

The pipeline runs with the stack's role, so it may name that role only, write below the model's own
prefix, and register into the model's own group, pending, with the lineage that later stages read.
"""

import re
from collections.abc import Iterator
from typing import Any

from everloop.errors import BadInput
from everloop.pipelines.standard import PARAMETERS, BundleRef, Site, lineage

Json = dict[str, Any]
STEP_TYPES = ("Processing", "Training", "Tuning", "Condition", "Fail", "RegisterModel")
URIS = ("holdout-uri", "evaluation-uri", "predictions-uri", "baseline-uri")
_REGISTRY = re.compile(r"\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")


def problems(definition: Json, model: str, site: Site, bundle: BundleRef) -> list[str]:
    """Return everything that is wrong with a filled definition, in its order."""
    lines = list(_top(definition, site))
    registers = False
    for step in _steps(definition["Steps"]):
        lines += [f"step {step.get('Name')!r}: {each}" for each in _step(step, model, site)]
        if step.get("Type") == "RegisterModel":
            registers = True
            wrong = _package(step["Arguments"], model, bundle)
            lines += [f"step {step.get('Name')!r}: {each}" for each in wrong]
    if not registers:
        lines.append("no step registers a model; end with context.pipeline(steps, model)")
    return lines


def _top(definition: Json, site: Site) -> Iterator[str]:
    if definition["Version"] != "2020-12-01":
        yield f"Version is {definition['Version']!r}; use '2020-12-01'"
    declared = {str(each.get("Name")): each for each in definition["Parameters"]}
    required = [str(each["Name"]) for each in PARAMETERS]
    for name in required:
        if declared.get(name, {}).get("Type") != "String":
            yield f"parameter {name} (String) is missing; give parameters=context.parameters"
    for name, parameter in declared.items():
        if name not in required and "DefaultValue" not in parameter:
            yield f"parameter {name} has no default value, and nobody gives one"
    for extra in ("PipelineExperimentConfig", "MlflowConfig"):
        if definition.get(extra):
            yield f"{extra} is set, and the stack's role writes none; set it to None"
    yield from _uris(definition["Parameters"], site.artefact_bucket)


def _steps(steps: Any) -> Iterator[Json]:
    """Yield every step, those in branches included; what is no step is refused at once."""
    for step in steps if isinstance(steps, list) else [steps]:
        if not isinstance(step, dict) or not isinstance(step.get("Arguments"), dict):
            raise BadInput(f"pipeline.json: {str(step)[:80]!r} is no step: it has no Arguments")
        yield step
        if step.get("Type") == "Condition":
            for branch in ("IfSteps", "ElseSteps"):
                yield from _steps(step["Arguments"].get(branch) or [])


def _step(step: Json, model: str, site: Site) -> Iterator[str]:
    if step.get("Type") not in STEP_TYPES:
        yield (
            f"type {step.get('Type')} is not run: the stack's role may not; "
            f"there are {', '.join(STEP_TYPES)}"
        )
        return
    arguments = step["Arguments"]
    if step["Type"] == "Condition":  # the steps of its branches are looked at by themselves
        arguments = arguments.get("Conditions")
    yield from _roles_and_images(arguments, site)
    yield from _outputs(arguments, f"s3://{site.artefact_bucket}/runs/{model}/")
    yield from _uris(arguments, site.artefact_bucket)


def _roles_and_images(arguments: Any, site: Site) -> Iterator[str]:
    for key, value in _members(arguments):
        if key in ("RoleArn", "ExecutionRoleArn") and value != site.role_arn:
            yield f"{key} is {value!r}; jobs run with the stack's role: use context.role"
        if key in ("ImageUri", "TrainingImage", "Image"):
            if not isinstance(value, str):
                yield f"{key} is {value!r}; name the image itself, e.g. context.image"
                continue
            region = _REGISTRY.search(value)
            if region and region[1] != site.region:
                yield f"{key} {value} lies in {region[1]}, the stack in {site.region}"


def _outputs(arguments: Any, allowed: str) -> Iterator[str]:
    for key, value in _members(arguments):
        if key == "S3Output" and isinstance(value, dict):
            value = value.get("S3Uri")
        elif key != "S3OutputPath":
            continue
        begins = _beginning(value)
        if not begins.startswith(allowed):
            place = f"{begins!r}…" if begins else repr(value)
            yield f"writes to {place}; outputs lie below {allowed}: use context.output(name)"


def _uris(value: Any, bucket: str | None) -> Iterator[str]:
    """Yield a problem for each literal S3 URI in another bucket than the stack's artefacts."""
    for text in _beginnings(value):
        if text.startswith("s3:/") and bucket != text.removeprefix("s3://").partition("/")[0]:
            yield f"names {text}; the stack's role reads the stack's own buckets only"


def _package(arguments: Json, model: str, bundle: BundleRef) -> Iterator[str]:
    if (group := arguments.get("ModelPackageGroupName")) != model:
        yield f"registers into {group!r}; the model's own group is {model!r}"
    if (status := arguments.get("ModelApprovalStatus")) != "PendingManualApproval":
        yield (
            f"ModelApprovalStatus is {status!r}; give 'PendingManualApproval': what is registered "
            "is judged before it is approved"
        )
    metadata = arguments.get("CustomerMetadataProperties")
    metadata = metadata if isinstance(metadata, dict) else {}
    expected = lineage(bundle)
    missing = [name for name in (*expected, *URIS) if name not in metadata]
    if missing:
        yield (
            f"CustomerMetadataProperties lack {', '.join(missing)}; give "
            "context.metadata(holdout=…, evaluation=…, predictions=…, baseline=…)"
        )
    for name, value in expected.items():
        if name in metadata and metadata[name] != value:
            yield f"CustomerMetadataProperties: {name} is {metadata[name]!r}, not this run's"


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from _members(item)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item)


def _beginning(value: Any) -> str:
    """Return the text that a value begins with for certain: all of it, where it is plain text."""
    if isinstance(value, str):
        return value
    if _is_join(value):
        join = value["Std:Join"]
        on, values = str(join.get("On", "")), join["Values"]
        text = ""
        for place, each in enumerate(values):
            part = _beginning(each)
            text += part
            if not isinstance(each, str):
                return text
            if place < len(values) - 1:
                text += on
        return text
    return ""


def _is_join(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"Std:Join"}
        and isinstance(value["Std:Join"], dict)
        and isinstance(value["Std:Join"].get("Values"), list)
    )


def _beginnings(value: Any) -> Iterator[str]:
    """Yield what each text in a value begins with; a join is one text."""
    if isinstance(value, dict) and not _is_join(value):
        for item in value.values():
            yield from _beginnings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _beginnings(item)
    else:
        yield _beginning(value)
