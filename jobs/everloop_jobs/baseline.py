"""Statistics and constraints of a table, in Model Monitor's file formats."""

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
            features.append(_numeric(str(name), column, common))
        else:
            features.append(_text(str(name), column, common))
    return {"version": 0, "dataset": {"item_count": len(frame)}, "features": features}


def _numeric(name: str, column: pd.Series, common: dict[str, int]) -> dict[str, Any]:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    values = np.sort(values[np.isfinite(values)])
    integral = bool(values.size) and bool(np.all(values == np.round(values)))
    kind = "Integral" if integral else "Fractional"
    if not values.size:
        return {
            "name": name,
            "inferred_type": "Unknown",
            "numerical_statistics": {"common": common},
        }
    counts, edges = _histogram(values)
    buckets = [
        {"lower_bound": float(edges[i]), "upper_bound": float(edges[i + 1]), "count": int(count)}
        for i, count in enumerate(counts)
    ]
    at = np.linspace(0, values.size - 1, min(_SAMPLE, values.size)).round().astype(int)
    sketch = {"parameters": {"c": 0.64, "k": float(_SAMPLE)}, "data": [values[at].tolist()]}
    with np.errstate(over="ignore", invalid="ignore"):  # of huge values: infinite, written as null
        mean, total, spread = float(values.mean()), float(values.sum()), float(values.std())
    numerical = {
        "common": common,
        "mean": mean,
        "sum": total,
        "std_dev": spread,
        "min": float(values[0]),
        "max": float(values[-1]),
        "distribution": {"kll": {"buckets": buckets, "sketch": sketch}},
    }
    return {"name": name, "inferred_type": kind, "numerical_statistics": numerical}


def _histogram(values: Any) -> tuple[Any, Any]:
    """Return counts and edges of ten buckets; of one, where floats cannot tell ten apart."""
    try:
        return np.histogram(values, bins=_BUCKETS)
    except ValueError:  # one huge value again and again, or a range beyond floats
        return np.array([values.size]), np.array([values[0], values[-1]])


def _text(name: str, column: pd.Series, common: dict[str, int]) -> dict[str, Any]:
    counts = column.dropna().astype(str).value_counts()
    buckets = [{"value": str(value), "count": int(count)} for value, count in counts.items()]
    strings = {
        "common": common,
        "distinct_count": float(len(counts)),
        "distribution": {"categorical": {"buckets": buckets[:_CATEGORIES]}},
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
