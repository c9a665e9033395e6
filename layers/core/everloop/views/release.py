"""A release as people are shown it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from everloop.decisions.releases import gives_up
from everloop.records.release import RELEASED, WITHDRAWN
from everloop.records.release import Release as Kept
from everloop.views.timeline import Outcome


@dataclass(frozen=True)
class Release:
    """Which version was to replace which, and how that ended; `given_up` until it is approved
    again."""

    version: int
    replaces: int | None
    status: str
    outcome: Outcome
    reason: str
    ended_at: datetime
    given_up: bool


def releases(kept: Iterable[Kept]) -> list[Release]:
    """Return releases that ended, the newest first."""
    ended = list(kept)
    return [
        Release(
            version=release.version,
            replaces=release.from_version,
            status=release.outcome,
            outcome=_outcome(release.outcome),
            reason=release.reason,
            ended_at=release.ended_at,
            given_up=gives_up(release, ended),
        )
        for release in sorted(ended, key=lambda release: release.epoch, reverse=True)
    ]


def _outcome(status: str) -> Outcome:
    if status == RELEASED:
        return "good"
    return "info" if status == WITHDRAWN else "bad"
