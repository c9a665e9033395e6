"""What a model's answers to changed rows say: importance, dependence, and what looks like a leak.

Permutation importance is what the compared metric loses where a column is shuffled (Breiman 2001;
Fisher, Rudin, Dominici 2019); partial dependence is the mean answer where every row has the same
value (Friedman 2001). Both are of the model: of two columns that say the same, each may look small.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

import metrics
from explanations import slices
from explanations.questions import REPEATS, Questions
from metrics import Array, Metric, Units
from problems import BadAnswer, Problem
from scoring import part_of

_RESAMPLES = 100
_DRAWN = 6  # columns whose partial dependence is kept
_SURE = 20  # columns whose interval is reckoned: those that matter most
_MOST_SHARE = 0.9  # of all that a model knows
_UNIQUE = 0.98  # share of different values in a column that names rows
_SEED = 7


@dataclass(frozen=True)
class _Column:
    name: str
    loss: float
    of: Callable[[Array], float]
    dependence: list[float]


def explained(
    problem: Problem,
    questions: Questions | None,
    truth: Array,
    score: Array,
    rows: pd.DataFrame,
    parts: Sequence[tuple[str, str, Array]] = (),
) -> dict[str, Any]:
    """Return the explanations of evaluation.json, as far as the model has answered.

    `parts` are the slices: column, value and rows of each.
    """
    if questions is None:
        return {"not_explained": "the holdout has too few rows"}
    metric = str(problem.spec["evaluate"]["compare"]["metric"])
    truth, score = truth[questions.sample], score[questions.sample]
    problem = part_of(problem, questions.sample)
    base = _metric(problem, truth, score, metric)
    sign = 1.0 if problem.higher_is_better(metric) else -1.0
    found, failed = [], ""
    for name in questions.columns:
        path = questions.file(name)
        if path.with_suffix(".failed").exists():
            failed = path.with_suffix(".failed").read_text(errors="replace")[:300]
            break
        if not path.with_suffix(".scores").exists():
            break
        try:
            found.append(_column(problem, questions, name, truth, base, sign, metric))
        except BadAnswer as error:
            failed = str(error)
            break
    found.sort(key=lambda column: -column.loss if column.loss == column.loss else np.inf)
    knows = _knows(problem, truth, score, sign, metric)
    own = metric in (problem.spec["evaluate"].get("own") or {})
    importance = [
        _record(column, len(truth), problem.units(), sure=at < _SURE and not own)
        for at, column in enumerate(found)
    ]
    return {
        "metric": metric,
        "rows": len(truth),
        "repeats": REPEATS,
        "importance": importance,
        "dependence": [
            {
                "column": column.name,
                "values": questions.grids[column.name],
                "mean": column.dependence,
            }
            for column in found[:_DRAWN]
            if column.dependence and column.loss > 0
        ],
        "slices": []
        if own  # of which each value is asked in another process
        else slices.importances(
            {column.name: column.of for column in found}, questions.sample, parts
        ),
        "not_reached": questions.columns[len(found) :],
        "failed": failed,
        "suspects": list(_suspects(problem, importance, knows, rows)),
    }


def _column(
    problem: Problem,
    questions: Questions,
    name: str,
    truth: Array,
    base: Metric,
    sign: float,
    metric: str,
) -> _Column:
    grid, few = questions.grids[name], questions.grid_rows
    count = len(truth) * REPEATS + len(grid) * few
    text = questions.file(name).with_suffix(".scores").read_text(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    score = problem.of_lines(lines, count)
    shuffled = [
        _metric(problem, truth, score[at * len(truth) : (at + 1) * len(truth)], metric)
        for at in range(REPEATS)
    ]

    def loss(weight: Array) -> float:
        return sign * (base(weight) - float(np.mean([each(weight) for each in shuffled])))

    level = problem.level(score[len(truth) * REPEATS :])
    means = [] if level is None else level.reshape(len(grid), few).mean(axis=1).tolist()
    return _Column(name, loss(np.ones(len(truth))), loss, means)


def _metric(problem: Problem, truth: Array, score: Array, name: str) -> Metric:
    """Return the compared metric; a model's own one is asked in another process, and is slow."""
    standard = problem.standard(truth, score)
    return standard[name] if name in standard else problem.measured(truth, score)[name]


def _record(column: _Column, rows: int, units: Units | None, *, sure: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"column": column.name, "loss": column.loss}
    if sure:
        drawn = metrics.resamples(rows, _RESAMPLES, units=units)
        values = [column.of(weight) for weight in drawn]
        made["low"], made["high"] = metrics.interval(values, 0.95, units)
    return made


def _knows(problem: Problem, truth: Array, score: Array, sign: float, metric: str) -> float:
    """Return by how much the model is better than its own answers given to the wrong rows."""
    random, everything = np.random.default_rng(_SEED), np.ones(len(truth))
    values = [
        _metric(problem, truth, score[random.permutation(len(truth))], metric)(everything)
        for _ in range(REPEATS)
    ]
    return sign * (_metric(problem, truth, score, metric)(everything) - float(np.mean(values)))


def _suspects(
    problem: Problem, importance: list[dict[str, Any]], knows: float, rows: pd.DataFrame
) -> Iterator[dict[str, str]]:
    """Yield columns that explain too much, or that name rows and explain anything."""
    key = problem.spec["data"]["key"]
    for each in importance[:_SURE]:
        name, low = each["column"], each.get("low", float("nan"))
        if not low > 0:
            continue
        cells = rows[name]
        names_rows = name == key or (
            cells.nunique() >= _UNIQUE * len(cells) and not cells.str.contains(r"[.eE]").any()
        )
        if names_rows:
            why = "it names rows, and the model relies on it: it may have learned who, and not why"
            yield {"column": name, "why": why}
        elif len(importance) > 2 and knows > 0 and each["loss"] >= _MOST_SHARE * knows:
            share = each["loss"] / knows
            yield {
                "column": name,
                "why": f"without it {min(share, 1):.0%} of what the model knows is lost: does it "
                "tell the target?",
            }
