"""The sections of a model's spec: keys, defaults and limits. docs/add-a-model.md explains them."""

import re
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from everloop.messages import Kind
from everloop.spec import instances, model_images
from everloop.spec.values import (
    Column,
    Count,
    Hyperparameter,
    Instance,
    Line,
    NotNegative,
    OwnImage,
    Positive,
    Printed,
    Quantiles,
    Range,
    Schedule,
    Section,
    Server,
    Share,
    ShareOrNone,
    Spot,
    Threshold,
    Topic,
    Within,
    functions,
)

_CHANNEL = re.compile(r"[a-z][a-z0-9_]{0,62}")

# What the prepare job writes of itself, or is another channel of training.
_TAKEN = (
    *("train", "validation", "holdout", "baseline", "algorithm", "requests", "model", "code"),
    *("files", "test"),
)


def _channels(value: list[str]) -> list[str]:
    for name in value:
        if not _CHANNEL.fullmatch(name) or name in _TAKEN:
            raise ValueError(
                f"{name!r} is no name for a channel: use lowercase letters, digits and underscores "
                f"and none of {', '.join(_TAKEN)}"
            )
    if len(set(value)) < len(value):
        raise ValueError("it names a channel twice; leave it in once")
    return value


class Prepare(Section):
    instance: Instance = instances.PREPARE
    # SageMaker takes ten outputs of a processing job, and five are the job's own.
    channels: Annotated[list[str], Field(max_length=5), AfterValidator(_channels)] = []


class Train(Section):
    framework: str | None = None
    algorithm: str | None = None
    image: OwnImage | None = None
    version: str | None = None
    instance: Instance = instances.TRAIN
    volume_gb: Annotated[int, Field(ge=1, le=16384)] = 30
    hyperparameters: dict[str, Hyperparameter] = {}
    spot: Spot = instances.FALLBACK
    in_one_job: bool = False
    count: Annotated[int, Field(ge=1, le=100)] = 1
    distribution: Literal["torch_distributed", "mpi", "parameter_server"] | None = None
    shard: list[str] = []
    input: Literal["File", "FastFile"] = "File"
    checkpoints: bool = False
    keep_warm_minutes: Annotated[int, Field(ge=0, le=60)] = 0
    time_limit_minutes: Annotated[int, Field(ge=1, le=7200)] = 60  # a processing job's limit

    @model_validator(mode="before")
    @classmethod
    def _meant(cls, given: Any) -> Any:
        return model_images.with_defaults(given) if isinstance(given, dict) else given


class Tune(Section):
    """Several trainings with other hyperparameters, of which the best is taken."""

    ranges: Annotated[dict[str, Range], Field(min_length=1)]
    metric: Column | None = None
    goal: Literal["maximize", "minimize"] | None = None
    trials: Annotated[int, Field(ge=1, le=500)] = 10
    parallel: Annotated[int, Field(ge=1, le=10)] = 1
    strategy: Literal["bayesian", "random", "grid"] = "bayesian"


class Bar(Section):
    """A metric's bar: `min` where higher is better, `max` where lower is."""

    min: float | None = None
    max: float | None = None


class Compare(Section):
    metric: str
    least_gain: NotNegative = 0.0
    confidence: Annotated[float, Field(ge=0.5, lt=1)] = 0.95


class OwnMetric(Section):
    """A function of the folder's metrics.py."""

    better: Literal["higher", "lower"]


class Evaluate(Section):
    instance: Instance = instances.EVALUATE
    by: Literal["job", "transform"] | None = None  # None: by a job where it can import the model
    transform_instance: Instance = instances.SCORE
    metrics: dict[str, Bar] = {}
    own: Annotated[dict[str, OwnMetric], AfterValidator(functions)] = {}
    compare: Compare | None = None
    threshold: Threshold = 0.5
    quantiles: Quantiles = []
    slices: list[Column] = []
    max_slice_drop: NotNegative = 0.05
    least_slice_rows: Count = 200


class Explain(Section):
    """What an explanation may cost: how long a model is asked, and on how many rows."""

    seconds: Annotated[float, Field(ge=0, le=3600)] = 60.0
    rows: Annotated[int, Field(ge=50, le=20_000)] = 1000


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
    by: Literal["policy", "person", "two-persons"] = "person"
    first: Literal["policy", "person"] = "person"
    freeze: list[Freeze] = []


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


class Attribution(Section):
    least: Annotated[float, Field(gt=0, lt=1)] = 0.9


class Quality(Section):
    labels_within: Within = "30d"
    max_drop: Positive = 0.05
    min_labelled_rows: Count = 200


class Monitor(Section):
    instance: Instance = instances.MONITOR
    schedule: Schedule = "rate(1 hour)"
    watch: list[Literal["data", "prediction", "quality", "fairness", "attribution"]] = [
        *("data", "prediction", "quality", "fairness")
    ]
    min_rows: Count = 200
    max_unreadable: ShareOrNone = 0.05
    blind_looks: Count = 3
    silent_hours: Positive | None = None
    ignore: list[Column] = []
    data: DataDrift = DataDrift()
    prediction: PredictionDrift = PredictionDrift()
    attribution: Attribution = Attribution()
    quality: Quality = Quality()


class Retrain(Section):
    on: list[Literal["data", "violation", "schedule"]] = ["data", "violation"]
    schedule: Schedule | None = None
    cooldown_hours: NotNegative = 24.0
    per_day: Count = 4
    per_month: Count = 40
    least_new_rows: Annotated[int, Field(ge=0)] = 1
    stop_after_failures: Count = 3
    violations_in_a_row: Count = 1

    @model_validator(mode="after")
    def _scheduled(self) -> Self:
        if ("schedule" in self.on) != (self.schedule is not None):
            raise ValueError('on = ["schedule", …] and schedule = "cron(…)" belong together')
        return self

    @property
    def cooldown(self) -> timedelta:
        return timedelta(hours=self.cooldown_hours)


class Track(Section):
    """Where runs are noted beside the ledger, and what train.py prints of itself."""

    metrics: Annotated[list[Printed], Field(max_length=40)] = []  # as SageMaker takes them
    mlflow: Server | None = None
    experiment: Line | None = None


class Notify(Section):
    topic: Topic | None = None
    on: list[Kind] = []
    off: list[Kind] = []

    @model_validator(mode="after")
    def _either(self) -> Self:
        both = sorted({*self.on} & {*self.off})
        if both:
            raise ValueError(f"on and off both name {', '.join(both)}; leave it in one of them")
        return self
