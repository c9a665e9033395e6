"""A pipeline's definition without all that registers: it trains a version again, and ends.

What is left is what brought the model and what measured it. Steps that register, create models or
call whatever else are not there, and neither are what steps kept of other executions.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from everloop.errors import BadInput

Json = dict[str, Any]

_KEPT: Final = ("Processing", "Training", "Tuning", "Transform")  # steps that bring files only
_MODEL: Final = "Model"  # what a transform job answers with: in no registry, and serves nothing
_MAKES_MODELS: Final = ("Training", "Tuning")
_STEP: Final = re.compile(r"^Steps\.([^.\[]+)")
_OUTPUT: Final = re.compile(
    r"Steps\.([^.]+)\.ProcessingOutputConfig\.Outputs\['([^']+)'\]\.S3Output\.S3Uri"
)
_RUN_ID: Final = ("Execution.PipelineExecutionId",)


@dataclass(frozen=True)
class Again:
    """What trains a version again, and where its model and its evaluation will be.

    `evaluation` is a function of the definition; None where the version's own says none. `image` is
    what trains; empty where the definition names none.
    """

    definition: str
    model_step: str
    image: str
    evaluation: Any
    steps: tuple[str, ...]
    left_out: tuple[str, ...]
    tuned: bool
    instances: tuple[str, ...]


def again(definition: str, images: Mapping[str, str]) -> Again:
    """Return a version's definition as one that registers nothing.

    `images` are names of images, and by which digest they are meant. Raises BadInput where the
    steps that train cannot do without another that is not run again.
    """
    made: Json = json.loads(definition)
    register = next((s for s in _all(made["Steps"]) if s["Type"] == "RegisterModel"), None)
    if register is None:
        raise BadInput("its pipeline has no step of type RegisterModel: which model to train again")
    every = [step for step in _all(made["Steps"]) if step["Type"] != "Condition"]
    scored = [step["Arguments"] for step in every if step["Type"] == "Transform"]
    needed = set(_steps_named(scored))
    kept, left_out = list[Json](), list[str]()
    for step in every:
        if step["Type"] in _KEPT or (step["Type"] == _MODEL and step["Name"] in needed):
            kept.append(_alone(step))
        else:
            left_out.append(step["Name"])
    names = {step["Name"] for step in kept}
    for step in kept:
        missing = sorted(set(_steps_named(step["Arguments"])) - names)
        if missing:
            raise BadInput(
                f"the step {step['Name']} needs {', '.join(missing)}, which is not run again: only "
                f"steps of the types {', '.join(_KEPT)} are"
            )
        step["DependsOn"] = [each for each in step.get("DependsOn", ()) if each in names]
        if not step["DependsOn"]:
            del step["DependsOn"]
    containers = (register["Arguments"].get("InferenceSpecification") or {}).get("Containers") or []
    source = next(iter(_steps_named(containers[0].get("ModelDataUrl") if containers else "")), "")
    made["Steps"] = kept = [_with_images(step, images) for step in kept]
    trained = next((s for s in kept if s["Name"] == source and s["Type"] in _MAKES_MODELS), None)
    if trained is None:
        raise BadInput(
            "the model that its pipeline registers is no step's of type Training or Tuning: it "
            "cannot be said which archive to compare"
        )
    metadata = register["Arguments"].get("CustomerMetadataProperties") or {}
    return Again(
        definition=json.dumps(made, sort_keys=True, separators=(",", ":")),
        model_step=source,
        image=next((i for i in _values(trained, "TrainingImage") if isinstance(i, str)), ""),
        evaluation=metadata.get("evaluation-uri"),
        steps=tuple(step["Name"] for step in kept),
        left_out=tuple(left_out),
        tuned=trained["Type"] == "Tuning",
        instances=tuple(dict.fromkeys(_values(trained["Arguments"], "InstanceType"))),
    )


def resolved(value: Any, definition: str, execution_id: str, parameters: Mapping[str, str]) -> str:
    """Return what a function of the definition is in an execution; empty where it cannot be said.

    Known are texts, joins, parameters, the execution's id, and outputs of processing steps.
    """
    if isinstance(value, str):
        return value
    join = value.get("Std:Join") if isinstance(value, dict) else None
    if join:
        parts = [
            resolved(each, definition, execution_id, parameters) for each in join.get("Values", ())
        ]
        return str(join.get("On", "")).join(parts) if all(parts) else ""
    got = str(value.get("Get", "")) if isinstance(value, dict) else ""
    if got in _RUN_ID:
        return execution_id
    if got.startswith("Parameters."):
        usual = {each["Name"]: each for each in json.loads(definition).get("Parameters", ())}
        name = got.removeprefix("Parameters.")
        return parameters.get(name) or str(usual.get(name, {}).get("DefaultValue", ""))
    found = _OUTPUT.fullmatch(got)
    for step in json.loads(definition)["Steps"] if found else ():
        for output in (step["Arguments"].get("ProcessingOutputConfig") or {}).get("Outputs", ()):
            if found and (step["Name"], output.get("OutputName")) == (found[1], found[2]):
                place = (output.get("S3Output") or {}).get("S3Uri", "")
                return resolved(place, definition, execution_id, parameters)
    return ""


def _all(steps: Iterable[Json]) -> Iterator[Json]:
    """Yield steps, and those in the branches of conditions."""
    for step in steps:
        yield step
        arguments = step.get("Arguments") or {}
        for branch in ("IfSteps", "ElseSteps"):
            yield from _all(arguments.get(branch) or ())


def _alone(step: Json) -> Json:
    return {name: value for name, value in step.items() if name != "CacheConfig"}


def _steps_named(value: Any) -> Iterator[str]:
    """Yield the steps that a value refers to, however deep."""
    for got in _values(value, "Get"):
        found = _STEP.match(str(got))
        if found:
            yield found[1]


def _values(value: Any, key: str) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from _values(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from _values(inner, key)


def _with_images(value: Any, images: Mapping[str, str]) -> Any:
    """Return a value whose images are named by their digests, where those are known."""
    if isinstance(value, dict):
        return {name: _with_images(inner, images) for name, inner in value.items()}
    if isinstance(value, list):
        return [_with_images(inner, images) for inner in value]
    digest = images.get(value) if isinstance(value, str) else None
    return f"{value.partition('@')[0].rpartition(':')[0]}@{digest}" if digest else value
