"""What a model's spec asks for, as the decisions take it.

The spec was validated when the model was installed, and the ledger keeps it as JSON. Reading it
needs no validator, whose import would cost a function more than all its own code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from everloop.decisions.governor import Limits
from everloop.decisions.judgement import Bar, Freeze, Rules
from everloop.messages import KINDS, Kind
from everloop.moments import moment
from everloop.pipelines.rollouts import AlarmBars, Fleet, Steps, note, whole_steps

if TYPE_CHECKING:
    from everloop.spec.model_spec import ModelSpec

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class DataPolicy:
    """What the spec says of the drops; `keep` is how many windows a dataset is made of."""

    target: str
    key: str | None
    marker: str | None
    quiet: timedelta
    keep: int | None


@dataclass(frozen=True)
class TestBars:
    """What an endpoint must show before it replaces production."""

    rows: int
    tolerance: float
    latency_p95_ms: float | None


@dataclass(frozen=True)
class DeployPolicy:
    production: Fleet
    staging: Fleet
    keep_staging: bool
    steps: Steps
    capture_percent: int
    alarms: AlarmBars
    tests: TestBars


@dataclass(frozen=True)
class JobInstances:
    """What the processing jobs run on. None trains: a model's GPU is not theirs to pay."""

    prepare: str = "ml.t3.large"
    evaluate: str = "ml.t3.large"
    monitor: str = "ml.t3.medium"


@dataclass(frozen=True)
class NotifyPolicy:
    """What people are notified of, and on which topic; None is the stack's own."""

    topic: str | None = None
    on: tuple[str, ...] = ()
    off: tuple[str, ...] = ()

    def includes(self, kind: Kind) -> bool:
        return kind not in self.off and (kind in self.on or KINDS[kind][0])


@dataclass(frozen=True)
class WatchPolicy:
    """What [monitor] says of looks that see nothing; `captured` is whether traffic is at all."""

    schedule: str
    blind_looks: int
    silent_hours: float | None
    captured: bool


def document(spec: "ModelSpec") -> dict[str, Any]:
    """Return a spec as the ledger keeps it: JSON, with every default filled in."""
    made: dict[str, Any] = spec.model_dump(mode="json")
    made["evaluate"]["compare"] = spec.compare.model_dump(mode="json")
    return made


def data(spec: Spec) -> DataPolicy:
    section = spec["data"]
    return DataPolicy(
        target=section["target"],
        key=section["key"],
        marker=section["marker"] or None,
        quiet=timedelta(minutes=section["quiet_minutes"]),
        keep=section["keep"],
    )


def retrain(spec: Spec) -> Limits:
    section = spec["retrain"]
    return Limits(
        causes=tuple(section["on"]),
        cooldown=timedelta(hours=section["cooldown_hours"]),
        per_day=section["per_day"],
        per_month=section["per_month"],
        least_new_rows=section["least_new_rows"],
        stop_after_failures=section["stop_after_failures"],
        violations_in_a_row=int(section.get("violations_in_a_row") or 1),
    )


def watch(spec: Spec) -> WatchPolicy:
    """Return when people hear that a monitor sees nothing; specs of before have defaults."""
    section = spec["monitor"]
    return WatchPolicy(
        schedule=monitor_schedule(spec),
        blind_looks=int(section.get("blind_looks") or 3),
        silent_hours=section.get("silent_hours"),
        captured=spec["deploy"]["capture_percent"] > 0,
    )


def job_instances(spec: Spec) -> JobInstances:
    """Return what the jobs run on; specs of before have defaults."""
    named = {
        job: (spec.get(job) or {}).get("instance") for job in ("prepare", "evaluate", "monitor")
    }
    return JobInstances(**{job: instance for job, instance in named.items() if instance})


def judgement(spec: Spec) -> Rules:
    evaluate, approve = spec["evaluate"], spec["approve"]
    bars = []
    for metric, bar in sorted(evaluate["metrics"].items()):
        higher = bar["min"] is not None
        bars.append(Bar(metric, float(bar["min"] if higher else bar["max"]), higher))
    return Rules(
        bars=tuple(bars),
        metric=evaluate["compare"]["metric"],
        least_gain=float(evaluate["compare"]["least_gain"]),
        slices=tuple(evaluate["slices"]),
        max_slice_drop=float(evaluate["max_slice_drop"]),
        least_slice_rows=evaluate["least_slice_rows"],
        by=approve["by"],
        first=approve["first"],
        freezes=tuple(
            Freeze(moment(each["start"]), moment(each["end"]), each["why"])
            for each in approve["freeze"]
        ),
    )


def deploy(spec: Spec) -> DeployPolicy:
    section = spec["deploy"]
    alarms, tests = section["alarms"], section["tests"]
    return DeployPolicy(
        production=Fleet(section["production"]["instance"], section["production"]["count"]),
        staging=Fleet(section["staging"]["instance"], section["staging"]["count"]),
        keep_staging=section["staging"]["keep"],
        steps=_steps(spec),
        capture_percent=section["capture_percent"],
        alarms=AlarmBars(alarms["max_error_rate"], alarms["max_latency_ms"]),
        tests=TestBars(tests["rows"], float(tests["tolerance"]), tests["max_latency_ms"]),
    )


def _steps(spec: Spec) -> Steps:
    section = spec["deploy"]
    return whole_steps(
        section["strategy"],
        section["step_percent"],
        section["production"]["count"],
        round(section["step_minutes"] * 60),
        round(section["bake_minutes"] * 60),
    )


def rollout_note(spec: Spec) -> str:
    """Say where a release goes in other steps than the spec names; nothing where it does not."""
    return note(spec["deploy"]["strategy"], spec["deploy"]["step_percent"], _steps(spec))


def labels_within(spec: Spec) -> timedelta:
    """Return how long after its prediction a label may come; specs of before do not say it."""
    return _duration(str(spec["monitor"]["quality"].get("labels_within", "30d")))


def joins_labels(spec: Spec) -> bool:
    """Whether labels that come later are joined with their predictions."""
    needed = "quality" in spec["monitor"]["watch"] or learns_from_traffic(spec)
    return spec["data"]["key"] is not None and needed


def learns_from_traffic(spec: Spec) -> bool:
    """Whether traffic becomes training data once its labels have come; specs of before: no."""
    return bool(spec["data"].get("learn_from_traffic"))


def _duration(value: str) -> timedelta:
    return int(value[:-1]) * (timedelta(days=1) if value[-1] == "d" else timedelta(hours=1))


def monitor_schedule(spec: Spec) -> str:
    return str(spec["monitor"]["schedule"])


def notify(spec: Spec | None) -> NotifyPolicy:
    """Return what people are notified of: the defaults without a spec, or with one of before."""
    section = (spec or {}).get("notify") or {}
    on, off = section.get("on") or (), section.get("off") or ()
    return NotifyPolicy(section.get("topic") or None, tuple(on), tuple(off))
