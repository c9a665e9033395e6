"""What a model cost in a month, by what the ledger says its jobs and its endpoints used."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from everloop.billing.months import Month
from everloop.billing.prices import Prices
from everloop.moments import moment
from everloop.records.run import REGISTERED, Run
from everloop.views.timeline import TimelineEntry

SHARES: Final = ("trainings", "comparisons", "releases", "serving", "looks", "batches")
# By kind of decision: what its jobs were for, and which fact says that there were some.
_JOBS: Final = {
    "judge": ("comparisons", "comparison_uri"),
    "monitor": ("looks", "findings_uri"),
    "score": ("batches", "rows"),
}
_SERVERLESS: Final = "serverless"


@dataclass(frozen=True)
class Spent:
    """What a model cost, by what for; `each` is a new version's share, None where none was made.

    `releases` are the staging endpoint and the second fleet. `unpriced` says what has no amount,
    and why.
    """

    model: str
    trainings: float
    comparisons: float
    releases: float
    serving: float
    looks: float
    batches: float
    together: float
    versions: int
    each: float | None
    unpriced: Sequence[str]


class _Amounts:
    """Amounts by share, and what could not be priced."""

    def __init__(self, prices: Prices) -> None:
        self.prices = prices
        self.costs: Counter[str] = Counter()
        self.unpriced: Counter[str] = Counter()
        self.unknown: Counter[str] = Counter()

    def add(self, share: str, used: Mapping[str, Any], hours: float = 1) -> None:
        for item, amount in used.items():
            many = float(amount) * hours
            if item in self.prices.items:
                self.costs[share] += self.prices.items[item] * many  # type: ignore[assignment]
            elif many:
                self.unpriced[item] += many  # type: ignore[assignment]

    def words(self) -> list[str]:
        region = self.prices.region
        return [
            f"{amount:,.2f} of {item!r}: it has no price in {region}"
            for item, amount in sorted(self.unpriced.items())
        ] + [f"{what}: {many}" for what, many in sorted(self.unknown.items())]


def spent(
    model: str, decided: Iterable[TimelineEntry], runs: Iterable[Run], when: Month, prices: Prices
) -> Spent:
    """Return what a model cost in a span of time; decisions are the oldest first."""
    entries, amounts = list(decided), _Amounts(prices)
    made = _trainings(runs, when, amounts)
    for each in entries:
        if each.kind in _JOBS and when.holds(moment(each.time)):
            _job(each, amounts)
    _Endpoints(when, amounts).count(entries)
    costs = {share: float(amounts.costs[share]) for share in SHARES}
    made_by = costs["trainings"] + costs["comparisons"] + costs["releases"]
    return Spent(
        model=model,
        **costs,
        together=sum(costs.values()),
        versions=made,
        each=made_by / made if made else None,
        unpriced=amounts.words(),
    )


def _trainings(runs: Iterable[Run], when: Month, amounts: _Amounts) -> int:
    """Count runs that ended; return how many versions they made."""
    made = 0
    for run in runs:
        if run.ended_at is None:
            if run.started_at < when.end:
                amounts.unknown["trainings under way, counted when they have ended"] += 1
        elif when.holds(run.ended_at):
            made += run.outcome == REGISTERED
            if run.used is None:
                amounts.unknown["trainings whose jobs could not be read when they ended"] += 1
            else:
                amounts.add("trainings", run.used)
    return made


def _job(each: TimelineEntry, amounts: _Amounts) -> None:
    share, evidence = _JOBS[each.kind]
    used = each.facts.get("used")
    if isinstance(used, Mapping):
        amounts.add(share, used)
    elif each.facts.get(evidence):
        amounts.unknown[
            f"{share} without hours in the ledger, of before 0.2 or of a machine that died"
        ] += 1


class _Endpoints:
    """Hours of endpoints, from release to release."""

    def __init__(self, when: Month, amounts: _Amounts) -> None:
        self.when, self.amounts = when, amounts
        self.began: datetime | None = None  # a release, with its staging endpoint
        self.tested: datetime | None = None  # since when the second fleet comes
        self.staging: Any = None  # what staging uses in an hour
        self.stays = False
        self.kept: datetime | None = None  # since when staging stays behind its release
        self.serves: TimelineEntry | None = None

    def count(self, entries: Sequence[TimelineEntry]) -> None:
        for each in entries:
            at = moment(each.time)
            if each.kind == "release" and each.go:
                self._stage(self.kept, at)
                self.kept, self.began, self.staging = None, self.began or at, None
            elif each.kind == "test" and self.began is not None:
                self.staging, self.stays = each.facts.get("hourly"), bool(each.facts.get("kept"))
                self.tested = at if each.go else None
            elif each.kind in ("serve", "rollback"):
                self._ended(each, at)
            elif each.kind == "remove" and each.go:
                self._stage(self.kept, at)
                self._serve(at)
                self.kept, self.serves = None, None
        self._stage(self.kept or self.began, self.when.end)
        self._serve(self.when.end)

    def _ended(self, each: TimelineEntry, at: datetime) -> None:
        """Count a release, and what served until it ended."""
        self._stage(self.began, at)
        hourly = each.facts.get("hourly")
        if self.tested is not None and isinstance(hourly, Mapping):
            self._add("releases", hourly, self.tested, at)
        self._serve(at)
        self.kept = at if self.staging and self.stays else None
        self.began = self.tested = None
        self.serves = each if each.facts.get("serving") is not None or each.go else None

    def _stage(self, since: datetime | None, until: datetime) -> None:
        if since is not None and isinstance(self.staging, Mapping):
            self._add("releases", self.staging, since, until)

    def _serve(self, until: datetime) -> None:
        if self.serves is None:
            return
        since, facts = moment(self.serves.time), self.serves.facts
        hours = self.when.hours(since, until)
        if isinstance(facts.get("hourly"), Mapping):
            self._add("serving", facts["hourly"], since, until)
            if hours and facts.get("form") == _SERVERLESS:
                what = "spans of a serverless endpoint, whose requests are not counted"
                self.amounts.unknown[what] += 1
        elif hours and facts.get("form") in (None, "realtime"):
            what = "spans of serving without a fleet in the ledger, released before 0.2 or by hand"
            self.amounts.unknown[what] += 1

    def _add(self, share: str, hourly: Mapping[str, Any], since: datetime, until: datetime) -> None:
        self.amounts.add(share, hourly, self.when.hours(since, until))
