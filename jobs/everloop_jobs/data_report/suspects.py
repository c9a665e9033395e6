"""Columns that know the target too well to be known before it: leaks, most often."""

from typing import Any

import numpy as np
import pandas as pd

from data_report.profile import Profile
from formats.dialect import MISSING

_LEAST_ROWS = 50
_MOST_CLASSES = 20
_SURE = 0.99  # of a rank correlation, a share of right answers, an explained variance
_RANKED = 0.995  # area under the curve
_CLOSE = 0.999  # share of rows in which a column is the target
Suspect = dict[str, Any]


def found(profile: Profile, target: str, but: set[str]) -> list[Suspect]:
    """Return suspects, the surest first. `but` names columns that are not looked at."""
    rows = profile.sample.rows()
    if target not in rows:
        return []
    rows = rows[~rows[target].isin(list(MISSING))]
    if len(rows) < _LEAST_ROWS or rows[target].nunique() < 2:
        return []
    truth = _Truth(rows[target])
    suspects = []
    for name in rows.columns:
        if name == target or name in but:
            continue
        number = profile.columns[name].kind == "number"
        suspect = _looked_at(name, rows[name], rows[target], truth, number)
        suspects += [suspect] if suspect else []
    return sorted(suspects, key=lambda each: -each["value"])


class _Truth:
    """The targets: classes where there are few of them, else numbers."""

    def __init__(self, target: pd.Series) -> None:
        numbers = pd.to_numeric(target, errors="coerce")
        self.classes = target.nunique() <= _MOST_CLASSES or bool(numbers.isna().any())
        self.codes = pd.factorize(target, sort=True)[0]
        self.numbers = numbers.to_numpy(dtype=float)
        self.base = float(target.value_counts(normalize=True).iloc[0])  # of the largest class


def _looked_at(
    name: str, column: pd.Series, target: pd.Series, truth: _Truth, number: bool
) -> Suspect | None:
    same = float(_alike(column, target).mean())
    if same >= _CLOSE:
        return _suspect(name, "is the target", same, f"the same value in {same:.1%} of rows")
    missing = column.isin(list(MISSING)).to_numpy()
    if 0.01 < missing.mean() < 0.99:
        gain = _purity(pd.Series(missing), truth) if truth.classes else 0.0
        if gain >= _SURE > truth.base:
            what = f"whether it is missing says the target in {gain:.1%} of rows"
            return _suspect(name, "is missing by the target", gain, what)
    if number:
        return _of_number(name, column, missing, truth)
    if truth.classes:
        right = _purity(column, truth)
        if right >= _SURE and truth.base < 0.95:
            return _suspect(
                name, "says the target", right, f"its value says the target in {right:.1%} of rows"
            )
        return None
    explained = _explained(column, truth)
    if explained >= _SURE:
        what = f"its value explains {explained:.1%} of the target's variance"
        return _suspect(name, "says the target", explained, what)
    return None


def _of_number(name: str, column: pd.Series, missing: Any, truth: _Truth) -> Suspect | None:
    values = pd.to_numeric(column[~missing]).to_numpy(dtype=float)
    if len(values) < _LEAST_ROWS or len(np.unique(values)) < 2:
        return None
    ranks = pd.Series(values).rank()
    if truth.classes:
        area = max(_area(ranks, truth.codes[~missing] == each) for each in set(truth.codes))
        if area >= _RANKED:
            what = f"alone it ranks the target with an area under the curve of {area:.4f}"
            return _suspect(name, "ranks the target", area, what)
        return None
    other = truth.numbers[~missing]
    known = np.isfinite(other)
    if known.sum() < _LEAST_ROWS:
        return None
    moved = abs(float(ranks[known].corr(pd.Series(other[known], ranks[known].index).rank())))
    if moved >= _SURE:
        what = f"its rank correlation with the target is {moved:.4f}"
        return _suspect(name, "moves with the target", moved, what)
    return None


def _alike(column: pd.Series, target: pd.Series) -> Any:
    plain = column.to_numpy() == target.to_numpy()
    one, other = (pd.to_numeric(each, errors="coerce").to_numpy() for each in (column, target))
    return plain | (one == other)


def _area(ranks: pd.Series, positive: Any) -> float:
    count, others = int(positive.sum()), int((~positive).sum())
    if count < 5 or others < 5:
        return 0.0
    area = (ranks[positive].sum() - count * (count + 1) / 2) / (count * others)
    return float(max(area, 1 - area))


def _purity(column: pd.Series, truth: _Truth) -> float:
    """Return for what share of the odd rows the even rows' most frequent class is right.

    A value that the even rows lack says nothing: so a key says nothing.
    """
    frame = pd.DataFrame({"value": column.to_numpy(), "code": truth.codes[: len(column)]})
    even, odd = frame.iloc[::2], frame.iloc[1::2]
    most = even.groupby("value")["code"].agg(lambda codes: codes.value_counts().index[0])
    return float((odd["value"].map(most) == odd["code"]).mean())


def _explained(column: pd.Series, truth: _Truth) -> float:
    frame = pd.DataFrame({"value": column.to_numpy(), "y": truth.numbers})
    even, odd = frame.iloc[::2], frame.iloc[1::2]
    guess = odd["value"].map(even.groupby("value")["y"].mean()).fillna(even["y"].mean())
    left, spread = ((odd["y"] - guess) ** 2).mean(), odd["y"].var()
    return float(1 - left / spread) if spread else 0.0


def _suspect(name: str, what: str, value: float, description: str) -> Suspect:
    return {"column": name, "what": what, "value": value, "description": description}
