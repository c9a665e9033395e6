"""A model's `model.toml`: everything its owner decides, read once and checked all at once."""

import json
import math
import re
import tomllib
from collections.abc import Sequence
from copy import deepcopy
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from everloop.errors import BadInput
from everloop.images import VERSIONS
from everloop.metrics import METRICS, Problem, out_of_reach
from everloop.spec_problems import explained, nearest

MAX_NAME = 32  # so that every derived name fits SageMaker's 63 characters
_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_RATE = re.compile(r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")
_PARAMETERS = 100 - 5  # SageMaker takes 100 hyperparameters; script mode needs some of them


def _instance(value: str) -> str:
    if not _INSTANCE.fullmatch(value):
        raise ValueError("give a SageMaker instance type, e.g. 'ml.m5.large'")
    return value


def _version(value: str) -> str:
    if value not in VERSIONS:
        raise ValueError(f"there are {', '.join(VERSIONS)}")
    return value


def _schedule(value: str) -> str:
    if not (_RATE.fullmatch(value) or _CRON.fullmatch(value)):
        raise ValueError("write e.g. rate(1 hour), rate(6 hours) or cron(0 6 * * ? *)")
    return value


def _last_part(value: str) -> str:
    if "/" in value:
        raise ValueError("give the last part of the marker's key, without a slash")
    return value


def _filled(value: str) -> str:
    if not value.strip():
        raise ValueError("it may not be empty")
    return value


def _hyperparameter(value: Any) -> Any:
    finite = not isinstance(value, float) or math.isfinite(value)
    if not (isinstance(value, str | int | float) and finite):
        raise ValueError("a text, a finite number, true or false belongs here")
    if len(json.dumps(value)) > 2500:
        raise ValueError("SageMaker takes at most 2500 characters")
    return value


Column = Annotated[str, AfterValidator(_filled)]
Instance = Annotated[str, AfterValidator(_instance)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Data(_Section):
    target: Column
    format: Literal["csv"] = "csv"
    key: Column | None = None
    timestamp: Column | None = None
    columns: dict[str, Literal["number", "text"]] = {}
    marker: Annotated[str, AfterValidator(_last_part)] = "_SUCCESS"
    quiet_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    keep: Count | None = None

    @property
    def quiet(self) -> timedelta:
        return timedelta(minutes=self.quiet_minutes)


class Train(_Section):
    framework: Literal["scikit-learn"] = "scikit-learn"
    version: Annotated[str, AfterValidator(_version)] = VERSIONS[0]
    instance: Instance = "ml.m5.large"
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 30
    hyperparameters: dict[str, Annotated[Any, AfterValidator(_hyperparameter)]] = {}
    spot: bool = False
    time_limit_minutes: Annotated[int, Field(ge=1, le=7200)] = 60  # a processing job's limit

    @property
    def time_limit(self) -> timedelta:
        return timedelta(minutes=self.time_limit_minutes)


class Bar(_Section):
    """A metric's bar: `min` where higher is better, `max` where lower is."""

    min: float | None = None
    max: float | None = None


class Compare(_Section):
    metric: str
    least_gain: NotNegative = 0.0
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class Evaluate(_Section):
    metrics: dict[str, Bar] = {}
    compare: Compare | None = None
    slices: list[Column] = []
    max_slice_drop: NotNegative = 0.05
    least_slice_rows: Count = 200


class Freeze(_Section):
    """A time in which policy approves nothing."""

    start: AwareDatetime
    end: AwareDatetime
    why: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"it ends at {self.end.isoformat()}, not after its start; swap them")
        return self


class Approve(_Section):
    by: Literal["policy", "person"] = "person"
    first: Literal["policy", "person"] = "person"
    freeze: list[Freeze] = []


class Fleet(_Section):
    instance: Instance = "ml.m5.large"
    count: Annotated[int, Field(ge=1, le=50)] = 1


class Staging(Fleet):
    keep: bool = False


class Alarms(_Section):
    max_error_rate: Share = 0.05
    max_latency_ms: Positive | None = None


class Tests(_Section):
    rows: Annotated[int, Field(ge=1, le=5000)] = 200
    tolerance: NotNegative = 1e-6
    max_latency_ms: Positive = 1000.0


class Deploy(_Section):
    production: Fleet = Fleet()
    staging: Staging = Staging()
    strategy: Literal["canary", "linear", "all-at-once"] = "canary"
    step_percent: Annotated[int, Field(ge=5, le=50)] = 10  # as UpdateEndpoint takes it
    step_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    bake_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100
    alarms: Alarms = Alarms()
    tests: Tests = Tests()


class DataDrift(_Section):
    threshold: Share = 0.1
    max_missing: Share = 0.1


class PredictionDrift(_Section):
    threshold: Share = 0.1


class Quality(_Section):
    max_drop: Positive = 0.05
    min_labelled_rows: Count = 200


class Monitor(_Section):
    schedule: Annotated[str, AfterValidator(_schedule)] = "rate(1 hour)"
    watch: list[Literal["data", "prediction", "quality"]] = ["data", "prediction", "quality"]
    min_rows: Count = 200
    ignore: list[Column] = []
    data: DataDrift = DataDrift()
    prediction: PredictionDrift = PredictionDrift()
    quality: Quality = Quality()


class Retrain(_Section):
    on: list[Literal["data", "violation"]] = ["data", "violation"]
    cooldown_hours: NotNegative = 24.0
    per_day: Count = 4
    per_month: Count = 40
    least_new_rows: Annotated[int, Field(ge=0)] = 1
    stop_after_failures: Count = 3

    @property
    def cooldown(self) -> timedelta:
        return timedelta(hours=self.cooldown_hours)


class ModelSpec(_Section):
    """A whole spec; its name is the folder's."""

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
        problems = [*self._metrics(), *self._columns(), *self._parameters()]
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
            elif wrong := out_of_reach(metric, value):
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
        named: dict[str, Sequence[str | None]] = {
            "data.target": [data.target],
            "data.key": [data.key],
            "data.timestamp": [data.timestamp],
            "evaluate.slices": self.evaluate.slices,
            "monitor.ignore": self.monitor.ignore,
        }
        for where, names in named.items():
            for name in names:
                if data.columns and name is not None and name not in data.columns:
                    hint = nearest(name, data.columns) or "; add it there"
                    problems.append(f"{where} is {name!r}, which data.columns lacks{hint}")
        return problems

    def _parameters(self) -> list[str]:
        given = self.train.hyperparameters
        problems = [
            f"train.hyperparameters.{name}: sagemaker_… is SageMaker's own; rename it"
            for name in given
            if name.startswith("sagemaker_")
        ]
        if len(given) > _PARAMETERS:
            problems.append(
                f"train.hyperparameters has {len(given)} keys; SageMaker takes {_PARAMETERS}"
            )
        return problems


def load_spec(text: str, *, name: str, source: str = "model.toml") -> ModelSpec:
    """Read a model's spec. Raises BadInput with one line for each thing wrong with it."""
    problems = [*_name_problems(name)]
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
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
    return [line for found in error.errors() for line in explained(dict(found), ModelSpec)]


def _lines_behind(error: ValidationError, name: str, raw: dict[str, Any]) -> list[str]:
    """Return what checks across sections find once everything that `error` reports is left out.

    pydantic runs them only where each key by itself is right; the owner wants to hear all at once.
    """
    rest = deepcopy(raw)
    for found in error.errors():
        if not found["loc"]:
            return []  # these are the checks across sections
        _leave_out(rest, found["loc"])
    try:
        ModelSpec.model_validate({"name": name, **rest})
    except ValidationError as behind:
        across = [dict(found) for found in behind.errors() if not found["loc"]]
        return [line for found in across for line in explained(found, ModelSpec)]
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
