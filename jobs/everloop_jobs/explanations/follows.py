"""What the answers follow: of each column, which share of their variance it explains alone.

That is the correlation ratio (Pearson 1905), the first-order index of Sobol where columns are
independent, by Kelley's epsilon squared (1935), which is 0 where a column says nothing. It takes
answers and no model: so the monitor reckons the same of live traffic, and compares the order of
columns with that on the holdout, by NDCG (Jarvelin and Kekalainen 2002) as SageMaker Clarify does.
"""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import pandas as pd

import drift
from metrics import Array
from problems import Check, Problem

NAME = "attribution"
_ROWS = 5000  # more add nothing to an order
_BINS = 10  # of a number
_WORDS = 30  # of a text; the rarer ones are one
_RESAMPLES = 200
_SEED = 7
_DEFAULT_LEAST = 0.9  # as in Clarify


def record(problem: Problem, rows: pd.DataFrame, score: Array) -> dict[str, Any] | None:
    """Return what the answers on a holdout follow; None where answers are not of single rows."""
    answers = None if problem.sends_some else problem.followed(score)
    if answers is None or not len(rows):
        return None
    named = [problem.spec["data"][each] for each in ("key", "timestamp")]
    shares = _Followed(rows.drop(columns=named, errors="ignore"), answers).shares()
    ordered = sorted(shares.items(), key=lambda each: -each[1])
    return {
        "rows": min(len(rows), _ROWS),
        "columns": [{"column": name, "share": share} for name, share in ordered],
    }


def judge(
    problem: Problem,
    evaluation: Mapping[str, Any],
    rows: pd.DataFrame,
    cells: pd.Series,
    unseen: Container[str] = (),
) -> tuple[list[Check], list[dict[str, str]]]:
    """Check the order of columns that live answers follow; `cells` are the answers of `rows`.

    Columns that are `unseen` move by nature, or are no features.
    """
    rules = problem.spec["monitor"]
    before = (evaluation.get("follows") or {}).get("columns") or []
    if not before:
        why = "the version's evaluation does not say what its answers follow"
        return [], [drift.not_judged(NAME, "no-baseline", why)]
    answered = cells.notna().to_numpy()
    rows, cells = rows[answered], cells[answered]
    score = problem.of_cells(cells)
    if len(score) != len(rows) or len(rows) < rules["min_rows"]:
        few = f"{len(score)} answers that can be read, {rules['min_rows']} are needed"
        return [], [drift.not_judged(NAME, "few-rows", few)]
    answers = problem.followed(score)
    old = {str(each["column"]): float(each["share"]) for each in before}
    known = [name for name in old if name in rows and name not in unseen]
    if answers is None or sum(old[name] for name in known) <= 0:
        why = "on the holdout the answers follow no single column"
        return [], [drift.not_judged(NAME, "undefined", why)]
    least = (rules.get(NAME) or {}).get("least", _DEFAULT_LEAST)
    found = _Followed(rows[known], answers)
    new = found.shares()
    value = ndcg(old, new)
    high = max([value, *(ndcg(old, each) for each in found.drawn())])
    moved = max(known, key=lambda name: abs(new[name] - old[name]))
    return [
        {
            "monitor": NAME,
            "feature": "answers",
            "statistic": "feature_attribution_drift_check",
            "value": value,
            "threshold": least,
            "violated": high < least,
            "description": f"the order of columns that the answers follow has an NDCG of "
            f"{value:.3f} against the holdout's (up to {high:.3f} in {_RESAMPLES} resamples, at "
            f"least {least:g} wanted); {moved} explained {old[moved]:.0%} of their variance, and "
            f"{new[moved]:.0%} now",
        }
    ], []


def ndcg(old: Mapping[str, float], new: Mapping[str, float]) -> float:
    """Return how well the new order of columns is that of their old shares: 1 where it is it."""
    by_new = sorted(new, key=lambda name: -new[name])
    best = sorted((old[name] for name in new), reverse=True)
    weights = 1 / np.log2(np.arange(2, len(best) + 2))
    return float(np.dot(weights, [old[name] for name in by_new]) / np.dot(weights, best))


class _Followed:
    """Columns cut into few values each, and the answers on the same rows."""

    def __init__(self, rows: pd.DataFrame, answers: Array) -> None:
        random = np.random.default_rng(_SEED)
        at = np.arange(len(rows))
        if len(rows) > _ROWS:
            at = np.sort(random.choice(len(rows), _ROWS, replace=False))
        some = rows.iloc[at]
        self._codes = {str(name): _codes(some[name]) for name in some}
        self._answers = answers[at]
        self._random = random

    def shares(self, weight: Array | None = None) -> dict[str, float]:
        """Return each column's share, with rows drawn as often as `weight` says."""
        weight = np.ones(len(self._answers)) if weight is None else weight
        count = weight.sum()
        mean = weight @ self._answers / count
        total = float((weight @ (self._answers - mean) ** 2).sum())
        return {
            name: _share(codes, self._answers - mean, weight, total)
            for name, codes in self._codes.items()
        }

    def drawn(self) -> list[dict[str, float]]:
        """Return the shares in resamples of the rows."""
        count = len(self._answers)
        chances = np.full(count, 1 / count)
        weights = (self._random.multinomial(count, chances) for _ in range(_RESAMPLES))
        return [self.shares(weight.astype(float)) for weight in weights]


def _share(codes: Array, centred: Array, weight: Array, total: float) -> float:
    """Return epsilon squared: which share of the variance lies between a column's values."""
    sizes = np.bincount(codes, weights=weight)
    there = sizes > 0
    rows, values = weight.sum(), int(there.sum())
    if total <= 0 or rows <= values:
        return 0.0
    between = 0.0
    for each in centred.T:
        sums = np.bincount(codes, weights=weight * each)[there]
        between += float((sums**2 / sizes[there]).sum())
    within = (total - between) / (rows - values)
    return max(0.0, 1 - within / (total / (rows - 1)))


def _codes(cells: pd.Series) -> Array:
    """Return each cell's value among few: of numbers the tenth they lie in, of words the usual."""
    text = cells.astype(object).where(cells.notna(), "").astype(str).str.strip()
    numbers = pd.to_numeric(text, errors="coerce")
    filled = text != ""
    if filled.any() and numbers[filled].notna().all() and numbers.nunique() > _BINS:
        edges = np.unique(numbers.quantile(np.linspace(0, 1, _BINS + 1)[1:-1]).to_numpy())
        codes = np.searchsorted(edges, numbers.to_numpy(), side="right") + 1
        return np.where(numbers.isna().to_numpy(), 0, codes)
    # 1 and 1.0 are one value, however a client writes them.
    text = text.where(numbers.isna(), numbers.map(lambda each: f"{each:.9g}"))
    usual = text.value_counts().index[:_WORDS]
    return np.asarray(usual.get_indexer(text) + 1)
