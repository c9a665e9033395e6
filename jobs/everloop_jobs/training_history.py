"""What a training wrote of its rounds or epochs: history.csv, beside the model.

Its first column numbers the rounds; each other one is a metric on train or validation, by its name:
`train_auc`, `validation_auc`, or as frameworks write them, `loss` and `val_loss`.
"""

import html
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import charts
import plots

NAME = "history.csv"
_ROUNDS = 200  # that are kept, however many there were
_COLUMNS = 20
_PARTS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "eval": "validation",
    "test": "validation",
}
_STYLES = {"train": "other dashed", "validation": "main"}


def of(model: Path) -> dict[str, Any] | None:
    """Return what a model's history says, for evaluation.json; None where it has none.

    A history that cannot be read is no reason to fail: `unreadable` says why.
    """
    path = model / NAME
    if not path.is_file():
        return None
    try:
        frame = pd.read_csv(path)
        values = frame.apply(pd.to_numeric, errors="coerce").astype(float)
    except (ValueError, OverflowError, MemoryError) as error:
        return {"unreadable": str(error)[:200]}
    if len(values.columns) < 2 or not len(values):
        return {"unreadable": "it has no rounds, or no metric beside them"}
    kept = np.unique(np.linspace(0, len(values) - 1, _ROUNDS).round().astype(int))
    values = values.iloc[kept]
    names = [str(name) for name in values.columns]
    return {
        "by": names[0],
        "rounds": values.iloc[:, 0].tolist(),
        "series": {
            name: values.iloc[:, at].tolist()
            for at, name in enumerate(names[1 : _COLUMNS + 1], start=1)
        },
    }


def parts(found: Mapping[str, Any] | None, metrics: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the part of a page: a curve for each metric, and its end beside the holdout's."""
    if not found:
        return []
    head = "<h2>How it was trained</h2>"
    if "unreadable" in found:
        why = html.escape(f"{NAME} of the model cannot be read: {found['unreadable']}")
        return [head, f'<p class="soft">{why}</p>']
    curves: dict[str, dict[str, list[float]]] = {}
    for name, values in found["series"].items():
        part, metric = _split(name)
        known = [math.nan if value is None else float(value) for value in values]
        if np.isfinite(known).any():
            curves.setdefault(metric, {})[part] = known
    drawn = [_curve(found, metric, curves[metric]) for metric in curves]
    made = [head, plots.beside(*drawn)] if drawn else []
    if drawn:
        made.append('<p class="soft">Dashed is train, the line is validation.</p>')
    for metric, sides in curves.items():
        if metric in metrics:
            made += _beside_holdout(metric, sides, metrics[metric])
    return made


def _curve(found: Mapping[str, Any], metric: str, sides: Mapping[str, list[float]]) -> plots.Plot:
    rounds = found["rounds"]
    known = np.concatenate([np.array(values) for values in sides.values()])
    known = known[np.isfinite(known)]
    ends = (float(known.min()), float(known.max()))
    numbered = np.array([np.nan if each is None else each for each in rounds], dtype=float)
    if not np.isfinite(numbered).all():
        numbered = np.arange(1.0, len(rounds) + 1)
    across = (float(numbered.min()), float(numbered.max()))
    plot = plots.Plot(metric, across, ends, str(found["by"]), metric)
    for part, values in sides.items():
        plot.line(numbered.tolist(), values, _STYLES[part])
    return plot


def _beside_holdout(
    metric: str, sides: Mapping[str, list[float]], holdout: Mapping[str, Any]
) -> list[str]:
    def number(key: str) -> float:
        value = holdout.get(key)
        return math.nan if value is None else float(value)

    rows = [(f"{part}, last round", sides[part][-1], math.nan, math.nan) for part in sides]
    rows.append(("holdout", number("value"), number("low"), number("high")))
    told = f"{metric} where it learned, and where it did not"
    return ["<h3>Train against holdout</h3>", charts.intervals(rows, told, zero=False)]


def _split(name: str) -> tuple[str, str]:
    """Return the part and the metric that a column's name says; without a part it is train."""
    for at, sign in enumerate(name):
        if sign in "_-/. " and name[:at].lower() in _PARTS:
            return _PARTS[name[:at].lower()], name[at + 1 :] or name
    return "train", name
