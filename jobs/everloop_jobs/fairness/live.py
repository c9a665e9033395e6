"""Fairness of what an endpoint answers, by the groups that its requests name.

What needs no truth is judged on the answers of each look, the rest once labels have come. A
violation is a value that is beyond its bar with its whole interval; of a thousand looks at fair
answers one may say otherwise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

import drift
from container import JobError
from fairness import against_reference, family
from fairness.definitions import Measure, Value
from fairness.groups import Groups, compared, groups_of
from outcomes import Amounts, Choices
from problems import Check, Problem

NAME = "fairness"
_SEED = 7

NotJudged = list[dict[str, str]]


def bars_of(spec: Mapping[str, Any], problem: Problem, *, of_truth: bool) -> dict[str, float]:
    """Return the bars that need what really happened, or those that do not."""
    rules = spec.get("fairness") or {}
    if not rules.get("bars"):
        return {}
    known: Mapping[str, Measure] = family(problem).MEASURES
    return {
        name: float(bar)
        for name, bar in rules["bars"].items()
        if known[name].needs_truth is of_truth
    }


def judge(problem: Problem, rows: pd.DataFrame, score: str) -> tuple[list[Check], NotJudged]:
    """Return the checks of captured rows, whose answers are the column `score`, and what could not
    be judged."""
    rules = problem.spec["fairness"]
    bars = bars_of(problem.spec, problem, of_truth=False)
    if not bars:
        return [], []
    not_judged = []
    sent = [name for name in rules["groups"] if name in rows]
    for name in rules["groups"]:
        if name not in sent:
            what = f"requests do not name {name!r}, one of [fairness].groups"
            not_judged.append(drift.not_judged(NAME, "not-sent", what, feature=name))
    every = []
    for name in sent:
        try:
            every += groups_of(rows[[name]].reset_index(drop=True), problem.spec)
        except JobError as error:  # of one column: the others are judged all the same
            not_judged.append(drift.not_judged(NAME, "no-groups", str(error), feature=name))

    def answered(index: Any) -> Choices | Amounts:
        found = problem.of_cells(rows[score].iloc[index])
        return problem.treated(np.zeros(len(found)), found)

    checks, small = against_bars(problem, every, answered, bars)
    return checks, not_judged + small


def against_bars(
    problem: Problem,
    every: Sequence[Groups],
    treated: Callable[[Any], Choices | Amounts],
    bars: Mapping[str, float],
    what: str = "",
) -> tuple[list[Check], NotJudged]:
    """Check groups by bars; `treated` gives the rows at some positions, `what` says of which."""
    module, least = family(problem), problem.spec["fairness"]["least_rows"]
    level = 1 - drift.FALSE_ALARMS / max(1, compared(every, least) * len(bars))
    random = np.random.default_rng(_SEED)
    checks: list[Check] = []
    not_judged: NotJudged = []
    for groups in every:
        sides = {group: treated(index) for group, index in groups.rows.items()}
        for group, count, values in against_reference(groups, sides, module, level, least, random):
            if values is None:
                why = (
                    f"{groups.column}={group}: {count} rows{what} against "
                    f"{len(sides[groups.reference].said)} of {groups.reference}, {least} are needed"
                )
                not_judged.append(drift.not_judged(NAME, "small-group", why, feature=groups.column))
                continue
            checks += [
                _check(groups, group, f"{count} rows{what}", measure, values[measure], bar, module)
                for measure, bar in bars.items()
            ]
    return checks, not_judged


def _check(
    groups: Groups, group: str, rows: str, name: str, value: Value, bar: float, module: Any
) -> Check:
    """Return a check: its value is how far from fair it is, its threshold how far it may be."""
    measure: Measure = module.MEASURES[name]
    return {
        "monitor": NAME,
        "feature": f"{groups.column}={group}"[:200],
        "statistic": f"{name}_check",
        "value": float(measure.far(value.value)),
        "threshold": measure.most(bar),
        "violated": measure.surely_beyond(value, bar),
        "description": f"{name.replace('_', ' ')} of {groups.column}={group} against "
        f"{groups.reference} is {value.value:.3f} ({value.low:.3f} to {value.high:.3f}) on "
        f"{rows} ({measure.wanted(bar)})",
    }
