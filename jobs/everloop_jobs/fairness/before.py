"""Fairness before any training: who is in the training part, and with which labels.

Counted some rows at a time; then the columns that no model may be given are taken out of every
part, and those of the holdout are kept beside it.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import problems
from container import JobError
from fairness import labels
from fairness.definitions import of_means
from fairness.groups import FILE, groups_of, named, reference_of
from problems._classes import name_of

NAME = "fairness.json"
_PARTS = ("train", "validation", "holdout")
_ROWS = 200_000  # at a time
_SEED = 7


def prepared(made: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """Measure the labels of train, and take from every part what no model may be given.

    Raises JobError where the holdout has no groups that a version could be judged by: before
    anything is trained.
    """
    holdout = made / "holdout" / "data.csv"
    groups = spec["fairness"]["groups"]
    groups_of(pd.read_csv(holdout, usecols=groups, dtype=str, keep_default_na=False)[groups], spec)
    found = measured(made, spec)
    kept_out(made, spec)
    return found


def measured(made: Path, spec: dict[str, Any]) -> dict[str, Any]:
    """Return what the labels of train say of each group; what cannot be measured says why."""
    path, rules = made / "train" / "data.csv", spec["fairness"]
    if not path.exists():
        return {"not_measured": "train is no table"}
    have = set(pd.read_csv(path, nrows=0).columns)
    columns, lost = [], []
    for name in rules["groups"]:
        (columns if name in have else lost).append(name)
    tallies = _tallies(path, columns, spec)
    random = np.random.default_rng(_SEED)
    return {
        "columns": [_column(name, tallies[name], spec, random) for name in columns],
        "not_in_train": lost,
    }


def _tallies(path: Path, columns: list[str], spec: dict[str, Any]) -> dict[str, Any]:
    """Count labels, and sum numbers, of each group of each column."""
    target, bands = spec["data"]["target"], spec["fairness"]["bands"]
    problem = problems.of(spec)
    tallies: dict[str, Any] = {name: {} for name in columns}
    if not columns:
        return tallies
    reader = pd.read_csv(
        path, usecols=[target, *columns], dtype=str, keep_default_na=False, chunksize=_ROWS
    )
    with reader as chunks:
        for chunk in chunks:
            for name in columns:
                groups = named(chunk[name], bands.get(name, []))
                for group, cells in chunk[target].groupby(groups):
                    if not group:
                        continue
                    tally = tallies[name].setdefault(
                        str(group), {"labels": Counter(), "sums": [0.0] * 3}
                    )
                    if problem.fairness == "choices":
                        tally["labels"].update(map(name_of, cells))
                        continue
                    values = problem.target_of(cells)
                    for at, sum_ in enumerate((len(values), values.sum(), (values**2).sum())):
                        tally["sums"][at] += float(sum_)
    return tallies


def _column(
    name: str, tallies: dict[str, Any], spec: dict[str, Any], random: np.random.Generator
) -> dict[str, Any]:
    rules, problem = spec["fairness"], problems.of(spec)
    sizes = {
        group: int(tally["sums"][0] or tally["labels"].total()) for group, tally in tallies.items()
    }
    try:
        reference = reference_of(name, sizes, spec)
    except JobError as error:  # a part of other times may lack it; the holdout has it
        return {"column": name, "not_measured": str(error)}
    made: dict[str, Any] = {
        "column": name,
        "reference": {"value": reference, "rows": sizes[reference]},
        "groups": [],
        "too_small": [],
    }
    least = rules["least_rows"]
    for group in sorted(sizes):
        if group == reference:
            continue
        if min(sizes[group], sizes[reference]) < least:
            made["too_small"].append({"value": group, "rows": sizes[group]})
            continue
        sides = tallies[reference], tallies[group]
        if problem.fairness == "choices":
            a, d = (side["labels"] for side in sides)
            good = frozenset(label for label in {*a, *d} if problem.favoured(label))
            measures = labels.measured(a, d, good, rules["confidence"], random)
        else:
            measures = _of_sums(*(side["sums"] for side in sides), rules["confidence"])
        made["groups"].append({"value": group, "rows": sizes[group], "measures": measures})
    return made


def _of_sums(a: list[float], d: list[float], level: float) -> dict[str, Any]:
    means, variance = [], 0.0
    for rows, total, squares in (a, d):
        mean = total / rows
        means.append(mean)
        variance += max(0.0, squares / rows - mean**2) / (rows - 1)
    imbalance = (a[0] - d[0]) / (a[0] + d[0])
    spread = (1 - imbalance**2) / (a[0] + d[0])
    return {
        "class_imbalance": of_means(imbalance, spread, level).record(),
        "mean_label_difference": of_means(means[0] - means[1], variance, level).record(),
    }


def kept_out(made: Path, spec: dict[str, Any]) -> None:
    """Take the columns of [fairness].keep_out from every part; the holdout's are kept beside it."""
    columns = spec["fairness"]["keep_out"]
    if not columns:
        return
    for part in _PARTS:
        path = made / part / "data.csv"
        if not path.exists():
            if any((made / part).iterdir()):
                raise JobError(
                    f"[fairness].keep_out names {columns[0]!r}, and {part}/ is no data.csv: "
                    "what it holds cannot be taken out of it; let preprocess.py write a table"
                )
            continue
        _without(path, columns, made / part / FILE if part == "holdout" else None)


def _without(path: Path, columns: list[str], beside: Path | None) -> None:
    """Write a table anew without some columns, and these into a file of their own, if asked."""
    rest = path.with_suffix(".rest")
    first = True
    with pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=_ROWS) as chunks:
        for chunk in chunks:
            mode = {"mode": "w" if first else "a", "header": first, "index": False}
            there = [name for name in columns if name in chunk]
            if beside is not None:
                chunk[there].to_csv(beside, **mode)
            chunk.drop(columns=there).to_csv(rest, **mode)
            first = False
    os.replace(rest, path)
