"""How far a sample is from its reference, and whether that is noise."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from metrics import Array


def numeric_distance(reference: Array, current: Array) -> float:
    """Return the largest difference of the two empirical distribution functions, 0 to 1."""
    if not len(reference) or not len(current):
        return float("nan")
    points = np.concatenate([reference, current])
    a = np.searchsorted(np.sort(reference), points, side="right") / len(reference)
    b = np.searchsorted(np.sort(current), points, side="right") / len(current)
    return float(np.abs(a - b).max())


def categorical_distance(
    reference: Mapping[str, float], rows: int, current: Mapping[str, float]
) -> float:
    """Return the largest absolute difference of a category's share, 0 to 1 (L-infinity).

    `rows` is the reference's size, of which its rarest categories may not be told.
    """
    whole = sum(current.values())
    if not rows or not whole:
        return float("nan")
    return max(
        abs(reference.get(name, 0) / rows - current.get(name, 0) / whole)
        for name in {*reference, *current}
    )


def noise(reference_rows: int, current_rows: int) -> float:
    """Return what chance alone stays below in 99 of 100 samples of these sizes.

    The critical value of the two-sample Kolmogorov-Smirnov test at 0.01: 1.63 sqrt(1/n + 1/m).
    """
    if not reference_rows or not current_rows:
        return 1.0
    return 1.63 * math.sqrt(1 / reference_rows + 1 / current_rows)


def feature_checks(
    baseline: dict[str, Any], current: pd.DataFrame, rules: dict[str, float], ignore: set[str]
) -> list[dict[str, Any]]:
    """Check each feature of the baseline's statistics against the current rows.

    `rules` is [monitor.data]: `threshold` of the distance, `max_missing` share more than before.
    """
    checks = []
    for feature in baseline["features"]:
        name = feature["name"]
        if name in ignore:
            continue
        if name not in current:
            checks.append(_check(name, "missing_column_check", 1.0, 0.0, "the column is missing"))
            continue
        checks += _one(feature, current[name], rules)
    known = {feature["name"] for feature in baseline["features"]} | ignore
    for name in current.columns:
        if name not in known:
            # Told but never violated: handlers ignore such a column, and no training mends it.
            what = "a column that the baseline lacks"
            checks.append(_check(str(name), "extra_column_check", 1.0, 1.0, what))
    return checks


def _one(
    feature: dict[str, Any], column: pd.Series, rules: dict[str, float]
) -> list[dict[str, Any]]:
    name = feature["name"]
    told = feature.get("numerical_statistics") or feature["string_statistics"]
    present, missing = told["common"]["num_present"], told["common"]["num_missing"]
    expected = present / (present + missing) if present + missing else 0.0
    actual = float(column.notna().mean()) if len(column) else 0.0
    checks = []
    lost = max(0.0, expected - actual)
    checks.append(
        _check(
            name,
            "completeness_check",
            lost,
            rules["max_missing"],
            f"{actual:.1%} of values are present, {expected:.1%} in the baseline",
        )
    )
    if "numerical_statistics" in feature:
        distribution = told.get("distribution")
        if distribution is None:
            return checks
        numbers = pd.to_numeric(column, errors="coerce")
        wrong = float((numbers.isna() & column.notna()).mean())
        if wrong:
            text = f"{wrong:.1%} of values are no numbers"
            checks.append(_check(name, "data_type_check", wrong, 0.0, text))
        reference = np.array(distribution["kll"]["sketch"]["data"][0], dtype=float)
        values = numbers.dropna().to_numpy(dtype=float)
        distance = numeric_distance(reference, values)
        size = len(values)
    else:
        buckets = told["distribution"]["categorical"]["buckets"]
        counts = column.dropna().astype(str).value_counts()
        shares = {str(value): float(count) for value, count in counts.items()}
        old = {bucket["value"]: float(bucket["count"]) for bucket in buckets}
        distance = categorical_distance(old, present, shares)
        size = int(counts.sum())
    floor = noise(present, size)
    checks.append(
        _check(
            name,
            "baseline_drift_check",
            distance,
            max(rules["threshold"], floor),
            f"the distribution moved by {distance:.3f}",
        )
    )
    return checks


def _check(
    feature: str, statistic: str, value: float, threshold: float, what: str
) -> dict[str, Any]:
    return {
        "monitor": "data",
        "feature": feature,
        "statistic": statistic,
        "value": value,
        "threshold": threshold,
        "violated": value > threshold,
        "description": f"{feature}: {what} (threshold {threshold:.3f})",
    }
