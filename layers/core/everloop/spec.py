"""A model's `model.toml`: everything its owner decides, read once and checked all at once.

Raises BadInput with one line per problem; each names the section's key, the value seen and the fix.
"""

import difflib
import re
import tomllib
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from everloop.errors import BadInput

Problem = Literal["binary_classification", "regression"]

# Metrics by problem, and whether a higher value is better: the one place that knows.
METRICS: dict[str, dict[str, bool]] = {
    "binary_classification": {
        "auc": True,
        "accuracy": True,
        "f1": True,
        "precision": True,
        "recall": True,
        "log_loss": False,
        "brier": False,
    },
    "regression": {"rmse": False, "mae": False, "r2": True},
}
_AT_MOST_ONE = {"auc", "accuracy", "f1", "precision", "recall", "r2"}
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
MAX_NAME = 32  # so that every derived name fits SageMaker's 63 characters

Percent = Annotated[int, Field(ge=1, le=100)]
Positive = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(gt=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Data(_Section):
    target: str
    format: Literal["csv"] = "csv"
    key: str | None = None
    timestamp: str | None = None
    columns: dict[str, Literal["number", "text"]] = {}
    marker: str = "_SUCCESS"
    quiet_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    keep: Annotated[int, Field(ge=1)] | None = None

    @property
    def quiet(self) -> timedelta:
        return timedelta(minutes=self.quiet_minutes)


class Train(_Section):
    framework: Literal["scikit-learn"] = "scikit-learn"
    version: str = "1.9-0"
    instance: str = "ml.m5.large"
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 30
    hyperparameters: dict[str, str | int | float | bool] = {}
    spot: bool = False
    time_limit_minutes: Annotated[int, Field(ge=1, le=7200)] = 60


class Bar(_Section):
    """A metric's bar: `min` where higher is better, `max` where lower is."""

    min: float | None = None
    max: float | None = None


class Compare(_Section):
    metric: str
    least_gain: Annotated[float, Field(ge=0)] = 0.0
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class Evaluate(_Section):
    metrics: dict[str, Bar] = {}
    compare: Compare | None = None
    slices: list[str] = []
    max_slice_drop: Annotated[float, Field(ge=0)] = 0.05
    least_slice_rows: Annotated[int, Field(ge=1)] = 200


class Freeze(_Section):
    """A time in which policy approves nothing; `start` and `end` are times with a zone."""

    start: datetime
    end: datetime
    why: str = ""


class Approve(_Section):
    by: Literal["policy", "person"] = "person"
    first: Literal["policy", "person"] = "person"
    freeze: list[Freeze] = []


class Fleet(_Section):
    instance: str = "ml.m5.large"
    count: Annotated[int, Field(ge=1, le=50)] = 1


class Staging(Fleet):
    keep: bool = False


class Alarms(_Section):
    max_error_rate: Share | None = 0.05
    max_latency_ms: Positive | None = None


class Tests(_Section):
    rows: Annotated[int, Field(ge=1, le=5000)] = 200
    tolerance: Annotated[float, Field(ge=0)] = 1e-6
    max_latency_ms: Positive = 1000.0


class Deploy(_Section):
    production: Fleet = Fleet()
    staging: Staging = Staging()
    strategy: Literal["canary", "linear", "all-at-once"] = "canary"
    step_percent: Annotated[int, Field(ge=5, le=50)] = 10
    step_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    bake_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100
    alarms: Alarms = Alarms()
    tests: Tests = Tests()


class Drift(_Section):
    threshold: Share = 0.1


class Quality(_Section):
    max_drop: Positive = 0.05
    min_labelled_rows: Annotated[int, Field(ge=1)] = 200


class Monitor(_Section):
    schedule: str = "rate(1 hour)"
    min_rows: Annotated[int, Field(ge=1)] = 200
    ignore: list[str] = []
    data: Drift | None = Drift()
    prediction: Drift | None = Drift()
    quality: Quality | None = Quality()


class Retrain(_Section):
    on: list[Literal["data", "violation"]] = ["data", "violation"]
    cooldown_hours: Annotated[float, Field(ge=0)] = 24.0
    per_day: Annotated[int, Field(ge=1)] = 4
    per_month: Annotated[int, Field(ge=1)] = 40
    least_new_rows: Annotated[int, Field(ge=0)] = 1
    stop_after_failures: Annotated[int, Field(ge=1)] = 3

    @property
    def cooldown(self) -> timedelta:
        return timedelta(hours=self.cooldown_hours)


class ModelSpec(_Section):
    name: str
    problem: Problem
    description: str = ""
    data: Data
    train: Train = Train()
    evaluate: Evaluate = Evaluate()
    approve: Approve = Approve()
    deploy: Deploy = Deploy()
    monitor: Monitor = Monitor()
    retrain: Retrain = Retrain()

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
        problems = [*self._metrics(), *self._times()]
        if self.data.target in (self.data.key, self.data.timestamp):
            problems.append(f"data.target is {self.data.target!r}, which is also key or timestamp")
        known = self.data.columns
        if known:
            wanted: dict[str, list[str | None]] = {
                "data.target": [self.data.target],
                "data.key": [self.data.key],
                "data.timestamp": [self.data.timestamp],
                "evaluate.slices": [*self.evaluate.slices],
                "monitor.ignore": [*self.monitor.ignore],
            }
            for where, names in wanted.items():
                for name in names:
                    if name is not None and name not in known:
                        hint = _nearest(name, known)
                        problems.append(f"{where} is {name!r}, no column of data.columns{hint}")
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _metrics(self) -> list[str]:
        known, problems = METRICS[self.problem], []
        for metric, bar in self.evaluate.metrics.items():
            where = f"evaluate.metrics.{metric}"
            if metric not in known:
                problems.append(
                    f"{where}: no metric of {self.problem}{_nearest(metric, known)}; "
                    f"it has {', '.join(known)}"
                )
                continue
            side, wrong = ("min", "max") if known[metric] else ("max", "min")
            value = getattr(bar, side)
            if value is None or getattr(bar, wrong) is not None:
                better = "higher" if known[metric] else "lower"
                problems.append(f"{where}: {better} is better, so give {side} and only {side}")
            elif metric in _AT_MOST_ONE and value >= 1:
                problems.append(f"{where}.{side} is {value}: no model reaches it; give less than 1")
            elif metric not in _AT_MOST_ONE and value <= 0:
                problems.append(f"{where}.{side} is {value}: no model reaches it; give more than 0")
        compare = self.evaluate.compare
        if compare is not None and compare.metric not in known:
            problems.append(
                f"evaluate.compare.metric is {compare.metric!r}, no metric of {self.problem}"
                f"{_nearest(compare.metric, known)}; it has {', '.join(known)}"
            )
        return problems

    def _times(self) -> list[str]:
        problems = []
        for freeze in self.approve.freeze:
            if freeze.start.tzinfo is None or freeze.end.tzinfo is None:
                problems.append("approve.freeze: give times with a zone, e.g. 2026-12-20T00:00:00Z")
            elif freeze.end <= freeze.start:
                problems.append(f"approve.freeze: ends at {freeze.end}, before its start")
        if not re.fullmatch(r"(rate|cron)\(.+\)", self.monitor.schedule):
            problems.append(
                f"monitor.schedule is {self.monitor.schedule!r}; write rate(1 hour) or cron(…)"
            )
        return problems


def load_spec(text: str, *, name: str, source: str = "model.toml") -> ModelSpec:
    """Read a model's spec. Raises BadInput that lists everything wrong with it."""
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise BadInput(
            f"the model's name is {name!r}; use letters, digits and single hyphens, "
            f"at most {MAX_NAME} characters"
        )
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{source} is no TOML: {error}") from error
    if "name" in raw:
        raise BadInput(f"{source}: name is not a key; the folder's name is the model's name")
    try:
        return ModelSpec.model_validate({"name": name, **raw})
    except ValidationError as error:
        lines = [line for found in error.errors() for line in _explained(dict(found))]
        raise BadInput("\n".join(f"{source}: {line}" for line in lines)) from error


def _explained(found: dict[str, Any]) -> list[str]:
    where = ".".join(str(part) for part in found["loc"])
    value = found.get("input")
    kind = found["type"]
    if kind == "extra_forbidden":
        return [f"{where} is not a key{_nearest(str(found['loc'][-1]), _keys(found['loc'][:-1]))}"]
    if kind == "missing":
        return [f"{where} is missing; add it"]
    if kind == "value_error" and not found["loc"]:
        return str(found["ctx"]["error"]).split("\n")
    message = found["msg"][0].lower() + found["msg"][1:]
    return [f"{where} is {value!r}: {message}"]


def _keys(path: tuple[Any, ...]) -> list[str]:
    """Return the keys that a section knows, for the section at `path`."""
    section: Any = ModelSpec
    for part in path:
        field = getattr(section, "model_fields", {}).get(part)
        if field is None:
            return []
        options = [field.annotation, *getattr(field.annotation, "__args__", ())]
        section = next(
            (o for o in options if isinstance(o, type) and issubclass(o, _Section)), None
        )
        if section is None:
            return []
    return [name for name in section.model_fields if name != "name"]


def _nearest(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
