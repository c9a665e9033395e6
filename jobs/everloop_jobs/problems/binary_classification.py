"""Binary classification: for each row the probability of one of two outcomes."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

import charts
import plots
import score_plots
from container import JobError
from curves import BEST, Curve, best_threshold, calibration_error, thresholds
from metrics import Array, Metric, auc_of, ratio
from outcomes import Choices
from problems import ERROR, SHARE, Measure, Problem
from problems._classes import counted, filled, name_of, shown, within
from problems._numbers import Numbers

ORDER = 1
_CUTS = 200  # thresholds that a metric of the model's own is tried at
_PRECISE = (80, 90, 95, 99)  # percent


class BinaryClassification(Numbers):
    measures: ClassVar = {
        "auc": SHARE,
        "accuracy": SHARE,
        "f1": SHARE,
        "precision": SHARE,
        "recall": SHARE,
        "log_loss": ERROR,
        "brier": Measure(False, 0.0, 1.0),
        "average_precision": SHARE,
        "balanced_accuracy": SHARE,
        "mcc": Measure(True, 1.0, -1.0),
        "calibration_error": Measure(False, 0.0, 1.0),
        **{f"recall_at_precision_{percent}": SHARE for percent in _PRECISE},
    }
    targets = "zero-one"
    rule = "0 or 1"
    score_rule = "probabilities, from 0 to 1"
    fairness = "choices"

    def __init__(self, spec: Any, kept: Any) -> None:
        super().__init__(spec, kept)
        positive = spec["data"].get("positive")
        self.positive = None if positive is None else name_of(positive)
        if self.positive is not None:
            self.targets = "any"
            self.rule = f"{self.positive!r} or the other class"
        self._negative = str(kept.get("negative") or f"not {self.positive}")
        asked = spec["evaluate"].get("threshold", 0.5)  # specs of before have none
        self.threshold_by = asked if isinstance(asked, str) else ""
        chosen = kept.get("threshold") or {"value": 0.5 if self.threshold_by else asked}
        self.threshold: dict[str, Any] = dict(chosen)

    def described(self, column: Callable[[str], Iterator[pd.Series]]) -> dict[str, Any]:
        if self.positive is None:
            return {}
        parts = ("train", "validation", "holdout")
        seen = sum((counted(column(part)) for part in parts), Counter[str]())
        others = sorted(name for name in seen if name != self.positive)
        if not seen[self.positive] or len(others) != 1:
            raise JobError(
                f"the target {self.spec['data']['target']!r} holds {shown([*seen])}; with "
                f"[data].positive = {self.positive!r} it is that and one other"
            )
        return {"negative": others[0]}

    def chosen(self, target: Array, score: Array) -> None:
        best = self._best(target, score[:, 0])
        if best is None:
            raise JobError(
                "validation/data.csv holds one class alone, and [evaluate].threshold is "
                f"{self.threshold_by!r}: no threshold can be chosen on it"
            )
        self.threshold = {"value": best, "by": self.threshold_by, "rows": len(target)}

    def _best(self, target: Array, score: Array) -> float | None:
        by, own = self.threshold_by, self.own
        if by in BEST:
            return best_threshold(score, target, by)
        assert own is not None, "a metric of the model's own"  # [evaluate.own] names it
        sign = 1 if self.higher_is_better(by) else -1
        cuts = thresholds(score, target, _CUTS)
        found = [own.once(by, target, (score >= cut).astype(float)) for cut in cuts]
        if not np.isfinite(found).all():
            raise JobError(
                f"metrics.py of the model: {by}() answered no finite number on validation"
            )
        return float(cuts[int(np.argmax(sign * np.array(found)))]) if found else None

    def shown_to_own(self, score: Array) -> Iterator[tuple[Array, list[str]]]:
        """The metric that a threshold is chosen by is one of decisions: 1 from it on, 0 below."""
        for seen, names in super().shown_to_own(score):
            if self.threshold_by not in names:
                yield seen, names
                continue
            yield seen, [name for name in names if name != self.threshold_by]
            yield (seen >= self.threshold["value"]).astype(float), [self.threshold_by]

    def decided(self) -> dict[str, Any]:
        named = {} if self.positive is None else {"negative": self._negative}
        return {"threshold": self.threshold, **named}

    def target_of(self, column: pd.Series) -> Array:
        if self.positive is not None:
            names = column.map(name_of).to_numpy()
            hit = np.where(filled(column), (names == self.positive).astype(float), np.nan)
            return hit
        values: Array = pd.to_numeric(column, errors="coerce").to_numpy(dtype=float)
        return np.where((values == 0) | (values == 1), values, np.nan)

    def labels_of(self, column: pd.Series) -> list[Any]:
        if self.positive is None:
            return super().labels_of(column)
        both = {self.positive, self._negative}
        known = column.map(name_of).where(filled(column), None)
        strict = not self._negative.startswith("not ")
        return [None if strict and name not in both else name for name in known]

    def truth_of(self, labels: Sequence[Any]) -> Array:
        if self.positive is None:
            return super().truth_of(labels)
        return np.array([name_of(label) == self.positive for label in labels], dtype=float)

    def columns(self, target: Array, score: Array) -> dict[str, Any]:
        made = super().columns(target, score)
        if self.positive is not None:
            made["target"] = np.where(target == 1, self.positive, self._negative)
        return made

    def rounded(self, score: Array) -> Array:
        return within(score)

    def belongs(self, score: Array) -> Array:
        return (score >= 0) & (score <= 1)

    def treated(self, target: Array, score: Array) -> Choices:
        said = (score[:, 0] >= self.threshold["value"]).astype(float)
        sides = (target, said, score[:, 0])
        return Choices(*(side if self._positive_is_good() else 1 - side for side in sides))

    def _positive_is_good(self) -> bool:
        asked = (self.spec.get("fairness") or {}).get("favourable") or []
        return not asked or name_of(asked[0]) == (self.positive or "1")

    def favoured(self, label: str) -> bool:
        return (name_of(label) == (self.positive or "1")) == self._positive_is_good()

    def translated(self, other: Problem, score: Array) -> tuple[Problem, Array]:
        return other, score  # each version by its own threshold

    def standard(self, target: Array, score: Array) -> dict[str, Metric]:
        of = score[:, 0]
        predicted = (of >= self.threshold["value"]).astype(float)
        loss = self.loss(target, score)
        squared = (of - target) ** 2
        curve, said = Curve(of, target), _Said(target, predicted)
        return {
            "auc": auc_of(of, target),
            "accuracy": lambda w: ratio(w * (predicted == target), w),
            "f1": lambda w: ratio(2 * w * predicted * target, w * (predicted + target)),
            "precision": lambda w: ratio(w * predicted * target, w * predicted),
            "recall": lambda w: ratio(w * predicted * target, w * target),
            "log_loss": lambda w: ratio(w * loss, w),
            "brier": lambda w: ratio(w * squared, w),
            "average_precision": curve.average_precision,
            "balanced_accuracy": said.balanced_accuracy,
            "mcc": said.mcc,
            "calibration_error": calibration_error(of, target),
            **{
                f"recall_at_precision_{percent}": curve.recall_at(percent / 100)
                for percent in _PRECISE
            },
        }

    def loss(self, target: Array, score: Array) -> Array:
        clipped = np.clip(score[:, 0], 1e-15, 1 - 1e-15)
        loss: Array = -(target * np.log(clipped) + (1 - target) * np.log(1 - clipped))
        return loss

    def notes(self) -> list[str]:
        value, by = self.threshold["value"], self.threshold.get("by")
        how = f", best by {by} on {self.threshold['rows']:,} rows of validation" if by else ""
        return [f"Scores from {value:.4g} on count as positive{how}."]

    def pictures(self, target: Array, score: Array) -> list[str]:
        of, name = score[:, 0], self.spec["data"]["target"]
        zero, one = ("0", "1") if self.positive is None else (self._negative, self.positive)
        classes = [
            (f"{name} = {zero}", of[target == 0], "other"),
            (f"{name} = {one}", of[target == 1], "main"),
        ]
        found = self.detail(target, score)
        areas = (auc_of(of, target), Curve(of, target).average_precision)
        roc, precise = (area(np.ones(len(target))) for area in areas)
        return [
            *score_plots.parts(found, (f"{name} = {zero}", f"{name} = {one}"), roc, precise),
            "<h2>Scores by outcome</h2>",
            charts.densities(classes, "score", mark=("threshold", self.threshold["value"])),
        ]

    def plots_of_both(self, target: Array, candidate: Array, champion: Array) -> list[plots.Plot]:
        if not 0 < target.sum() < len(target):
            return []
        sides = (("candidate", candidate, "main"), ("champion", champion, "other dashed"))
        found = [
            (name, score_plots.detail(target, score[:, 0], self.threshold["value"]), style)
            for name, score, style in sides
        ]
        return [score_plots.roc_of(found)]

    def detail(self, target: Array, score: Array) -> dict[str, Any]:
        return score_plots.detail(target, score[:, 0], self.threshold["value"])


class _Said:
    """Metrics of what was said of both classes."""

    def __init__(self, target: Array, predicted: Array) -> None:
        self._cell = (2 * target + predicted).astype(int)

    def _cells(self, weight: Array) -> Array:
        return np.bincount(self._cell, weights=weight, minlength=4)

    def balanced_accuracy(self, weight: Array) -> float:
        quiet, alarms, missed, hits = self._cells(weight)
        sides = [(quiet, quiet + alarms), (hits, hits + missed)]
        return float(np.mean([hit / side for hit, side in sides if side] or [np.nan]))

    def mcc(self, weight: Array) -> float:
        quiet, alarms, missed, hits = self._cells(weight)
        spread = (hits + alarms) * (hits + missed) * (quiet + alarms) * (quiet + missed)
        return float((hits * quiet - alarms * missed) / np.sqrt(spread)) if spread else 0.0


KIND = BinaryClassification
