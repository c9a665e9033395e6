"""What changed since the drops before: columns, types, missing values, distributions."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

import distances
from data_report.profile import Profile
from formats.dialect import MISSING

_ALPHA = 1e-3  # over all columns: how often chance alone is told as a change
_LEAST = 0.05  # of a distance, however many rows show it
_LEAST_ROWS = 50
Change = dict[str, Any]


def found(new: Profile, before: Profile, but: set[str]) -> list[Change]:
    """Return what changed, the largest first. `but` names columns that change by their nature."""
    if new.rows < _LEAST_ROWS or before.rows < _LEAST_ROWS:
        return []
    changes = [_change(n, "is new", 1.0, 0.0, "") for n in new.columns if n not in before.columns]
    changes += [_change(n, "is gone", 1.0, 0.0, "") for n in before.columns if n not in new.columns]
    both = [n for n in new.columns if n in before.columns]
    now, then = new.sample.rows(), before.sample.rows()
    alpha = _ALPHA / max(1, 3 * len(both))
    for name in both:
        if name not in but:
            changes += _of_column(name, new, before, now[name], then[name], alpha)
    return sorted(changes, key=lambda each: -each["value"])


def _of_column(
    name: str, new: Profile, before: Profile, now: pd.Series, then: pd.Series, alpha: float
) -> Iterator[Change]:
    one, other = new.columns[name], before.columns[name]
    lost, lost_before = one.missing / one.rows, other.missing / other.rows
    share = (one.missing + other.missing) / (one.rows + other.rows)
    noise = distances.share_noise(share, other.rows, one.rows, alpha)
    if abs(lost - lost_before) > max(noise, _LEAST / 5):
        what = f"missing in {lost:.1%} of rows, {lost_before:.1%} before"
        yield _change(name, "is missing more or less", abs(lost - lost_before), noise, what)
    kinds = {one.kind, other.kind} - {"empty"}
    if len(kinds) == 2:
        yield _change(name, "has another type", 1.0, 0.0, f"{one.kind}, {other.kind} before")
        return
    now, then = (each[~each.isin(list(MISSING))] for each in (now, then))
    if min(len(now), len(then)) < _LEAST_ROWS:
        return
    if kinds == {"number"}:
        values = [pd.to_numeric(each).to_numpy(dtype=float) for each in (then, now)]
        value = distances.ks_distance(*values)
        noise = distances.ks_noise(len(then), len(now), alpha)
        what = f"mean {one.mean:.4g}, {other.mean:.4g} before"
    else:
        if not (one.exact and other.exact) or one.distinct > one.rows / 2:
            return  # names and free texts: nearly every value is new
        counts = [each.value_counts().to_dict() for each in (then, now)]
        value = distances.variation(*counts)
        noise = distances.variation_noise(*counts, alpha)
        fresh = [text for text in counts[1] if text not in counts[0]]
        what = f"{len(fresh)} new values" if fresh else "the shares of its values"
    if value > max(noise, _LEAST):
        yield _change(name, "has another distribution", value, max(noise, _LEAST), what)


def _change(name: str, what: str, value: float, threshold: float, description: str) -> Change:
    return {
        "column": name,
        "what": what,
        "value": value,
        "threshold": threshold,
        "description": description,
    }
