"""Fairness of a candidate: each group against its reference, by the bars of the spec.

A value beyond its bar whose whole interval lies there refuses the version. Where chance may
explain it, or it is not defined, a person decides: nothing is called fair that was not shown.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

_MOST = 10  # values that a verdict keeps of its own; the report has all


@dataclass(frozen=True)
class FairBar:
    """How far a measure may be from fair: the largest difference, or the least ratio."""

    measure: str
    bound: float
    ratio: bool

    def excess(self, value: float) -> float:
        """Return by how much a value is beyond the bar, either way; NaN for what is none."""
        if self.ratio:
            return self.bound - (min(value, 1 / value) if value > 0 else min(value, 0.0))
        return abs(value) - self.bound

    def surely(self, low: float, high: float) -> bool:
        """Whether an interval lies beyond the bar as a whole."""
        if self.ratio:
            return high < self.bound or low > 1 / self.bound
        return low > self.bound or high < -self.bound

    @property
    def wanted(self) -> str:
        return (
            f"at least {self.bound:.2f}" if self.ratio else f"at most {self.bound:.2f} either way"
        )


@dataclass(frozen=True)
class Treatment:
    """What the bars say of a version. `reason` is for people, and empty where nothing is set."""

    verdict: Literal["fair", "doubtful", "unfair"] = "fair"
    reason: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class _Found:
    bar: FairBar
    group: str
    reference: str
    rows: Any
    value: float
    low: float
    high: float

    @property
    def beyond(self) -> bool:
        return not self.bar.excess(self.value) <= 0  # NaN is beyond

    @property
    def sure(self) -> bool:
        return self.beyond and self.bar.surely(self.low, self.high)

    def __str__(self) -> str:
        if self.value != self.value:
            return f"{self.bar.measure} of {self.group} is not defined on {self.rows} rows"
        return (
            f"{self.bar.measure} of {self.group} against {self.reference} {self.value:.2f} "
            f"({self.low:.2f} to {self.high:.2f}, {self.bar.wanted})"
        )

    @property
    def facts(self) -> dict[str, Any]:
        numbers = {"value": self.value, "low": self.low, "high": self.high}
        return {
            "measure": self.bar.measure,
            "group": self.group,
            "reference": self.reference,
            "rows": self.rows,
            "bar": self.bar.bound,
            **{name: None if each != each else each for name, each in numbers.items()},
        }


def treats_alike(evaluation: Mapping[str, Any], bars: Sequence[FairBar]) -> Treatment:
    """Check how a version treats each group that has rows enough."""
    if not bars:
        return Treatment()
    measured = evaluation.get("fairness")
    if not isinstance(measured, Mapping):
        lacks = "the evaluation says nothing of fairness, and [fairness] has bars"
        return Treatment("doubtful", lacks, {"not_measured": True})
    found = list(_values(measured, bars))
    small = [
        f"{column['column']}={each['value']} ({each['rows']} rows)"
        for column in measured.get("columns") or ()
        for each in column.get("too_small") or ()
    ]
    beyond = sorted((each for each in found if each.beyond), key=_worst_first)
    facts = {
        "judged": len(found),
        "beyond": [each.facts for each in beyond[:_MOST]],
        "too_small": small[:_MOST],
    }
    left = f"; too few rows to judge {', '.join(small[:3])}" if small else ""
    left += f" and {len(small) - 3} more" if len(small) > 3 else ""
    sure = [each for each in beyond if each.sure]
    if sure:
        return Treatment("unfair", f"{_some(sure)}{left}", facts)
    if beyond:
        return Treatment("doubtful", f"{_some(beyond)}: it may be chance{left}", facts)
    if not found:
        return Treatment("doubtful", f"no group could be judged for fairness{left}", facts)
    return Treatment("fair", f"{len(found)} values of fairness within their bars{left}", facts)


def keeps_treatment(
    comparison: Mapping[str, Any], bars: Sequence[FairBar], most: float
) -> Treatment:
    """Check that no group is treated worse than by the champion, by more than `most`.

    Only what is beyond its bar counts: a version may use the room that it is given.
    """
    both = comparison.get("fairness")
    if not bars or not isinstance(both, Mapping):
        return Treatment()
    sides = [
        {(each.bar.measure, each.group): each for each in _values(both.get(side) or {}, bars)}
        for side in ("candidate", "champion")
    ]
    worse = []
    for name, now in sides[0].items():
        before = sides[1].get(name)
        if before is None or not now.beyond:
            continue
        moved = now.bar.excess(now.value) - now.bar.excess(before.value)
        if moved > most:
            worse.append((moved, now, before))
    if not worse:
        return Treatment()
    moved, now, before = max(worse, key=lambda each: each[0])
    reason = (
        f"{now.bar.measure} of {now.group} went from the champion's {before.value:.2f} to "
        f"{now.value:.2f}; no group may be treated worse by more than {most:.2f}"
    )
    return Treatment("unfair", reason, {**now.facts, "champion": before.value})


def _values(measured: Mapping[str, Any], bars: Sequence[FairBar]) -> Iterator[_Found]:
    for column in measured.get("columns") or ():
        reference = str(column["reference"]["value"])
        for group in column["groups"]:
            for bar in bars:
                value = group["measures"].get(bar.measure) or {}
                yield _Found(
                    bar,
                    f"{column['column']}={group['value']}",
                    reference,
                    group["rows"],
                    *(_number(value.get(name)) for name in ("value", "low", "high")),
                )


def _worst_first(found: _Found) -> tuple[bool, float]:
    excess = found.bar.excess(found.value)
    return (not found.sure, -excess if excess == excess else 0.0)


def _some(found: Sequence[_Found], most: int = 2) -> str:
    more = f"; and {len(found) - most} more" if len(found) > most else ""
    return "; ".join(str(each) for each in found[:most]) + more


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return float("nan")
    return float(value)
