"""A look of a model's monitor as people are shown it."""

from collections.abc import Iterable
from dataclasses import dataclass

from everloop.views.timeline import Outcome, TimelineEntry


@dataclass(frozen=True)
class Look:
    """What a look found: which monitors saw a violation, and which could not judge.

    `violated` says that there was one, `judged_all` that nothing was left unjudged, and that there
    was traffic to judge. `report` is the S3 URI of its page; empty where it has none.
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
    )
