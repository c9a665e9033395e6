"""The sections of a model's spec: keys, defaults and limits. docs/add-a-model.md explains them."""

import codecs
import json
import math
import re
from datetime import timedelta
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from everloop.messages import Kind
from everloop.spec import images
from everloop.spec.policy import JobInstances

_FRAMEWORK: Final = "scikit-learn"
_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_RATE = re.compile(r"rate\((1 (minute|hour|day)|(?!1 )[1-9]\d* (minutes|hours|days))\)")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_WITHIN = re.compile(r"([1-9][0-9]{0,4})([hd])")
_CRON = re.compile(r"cron\((\S+ ){5}\S+\)")


def _instance(value: str) -> str:
    if not _INSTANCE.fullmatch(value):
        raise ValueError("give a SageMaker instance type, e.g. 'ml.m5.large'")
    return value


def _version(value: str) -> str:
    if value not in images.known(_FRAMEWORK):
        raise ValueError(f"there are {', '.join(images.versions(_FRAMEWORK))}")
    return value


def _schedule(value: str) -> str:
    if not (_RATE.fullmatch(value) or _CRON.fullmatch(value)):
        raise ValueError("write e.g. rate(1 hour), rate(6 hours) or cron(0 6 * * ? *)")
    return value


def _topic(value: str) -> str:
    match = _TOPIC.fullmatch(value)
    if not match:
        raise ValueError("give an SNS topic's ARN, arn:aws:sns:<region>:<account>:<name>")
    if match[1]:
        raise ValueError("a FIFO topic sends no mail; give a standard one")
    return value


def _within(value: str) -> str:
    match = _WITHIN.fullmatch(value)
    if not match or not 1 <= int(match[1]) * (24 if match[2] == "d" else 1) <= 365 * 24:
        raise ValueError("write hours or days, from 1h to 365d, e.g. '30d'")
    return value


def _last_part(value: str) -> str:
    if "/" in value:
        raise ValueError("give the last part of the marker's key, without a slash")
    return value


def _encoding(value: str) -> str:
    try:
        "".encode(value)  # also refuses what is a codec and no text encoding, such as base64
        codecs.lookup(value)
    except (LookupError, ValueError, TypeError):
        raise ValueError("give an encoding that Python knows: utf-8, cp1252, utf-16, …") from None
    return value


def _mark(value: str) -> str:
    if len(value) != 1 or value.isalnum() or value in "\r\n\0":
        raise ValueError("one character belongs here, and no letter, digit or line break")
    return value


def _line(value: str) -> str:
    if "\n" in value or len(value) > 1024:
        raise ValueError("one line of at most 1024 characters belongs here")
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


Line = Annotated[str, AfterValidator(_line)]
Mark = Annotated[str, AfterValidator(_mark)]
Column = Annotated[str, AfterValidator(_filled)]
Instance = Annotated[str, AfterValidator(_instance)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
ShareOrNone = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


_TOLD_APART = (
    *(("separator", "quote"), ("separator", "comment"), ("quote", "comment")),
    *(("decimal", "thousands"), ("decimal", "quote"), ("decimal", "comment")),
    *(("thousands", "quote"), ("thousands", "comment")),
)


class Dialect(Section):
    """How the files of a drop are written; by default what pandas takes as CSV."""

    separator: Mark = ","
    decimal: Literal[".", ","] = "."
    thousands: Mark | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    quote: Mark | None = '"'
    comment: Mark | None = None
    skip_lines: Annotated[int, Field(ge=0, le=1000)] = 0

    @model_validator(mode="after")
    def _told_apart(self) -> Self:
        # A separator may stand inside numbers, "1,5", where these are quoted.
        for one, other in _TOLD_APART:
            mark = getattr(self, one)
            if mark is not None and mark == getattr(self, other):
                raise ValueError(f"{one} and {other} are both {mark!r}; give another to one")
        return self


class Data(Section):
    target: Column
    format: Literal["csv"] = "csv"
    dialect: Dialect = Dialect()
    check: Literal["all", "names-only"] = "all"
    bad_files: Literal["refuse", "set-aside"] = "refuse"
    max_bad_share: Share = 0.5
    key: Column | None = None
    timestamp: Column | None = None
    columns: dict[str, Literal["number", "text"]] = {}
    marker: Annotated[str, AfterValidator(_last_part)] = "_SUCCESS"
    quiet_minutes: Annotated[float, Field(ge=0, le=1440)] = 5.0
    keep: Count | None = None
    learn_from_traffic: bool = False

    @property
    def quiet(self) -> timedelta:
        return timedelta(minutes=self.quiet_minutes)


_JOBS: Final = JobInstances()


class Prepare(Section):
    instance: Instance = _JOBS.prepare


class Train(Section):
    framework: Literal["scikit-learn"] = _FRAMEWORK
    version: Annotated[str, AfterValidator(_version)] = images.versions(_FRAMEWORK)[0]
    instance: Instance = "ml.m5.large"
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 30
    hyperparameters: dict[str, Annotated[Any, AfterValidator(_hyperparameter)]] = {}
    spot: bool = False
    time_limit_minutes: Annotated[int, Field(ge=1, le=7200)] = 60  # a processing job's limit


class Bar(Section):
    """A metric's bar: `min` where higher is better, `max` where lower is."""

    min: float | None = None
    max: float | None = None


class Compare(Section):
    metric: str
    least_gain: NotNegative = 0.0
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class Evaluate(Section):
    instance: Instance = _JOBS.evaluate
    metrics: dict[str, Bar] = {}
    compare: Compare | None = None
    slices: list[Column] = []
    max_slice_drop: NotNegative = 0.05
    least_slice_rows: Count = 200


class Freeze(Section):
    """A time in which policy approves nothing."""

    start: AwareDatetime
    end: AwareDatetime
    why: str = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.end <= self.start:
            raise ValueError(f"it ends at {self.end.isoformat()}, not after its start; swap them")
        return self


class Approve(Section):
    by: Literal["policy", "person"] = "person"
    first: Literal["policy", "person"] = "person"
    freeze: list[Freeze] = []


class Fleet(Section):
    instance: Instance = "ml.m5.large"
    count: Annotated[int, Field(ge=1, le=50)] = 1


class Staging(Fleet):
    keep: bool = False


class Alarms(Section):
    max_error_rate: Share = 0.05
    max_latency_ms: Positive | None = None


class Tests(Section):
    rows: Annotated[int, Field(ge=1, le=5000)] = 200
    tolerance: NotNegative = 1e-6
    max_latency_ms: Positive = 1000.0


class Deploy(Section):
    production: Fleet = Fleet()
    staging: Staging = Staging()
    strategy: Literal["canary", "linear", "all-at-once"] = "canary"
    step_percent: Annotated[int, Field(ge=5, le=50)] = 10  # as UpdateEndpoint takes it
    step_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    bake_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100
    alarms: Alarms = Alarms()
    tests: Tests = Tests()


class ColumnDrift(Section):
    """What holds for one column instead of the section's own; what is not given is as there."""

    threshold: Share | None = None
    max_missing: Share | None = None
    max_unknown: ShareOrNone | None = None


class DataDrift(Section):
    threshold: Share = 0.1
    max_missing: Share = 0.1
    max_unknown: ShareOrNone = 0.05
    columns: dict[Column, ColumnDrift] = {}


class PredictionDrift(Section):
    threshold: Share = 0.1


class Quality(Section):
    labels_within: Annotated[str, AfterValidator(_within)] = "30d"
    max_drop: Positive = 0.05
    min_labelled_rows: Count = 200


class Monitor(Section):
    instance: Instance = _JOBS.monitor
    schedule: Annotated[str, AfterValidator(_schedule)] = "rate(1 hour)"
    watch: list[Literal["data", "prediction", "quality"]] = ["data", "prediction", "quality"]
    min_rows: Count = 200
    max_unreadable: ShareOrNone = 0.05
    blind_looks: Count = 3
    silent_hours: Positive | None = None
    ignore: list[Column] = []
    data: DataDrift = DataDrift()
    prediction: PredictionDrift = PredictionDrift()
    quality: Quality = Quality()


class Retrain(Section):
    on: list[Literal["data", "violation"]] = ["data", "violation"]
    cooldown_hours: NotNegative = 24.0
    per_day: Count = 4
    per_month: Count = 40
    least_new_rows: Annotated[int, Field(ge=0)] = 1
    stop_after_failures: Count = 3
    violations_in_a_row: Count = 1

    @property
    def cooldown(self) -> timedelta:
        return timedelta(hours=self.cooldown_hours)


class Notify(Section):
    topic: Annotated[str, AfterValidator(_topic)] | None = None
    on: list[Kind] = []
    off: list[Kind] = []

    @model_validator(mode="after")
    def _either(self) -> Self:
        both = sorted({*self.on} & {*self.off})
        if both:
            raise ValueError(f"on and off both name {', '.join(both)}; leave it in one of them")
        return self
