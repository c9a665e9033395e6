"""The decisions about a model, in order, each with what it means for whoever reads it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Outcome = Literal["good", "bad", "waiting", "info"]


@dataclass(frozen=True)
class TimelineEntry:
    """A decision as people are shown it.

    `go` is what was decided, `outcome` what that means: a monitor that goes has found a violation,
    which is bad. `version` is what it is about, where it is about one.
    """

    seq: int
    time: str
    model: str
    kind: str
    go: bool
    outcome: Outcome
    reason: str
    actor: str
    subject: str
    version: int | None
    facts: Mapping[str, Any]


def timeline(decisions: Iterable[Mapping[str, Any]]) -> list[TimelineEntry]:
    """Return decisions as the ledger keeps them, of whichever version of Everloop, for people."""
    return [_decided(decision) for decision in decisions]


def of_version(decided: Iterable[TimelineEntry], version: int) -> list[TimelineEntry]:
    return [each for each in decided if each.version == version]


def _decided(decision: Mapping[str, Any]) -> TimelineEntry:
    facts = decision.get("facts")
    return TimelineEntry(
        seq=int(decision["seq"]),
        time=str(decision["time"]),
        model=str(decision.get("model") or ""),
        kind=str(decision["kind"]),
        go=bool(decision["go"]),
        outcome=outcome_of(decision),
        reason=str(decision["reason"]),
        actor=str(decision.get("actor") or ""),
        subject=str(decision.get("subject") or ""),
        version=version_of(decision),
        facts=facts if isinstance(facts, Mapping) else {},
    )


def version_of(decision: Mapping[str, Any]) -> int | None:
    """Return the version that a decision is about; None where it is about none."""
    named = (decision.get("facts") or {}).get("version")
    if isinstance(named, int):
        return named
    subject = str(decision.get("subject") or "")
    number = subject.rpartition("/")[2]
    return int(number) if ":model-package/" in subject and number.isdigit() else None


# What a decision means where its kind, and whether it goes, say all.
_PLAIN: Final[dict[tuple[str, bool], Outcome]] = {
    ("install", True): "good",
    ("install", False): "bad",
    ("collect", False): "waiting",  # it is kept until its model is there, or its data is
    ("freeze", True): "good",
    ("train-end", True): "good",
    ("judge", True): "good",
    ("release", False): "waiting",
    ("test", True): "good",
    ("test", False): "bad",
    ("serve", True): "good",
    ("score", True): "good",
    ("score", False): "bad",
    ("violation", True): "bad",
    ("reconcile", False): "bad",  # a person must look
    ("pause", True): "waiting",
    ("remove", False): "waiting",  # it is on its way out
    ("resume", True): "good",
    ("instance", True): "info",
    ("wait", True): "good",
    ("wait", False): "waiting",
}
_ENDS: Final[dict[str, Outcome]] = {"waiting": "waiting", "stopped": "info"}
_REPRODUCTIONS: Final[dict[str, Outcome]] = {
    "identical": "good",
    "equivalent": "info",
    "different": "bad",
    "failed": "bad",
}
_APPROVALS: Final[dict[str, Outcome]] = {"Approved": "good", "Rejected": "bad", "deleted": "info"}


def approval_outcome(status: str) -> Outcome:
    """Say what a version's approval in the registry means to whoever waits for it."""
    return _APPROVALS.get(status, "waiting" if status else "info")


def outcome_of(decision: Mapping[str, Any]) -> Outcome:
    """Say whether a decision is good news, bad news, or waits for something."""
    kind, go = str(decision["kind"]), bool(decision["go"])
    facts = decision.get("facts") or {}
    if kind == "approve":
        return approval_outcome(str(facts.get("approval")))
    if kind == "monitor":
        return _look(go, facts)
    if kind == "judge" and not go:
        return "waiting" if facts.get("verdict") == "ask" else "bad"
    if kind == "train" and not go:
        return "waiting" if facts.get("later") else "info"
    if kind == "train-end" and not go:
        return _ENDS.get(str(facts.get("outcome")), "bad")
    if kind == "reproduce":
        return _REPRODUCTIONS.get(str(facts.get("outcome")), "info")
    if kind == "rollback":
        return "info" if facts.get("outcome") == "withdrawn" else "bad"
    return _PLAIN.get((kind, go), "info")


def _look(violated: bool, facts: Mapping[str, Any]) -> Outcome:
    """No finding of a look that judged nothing is no good news."""
    if violated:
        return "bad"
    if facts.get("blind") or "silent_since" in facts:
        return "bad"
    return "good" if facts.get("judged") else "info"
