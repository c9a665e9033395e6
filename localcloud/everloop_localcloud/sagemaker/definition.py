"""Pipeline definitions (2020-12-01): read, and checked on creation."""

import json
import re
from collections.abc import Iterator
from typing import Any

from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker import caching, for_each, retries

Json = dict[str, Any]
STEP_TYPES = (
    *("Processing", "Training", "Tuning", "Transform", "Model", "RegisterModel"),
    *("EndpointConfig", "Endpoint"),
    *("Condition", "Fail", "Lambda", "Callback", "ForEach", "Lineage", "Cleanup"),
)
# What a ForEach step may not repeat.
_ONLY_ONCE = ("Condition", "Fail", "ForEach")
TRIGGERS = ("Completed", "Failed", "Stopped", "Any")
VARIABLES = {
    "StartDateTime",
    "CurrentDateTime",
    "PipelineName",
    "PipelineArn",
    "PipelineExecutionId",
    "PipelineExecutionArn",
    "TrainingJobName",
    "ProcessingJobName",
}
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_REQUIRED = {
    "Processing": ("AppSpecification", "ProcessingResources", "RoleArn"),
    "Training": ("AlgorithmSpecification", "OutputDataConfig", "ResourceConfig", "RoleArn"),
    "Tuning": ("HyperParameterTuningJobConfig",),
    "Transform": ("ModelName", "TransformInput", "TransformOutput", "TransformResources"),
    "Model": ("ExecutionRoleArn",),
    "RegisterModel": ("ModelPackageGroupName",),
    "EndpointConfig": ("ProductionVariants",),
    "Endpoint": ("EndpointConfigName",),
    "Condition": ("Conditions",),
    "Fail": ("ErrorMessage",),
    "Cleanup": ("Resources",),
    "ForEach": ("IterableItems", "MaxConcurrency", "ForEachBody"),
}
_REQUIRED_BESIDE = {"Lambda": "FunctionArn", "Callback": "SqsQueueUrl"}


def read(text: str) -> Json:
    """Read and check a definition. Raises AwsError ValidationException naming step and field."""
    try:
        definition = without_nulls(json.loads(text))
    except ValueError as error:
        raise validation(f"Invalid pipeline definition: it is no JSON: {error}") from error
    if not isinstance(definition, dict):
        raise validation("Invalid pipeline definition: a JSON object is expected")
    if definition.get("Version") != "2020-12-01":
        raise validation(
            f"Invalid pipeline definition: Version is {definition.get('Version')!r}; "
            "use '2020-12-01'"
        )
    steps = definition.get("Steps")
    if not isinstance(steps, list) or not steps:
        raise validation("Invalid pipeline definition: Steps must list at least one step")
    parameters = _parameters(listed(definition, "Parameters", (dict,), "the pipeline"))
    known: dict[str, Json] = {}
    for step in walk(steps):
        _check_step(step, known)
        known[step["Name"]] = step
    repeated = _check_bodies(known)
    for step in known.values():
        _check_references(step, known, parameters, repeated)
    _check_cycles(known)
    return definition


def listed(where: Json, name: str, kinds: tuple[type, ...], of: str) -> list[Any]:
    """Return a list's items, none where it is missing. Raises AwsError for what is no such list."""
    found = where.get(name, [])
    if not isinstance(found, list) or not all(isinstance(each, kinds) for each in found):
        words = " or ".join("objects" if kind is dict else "texts" for kind in kinds)
        raise validation(
            f"Invalid pipeline definition: {of} has {name} {str(found)[:100]}; a list of {words}"
            " belongs there"
        )
    return found


def without_nulls(value: Any) -> Any:
    """Drop members that are null: in definitions null means absent."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def walk(steps: list[Json]) -> Iterator[Json]:
    """Yield every step, those in branches of conditions included."""
    for step in steps:
        if not isinstance(step, dict):
            raise validation("Invalid pipeline definition: each step must be an object")
        yield step
        arguments = step.get("Arguments")
        if step.get("Type") == "Condition" and isinstance(arguments, dict):
            for branch in ("IfSteps", "ElseSteps"):
                yield from walk(listed(arguments, branch, (dict,), f"step {step.get('Name')}"))


def _parameters(declared: list[Json]) -> dict[str, Json]:
    found = {}
    for parameter in declared:
        name, kind = parameter.get("Name", ""), parameter.get("Type", "String")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise validation(f"Invalid pipeline definition: parameter name {name!r}")
        if kind not in ("String", "Integer", "Boolean", "Float"):
            raise validation(f"Invalid pipeline definition: parameter {name} has type {kind!r}")
        if name in found:
            raise validation(f"Invalid pipeline definition: parameter {name} is declared twice")
        found[name] = parameter
    return found


def _check_step(step: Json, known: dict[str, Json]) -> None:  # noqa: C901 # a branch for each kind of step
    name, kind = step.get("Name", ""), step.get("Type")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise validation(
            f"Invalid pipeline definition: step name {name!r} must match [A-Za-z0-9-_]{{1,64}}"
        )
    if name in known:
        raise validation(f"Invalid pipeline definition: duplicate step name {name!r}")
    if not isinstance(kind, str) or kind not in STEP_TYPES:
        raise validation(
            f"Invalid pipeline definition: step {name} has type {kind!r}; "
            f"the local cloud runs {', '.join(STEP_TYPES)}"
        )
    beside = _REQUIRED_BESIDE.get(kind)
    if beside is not None and beside not in step:
        raise validation(f"Invalid pipeline definition: step {name} lacks {beside}")
    arguments = step.get("Arguments", {} if beside else None)
    if not isinstance(arguments, dict):
        raise validation(f"Invalid pipeline definition: step {name} has no Arguments")
    for member in _REQUIRED.get(kind, ()):
        if member not in arguments:
            raise validation(f"Invalid pipeline definition: step {name} lacks Arguments.{member}")
    for entry in listed(step, "DependsOn", (dict, str), f"step {name}"):
        if isinstance(entry, dict) and not isinstance(entry.get("Step"), str):
            raise validation(
                f"Invalid pipeline definition: step {name} has DependsOn without the name of a Step"
            )
        if isinstance(entry, dict) and entry.get("Trigger", "Completed") not in TRIGGERS:
            raise validation(
                f"Invalid pipeline definition: step {name} has DependsOn with Trigger"
                f" {entry['Trigger']!r}; there are {', '.join(TRIGGERS)}"
            )
    retries.check(name, listed(step, "RetryPolicies", (dict,), f"step {name}"))
    if "CacheConfig" in step:
        if not isinstance(step["CacheConfig"], dict):
            raise validation(f"Invalid pipeline definition: step {name}: CacheConfig is no object")
        if kind not in caching.CACHED:
            raise validation(f"Invalid pipeline definition: step {name} of type {kind} has a cache")
        if step["CacheConfig"].get("Enabled") and "ExpireAfter" in step["CacheConfig"]:
            caching.expiry(step["CacheConfig"]["ExpireAfter"])


def _check_bodies(known: dict[str, Json]) -> set[str]:
    """Check the bodies of ForEach steps; returns the names of the steps in them."""
    inner: dict[str, Json] = {}
    for step in known.values():
        if step["Type"] != "ForEach":
            continue
        body = step["Arguments"]["ForEachBody"]
        if not isinstance(body, list) or not body:
            raise validation(
                f"Invalid pipeline definition: step {step['Name']}: ForEachBody must list steps"
            )
        for each in body:
            if not isinstance(each, dict):
                raise validation("Invalid pipeline definition: each step must be an object")
            _check_step(each, {**known, **inner})
            if each["Type"] in _ONLY_ONCE:
                raise validation(
                    f"Invalid pipeline definition: step {each['Name']} of type {each['Type']}"
                    " cannot be in a ForEachBody"
                )
            inner[each["Name"]] = each
        for_each.check(step, parents)
    for name in [*known, *inner]:
        start, dash, index = name.rpartition("-")
        if dash and index.isdigit() and start in inner:
            raise validation(
                f"Invalid pipeline definition: step {name!r} has a name that ForEach gives to"
                f" step {start!r} for an item"
            )
    return set(inner)


def references(value: Any) -> Iterator[str]:
    """Yield the text of every Get in a value."""
    if isinstance(value, dict):
        if set(value) == {"Get"} and isinstance(value["Get"], str):
            yield value["Get"]
        else:
            for item in value.values():
                yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def own_arguments(step: Json) -> Any:
    """Return what a step itself resolves: a condition without the steps of its branches."""
    arguments = step.get("Arguments") or {}
    if step["Type"] == "Condition":
        return arguments["Conditions"]
    if step["Type"] == "ForEach":
        bodies = [own_arguments(each) for each in for_each.body(step)]
        return [arguments["IterableItems"], *bodies]
    return [arguments, step.get("FunctionArn"), step.get("SqsQueueUrl")]


def parents(step: Json) -> set[str]:
    """Return the names of the steps that must be done before this one."""
    needed = {
        got.split(".")[1] for got in references(own_arguments(step)) if got.startswith("Steps.")
    }
    repeated = for_each.body(step) if step["Type"] == "ForEach" else []
    for one in (step, *repeated):
        for entry in one.get("DependsOn", []):
            needed.add(entry["Step"] if isinstance(entry, dict) else entry)
    return needed - {each["Name"] for each in repeated}


def triggers(step: Json) -> dict[str, str]:
    """Return, per step in DependsOn, what must have become of it: Completed unless it says more."""
    return {
        entry["Step"]: entry.get("Trigger", "Completed")
        for entry in step.get("DependsOn", [])
        if isinstance(entry, dict)
    }


def _check_references(
    step: Json, known: dict[str, Json], parameters: dict[str, Json], repeated: set[str]
) -> None:
    roots = ["Parameters", "Execution", "Steps", "PipelineExperimentConfig"]
    if step["Type"] == "ForEach":
        roots.append("ForEach")
    for name in parents(step):
        if name in repeated:
            raise validation(
                f"Invalid pipeline definition: step {step['Name']} refers to step {name!r}, which"
                " ForEach repeats: refer to the ForEach step's IterationOutputs or Selected"
            )
        if name not in known:
            raise validation(
                f"Invalid pipeline definition: step {step['Name']} refers to step {name!r}, "
                "which is not there"
            )
    for got in references(own_arguments(step)):
        root, _, rest = got.partition(".")
        if root == "Parameters" and rest not in parameters:
            raise validation(
                f"Invalid pipeline definition: step {step['Name']} refers to parameter {rest!r}, "
                "which is not declared"
            )
        if root == "Execution" and rest not in VARIABLES:
            raise validation(
                f"Invalid pipeline definition: step {step['Name']} refers to Execution.{rest}, "
                "which is not there"
            )
        if root not in roots:
            raise validation(f"Invalid pipeline definition: step {step['Name']} has Get {got!r}")


def _check_cycles(known: dict[str, Json]) -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise validation(
                f"Invalid pipeline definition: cycle of steps {' -> '.join([*path, name])}"
            )
        if name not in done:
            for parent in parents(known[name]):
                visit(parent, (*path, name))
            done.add(name)

    for name in known:
        visit(name, ())


def coerce(declared: list[Json], given: list[Json]) -> dict[str, Any]:
    """Return parameter values by their declared types. Raises AwsError ValidationException."""
    values = {item["Name"]: item["Value"] for item in given}
    found: dict[str, Any] = {}
    for parameter in declared:
        name, kind = parameter["Name"], parameter.get("Type", "String")
        if name in values:
            found[name] = _typed(name, kind, values.pop(name))
        elif "DefaultValue" in parameter:
            found[name] = parameter["DefaultValue"]
        else:
            raise validation(f"Parameter [{name}] is not provided and has no default value")
        allowed = parameter.get("EnumValues")
        if allowed and found[name] not in allowed:
            raise validation(f"Parameter [{name}] is {found[name]!r}; allowed are {allowed}")
    if values:
        raise validation(f"Parameters {sorted(values)} are not defined in the pipeline")
    return found


def _typed(name: str, kind: str, text: str) -> Any:
    try:
        if kind == "Integer":
            return int(text)
        if kind == "Float":
            return float(text)
        if kind == "Boolean":
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError) as error:
        raise validation(f"Parameter [{name}] is {text!r}, which is no {kind}") from error
    return text
