"""How often a 95 % interval holds the truth: bootstrap coverage by simulation.

`make coverage` draws many holdouts of a world whose truth is known, and asks the jobs' own code for
each interval. Nominal are 95 %; from 93 to 97 is what is wanted.
"""

import importlib
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

JOBS: Final = Path(__file__).resolve().parents[2] / "jobs" / "everloop_jobs"
ROWS: Final = 600  # of a holdout
HOLDOUTS: Final = 1000
RESAMPLES: Final = 400
CLASSES: Final = ("a", "b", "c")
HORIZON: Final = 5  # steps of a series
DOCUMENTS: Final = 8  # of a query
Rows = tuple[Any, Any, Any]  # targets, scores of the candidate, scores of the champion


def _alone(rows: int) -> list[str]:
    return []


@dataclass(frozen=True)
class Case:
    """`names` are those of the rows, where rows depend on each other.

    Where the rows are too `few` what is found is told, and more is not asked.
    """

    problem: str
    metric: str
    world: Callable[[Any, int], Rows]
    names: Callable[[int], list[str]] = _alone
    says: str = ""
    rows: int = ROWS
    few: bool = False


def jobs(name: str) -> Any:
    """Import a module of the jobs, as they import each other."""
    if str(JOBS) not in sys.path:
        sys.path.append(str(JOBS))
    return importlib.import_module(name)


def _numbers(random: Any, rows: int) -> Rows:
    target = random.normal(0, 5, rows)
    return target, *((target + random.normal(0, s, rows))[:, None] for s in (1.9, 2.1))


def _odds(random: Any, rows: int) -> Rows:
    inner = random.normal(-1, 1.5, rows)
    target = (random.random(rows) < 1 / (1 + np.exp(-inner))).astype(float)
    both = (inner + random.normal(0, s, rows) for s in (0.4, 0.8))
    return target, *((1 / (1 + np.exp(-each)))[:, None] for each in both)


def _classes(random: Any, rows: int) -> Rows:
    inner = random.normal(0, 1.5, (rows, 3))
    shares = np.exp(inner) / np.exp(inner).sum(axis=1, keepdims=True)
    target = (random.random((rows, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, 2)
    sides = []
    for spread in (0.4, 0.8):
        made = np.exp(inner + random.normal(0, spread, (rows, 3)))
        made /= made.sum(axis=1, keepdims=True)
        sides.append(np.column_stack([made.argmax(axis=1), made]))
    return target.astype(float), sides[0], sides[1]


def _autoregressive(random: Any, across: int, steps: int) -> Any:
    """Return errors of which each depends on the one before it in its row, by 0.5."""
    made = random.normal(0, 1, (across, steps))
    for step in range(1, steps):
        made[:, step] = 0.5 * made[:, step - 1] + math.sqrt(0.75) * made[:, step]
    return made


def _many_series(random: Any, rows: int) -> Rows:
    """Series of 5 steps, each of which is forecast too high or too low for all of them."""
    count = rows // HORIZON
    target = random.gamma(9, 5, (count, 1)) + random.normal(0, 3, (count, HORIZON))
    shared = random.normal(0, 1, (count, 1)) + _autoregressive(random, count, HORIZON)
    sides = [
        (target + shared + s * _autoregressive(random, count, HORIZON)).reshape(-1, 1)
        for s in (1.0, 1.3)
    ]
    return target.ravel(), sides[0], sides[1]


def _few_series(count: int) -> Callable[[Any, int], Rows]:
    """So many series, whose errors share what the day brings, and depend on the day before."""

    def world(random: Any, rows: int) -> Rows:
        steps = rows // count
        target = 40 + random.normal(0, 3, (count, steps))
        shared = _autoregressive(random, 1, steps) + _autoregressive(random, count, steps)
        sides = [
            (target + shared + s * _autoregressive(random, count, steps)).reshape(-1, 1)
            for s in (1.0, 1.3)
        ]
        return target.ravel(), sides[0], sides[1]

    return world


def _queries(random: Any, rows: int) -> Rows:
    """Queries of 8 rows, some of which are harder than others."""
    hard = random.gamma(2, 0.7, rows // DOCUMENTS).repeat(DOCUMENTS)
    target = random.choice([0.0, 0.0, 0.0, 1.0, 2.0], rows)
    sides = [(target + s * hard * random.normal(0, 1, rows))[:, None] for s in (1.0, 1.2)]
    return target, sides[0], sides[1]


def _named(each: int) -> Callable[[int], list[str]]:
    """Return names of rows: `each` steps of a series or items of a query, then the next."""
    return lambda rows: [f'["{row // each}","{row % each}"]' for row in range(rows)]


def _named_of(count: int) -> Callable[[int], list[str]]:
    """Return names of the rows of so many series."""
    return lambda rows: _named(rows // count)(rows)


def _short(count: int, steps: int) -> Case:
    world, names = _few_series(count), _named_of(count)
    says = f"{count} series of {steps} steps, by blocks: too few"
    return Case("forecasting", "mae", world, names, says, rows=count * steps, few=True)


CASES: Final = (
    Case("regression", "rmse", _numbers),
    Case("regression", "mae", _numbers),
    Case("binary_classification", "auc", _odds),
    Case("binary_classification", "log_loss", _odds),
    Case("binary_classification", "f1", _odds),
    Case("binary_classification", "average_precision", _odds),
    Case("multiclass_classification", "accuracy", _classes),
    Case("multiclass_classification", "macro_f1", _classes),
    Case("multiclass_classification", "log_loss", _classes),
    Case("forecasting", "mae", _many_series, _named(HORIZON), "120 series"),
    Case("forecasting", "rmse", _many_series, _named(HORIZON), "120 series"),
    Case("forecasting", "wape", _many_series, _named(HORIZON), "120 series"),
    Case("forecasting", "mae", _few_series(2), _named_of(2), "2 series of 300 steps, by blocks"),
    Case("forecasting", "rmse", _few_series(2), _named_of(2), "2 series of 300 steps, by blocks"),
    Case("ranking", "ndcg_at_10", _queries, _named(DOCUMENTS), "75 queries"),
    Case("ranking", "map", _queries, _named(DOCUMENTS), "75 queries"),
    _short(4, 14),
    _short(4, 60),
)


def coverage(
    case: Case, holdouts: int, resamples: int = RESAMPLES, world: int = 1_000_000
) -> Mapping[str, float]:
    """Return how often the interval of a metric, and that of a gain, held the truth.

    The truth is that of so many rows of the world.
    """
    metrics, problems = jobs("metrics"), jobs("problems")
    spec = {
        "problem": case.problem,
        "data": {"target": "y", "key": "id", "timestamp": "time"},
        "train": {},
        "forecast": {"series": ["series"], "horizon": HORIZON, "frequency": None},
        "rank": {"query": "query"},
        "evaluate": {},
    }
    every = problems.of(spec, {"classes": list(CLASSES)})
    random = np.random.default_rng(1)

    def both(problem: Any, rows: Rows) -> tuple[Any, Any]:
        target, one, other = rows
        of = (problem.standard(target, score)[case.metric] for score in (one, other))
        return next(of), next(of)

    whole = every.among(case.names(world))
    truth = [of(np.ones(world)) for of in both(whole, case.world(random, world))]
    problem = every.among(case.names(case.rows))
    units = problem.units()
    held = {"value": 0, "gain": 0}
    for number in range(holdouts):
        one, other = both(problem, case.world(random, case.rows))
        weights = metrics.resamples(case.rows, resamples, seed=number, units=units)
        drawn = [(one(w), other(w)) for w in weights]
        low, high = metrics.interval([value for value, _ in drawn], 0.95, units)
        held["value"] += low <= truth[0] <= high
        low, high = metrics.interval([value - champion for value, champion in drawn], 0.95, units)
        held["gain"] += low <= truth[0] - truth[1] <= high
    return {name: count / holdouts for name, count in held.items()}


def main() -> int:
    print(f"{HOLDOUTS} holdouts of {ROWS} rows, {RESAMPLES} resamples each; nominal 95 %")
    print(f"{'problem':28} {'metric':20} {'value':>7} {'gain':>7}")
    off = asked = 0
    for case in CASES:
        found = coverage(case, HOLDOUTS)
        who = f"{case.problem:28} {case.metric:20} {found['value']:7.1%} {found['gain']:7.1%}"
        print(f"{who}  {case.says}".rstrip())
        asked += 0 if case.few else len(found)
        off += sum(not case.few and not 0.93 <= share <= 0.97 for share in found.values())
    error = 1.96 * math.sqrt(0.95 * 0.05 / HOLDOUTS)
    print(f"{off} of {asked} outside 93 to 97 %; by chance each may be {error:.1%} off")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
