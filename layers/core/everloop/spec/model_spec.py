"""A model's `model.toml`: everything its owner decides, read once and checked all at once."""

import re
import tomllib
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Self

from pydantic import ValidationError, model_validator

from everloop.errors import BadInput
from everloop.spec.metrics import METRICS, Problem, out_of_reach
from everloop.spec.problems import explained, nearest
from everloop.spec.sections import (
    Approve,
    Compare,
    Data,
    Deploy,
    Dialect,
    Evaluate,
    Line,
    Monitor,
    Notify,
    Prepare,
    Retrain,
    Section,
    Train,
)

MAX_NAME = 32  # so that every derived name fits SageMaker's 63 characters
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
_PARAMETERS = 100 - 5  # SageMaker takes 100 hyperparameters; script mode needs some of them


class ModelSpec(Section):
    """A whole spec; its name is the folder's."""

    name: str
    problem: Problem
    description: Line = ""
    data: Data
    prepare: Prepare = Prepare()
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    approve: Approve = Approve()
    deploy: Deploy = Deploy()
    monitor: Monitor = Monitor()
    retrain: Retrain = Retrain()
    notify: Notify = Notify()

    @property
    def compare(self) -> Compare:
        """How candidate and champion are compared; by default on the problem's first metric."""
        if self.evaluate.compare is not None:
            return self.evaluate.compare
        return Compare(metric=next(iter(METRICS[self.problem])))

    def higher_is_better(self, metric: str) -> bool:
        return METRICS[self.problem][metric]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        problems = [
            *self._metrics(),
            *self._columns(),
            *self._parameters(),
            *self._steps(),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _metrics(self) -> list[str]:
        known, problems = METRICS[self.problem], []
        for metric, bar in self.evaluate.metrics.items():
            where = f"evaluate.metrics.{metric}"
            if metric not in known:
                problems.append(f"{where} is {_no_metric(metric, self.problem)}")
                continue
            side, other = ("min", "max") if known[metric] else ("max", "min")
            value = getattr(bar, side)
            if value is None or getattr(bar, other) is not None:
                better = "higher" if known[metric] else "lower"
                problems.append(f"{where}: {better} is better, so give {side} and only {side}")
            elif wrong := out_of_reach(self.problem, metric, value):
                problems.append(f"{where}.{side} is {value}; {wrong}")
        compare = self.evaluate.compare
        if compare is not None and compare.metric not in known:
            problems.append(
                f"evaluate.compare.metric is {compare.metric!r}, "
                f"{_no_metric(compare.metric, self.problem)}"
            )
        return problems

    def _columns(self) -> list[str]:
        data, problems = self.data, []
        if data.target in (data.key, data.timestamp):
            problems.append(
                f"data.target is {data.target!r}, which is also key or timestamp; name another"
            )
        if data.learn_from_traffic and data.key is None:
            problems.append(
                "data.learn_from_traffic is true and data.key is not given; labels find by the key "
                "what was sent, so name the column"
            )
        if data.learn_from_traffic and data.dialect != Dialect():
            problems.append(
                "data.learn_from_traffic is true and data.dialect is given; what is learnt from "
                "traffic is written as plain CSV, so drop plain CSV as well"
            )
        named: dict[str, Sequence[str | None]] = {
            "data.target": [data.target],
            "data.key": [data.key],
            "data.timestamp": [data.timestamp],
            "evaluate.slices": self.evaluate.slices,
            "monitor.ignore": self.monitor.ignore,
            "monitor.data.columns": list(self.monitor.data.columns),
        }
        for where, names in named.items():
            for name in names:
                if data.columns and name is not None and name not in data.columns:
                    hint = nearest(name, data.columns) or "; add it there"
                    problems.append(f"{where} is {name!r}, which data.columns lacks{hint}")
        return problems

    def _steps(self) -> list[str]:
        deploy = self.deploy
        if deploy.strategy == "linear" and deploy.step_percent < 10:
            return [
                f"deploy.step_percent is {deploy.step_percent}; SageMaker takes linear steps of "
                "10 to 50 percent"
            ]
        return []

    def _parameters(self) -> list[str]:
        parameters = self.train.hyperparameters
        problems = [
            f"train.hyperparameters.{name}: sagemaker_… is SageMaker's own; rename it"
            for name in parameters
            if name.startswith("sagemaker_")
        ]
        if len(parameters) > _PARAMETERS:
            problems.append(
                f"train.hyperparameters has {len(parameters)} keys; SageMaker takes {_PARAMETERS}"
            )
        return problems


def load_spec(text: str, *, name: str, source: str = "model.toml") -> ModelSpec:
    """Read a model's spec. Raises BadInput with one line for each thing wrong with it."""
    try:
        return _load(text, name, source)
    except RecursionError as error:  # of the reader of TOML, or of what says what is wrong
        deep = f"{source} is nested too deeply; its tables are at most three deep"
        raise BadInput("\n".join([*_name_problems(name), deep])) from error


def _load(text: str, name: str, source: str) -> ModelSpec:
    problems = [*_name_problems(name)]
    try:
        raw = tomllib.loads(text)
    except ValueError as error:  # a number of thousands of digits is one that TOML's reader has not
        problems.append(f"{source} is no TOML: {error}")
        raise BadInput("\n".join(problems)) from error
    if raw.pop("name", None) is not None:
        problems.append(f"{source}: name is not a key; the folder's name is the model's name")
    try:
        spec = ModelSpec.model_validate({"name": name, **raw})
    except ValidationError as error:
        lines = [*_lines(error), *_lines_behind(error, name, raw)]
        problems += [f"{source}: {line}" for line in lines]
        raise BadInput("\n".join(problems)) from error
    if problems:
        raise BadInput("\n".join(problems))
    return spec


def _name_problems(name: str) -> list[str]:
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        return [
            f"the model's name is {name!r}; use letters, digits and single hyphens, "
            f"at most {MAX_NAME} characters"
        ]
    if name.endswith("-staging"):
        return [f"the model's name is {name!r}; -staging is for endpoints under test; rename it"]
    return []


def _no_metric(metric: str, problem: str) -> str:
    known = METRICS[problem]
    return f"no metric of {problem}{nearest(metric, known)}; it has {', '.join(known)}"


def _lines(error: ValidationError) -> list[str]:
    return [line for problem in error.errors() for line in explained(dict(problem), ModelSpec)]


def _lines_behind(error: ValidationError, name: str, raw: dict[str, Any]) -> list[str]:
    """Return what checks across sections find once everything that `error` reports is left out.

    pydantic runs them only where each key by itself is right; the owner wants to hear all at once.
    """
    rest = deepcopy(raw)
    for problem in error.errors():
        if not problem["loc"]:
            return []  # these are the checks across sections
        _leave_out(rest, problem["loc"])
    try:
        ModelSpec.model_validate({"name": name, **rest})
    except ValidationError as behind:
        across = [dict(problem) for problem in behind.errors() if not problem["loc"]]
        return [line for problem in across for line in explained(problem, ModelSpec)]
    return []


def _leave_out(table: dict[str, Any], place: tuple[int | str, ...]) -> None:
    """Remove what lies at a place, with the tables and lists that say nothing without it."""
    key, *more = place
    inner = table.get(str(key))
    if isinstance(inner, dict) and more and more[0] in inner:
        _leave_out(inner, tuple(more))
        if inner:
            return
    table.pop(str(key), None)
