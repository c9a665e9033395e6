"""What a model waits for since AWS lacks it, in the ledger: one record for each activity.

It is open from the first refusal until the activity got what it wanted.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from everloop.aws import table
from everloop.aws.table import model_key
from everloop.decisions.infrastructure import Trouble
from everloop.moments import moment, text

JUDGEMENT, LOOK, PUSH = (
    "judgement",
    "look",
    "push",
)  # beside those that have a lease: training and release


@dataclass(frozen=True)
class Shortage:
    """What an activity met, since when, how often, and what people were told of it.

    `subject` is what waits: a window, a version's ARN. `until` is when it is tried again; None says
    that it is held until something changes. `told` is "", "waits" or "held".
    """

    model: str
    activity: str
    subject: str
    trouble: Trouble
    since: datetime
    met_at: datetime
    tries: int
    until: datetime | None
    told: str = ""

    @property
    def held(self) -> bool:
        return self.until is None


def judgement(version: int) -> str:
    """Return the activity that judges a version: each waits for itself."""
    return f"{JUDGEMENT}#{version}"


def kind_of(activity: str) -> str:
    return activity.partition("#")[0]


def find(model: str, activity: str) -> Shortage | None:
    """Return what an activity waits for. Older records have one judgement for all versions."""
    item = table.get(_key(model, activity))
    if item and "ended_at" not in item:
        return _shortage(model, activity, item)
    kind, _, version = activity.partition("#")
    before = find(model, kind) if version else None
    return before if before and before.subject.endswith(f"/{version}") else None


def of(model: str) -> list[Shortage]:
    """Return all that a model waits for."""
    return [
        _shortage(model, item["sk"].removeprefix("SHORTAGE#"), item)
        for item in table.query(f"MODEL#{model}", "SHORTAGE#")
        if "ended_at" not in item
    ]


def put(shortage: Shortage) -> None:
    table.put(
        {
            **_key(shortage.model, shortage.activity),
            "subject": shortage.subject,
            "trouble": asdict(shortage.trouble),
            "since": text(shortage.since),
            "met_at": text(shortage.met_at),
            "tries": shortage.tries,
            "until": text(shortage.until) if shortage.until else None,
            "told": shortage.told,
        }
    )


def end(model: str, activity: str, now: datetime) -> None:
    """Write down that an activity got what it waited for: it waits for nothing now."""
    table.update(_key(model, activity), "SET #ended_at = :now", now=text(now))


def _key(model: str, activity: str) -> dict[str, str]:
    return model_key(model, f"SHORTAGE#{activity}")


def _shortage(model: str, activity: str, item: dict[str, Any]) -> Shortage:
    return Shortage(
        model=model,
        activity=activity,
        subject=item["subject"],
        trouble=Trouble(**item["trouble"]),
        since=moment(item["since"]),
        met_at=moment(item["met_at"]),
        tries=int(item["tries"]),
        until=moment(item["until"]) if item.get("until") else None,
        told=str(item.get("told") or ""),
    )
