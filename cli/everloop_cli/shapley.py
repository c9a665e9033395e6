"""Why a model answered one row as it did: each column's part, by Shapley values against one row.

The row is compared with a base row. A coalition is a row that has some columns of its own and the
others of the base. Of few columns all coalitions are asked; of many, permutations are drawn, each
with its reverse (Strumbelj and Kononenko 2014; Mitchell et al. 2022; against one base row: the
"baseline Shapley" of Sundararajan and Najmi 2020). Either way the parts sum to the answer minus
that of the base.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from statistics import fmean, stdev

_SEED = 7
Coalition = frozenset[str]  # the columns that have the row's own values
# Answers coalitions, one number for each.
Ask = Callable[[Sequence[Coalition]], Sequence[float]]


class TooMany(Exception):
    """So many columns cannot be told apart by so few rows."""


@dataclass(frozen=True)
class Parts:
    """What each column adds to `base`, and its standard error: nothing where all was asked."""

    base: float
    answer: float
    values: Mapping[str, float]
    errors: Mapping[str, float | None]
    rows: int
    exact: bool


def parts(columns: Sequence[str], ask: Ask, most: int) -> Parts:
    """Return each column's part, by at most so many rows. Raises TooMany."""
    nothing, everything = frozenset[str](), frozenset(columns)
    if not columns:
        (answer,) = ask([nothing])
        return Parts(answer, answer, {}, {}, 1, exact=True)
    if len(columns) < most.bit_length():  # two to the power of them is at most that
        return _exact(columns, ask)
    pairs = (most - 2) // max(1, 2 * (len(columns) - 1))
    if pairs < 1:
        raise TooMany(f"{len(columns)} columns take {2 * len(columns)} rows at least")
    random = Random(_SEED)
    orders: list[list[str]] = []
    for _ in range(pairs):
        order = random.sample(columns, len(columns))
        orders += [order, order[::-1]]
    known = _answers([nothing, everything, *(c for order in orders for c in _path(order))], ask)
    drawn: dict[str, list[float]] = {name: [] for name in columns}
    for order in orders:
        steps = [nothing, *_path(order), everything]
        for name, (before, after) in zip(order, pairwise(steps), strict=True):
            drawn[name].append(known[after] - known[before])
    errors = {}
    for name, found in drawn.items():
        both = [fmean(pair) for pair in zip(found[::2], found[1::2], strict=True)]
        errors[name] = stdev(both) / math.sqrt(pairs) if pairs > 1 else None
    values = {name: fmean(found) for name, found in drawn.items()}
    return Parts(known[nothing], known[everything], values, errors, len(known), exact=False)


def _path(order: Sequence[str]) -> Iterator[Coalition]:
    """Yield what lies between the base and the row, one column after the other."""
    for count in range(1, len(order)):
        yield frozenset(order[:count])


def _answers(wanted: Sequence[Coalition], ask: Ask) -> dict[Coalition, float]:
    distinct = list(dict.fromkeys(wanted))
    return dict(zip(distinct, ask(distinct), strict=True))


def _exact(columns: Sequence[str], ask: Ask) -> Parts:
    count = len(columns)
    every = [
        frozenset(name for at, name in enumerate(columns) if mask >> at & 1)
        for mask in range(1 << count)
    ]
    known = _answers(every, ask)
    values = {}
    for name in columns:
        values[name] = math.fsum(
            (known[some | {name}] - known[some]) / (count * math.comb(count - 1, len(some)))
            for some in every
            if name not in some
        )
    nothing, everything = every[0], every[-1]
    none: dict[str, float | None] = dict.fromkeys(columns, 0.0)
    return Parts(known[nothing], known[everything], values, none, len(known), exact=True)
