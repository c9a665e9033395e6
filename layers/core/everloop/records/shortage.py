"""Shortages: what a model waits for since AWS lacks it, one record for each activity.

It is open from the first refusal until the activity got what it needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

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
    """What AWS lacked. `there` is what a quota allows, `needed` what it would have to allow.

    `retry` is False where waiting cannot help: a quota of 0, or less than one request needs.
    """

    kind: str
    code: str  # AWS's error code
    quota: str = ""  # as Service Quotas names it
    there: int | None = None
    needed: int | None = None
    retry: bool = True
    message: str = ""  # AWS's own words


@dataclass(frozen=True)
class Shortage:
    """What an activity met, since when, how often, and what people were notified of.

    `subject` is what waits: a window, a version's ARN. `until` is when it is tried again; None says
    that it is held until something changes. `notified` is "", "waits" or "held".
    """

    model: str
    activity: str
    subject: str
    trouble: Trouble
    since: datetime
    met_at: datetime
    tries: int
    until: datetime | None
    notified: str = ""

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
            "trouble": trouble_item(shortage.trouble),
            "since": text(shortage.since),
            "met_at": text(shortage.met_at),
            "tries": shortage.tries,
            "until": text(shortage.until) if shortage.until else None,
            "told": shortage.notified,
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
        trouble=trouble_of(item["trouble"]),
        since=moment(item["since"]),
        met_at=moment(item["met_at"]),
        tries=int(item["tries"]),
        until=moment(item["until"]) if item.get("until") else None,
        notified=str(item.get("told") or ""),
    )


def end(model: str, activity: str, now: datetime) -> Update:
    """Return what writes down that an activity got what it waited for."""
    return set_of(key(model, activity), {"ended_at": text(now)})


def trouble_item(trouble: Trouble) -> Mapping[str, Any]:
    return {
        "kind": trouble.kind,
        "code": trouble.code,
        "quota": trouble.quota,
        "there": trouble.there,
        "wanted": trouble.needed,
        "retry": trouble.retry,
        "said": trouble.message,
    }


def trouble_of(item: Mapping[str, Any]) -> Trouble:
    return Trouble(
        kind=item["kind"],
        code=item["code"],
        quota=str(item.get("quota") or ""),
        there=item.get("there"),
        needed=item.get("wanted"),
        retry=bool(item.get("retry", True)),
        message=str(item.get("said") or ""),
    )
