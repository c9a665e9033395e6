"""Versions side by side: what they were made of, and how each did on its own holdout."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop.views.timeline import TimelineEntry
from everloop.views.version import Listed


@dataclass(frozen=True)
class Measured:
    """A metric of a version on its own holdout, with its interval where one was made."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Made:
    """What a version was made of, as its package and the objects that it names have it.

    `metrics` is empty, and `rows` None, where its evaluation is gone. `keys` are those of its
    model.toml with all defaults, as `section.key`.
    """

    version: int
    cause: str
    dataset: str
    code: str
    run: str
    rows: int | None = None
    metrics: Mapping[str, Measured] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)
    objects: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Detailed:
    """A version of a list, with how it did."""

    version: int
    approval: str
    approval_outcome: str
    registered_at: datetime
    serves: bool
    cause: str
    metrics: Mapping[str, Measured]
    reproduced: str = ""  # what came of training it again the last time


@dataclass(frozen=True)
class Difference:
    """A metric of two versions; a value is None where a version lacks it."""

    metric: str
    first: Measured | None
    second: Measured | None
    change: float | None


@dataclass(frozen=True)
class Changed:
    """A key of model.toml that two versions give differently; None where one lacks it."""

    key: str
    first: Any
    second: Any


@dataclass(frozen=True)
class Comparison:
    """Two versions side by side.

    Metrics are each version's own, on its own holdout; `judged` says what the judge found on the
    same rows, where one of the two was the other's champion. `added` and `removed` are objects of
    the data, None where a manifest is gone.
    """

    model: str
    first: int
    second: int
    rows: tuple[int | None, int | None]
    metrics: Sequence[Difference]
    same_data: bool
    added: int | None
    removed: int | None
    same_code: bool
    changed: Sequence[Changed]
    causes: tuple[str, str]
    runs: tuple[str, str]
    judged: str


def measured(evaluation: Mapping[str, Any] | None) -> dict[str, Measured]:
    """Return the metrics of an evaluation.json; what is no number is left out."""
    metrics = (evaluation or {}).get("metrics")
    found: dict[str, Measured] = {}
    for name, each in metrics.items() if isinstance(metrics, Mapping) else ():
        value = _number(each.get("value")) if isinstance(each, Mapping) else None
        if value is not None:
            found[str(name)] = Measured(value, _number(each.get("low")), _number(each.get("high")))
    return found


def flat(spec: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a spec's keys as `section.key`; lists stay whole."""
    found: dict[str, Any] = {}
    for key, value in spec.items():
        if isinstance(value, Mapping):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found


def detailed(
    entries: Iterable[Listed], made: Mapping[int, Made], decided: Sequence[TimelineEntry] = ()
) -> list[Detailed]:
    """Return versions with what is known of each."""
    again = {
        each.version: str(each.facts.get("outcome") or "")
        for each in decided
        if each.kind == "reproduce" and each.facts.get("outcome") != "refused"
    }
    nothing = Made(0, "", "", "", "")
    return [
        Detailed(
            version=each.version,
            approval=each.approval,
            approval_outcome=each.approval_outcome,
            registered_at=each.registered_at,
            serves=each.serves,
            cause=made.get(each.version, nothing).cause,
            metrics=made.get(each.version, nothing).metrics,
            reproduced=again.get(each.version, ""),
        )
        for each in entries
    ]


def comparison(
    model: str, first: Made, second: Made, decided: Sequence[TimelineEntry]
) -> Comparison:
    """Compare two versions of a model."""
    names = [*first.metrics, *(name for name in second.metrics if name not in first.metrics)]
    known = bool(first.objects) and bool(second.objects)
    before, after = set(first.objects.items()), set(second.objects.items())
    return Comparison(
        model=model,
        first=first.version,
        second=second.version,
        rows=(first.rows, second.rows),
        metrics=[_difference(name, first, second) for name in names],
        same_data=bool(first.dataset) and first.dataset == second.dataset,
        added=len(after - before) if known else None,
        removed=len(before - after) if known else None,
        same_code=bool(first.code) and first.code == second.code,
        changed=_changed(first.keys, second.keys),
        causes=(first.cause, second.cause),
        runs=(first.run, second.run),
        judged=_judged(first.version, second.version, decided),
    )


def _difference(name: str, first: Made, second: Made) -> Difference:
    one, two = first.metrics.get(name), second.metrics.get(name)
    change = two.value - one.value if one is not None and two is not None else None
    return Difference(name, one, two, change)


def _changed(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Changed]:
    if not first or not second:
        return []  # a spec is gone: its keys are not known, and none of them "changed"
    keys = sorted({*first, *second})
    return [
        Changed(key, first.get(key), second.get(key))
        for key in keys
        if first.get(key) != second.get(key)
    ]


def _judged(first: int, second: int, decided: Sequence[TimelineEntry]) -> str:
    for each in reversed(decided):
        compared = each.facts.get("comparison") if each.kind == "judge" else None
        champion = each.facts.get("champion")
        if compared and {each.version, champion} == {first, second}:
            return f"version {each.version} against {champion} on the same rows: {each.reason}"
    return ""


def _number(value: object) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else None  # type: ignore[arg-type]
