"""Anything else: the model's own evaluate.py says what each row's answer costs, and that is all.

Scores are these losses. What an endpoint answers is not read, so that nothing is said of it.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

import charts
from container import JobError
from metrics import Array, Metric, ratio
from problems import ERROR, BadAnswer, Check, Problem

ORDER = 9


class Custom(Problem):
    measures: ClassVar = {"loss": ERROR}
    targets = "free"
    rule = "whatever evaluate.py takes"
    answer = "loss"
    scripts = ("evaluate.py",)
    watched = ("data",)
    by_evaluation = True

    def target_of(self, column: pd.Series) -> Array:
        return np.zeros(len(column))

    def labels_of(self, column: pd.Series) -> list[Any]:
        return list(column)

    def truth_of(self, labels: Sequence[Any]) -> Array:
        return np.zeros(len(labels))

    def of_lines(self, lines: Sequence[str], rows: int) -> Array:
        raise JobError("the model's folder has no evaluate.py, which a custom problem needs")

    def of_body(self, body: bytes, content_type: str, rows: int) -> list[Any]:
        return [np.nan] * rows

    def of_cells(self, cells: pd.Series) -> Array:
        return np.empty((0, 1))

    def columns(self, target: Array, score: Array) -> dict[str, Any]:
        return {"loss": score[:, 0]}

    def of_columns(self, frame: pd.DataFrame) -> Array:
        if "loss" not in frame:
            raise BadAnswer("no column 'loss'; it has row, key and loss, less being better")
        losses = pd.to_numeric(frame["loss"], errors="coerce").to_numpy(dtype=float)
        if not len(losses) or not np.isfinite(losses).all():
            raise BadAnswer("'loss' holds something that is no finite number")
        return losses[:, None]

    def standard(self, target: Array, score: Array) -> dict[str, Metric]:
        loss = score[:, 0]
        return {"loss": lambda w: ratio(w * loss, w)}

    def loss(self, target: Array, score: Array) -> Array:
        return score[:, 0]

    def moved(self, reference: Array, now: Array, threshold: float, alpha: float) -> list[Check]:
        return []

    def pictures(self, target: Array, score: Array) -> list[str]:
        return ["<h2>Losses</h2>", charts.densities([("holdout", score[:, 0], "main")], "loss")]

    def pictures_of_both(self, target: Array, candidate: Array, champion: Array) -> list[str]:
        both = [("candidate", candidate[:, 0], "main"), ("champion", champion[:, 0], "other")]
        return ["<h2>Losses</h2>", charts.densities(both, "loss")]

    def pictures_of_traffic(self, now: Array, reference: Array) -> list[str]:
        return []


KIND = Custom
