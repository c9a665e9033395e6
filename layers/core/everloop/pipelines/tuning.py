"""The tuning step of the default pipeline: several trainings, and the best of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from everloop.printed import regex
from everloop.spec import algorithms

Json = dict[str, Any]
STEP: Final = "Tune"
_GOALS: Final = {"maximize": "Maximize", "minimize": "Minimize"}
_STRATEGIES: Final = {"bayesian": "Bayesian", "random": "Random", "grid": "Grid"}
_BEST: Final = {"Get": f"Steps.{STEP}.TrainingJobSummaries[0].TrainingJobName"}


def arguments(spec: Mapping[str, Any], training: Json) -> Json:
    """Return the request of a tuning, from the spec and the request of the one training."""
    tune = spec["tune"]
    metric, goal = objective(spec)
    limits = {"MaxParallelTrainingJobs": tune["parallel"]}
    if tune["strategy"] != "grid":  # which tries every combination
        limits["MaxNumberOfTrainingJobs"] = tune["trials"]
    definition = {key: value for key, value in training.items() if key != "HyperParameters"}
    definition["StaticHyperParameters"] = training["HyperParameters"]
    if not spec["train"].get("algorithm"):  # AWS knows what its own algorithms print
        names = [metric, *(name for name in spec["track"]["metrics"] if name != metric)]
        definition["AlgorithmSpecification"] = {
            **training["AlgorithmSpecification"],
            "MetricDefinitions": printed(names),
        }
    return {
        "HyperParameterTuningJobConfig": {
            "Strategy": _STRATEGIES[tune["strategy"]],
            "HyperParameterTuningJobObjective": {"Type": _GOALS[goal], "MetricName": metric},
            "ResourceLimits": limits,
            "ParameterRanges": _ranges(spec),
        },
        "TrainingJobDefinition": definition,
    }


def printed(names: Iterable[str]) -> list[Json]:
    """Return how SageMaker finds what a script prints of its metrics."""
    return [{"Name": name, "Regex": regex(name)} for name in names]


def best(output: Json) -> Json:
    """Return where the best training put its model, below the `output` of all of them."""
    join = output["Std:Join"]
    values = [*join["Values"], _BEST, "output/model.tar.gz"]
    return {"Std:Join": {"On": join["On"], "Values": values}}


def objective(spec: Mapping[str, Any]) -> tuple[str, str]:
    """Return the metric and which way it is better; an algorithm has one for each problem."""
    tune = spec["tune"]
    usual = algorithms.objective(spec)
    metric = tune["metric"] or (usual[0] if usual else "")
    goal = tune["goal"] or algorithms.goal(spec, metric) or ""
    return metric, goal


def _ranges(spec: Mapping[str, Any]) -> Json:
    made: Json = {}
    script = not spec["train"].get("algorithm")
    for name, values in sorted(spec["tune"]["ranges"].items()):
        if isinstance(values[0], str):
            # Script mode reads JSON: a word is one in quotes.
            words = [f'"{each}"' for each in values] if script else list(values)
            kind, entry = "Categorical", {"Name": name, "Values": words}
        else:
            whole = all(isinstance(each, int) for each in values)
            kind = "Integer" if whole else "Continuous"
            low, high = (str(each if whole else float(each)) for each in values)
            entry = {"Name": name, "MinValue": low, "MaxValue": high}
        made.setdefault(f"{kind}ParameterRanges", []).append(entry)
    return made


def problems(spec: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with [tune] beside the rest of the spec."""
    tune = spec.get("tune")
    if tune is None:
        return []
    found = []
    metric, goal = objective(spec)
    if not metric:
        found.append("tune.metric is missing; name what train.py prints, as  name=0.5  in a line")
    if metric and not goal:
        found.append(f"tune.goal is missing; is {metric} to be 'maximize' or 'minimize'?")
    if metric and algorithms.objective(spec) and not metric.startswith("validation:"):
        found.append(f"tune.metric is {metric!r}; give one of validation, such as 'validation:auc'")
    for name in sorted(set(tune["ranges"]) & set(spec["train"]["hyperparameters"])):
        found.append(f"tune.ranges.{name} is in train.hyperparameters as well; leave it in one")
    if tune["parallel"] > tune["trials"]:
        found.append(f"tune.parallel is {tune['parallel']}, above tune.trials; give at most that")
    words = [name for name, values in tune["ranges"].items() if not isinstance(values[0], str)]
    if tune["strategy"] == "grid" and words:
        found.append(
            f"tune.strategy is 'grid', which takes lists of words only, and tune.ranges.{words[0]} "
            "is a range of numbers; give 'bayesian' or 'random'"
        )
    return found
