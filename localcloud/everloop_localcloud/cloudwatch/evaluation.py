"""What state an alarm is in, from its latest datapoints: CloudWatch's rules for M out of N.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}
# How many periods further back than asked for CloudWatch looks for datapoints that exist.
_FURTHER_BACK = 2


@dataclass(frozen=True)
class Condition:
    """`needed` of `evaluated` datapoints must breach; `missing` is TreatMissingData."""

    comparison: str
    threshold: float
    evaluated: int
    needed: int
    missing: str = "missing"

    def breaches(self, value: float) -> bool:
        return OPERATORS[self.comparison](value, self.threshold)

    @property
    def periods_back(self) -> int:
        return self.evaluated + _FURTHER_BACK


@dataclass(frozen=True)
class Verdict:
    """A state and why; `state` is None where the current one stays."""

    state: str | None
    reason: str
    points: tuple[tuple[int, float], ...]


def judge(condition: Condition, points: dict[int, float]) -> Verdict:
    """Judge the datapoints within `periods_back` periods, by the beginning of their period."""
    latest = tuple(sorted(points.items(), reverse=True)[: condition.evaluated])
    breaching = sum(condition.breaches(value) for _, value in latest)
    absent = condition.evaluated - len(latest)
    if not latest and condition.missing == "missing":
        many = "datapoints were" if condition.evaluated > 1 else "datapoint was"
        return Verdict(
            "INSUFFICIENT_DATA", f"Insufficient Data: {condition.evaluated} {many} unknown.", ()
        )
    if condition.missing == "breaching":
        alarm = breaching + absent >= condition.needed
    elif condition.missing == "missing":
        alarm = breaching >= min(condition.needed, len(latest))
    else:
        alarm = breaching >= condition.needed
    if not alarm and condition.missing == "ignore" and breaching == len(latest) and absent:
        return Verdict(None, "", latest)
    state = "ALARM" if alarm else "OK"
    return Verdict(state, _reason(condition, state, latest, breaching, absent), latest)


def _reason(
    condition: Condition,
    state: str,
    latest: tuple[tuple[int, float], ...],
    breaching: int,
    absent: int,
) -> str:
    if not latest:
        periods = f"{condition.evaluated} period" + ("s" if condition.evaluated > 1 else "")
        kind = {"breaching": "Breaching", "notBreaching": "NonBreaching"}[condition.missing]
        count = f"{absent} missing datapoint" + ("s were" if absent > 1 else " was")
        return (
            f"Threshold Crossed: no datapoints were received for {periods} and {count} "
            f"treated as [{kind}]."
        )
    alarm = state == "ALARM"
    shown = [point for point in latest if condition.breaches(point[1]) == alarm] or latest
    texts = ", ".join(
        f"{value} ({datetime.fromtimestamp(at, UTC).strftime('%d/%m/%y %H:%M:%S')})"
        for at, value in shown
    )
    compared = f"{_WORDS[condition.comparison]} the threshold ({condition.threshold})"
    if alarm:
        number = min(breaching + (absent if condition.missing == "breaching" else 0), len(latest))
        verb = "was" if number == 1 else "were"
        plural = "" if condition.needed == 1 else "s"
        return (
            f"Threshold Crossed: {number} out of the last {len(latest)} datapoints [{texts}] "
            f"{verb} {compared} (minimum {condition.needed} datapoint{plural} for OK -> ALARM "
            "transition)."
        )
    number = len(shown)
    many = f"{number} datapoint{'' if number == 1 else 's'}"
    verb = "was" if number == 1 else "were"
    return f"Threshold Crossed: {many} [{texts}] {verb} not {compared}."
