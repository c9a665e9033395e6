"""Regression: a number for each row, or several quantiles of what it may be."""

from typing import Any, ClassVar

import numpy as np
import pandas as pd

import charts
import plots
from metrics import Array, Metric, ratio
from outcomes import Amounts
from problems import ERROR, Measure, Problem
from problems._numbers import Numbers

ORDER = 3


class Regression(Numbers):
    measures: ClassVar = {
        "rmse": ERROR,
        "mae": ERROR,
        "r2": Measure(True, 1.0),
        "mape": ERROR,
        "smape": Measure(False, 0.0, 2.0),
        "pinball": Measure(False, 0.0, needs="quantiles"),
        "coverage_error": Measure(False, 0.0, 1.0, needs="quantiles"),
    }
    targets = "numbers"
    rule = "numbers"
    score_rule = "finite numbers"
    fairness = "amounts"
    answered_by = ("quantiles",)

    def __init__(self, spec: Any, kept: Any) -> None:
        super().__init__(spec, kept)
        self.quantiles: list[float] = list(spec["evaluate"].get("quantiles") or [])
        self.names = [f"{quantile:g}" for quantile in self.quantiles]
        self.main = self.quantiles.index(0.5) if self.quantiles else 0

    def target_of(self, column: pd.Series) -> Array:
        values: Array = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        return np.where(np.isfinite(values), values, np.nan)

    def belongs(self, score: Array) -> Array:
        return np.ones(score.shape, dtype=bool)

    def treated(self, target: Array, score: Array) -> Amounts:
        return Amounts(target, score[:, self.main])

    def standard(self, target: Array, score: Array) -> dict[str, Metric]:
        of = score[:, self.main]
        error = of - target
        # As scikit-learn has it: of a target of zero the error is huge, and not left out.
        relative = np.abs(error) / np.maximum(np.abs(target), np.finfo(float).eps)
        both = np.abs(of) + np.abs(target)
        symmetric = 2 * np.abs(error) / np.where(both > 0, both, 1.0)

        def r2(weight: Array) -> float:
            mean = np.average(target, weights=weight)
            spread = (weight * (target - mean) ** 2).sum()
            return float(1 - (weight * error**2).sum() / spread) if spread else float("nan")

        measured: dict[str, Metric] = {
            "rmse": lambda w: float(np.sqrt(np.average(error**2, weights=w))),
            "mae": lambda w: float(np.average(np.abs(error), weights=w)),
            "r2": r2,
            "mape": lambda w: ratio(w * relative, w),
            "smape": lambda w: ratio(w * symmetric, w),
        }
        if not self.quantiles or np.isnan(score).any():
            return measured
        pinball = self._pinball(target, score)
        low, high = int(np.argmin(self.quantiles)), int(np.argmax(self.quantiles))
        inside = ((score[:, low] <= target) & (target <= score[:, high])).astype(float)
        nominal = self.quantiles[high] - self.quantiles[low]
        measured["pinball"] = lambda w: ratio(w * pinball, w)
        measured["coverage_error"] = lambda w: abs(ratio(w * inside, w) - nominal)
        return measured

    def translated(self, other: Problem, score: Array) -> tuple[Problem, Array]:
        assert isinstance(other, Regression)
        if other.quantiles == self.quantiles:
            return self, score
        if not self.quantiles:
            return self, score[:, [other.main]]
        made = np.full((len(score), len(self.quantiles)), np.nan)
        for at, quantile in enumerate(other.quantiles or [0.5]):  # one number is the middle
            if quantile in self.quantiles:
                made[:, self.quantiles.index(quantile)] = score[:, at]
        return self, made

    def lacks(self, metric: str) -> str:
        return "needs quantiles; give [evaluate].quantiles, and let inference.py answer them"

    def _pinball(self, target: Array, score: Array) -> Array:
        """Return each row's pinball loss, the mean over the quantiles."""
        shares = np.array(self.quantiles)
        above = target[:, None] - score
        loss: Array = np.maximum(shares * above, (shares - 1) * above).mean(axis=1)
        return loss

    def loss(self, target: Array, score: Array) -> Array:
        if self.quantiles:
            return self._pinball(target, score)
        squared: Array = (score[:, 0] - target) ** 2
        return squared

    def pictures(self, target: Array, score: Array) -> list[str]:
        of = score[:, self.main]
        parts = [
            "<h2>Predicted and true values</h2>",
            plots.beside(
                plots.heat("Each row", target, of, "true", "predicted"),
                _residuals(of, of - target),
            ),
            '<p class="soft">The darker, the more rows. In the second plot rows '
            "of like predictions lie together: the median of their errors, and between the dashed "
            "lines 80 % of them.</p>",
            "<h2>Errors</h2>",
            charts.densities(
                [("score - target", of - target, "main")], "error", mark=("no error", 0.0)
            ),
        ]
        if self.quantiles:
            rows = [
                (f"quantile {name}", float((target <= score[:, at]).mean()), self.quantiles[at])
                for at, name in enumerate(self.names)
            ]
            parts.append("<h2>Targets below each quantile</h2>")
            parts.append(charts.pairs(rows, ("seen", "wanted")))
        return parts

    def pictures_of_both(self, target: Array, candidate: Array, champion: Array) -> list[str]:
        errors = [
            ("candidate", candidate[:, self.main] - target, "main"),
            ("champion", champion[:, self.main] - target, "other"),
        ]
        return [
            *super().pictures_of_both(target, candidate, champion),
            "<h2>Errors</h2>",
            charts.densities(errors, "score - target"),
        ]


def _residuals(score: Array, error: Array, groups: int = 20) -> plots.Plot:
    """Draw the errors of groups of like predictions: their median, and the middle 80 %."""
    order = np.array_split(np.argsort(score, kind="stable"), groups)
    parts = [each for each in order if each.size]
    at = [float(np.median(score[each])) for each in parts]
    low, middle, high = (
        [float(np.quantile(error[each], share)) for each in parts] for share in (0.1, 0.5, 0.9)
    )
    edges = (min(*low, 0.0), max(*high, 0.0))
    plot = plots.Plot("Errors by prediction", (min(at), max(at)), edges, "predicted", "error")
    plot.line((min(at), max(at)), (0, 0), "edge")
    plot.line(at, low, "main dashed")
    plot.line(at, high, "main dashed")
    plot.line(at, middle, "main")
    return plot


KIND = Regression
