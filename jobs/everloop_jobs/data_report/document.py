"""The data report of a drop as a document: data.json."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from data_report import changes, personal, suspects
from data_report.profile import Profile, twice
from privacy import masking

_SHOWN = 20  # values, correlations
_BUCKETS = 20
_CORRELATED = 0.5
_QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)
_MOST_CORRELATED = 200  # columns whose pairs are looked at


def document(
    spec: Mapping[str, Any], manifest: Mapping[str, Any], new: Profile, before: Profile
) -> dict[str, Any]:
    """Return what the new files hold, and what is different from those before."""
    data = spec["data"]
    named = {data["key"], data["timestamp"]}
    again, old, exactly = twice(new.whole, before.whole)
    keys, keys_before, _ = twice(new.keys, before.keys)
    known = set(masking.personal(spec))
    looks = personal.found(new, known)
    hidden = known | {each["column"] for each in looks}
    numbers = new.numbers().drop(columns=list(hidden), errors="ignore")
    made: dict[str, Any] = {
        "version": 1,
        "model": spec.get("name"),
        "dataset_digest": manifest.get("digest"),
        "rows": new.rows,
        "rows_before": before.rows,
        "columns": [_column(name, new, before, numbers, name in hidden) for name in new.columns],
        "duplicates": {
            "rows": again,
            "rows_before": old,
            "keys": keys if data["key"] in new.columns else None,
            "keys_before": keys_before if data["key"] in new.columns else None,
            "exactly": exactly,
        },
        "correlations": _correlations(numbers, data["target"]),
        "suspects": suspects.found(new, data["target"], {data["key"]}),
        "changes": changes.found(new, before, named | hidden),
        "personal": looks,
    }
    return made


def _column(name: str, new: Profile, before: Profile, numbers: Any, hidden: bool) -> dict[str, Any]:
    column, old = new.columns[name], before.columns.get(name)
    made: dict[str, Any] = {
        "name": name,
        "type": column.kind,
        "missing": column.missing / column.rows if column.rows else 0.0,
        "missing_before": old.missing / old.rows if old and old.rows else None,
        "distinct": column.distinct,
        "distinct_exactly": column.exact,
    }
    if hidden:
        return {**made, "hidden": True}
    if column.kind == "number":
        made |= {"min": column.low, "max": column.high, "mean": column.mean, "std": column.spread}
        known = numbers[name].to_numpy(dtype=float)
        known = known[np.isfinite(known)]
        if known.size:
            made["quantiles"] = dict(
                zip(map(str, _QUANTILES), np.quantile(known, _QUANTILES).tolist(), strict=True)
            )
            made["histogram"] = _histogram(known)
    made["frequent"] = [
        {"value": value[:60], "rows": count}
        for value, count in column.frequent(_SHOWN)
        if count > 1 or column.distinct <= _SHOWN
    ]
    return made


def _histogram(values: Any) -> dict[str, Any]:
    try:
        counts, edges = np.histogram(values, bins=_BUCKETS)
    except ValueError:  # one huge value again and again, or a range beyond floats
        counts, edges = np.array([values.size]), np.array([values.min(), values.max()])
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def _correlations(numbers: Any, target: str) -> list[dict[str, Any]]:
    """Return pairs of numbers that move together, by the correlation of their ranks."""
    names = [*([target] if target in numbers else []), *(n for n in numbers if n != target)]
    ranks = numbers[names[:_MOST_CORRELATED]].rank()
    ranks = ranks.loc[:, ranks.nunique() > 1]
    table = ranks.corr(min_periods=50).to_numpy()
    pairs = [
        {"one": ranks.columns[row], "other": ranks.columns[column], "value": float(value)}
        for (row, column), value in np.ndenumerate(table)
        if row < column and abs(value) >= _CORRELATED
    ]
    return sorted(pairs, key=lambda each: -abs(each["value"]))[:_SHOWN]
