"""Whether traffic is what the model was trained on: one test for each kind of feature.

docs/drift.md says what each test sees, what it does not, and where it comes from.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

import distances
import values
from metrics import Array

# Of a thousand looks at traffic that did not change one may say otherwise, whatever the number of
# its checks: each gets its part of that (Bonferroni).
FALSE_ALARMS = 0.001
_PER_FEATURE = 4  # checks that chance can violate
_MOST_EXTRA = 20  # columns that the baseline lacks, listed one by one
Check = dict[str, Any]


@dataclass
class DriftChecks:
    """What was checked, what could not be, and the traffic with the baseline's types."""

    checks: list[Check] = field(default_factory=list)
    not_judged: list[dict[str, str]] = field(default_factory=list)
    typed: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Limits:
    """[monitor.data] for one column."""

    threshold: float
    max_missing: float
    max_unknown: float


@dataclass(frozen=True)
class _MovedColumn:
    """A column whose distribution moved, for a look at whether two were swapped."""

    check: Check
    distance_to: Callable[[pd.Series], float]
    column: pd.Series
    threshold: float


def limits(rules: Mapping[str, Any], name: str) -> Limits:
    """Return what holds for a column; specs of before know no columns and no unknown values."""
    own = (rules.get("columns") or {}).get(name) or {}

    def of(key: str, default: float) -> float:
        value = own.get(key)
        return float(rules.get(key, default) if value is None else value)

    return Limits(of("threshold", 0.1), of("max_missing", 0.1), of("max_unknown", 0.05))


def judge(
    baseline: Mapping[str, Any],
    traffic: pd.DataFrame,
    rules: Mapping[str, Any],
    ignore: set[str],
) -> DriftChecks:
    """Check each feature of the baseline's statistics against the traffic; `rules` is
    [monitor.data]."""
    watched = [each for each in baseline["features"] if each["name"] not in ignore]
    alpha = FALSE_ALARMS / max(1, _PER_FEATURE * len(watched))
    judged = DriftChecks(typed=traffic.copy())
    moved: list[_MovedColumn] = []
    for feature in watched:
        name = feature["name"]
        if name not in traffic:
            judged.checks.append(
                _check(name, "missing_column_check", 1.0, 0.0, "the column is missing")
            )
            continue
        one = _Feature(feature, traffic[name], limits(rules, name), alpha)
        one.judge(judged, moved)
    _note_swapped(moved)
    known = {feature["name"] for feature in baseline["features"]} | ignore
    extra = [name for name in traffic.columns if name not in known]
    for name in extra[:_MOST_EXTRA]:
        # Told but never violated: handlers ignore such a column, and no training fixes it.
        what = "a column that the baseline lacks"
        judged.checks.append(_check(str(name)[:200], "extra_column_check", 1.0, 1.0, what))
    return judged


class _Feature:
    """One feature's baseline beside its traffic."""

    def __init__(
        self, feature: Mapping[str, Any], column: pd.Series, allowed: Limits, alpha: float
    ) -> None:
        self.name: str = feature["name"]
        self.numeric = "numerical_statistics" in feature
        self.statistics = feature["numerical_statistics" if self.numeric else "string_statistics"]
        self.column = column
        self.allowed = allowed
        self.alpha = alpha
        common = self.statistics["common"]
        self.present, self.missing = int(common["num_present"]), int(common["num_missing"])

    def judge(self, judged: DriftChecks, moved: list[_MovedColumn]) -> None:
        if self.numeric:
            zero_one = self.statistics.get("min", -1) >= 0 and self.statistics.get("max", 2) <= 1
            read, wrong = values.numbers(self.column, booleans=zero_one)
            self._complete(judged, read.notna() | wrong)
            self._numbers(judged, moved, read, float(wrong.mean()) if len(wrong) else 0.0)
        else:
            read = values.categories(self.column, list(self._counts()))
            self._complete(judged, read.notna())
            self._categories(judged, moved, read)
        judged.typed[self.name] = read

    def _complete(self, judged: DriftChecks, there: pd.Series) -> None:
        rows, before = len(there), self.present + self.missing
        expected = self.present / before if before else 0.0
        actual = float(there.mean()) if rows else 0.0
        pooled = (self.present + there.sum()) / max(1, before + rows)
        least = distances.share_noise(pooled, before, rows, self.alpha)
        judged.checks.append(
            _check(
                self.name,
                "completeness_check",
                max(0.0, expected - actual),
                max(self.allowed.max_missing, least),
                f"{actual:.1%} of values are present, {expected:.1%} in the baseline",
            )
        )

    def _numbers(
        self, judged: DriftChecks, moved: list[_MovedColumn], read: pd.Series, wrong: float
    ) -> None:
        if wrong:
            text = f"{wrong:.1%} of values are no numbers"
            judged.checks.append(_check(self.name, "data_type_check", wrong, 0.0, text))
        distribution = self.statistics.get("distribution")
        there = read.dropna().to_numpy(dtype=float)
        if distribution is None or not len(there):
            self._undefined(judged, "training" if distribution is None else "the traffic")
            return
        # One more row may be the least or the greatest of all: 1 of n + 1 times each.
        beyond = min(1.0, 2 / (self.present + 2) + self._infinite(distribution["kll"]))
        what = "infinite or far beyond the baseline's range"
        self._unknown(judged, self._strange(there), beyond, "range_check", what)
        new = there[np.isfinite(there)]
        if not len(new):
            self._undefined(judged, "the traffic")
            return
        old = np.array(distribution["kll"]["sketch"]["data"][0], dtype=float)
        coarse = 1 / len(old)  # the sketch is not the whole of training
        moved_by = distances.ks_distance(old, new)
        least = distances.ks_noise(self.present, len(new), self.alpha) + coarse
        self._drifted(
            judged, moved, moved_by, least, lambda other: _number_distance(old, other), read
        )
        grown = distances.repeated(old, new)
        least = distances.repeated_noise(self.present, len(new), self.alpha) + 2 * coarse
        judged.checks.append(
            _check(
                self.name,
                "repeated_value_check",
                grown,
                max(self.allowed.threshold, least),
                f"the share of one single value grew by {grown:.3f}",
            )
        )

    def _infinite(self, kll: Mapping[str, Any]) -> float:
        """Return the share of training's numbers that were infinite: no bucket has those."""
        finite = sum(int(bucket["count"]) for bucket in kll["buckets"])
        return max(0.0, 1 - finite / self.present) if self.present else 0.0

    def _strange(self, new: Array) -> float:
        """Return the share of numbers of another unit, scale or sign than training's.

        Those beyond training's range by more than the range is wide, or negative where none was:
        infinities are, however wide the range.
        """
        low, high = float(self.statistics["min"]), float(self.statistics["max"])
        width = high - low
        slack = 1e-6 * max(abs(low), abs(high), 1e-30)  # clients round to single precision
        strange = (new < low - width - slack) | (new > high + width + slack)
        if low >= 0:
            strange |= new < -slack
        strange |= np.isinf(new)
        return float(strange.mean())

    def _categories(self, judged: DriftChecks, moved: list[_MovedColumn], read: pd.Series) -> None:
        counts = self._counts()
        new = {str(k): float(v) for k, v in read.dropna().value_counts().items()}
        size = int(sum(new.values()))
        if not self.present or not size:
            self._undefined(judged, "the traffic" if self.present else "training")
            return
        unknown = sum(count for word, count in new.items() if word not in counts) / size
        expected = distances.unseen(counts, self.present)
        what = "not among the baseline's categories"
        self._unknown(judged, unknown, expected, "categorical_values_check", what)
        old, current = self._with_others(counts), self._listed(new, counts)
        least = distances.variation_noise(old, current, self.alpha)
        self._drifted(
            judged,
            moved,
            distances.variation(old, current),
            least,
            lambda other: self._category_distance(other),
            read,
        )

    def _counts(self) -> dict[str, float]:
        if self.numeric:
            return {}
        buckets = self.statistics["distribution"]["categorical"]["buckets"]
        return {bucket["value"]: float(bucket["count"]) for bucket in buckets}

    def _with_others(self, counts: Mapping[str, float]) -> dict[str, float]:
        """Return the baseline's counts, and in one what it does not list one by one."""
        return {**counts, "\0others": max(0.0, self.present - sum(counts.values()))}

    def _listed(self, new: Mapping[str, float], counts: Mapping[str, float]) -> dict[str, float]:
        """Return the traffic's counts likewise, if the baseline has such others at all."""
        if self.present <= sum(counts.values()):
            return dict(new)
        known = {word: count for word, count in new.items() if word in counts}
        return {**known, "\0others": sum(new.values()) - sum(known.values())}

    def _category_distance(self, other: pd.Series) -> float:
        counts = self._counts()
        new = other.dropna().astype(str).value_counts().to_dict()
        return distances.variation(self._with_others(counts), self._listed(new, counts))

    def _unknown(
        self, judged: DriftChecks, share: float, expected: float, statistic: str, what: str
    ) -> None:
        least = expected + distances.share_noise(
            expected, self.present, int(self.column.notna().sum()), self.alpha
        )
        text = f"{share:.1%} of values are {what}"
        if expected >= 0.001:
            text += f" ({expected:.1%} are to be expected)"
        threshold = max(self.allowed.max_unknown, least)
        judged.checks.append(_check(self.name, statistic, share, threshold, text))

    def _drifted(
        self,
        judged: DriftChecks,
        moved: list[_MovedColumn],
        distance: float,
        noise: float,
        distance_to: Callable[[pd.Series], float],
        read: pd.Series,
    ) -> None:
        threshold = max(self.allowed.threshold, noise)
        text = f"the distribution moved by {distance:.3f}"
        check = _check(self.name, "baseline_drift_check", distance, threshold, text)
        judged.checks.append(check)
        if check["violated"]:
            moved.append(_MovedColumn(check, distance_to, read, threshold))

    def _undefined(self, judged: DriftChecks, where: str) -> None:
        judged.not_judged.append(
            not_judged(
                "data", "undefined", f"{self.name} has no values in {where}", feature=self.name
            )
        )


def not_judged(monitor: str, reason: str, description: str, feature: str = "") -> dict[str, str]:
    """Return an entry of findings.json's `not_judged`; without a feature, of the whole monitor."""
    entry = {"monitor": monitor, "reason": reason, "description": description}
    return {**entry, "feature": feature} if feature else entry


def _number_distance(old: Array, other: pd.Series) -> float:
    read, _ = values.numbers(other, booleans=False)
    return distances.ks_distance(old, read[np.isfinite(read)].to_numpy(dtype=float))


def _some_rows(column: pd.Series, most: int = 2000) -> pd.Series:
    return column.iloc[:: max(1, len(column) // most)]


def _note_swapped(moved: Iterable[_MovedColumn], most: int = 20) -> None:
    """Say of columns that moved whether each has the other's values."""
    some = [replace(each, column=_some_rows(each.column)) for each in list(moved)[:most]]
    for one in some:
        for other in some:
            if other is one or "swapped" in one.check["description"]:
                continue
            there, back = one.distance_to(other.column), other.distance_to(one.column)
            if there <= one.threshold and back <= other.threshold:
                hint = f"; its values look like those of {other.check['feature']}, and the other "
                one.check["description"] += f"{hint}way round: are the two swapped?"


def _check(feature: str, statistic: str, value: float, threshold: float, what: str) -> Check:
    return {
        "monitor": "data",
        "feature": feature,
        "statistic": statistic,
        "value": value,
        "threshold": threshold,
        "violated": bool(value > threshold),
        "description": f"{feature}: {what} (threshold {threshold:.3f})",
    }
