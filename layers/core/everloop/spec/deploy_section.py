"""The section [deploy] of a model's spec: form of serving, where it runs, and how it changes."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from everloop.spec import forms, instances
from everloop.spec.values import (
    Count,
    DeployWindow,
    Instance,
    NotNegative,
    OwnImage,
    Positive,
    Schedule,
    Section,
    Share,
)


class Fleet(Section):
    instance: Instance = instances.SERVE
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


class Scale(Section):
    """How many instances production may have, and how many requests a minute each should get."""

    min: Annotated[int, Field(ge=1, le=50)] = 1
    max: Annotated[int, Field(ge=1, le=50)]
    requests_per_minute: Positive
    rest_after_growing_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    rest_after_shrinking_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0


class Serverless(Section):
    """What AWS may use of itself for an endpoint that has no instances."""

    memory_mb: Annotated[int, Field(ge=1024, le=6144, multiple_of=1024)] = 2048
    max_concurrency: Annotated[int, Field(ge=1, le=200)] = 5
    provisioned: Annotated[int, Field(ge=0, le=200)] = 0


class Batch(Section):
    """How objects below score/ are scored, where `serve` is "batch"."""

    instance: Instance = instances.SCORE
    count: Annotated[int, Field(ge=1, le=20)] = 1
    quiet_minutes: NotNegative = 1.0
    schedule: Schedule | None = None
    per_day: Count = 48


class Deploy(Section):
    serve: Annotated[str, AfterValidator(forms.named)] = "realtime"
    image: OwnImage | None = None
    production: Fleet = Fleet()
    scale: Scale | None = None
    serverless: Serverless | None = None
    batch: Batch | None = None
    staging: Staging = Staging()
    strategy: Literal["canary", "linear", "all-at-once"] = "canary"
    step_percent: Annotated[int, Field(ge=5, le=50)] = 10  # as UpdateEndpoint takes it
    step_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    bake_minutes: Annotated[float, Field(ge=0, le=60)] = 5.0
    capture_percent: Annotated[int, Field(ge=0, le=100)] = 100
    alarms: Alarms = Alarms()
    tests: Tests = Tests()
    windows: Annotated[list[DeployWindow], Field(max_length=20)] = []

    @model_validator(mode="before")
    @classmethod
    def _implied(cls, given: Any) -> Any:
        return forms.implied(given) if isinstance(given, dict) else given
