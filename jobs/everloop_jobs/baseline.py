"""Statistics and constraints of a table, in Model Monitor's file formats."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

_BUCKETS = 10
_CATEGORIES = 1000  # the most frequent ones are listed one by one
_SAMPLE = 2048  # values kept per numeric feature, as its sketch: enough to tell 0.03 apart


def statistics_of(frame: pd.DataFrame) -> dict[str, Any]:
    """Return statistics.json: numeric features with quantile samples, others with their shares."""
    features = []
    for name in frame.columns:
        column = frame[name]
        common = {"num_present": int(column.notna().sum()), "num_missing": int(column.isna().sum())}
        # True and False come as words in the traffic: they are categories, not numbers.
        if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
            values = column.to_numpy(dtype=float, na_value=np.nan)
            values = np.sort(values[np.isfinite(values)])
            moments = Moments()
            moments.add(values)
            features.append(numeric(str(name), values, moments, common))
        else:
            counts = column.dropna().astype(str).value_counts()
            counted = [(str(value), int(count)) for value, count in counts.items()]
            features.append(text(str(name), counted, len(counts), common))
    return {"version": 0, "dataset": {"item_count": len(frame)}, "features": features}


@dataclass
class Moments:
    """Count, sum, range and spread of numbers that come piece by piece."""

    count: int = 0
    total: float = 0.0
    mean: float = 0.0
    squares: float = 0.0  # of distances from the mean
    low: float = math.inf
    high: float = -math.inf
    whole: bool = True  # every number is a whole one

    def add(self, values: Any) -> None:
        """See some finite numbers (Chan, Golub and LeVeque, 1983)."""
        if not values.size:
            return
        with np.errstate(over="ignore", invalid="ignore"):  # of huge values: written as null
            count, mean = self.count + values.size, float(values.mean())
            apart = mean - self.mean if self.count else 0.0
            self.squares += float(values.var()) * values.size
            self.squares += apart * apart * self.count * values.size / count
            self.mean = self.mean + apart * values.size / count if self.count else mean
            self.total += float(values.sum())
        self.count = count
        self.low, self.high = min(self.low, values.min()), max(self.high, values.max())
        self.whole = self.whole and bool(np.all(values == np.round(values)))

    @property
    def spread(self) -> float:
        return math.sqrt(self.squares / self.count) if self.count else math.nan


def numeric(name: str, values: Any, moments: Moments, common: dict[str, int]) -> dict[str, Any]:
    """Describe a column of numbers by finite ones in their order: all of them, or a sample."""
    if not values.size:
        return {
            "name": name,
            "inferred_type": "Unknown",
            "numerical_statistics": {"common": common},
        }
    counts, edges = _histogram(values, moments)
    buckets = [
        {"lower_bound": float(edges[i]), "upper_bound": float(edges[i + 1]), "count": int(count)}
        for i, count in enumerate(counts)
    ]
    at = np.linspace(0, values.size - 1, min(_SAMPLE, values.size)).round().astype(int)
    sketch = {"parameters": {"c": 0.64, "k": float(_SAMPLE)}, "data": [values[at].tolist()]}
    numerical = {
        "common": common,
        "mean": moments.mean,
        "sum": moments.total,
        "std_dev": moments.spread,
        "min": float(moments.low),
        "max": float(moments.high),
        "distribution": {"kll": {"buckets": buckets, "sketch": sketch}},
    }
    kind = "Integral" if moments.whole else "Fractional"
    return {"name": name, "inferred_type": kind, "numerical_statistics": numerical}


def _histogram(values: Any, moments: Moments) -> tuple[Any, Any]:
    """Return counts and edges of ten buckets; of one, where floats cannot tell ten apart."""
    try:
        counts, edges = np.histogram(values, _BUCKETS, (moments.low, moments.high))
    except ValueError:  # one huge value again and again, or a range beyond floats
        return np.array([moments.count]), np.array([moments.low, moments.high])
    if moments.count > values.size:  # a sample: as many as it stands for
        upto = np.round(np.cumsum(counts) * (moments.count / values.size))
        counts = np.diff(upto, prepend=0).astype(int)
    return counts, edges


def text(
    name: str, counts: Sequence[tuple[str, int]], distinct: int, common: dict[str, int]
) -> dict[str, Any]:
    """Describe a column of texts by how often each value comes, the most frequent first."""
    buckets = [{"value": value, "count": count} for value, count in counts[:_CATEGORIES]]
    strings = {
        "common": common,
        "distinct_count": float(distinct),
        "distribution": {"categorical": {"buckets": buckets}},
    }
    return {"name": name, "inferred_type": "String", "string_statistics": strings}


def constraints_of(statistics: dict[str, Any], threshold: float) -> dict[str, Any]:
    """Return constraints.json as a baseline job suggests it."""
    features = []
    for feature in statistics["features"]:
        summary = feature.get("numerical_statistics") or feature["string_statistics"]
        present, missing = summary["common"]["num_present"], summary["common"]["num_missing"]
        made: dict[str, Any] = {
            "name": feature["name"],
            "inferred_type": feature["inferred_type"],
            "completeness": present / (present + missing) if present + missing else 0.0,
        }
        if "min" in summary:
            made["num_constraints"] = {"is_non_negative": summary["min"] >= 0}
        elif "distribution" in summary and "categorical" in summary["distribution"]:
            buckets = summary["distribution"]["categorical"]["buckets"]
            made["string_constraints"] = {"domains": [bucket["value"] for bucket in buckets]}
        features.append(made)
    return {
        "version": 0,
        "features": features,
        "monitoring_config": {
            "evaluate_constraints": "Enabled",
            "emit_metrics": "Enabled",
            "datatype_check_threshold": 1.0,
            "domain_content_threshold": 1.0,
            "distribution_constraints": {
                "perform_comparison": "Enabled",
                "comparison_threshold": threshold,
                "comparison_method": "Robust",
            },
        },
    }
