"""Shortages: what a model waits for since AWS lacks it, one record for each activity.

It is open from the first refusal until the activity got what it wanted.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from everloop.moments import moment, text
from everloop.records.keys import SK, Item, Key, Range, among, of_model
from everloop.records.writes import Put, Update, set_of

# Activities beside those that have a lease: training and release.
JUDGEMENT: Final = "judgement"
LOOK: Final = "look"
PUSH: Final = "push"
_PREFIX: Final = "SHORTAGE#"


@dataclass(frozen=True)
class Trouble:
    """What AWS lacked. `there` is what a quota allows, `wanted` what it would have to allow.

    `retry` is False where waiting cannot help: a quota of 0, or less than one request needs.
    """

    kind: str
    code: str  # AWS's error code
    quota: str = ""  # as Service Quotas names it
    there: int | None = None
    wanted: int | None = None
    retry: bool = True
    said: str = ""  # AWS's own words


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


def key(model: str, activity: str) -> Key:
    return of_model(model, f"{_PREFIX}{activity}")


def all_of(model: str) -> Range:
    return among(model, _PREFIX)


def put(shortage: Shortage) -> Put:
    return Put(
        key(shortage.model, shortage.activity),
        {
            "subject": shortage.subject,
            "trouble": asdict(shortage.trouble),
            "since": text(shortage.since),
            "met_at": text(shortage.met_at),
            "tries": shortage.tries,
            "until": text(shortage.until) if shortage.until else None,
            "told": shortage.told,
        },
    )


def of(model: str, item: Item) -> Shortage | None:
    """Read what an activity waits for; None where it got that."""
    if "ended_at" in item:
        return None
    return Shortage(
        model=model,
        activity=item[SK].removeprefix(_PREFIX),
        subject=item["subject"],
        trouble=Trouble(**item["trouble"]),
        since=moment(item["since"]),
        met_at=moment(item["met_at"]),
        tries=int(item["tries"]),
        until=moment(item["until"]) if item.get("until") else None,
        told=str(item.get("told") or ""),
    )


def end(model: str, activity: str, now: datetime) -> Update:
    """Return what writes down that an activity got what it waited for."""
    return set_of(key(model, activity), {"ended_at": text(now)})
