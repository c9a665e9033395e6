"""Fairness of predictions whose labels have come: the bars that need what really happened.

A prediction is kept with the names of its groups, not with what they were made of. Judged are the
same days together as those of quality, and like them not twice on the same labels.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

import drift
from container import JobError
from fairness.groups import named, of_names
from fairness.live import NAME, NotJudged, against_bars, bars_of
from metrics import Array
from problems import Check, Problem


def kept(spec: Mapping[str, Any], problem: Problem) -> Callable[[pd.DataFrame], list[str]] | None:
    """Return what names the groups of rows as they are kept; None where no bar waits for labels."""
    if NAME not in spec["monitor"]["watch"] or not bars_of(spec, problem, of_truth=True):
        return None
    rules = spec["fairness"]

    def groups(rows: pd.DataFrame) -> list[str]:
        sent = [name for name in rules["groups"] if name in rows]
        by_column = {name: named(rows[name], rules["bands"].get(name, [])) for name in sent}
        return [
            json.dumps(dict(zip(sent, each, strict=True)))
            for each in zip(*by_column.values(), strict=True)
        ] or [""] * len(rows)

    return groups


def judge(
    problem: Problem, truth: Array, score: Array, groups: Sequence[str], what: str
) -> tuple[list[Check], NotJudged]:
    """Return the checks of labelled rows, and what could not be judged; `what` says of which rows.

    `groups` are the rows' groups as `kept` names them.
    """
    spec = problem.spec
    bars = bars_of(spec, problem, of_truth=True)
    if NAME not in spec["monitor"]["watch"] or not bars:
        return [], []
    read = {each: json.loads(each) if each else {} for each in set(groups)}
    every, not_judged = [], []
    for column in spec["fairness"]["groups"]:
        cells = pd.Series([str(read[each].get(column, "")) for each in groups])
        if not cells.astype(bool).any():
            why = f"no request{what} names {column!r}, one of [fairness].groups"
            not_judged.append(drift.not_judged(NAME, "not-sent", why, feature=column))
            continue
        try:
            every.append(of_names(column, cells, spec))
        except JobError as error:
            not_judged.append(drift.not_judged(NAME, "no-groups", str(error), feature=column))
    treated = problem.treated(truth, score)
    checks, small = against_bars(problem, every, treated.of, bars, what)
    return checks, not_judged + small
