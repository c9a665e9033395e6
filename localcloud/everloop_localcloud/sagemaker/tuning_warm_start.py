"""What a tuning job takes over from its parents: what they tried, and the best that they found."""

from collections.abc import Sequence
from typing import Any

from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.jobs import ENDED
from everloop_localcloud.sagemaker.tuning_ranges import Space, Values
from everloop_localcloud.sagemaker.tuning_search import Trial

Record = dict[str, Any]
_SAME_DATA = "IdenticalDataAndAlgorithm"


def check(request: Record, definition: Record, parents: Sequence[Record]) -> None:
    """Refuse parents that a tuning job cannot start from. Raises AwsError ValidationException."""
    config = request["HyperParameterTuningJobConfig"]
    if config["Strategy"] in ("Grid", "Hyperband"):
        raise validation(
            f"a tuning job with Strategy {config['Strategy']} takes no WarmStartConfig"
        )
    objective = config.get("HyperParameterTuningJobObjective")
    for parent in parents:
        name = parent["HyperParameterTuningJobName"]
        if parent["HyperParameterTuningJobStatus"] not in ENDED:
            status = parent["HyperParameterTuningJobStatus"]
            raise validation(f"the parent tuning job {name} is {status}: wait for its end")
        theirs = parent.get("TrainingJobDefinition")
        if theirs is None:
            raise validation(
                f"the parent tuning job {name} has TrainingJobDefinitions: give another"
            )
        its = parent["HyperParameterTuningJobConfig"]
        if its.get("HyperParameterTuningJobObjective") != objective:
            raise validation(f"the parent tuning job {name} has another objective metric")
        differing = sorted(_names(config, definition) ^ _names(its, theirs))
        if differing:
            told = f"the parent tuning job {name} has other hyperparameters"
            raise validation(f"{told}: {', '.join(differing)}")
        if request["WarmStartConfig"]["WarmStartType"] == _SAME_DATA:
            _check_same(name, definition, theirs)


def _check_same(name: str, ours: Record, theirs: Record) -> None:
    images = {each["AlgorithmSpecification"].get("TrainingImage") for each in (ours, theirs)}
    if len(images) > 1:
        raise validation(f"{_SAME_DATA}: the parent tuning job {name} has another TrainingImage")
    if ours.get("InputDataConfig") != theirs.get("InputDataConfig"):
        raise validation(f"{_SAME_DATA}: the parent tuning job {name} has another InputDataConfig")


def _names(config: Record, definition: Record) -> set[str]:
    """Return the names of all hyperparameters, tuned or not."""
    ranges = definition.get("HyperParameterRanges") or config.get("ParameterRanges") or {}
    tuned = {each["Name"] for kind in ranges.values() for each in kind}
    return tuned | set(definition.get("StaticHyperParameters", {}))


def taken_over(summaries: Sequence[Record], parent: Record) -> list[Record]:
    """Return what a parent tried: all hyperparameters of each trial, and its final metric."""
    static = parent["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return [
        {
            "values": {**static, **one["TunedHyperParameters"]},
            "metric": one["FinalHyperParameterTuningJobObjectiveMetric"]["Value"],
        }
        for one in summaries
        if one["ObjectiveStatus"] == "Succeeded"
    ]


def known_trials(space: Space, known: Sequence[Record], sign: float) -> list[Trial]:
    """Return those of the parents' trials that lie in a space, as its search understands them."""
    found = []
    for each in known:
        values: Values = {
            parameter.name: each["values"][parameter.name] for parameter in space.parameters
        }
        if space.holds(values):
            found.append(Trial(values, sign * each["metric"]))
    return found
