"""Releases that ended: which version was to serve, and how that went."""

from dataclasses import dataclass
from datetime import datetime

from everloop.moments import moment, text
from everloop.records.keys import Item, Key, Range, among, of_model
from everloop.records.writes import NEW, Put

RELEASED, TESTS_FAILED, ROLLED_BACK, WITHDRAWN, TAMPERED, INTERRUPTED, ERROR = (
    "released",
    "tests-failed",
    "rolled-back",
    "withdrawn",
    "tampered",
    "interrupted",
    "error",
)


@dataclass(frozen=True)
class Release:
    """A release that ended, as the ledger keeps it."""

    epoch: int
    version: int
    outcome: str
    reason: str
    approved_at: datetime
    ended_at: datetime
    from_version: int | None = None
    execution: str = ""  # of the machine; records of before have none


def key(model: str, epoch: int) -> Key:
    return of_model(model, f"RELEASE#{epoch:08d}")


def all_of(model: str) -> Range:
    return among(model, "RELEASE#")


def put(model: str, release: Release, epoch: int, report_uri: str) -> Put:
    """Return what writes a release down at an epoch, unless another release has taken that."""
    return Put(
        key(model, epoch),
        {
            "epoch": epoch,
            "version": release.version,
            "from_version": release.from_version,
            "outcome": release.outcome,
            "reason": release.reason,
            "approved_at": text(release.approved_at),
            "ended_at": text(release.ended_at),
            "report_uri": report_uri or None,
            "execution": release.execution or None,
        },
        f"{NEW} OR #execution = :execution",
        {"execution": release.execution},
    )


def of(item: Item) -> Release:
    return Release(
        epoch=int(item["epoch"]),
        version=item["version"],
        outcome=item["outcome"],
        reason=item["reason"],
        approved_at=moment(item["approved_at"]),
        ended_at=moment(item["ended_at"]),
        from_version=item.get("from_version"),
        execution=item.get("execution") or "",
    )
