"""A look of a model's monitor as people are shown it."""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from everloop.decisions.monitoring import QUALITY, TRAFFIC
from everloop.views.timeline import Outcome, TimelineEntry


@dataclass(frozen=True)
class Look:
    """What a look found: which monitors saw a violation, and which could not judge.

    `violated` says that there was one, `judged_all` that nothing was left unjudged, and that there
    was traffic to judge. `report` is the S3 URI of its page; empty where it has none. `drift` is
    the largest value as a share of its threshold, so that 1 is at it, and `quality` what labelled
    traffic says by metric; looks of before 0.3 say of drift only what was violated.
    """

    time: str
    version: int | None
    outcome: Outcome
    violated: bool
    judged_all: bool
    reason: str
    monitors: tuple[str, ...]
    blind: tuple[str, ...]
    rows: int | None
    report: str
    drift: float | None = None
    quality: Mapping[str, float] = field(default_factory=dict)
    seq: int = 0  # of its decision


def looks(decided: Iterable[TimelineEntry]) -> list[Look]:
    """Return the looks among a model's decisions, the newest first."""
    return [_look(each) for each in reversed(list(decided)) if each.kind == "monitor"]


def _look(decided: TimelineEntry) -> Look:
    facts, rows = decided.facts, decided.facts.get("rows")
    findings = str(facts.get("findings_uri") or "")
    return Look(
        time=decided.time,
        version=decided.version,
        outcome=decided.outcome,
        violated=decided.go,
        judged_all=not (facts.get("blind") or facts.get("judged") == 0 or "silent_since" in facts),
        reason=decided.reason,
        monitors=tuple(str(monitor) for monitor in facts.get("monitors") or ()),
        blind=tuple(str(monitor) for monitor in facts.get("blind") or ()),
        rows=rows if isinstance(rows, int) else None,
        report=f"{findings.rpartition('/')[0]}/report.html" if findings else "",
        drift=_drift(facts),
        quality={name: value for name, value in _quality(facts)},
        seq=decided.seq,
    )


def _drift(facts: Mapping[str, Any]) -> float | None:
    known = facts.get("drift")
    if isinstance(known, Mapping):
        shares = {str(name): _number(share) for name, share in known.items()}
    else:
        worst = [each for each in facts.get("worst") or () if isinstance(each, Mapping)]
        shares = {str(each.get("monitor")): _share(each) for each in reversed(worst)}
    found = [
        share
        for name, share in shares.items()
        if share is not None and name not in (QUALITY, TRAFFIC)
    ]
    return max(found, default=None)


def _share(check: Mapping[str, Any]) -> float | None:
    value, threshold = _number(check.get("value")), _number(check.get("threshold"))
    return value / threshold if value is not None and threshold else None


def _quality(facts: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    known = facts.get("quality")
    if isinstance(known, Mapping):
        found = [(name, each.get("value")) for name, each in known.items()]
    else:
        worst = [each for each in facts.get("worst") or () if each.get("monitor") == QUALITY]
        found = [(each.get("feature"), each.get("value")) for each in worst]
    for name, value in found:
        if (number := _number(value)) is not None:
            yield str(name), number


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None
