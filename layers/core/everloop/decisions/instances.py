"""Which instance of a list is taken: the first that AWS has not refused a moment ago. Pure.

A refusal counts for a while only: quotas are raised, capacity comes back. So the preferred instance
is tried again by itself, and at most once in that while for each of the list.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from everloop.decisions.infrastructure import CAPACITY, QUOTA, SPOT, description
from everloop.records.refusal import Refusal
from everloop.records.shortage import Trouble
from everloop.spec.instances import Choice

_PASSES = timedelta(hours=1)  # of a quota that is used up, of capacity
_STAYS = timedelta(days=1)  # of a quota that is 0, or less than one request needs


@dataclass(frozen=True)
class Taken:
    """What is taken, all of the list that may be had besides, and what was refused of it.

    `usable` is empty where all were refused: then the choice is what is waited for.
    """

    choice: Choice
    usable: tuple[Choice, ...]
    refused: tuple[Refusal, ...]
    reason: str

    @property
    def facts(self) -> dict[str, Any]:
        """Return what the ledger keeps of it."""
        refused = {each.quota: each.trouble.there for each in self.refused}
        return {"instance": str(self.choice), **({"refused": refused} if refused else {})}


def counting(
    refusals: Iterable[Refusal], now: datetime, installed_at: datetime
) -> dict[str, Refusal]:
    """Return the refusals that still count, by quota: none from before the last push."""
    return {
        each.quota: each
        for each in refusals
        if each.at >= installed_at and now - each.at < (_PASSES if each.trouble.retry else _STAYS)
    }


def take(preferred: Sequence[Choice], refused: dict[str, Refusal]) -> Taken:
    """Return the first that was not refused; where all were, the first that may come by waiting."""
    usable = tuple(choice for choice in preferred if choice.quota not in refused)
    met = tuple(refused[choice.quota] for choice in preferred if choice.quota in refused)
    if usable:
        before = [refused[c.quota] for c in preferred[: preferred.index(usable[0])]]
        why = "; ".join(description(each.trouble) for each in before)
        reason = f"{usable[0]}, as {why}" if why else f"{usable[0]} is the preferred instance"
        return Taken(usable[0], usable, met, reason)
    waits = next((c for c in preferred if refused[c.quota].trouble.retry), preferred[0])
    listed = ", ".join(map(str, preferred))
    return Taken(waits, (), met, f"AWS refused all of {listed}; {waits} is tried again")


def refused_of(
    preferred: Sequence[Choice], tried: Sequence[Choice], trouble: Trouble
) -> tuple[Choice, ...]:
    """Return what of a list AWS has just refused; nothing where another instance is no way out.

    A quota names its instance; whoever says that there is no capacity has tried all of `tried`.
    """
    if trouble.kind in (CAPACITY, SPOT):
        return tuple(tried)
    if trouble.kind != QUOTA or not trouble.quota:
        return ()
    # A region that lacks an instance type names it as training-job/ml.t3.medium.
    kind, _, instance = trouble.quota.partition("/")
    return tuple(
        choice
        for choice in preferred
        if choice.quota == trouble.quota
        or (choice.instance == instance and choice.use.endswith(kind.replace("-", " ")))
    )
