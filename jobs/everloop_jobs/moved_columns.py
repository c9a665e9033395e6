"""The columns that moved most, drawn now and in training."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

import charts

_SHOWN = 6
_VALUES = 12  # of a column of texts
_STRANGE = "other values"


def drawn(
    statistics: Mapping[str, Any], traffic: pd.DataFrame, checks: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Draw the columns whose checks came nearest to their thresholds, or beyond.

    `statistics` are the baseline's, `traffic` has its types.
    """
    known = {each["name"]: each for each in statistics["features"]}
    parts = []
    for name in _worst(checks, {*known} & {*map(str, traffic.columns)})[:_SHOWN]:
        made = _column(known[name], traffic[name])
        if made:
            parts += [f"<h3>{html.escape(name)}</h3>", made]
    return parts


def _worst(checks: Sequence[Mapping[str, Any]], known: set[str]) -> list[str]:
    share: dict[str, float] = {}
    for each in checks:
        name, value, threshold = each["feature"], each["value"], each["threshold"]
        if each["monitor"] != "data" or name not in known or not value > 0:
            continue
        share[name] = max(share.get(name, 0.0), value / threshold if threshold > 0 else np.inf)
    return sorted(share, key=lambda name: (-share[name], name))


def _column(feature: Mapping[str, Any], now: pd.Series) -> str:
    there = now.dropna()
    if "numerical_statistics" in feature:
        distribution = feature["numerical_statistics"].get("distribution")
        if distribution is None:
            return ""
        sample = np.array(distribution["kll"]["sketch"]["data"][0], dtype=float)
        new = there.to_numpy(dtype=float)
        sides = [("now", new, "main"), ("a sample of training", sample, "other")]
        return charts.densities(sides, str(feature["name"]))
    buckets = feature["string_statistics"]["distribution"]["categorical"]["buckets"]
    before = {str(each["value"]): int(each["count"]) for each in buckets}
    after = there.astype(str).value_counts().to_dict()
    return charts.pairs(_shares(after, before), ("now", "training"))


def _shares(now: Mapping[str, int], before: Mapping[str, int]) -> list[tuple[str, float, float]]:
    """Return values with their shares, those first that changed most."""
    many, were = sum(now.values()) or 1, sum(before.values()) or 1
    rows = [(v, now.get(v, 0) / many, before.get(v, 0) / were) for v in {*now, *before}]
    rows.sort(key=lambda row: (-abs(row[1] - row[2]), row[0]))
    rest = rows[_VALUES:]
    if rest:
        rows = [*rows[:_VALUES], (_STRANGE, sum(r[1] for r in rest), sum(r[2] for r in rest))]
    return rows
