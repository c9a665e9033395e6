"""What a model's spec asks for, as the decisions take it.

The spec was validated when the model was installed, and the ledger keeps it as JSON. Reading it
needs no validator, whose import would cost a function more than all its own code.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from everloop.decisions.deploy_windows import Calendar, parsed
from everloop.decisions.fairness import FairBar
from everloop.decisions.governor import Limits
from everloop.decisions.judgement import TWO_PERSONS, Bar, Freeze, Rules
from everloop.messages import KINDS, Kind
from everloop.moments import moment
from everloop.pipelines.rollouts import AlarmBars, Fleet, Steps, note, whole_steps
from everloop.pipelines.scaling import Scale
from everloop.spec import forms, instances, metrics, model_images, personal, scaling
from everloop.spec.fair_measures import is_ratio
from everloop.spec.forms import serverless

if TYPE_CHECKING:
    from everloop.spec.model_spec import ModelSpec

Spec = Mapping[str, Any]


# Why nothing is captured, where AWS could capture traffic and where it could not.
_UNCAPTURED: Final = {
    True: "[deploy] capture_percent is 0, so that no traffic is captured",
    False: "AWS captures no traffic of a serverless endpoint: only its errors are watched, and its "
    "latency where [deploy.alarms] has a bar",
}


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
    scale: Scale | None
    capture_percent: int
    alarms: AlarmBars
    tests: TestBars

    @property
    def largest(self) -> Fleet:
        """Return production's fleet with all the instances that load may bring."""
        most = self.scale.most if self.scale else self.production.instances
        return replace(self.production, instances=most)


@dataclass(frozen=True)
class BatchPolicy:
    """How objects that come are scored: on how many instances, when, and how often at most."""

    instances: int
    quiet: timedelta
    schedule: str | None
    per_day: int


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
    uncaptured: str = ""


def document(spec: "ModelSpec") -> dict[str, Any]:
    """Return a spec as the ledger keeps it: JSON, with every default filled in."""
    made: dict[str, Any] = spec.model_dump(mode="json")
    made["evaluate"]["compare"] = spec.compare.model_dump(mode="json")
    transformed = model_images.is_transformed(made)
    made["evaluate"]["by"] = model_images.TRANSFORM if transformed else model_images.JOB
    if made.get("privacy"):
        made["privacy"]["hidden"] = personal.personal(made)
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
        uncaptured=_UNCAPTURED[forms.of(spec).captured],
    )


def unwatched(spec: Spec) -> str:
    """Say why no monitor can look at a model's traffic, whatever it asks for; else nothing."""
    return "" if forms.of(spec).captured else _UNCAPTURED[False]


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
        fairness=_fairness(spec),
        card_required=tuple(card(spec).get("required") or ()),
        max_worsening=float((spec.get("fairness") or {}).get("max_worsening") or 0.0),
        freezes=_freezes(spec),
    )


def _freezes(spec: Spec) -> tuple[Freeze, ...]:
    return tuple(
        Freeze(moment(each["start"]), moment(each["end"]), each["why"])
        for each in spec["approve"]["freeze"]
    )


def releases(spec: Spec) -> Calendar:
    """Return when releases may begin; specs of before have no windows."""
    windows = spec["deploy"].get("windows") or ()
    return Calendar(tuple(map(parsed, windows)), _freezes(spec))


def two_persons(spec: Spec) -> bool:
    """Whether an approval needs a second person."""
    return bool(spec["approve"]["by"] == TWO_PERSONS)


def card(spec: Spec) -> Mapping[str, Any]:
    """Return what the owner wrote for the model card; specs of before say nothing."""
    return spec.get("card") or {}


def _fairness(spec: Spec) -> tuple[FairBar, ...]:
    """Return the bars of fairness; specs of before have none."""
    bars = (spec.get("fairness") or {}).get("bars") or {}
    return tuple(
        FairBar(name, float(bound), ratio=is_ratio(name)) for name, bound in sorted(bars.items())
    )


def waive_by(spec: Spec) -> tuple[str, ...]:
    """Return who may waive a bar of fairness; nobody named means whoever may approve."""
    return tuple((spec.get("fairness") or {}).get("waive_by") or ())


def deploy(spec: Spec) -> DeployPolicy:
    section = spec["deploy"]
    alarms, tests = section["alarms"], section["tests"]
    return DeployPolicy(
        production=_fleet(spec, "production"),
        staging=_fleet(spec, "staging"),
        keep_staging=section["staging"]["keep"],
        steps=steps(spec, section["production"]["count"]),
        scale=scaling.read(spec),
        capture_percent=section["capture_percent"],
        alarms=AlarmBars(alarms["max_error_rate"], alarms["max_latency_ms"]),
        tests=TestBars(tests["rows"], float(tests["tolerance"]), tests["max_latency_ms"]),
    )


def batch(spec: Spec) -> BatchPolicy:
    """Return how a model without an endpoint scores what comes."""
    section = spec["deploy"]["batch"]
    return BatchPolicy(
        section["count"],
        timedelta(minutes=section["quiet_minutes"]),
        section["schedule"],
        section["per_day"],
    )


def scoring_schedule(spec: Spec) -> str | None:
    """Return when what came is scored by the clock; None where it is not."""
    return None if forms.of(spec).has_endpoint else batch(spec).schedule


def _fleet(spec: Spec, stage: str) -> Fleet:
    if not forms.of(spec).on_instances:
        return Fleet("", 1, serverless=serverless.config(spec, stage))
    types = [choice.instance for choice in instances.of_endpoint(spec, stage)]
    return Fleet(types[0], spec["deploy"][stage]["count"], tuple(types[1:]))


def steps(spec: Spec, instances: int) -> Steps:
    """Return the steps in which traffic moves to a new fleet of so many instances."""
    section = spec["deploy"]
    return whole_steps(
        section["strategy"],
        section["step_percent"],
        instances,
        round(section["step_minutes"] * 60),
        round(section["bake_minutes"] * 60),
    )


def rollout_note(spec: Spec) -> str:
    """Say where a release goes in other steps than the spec names; nothing where it does not."""
    if not forms.of(spec).has_endpoint:
        return ""
    section = spec["deploy"]
    planned = steps(spec, section["production"]["count"])
    if not forms.of(spec).on_instances:
        return (
            "a serverless endpoint has no instances that could be shifted one by one: a release "
            "moves all traffic at once, watched by its alarms for "
            f"{planned.bake_seconds / 60:g} minutes"
        )
    return note(section["strategy"], section["step_percent"], planned)


def labels_within(spec: Spec) -> timedelta:
    """Return how long after its prediction a label may come; specs of before do not say it."""
    return _duration(str(spec["monitor"]["quality"].get("labels_within", "30d")))


def joins_labels(spec: Spec) -> bool:
    """Whether labels that come later are joined with their predictions."""
    needed = "quality" in spec["monitor"]["watch"] or learns_from_traffic(spec)
    return bool(named(spec)) and needed


def named(spec: Spec) -> list[str]:
    """Return the columns that together name a row; empty where one of them is not given."""
    places = metrics.named_by(spec["problem"])
    found = [metrics.columns(spec, [place]) for place in places]
    return [name for names in found for name in names] if all(found) else []


def learns_from_traffic(spec: Spec) -> bool:
    """Whether traffic becomes training data once its labels have come; specs of before: no."""
    return bool(spec["data"].get("learn_from_traffic"))


def _duration(value: str) -> timedelta:
    return int(value[:-1]) * (timedelta(days=1) if value[-1] == "d" else timedelta(hours=1))


def monitor_schedule(spec: Spec) -> str:
    return str(spec["monitor"]["schedule"])


def training_schedule(spec: Spec) -> str | None:
    """Return when a model is trained by the clock; None where it is not."""
    return spec["retrain"].get("schedule") or None


def notify(spec: Spec | None) -> NotifyPolicy:
    """Return what people are notified of: the defaults without a spec, or with one of before."""
    section = (spec or {}).get("notify") or {}
    on, off = section.get("on") or (), section.get("off") or ()
    return NotifyPolicy(section.get("topic") or None, tuple(on), tuple(off))
