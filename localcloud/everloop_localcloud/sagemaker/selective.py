"""Selective execution: some steps of a pipeline run, on what another execution left.

https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-selective-ex.html
"""

from typing import Any

from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker import definition

Json = dict[str, Any]


def read(config: Json, pipeline: Json) -> list[str]:
    """Return the names of the selected steps. Raises AwsError for a selection that cannot run."""
    steps = {step["Name"]: step for step in definition.walk(pipeline["Steps"])}
    selected = [each["StepName"] for each in config["SelectedSteps"]]
    for name in selected:
        if name not in steps:
            raise validation(f"SelectiveExecutionConfig: the pipeline has no step {name!r}")
    for name in sorted(needed(selected, pipeline)):
        between = _above(name, steps) & set(selected)
        if between:
            raise validation(
                f"SelectiveExecutionConfig: step {name!r} lies between selected steps"
                f" ({min(between)!r} is before it): select it, too"
            )
    return selected


def needed(selected: list[str], pipeline: Json) -> set[str]:
    """Return the steps that are not selected, and whose results selected ones need."""
    steps = {step["Name"]: step for step in definition.walk(pipeline["Steps"])}
    return {p for name in selected for p in definition.parents(steps[name])} - set(selected)


def _above(name: str, steps: Json) -> set[str]:
    """Return all steps that come before one."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for parent in definition.parents(steps[waiting.pop()]) - found:
            found.add(parent)
            waiting.append(parent)
    return found


def reused(selected: list[str], pipeline: Json, source: Json | None) -> Json:
    """Return the records of the steps that are taken over from a source execution."""
    found = {}
    for name in sorted(needed(selected, pipeline)):
        if source is None:
            raise validation(
                f"SelectiveExecutionConfig lacks SourcePipelineExecutionArn: the results of step"
                f" {name!r} are needed"
            )
        arn = source["PipelineExecutionArn"]
        told = source["steps"].get(name)
        if told is None or told["StepStatus"] != "Succeeded":
            raise validation(
                f"SelectiveExecutionConfig: step {name!r} has not succeeded in {arn}, and selected"
                " steps need its results"
            )
        result = {"SelectiveExecutionResult": {"SourcePipelineExecutionArn": arn}}
        found[name] = {**told, **result}
    return found
