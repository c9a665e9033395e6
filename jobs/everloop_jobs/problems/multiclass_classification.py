"""Multiclass classification: for each row one of several classes, and how probable each of them is.

Scores have the label's code in column 0 and a probability for each class behind it, NaN where
labels are all that was answered.
"""

import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd

import charts
import distances
import plots
import score_plots
from container import JobError
from metrics import Array, Metric, auc_of, ratio
from outcomes import Choices
from payloads import BROKEN, csv_lines, decoded, is_json, json_values
from problems import ERROR, SHARE, BadAnswer, Check, Measure, Problem, moved_check, one_line_each
from problems import _classes as classes_of
from problems._classes import UNKNOWN, Answers, counted, filled, name_of, parts_of, shown
from sent_columns import Unreadable

ORDER = 2
_MOST = 1000  # classes; a column of more is a number or a name
_TOP = (2, 3, 5)


class MulticlassClassification(Problem):
    measures: ClassVar = {
        "accuracy": SHARE,
        "balanced_accuracy": SHARE,
        "macro_f1": SHARE,
        "weighted_f1": SHARE,
        "mcc": Measure(True, 1.0, -1.0),
        "log_loss": ERROR,
        "auc": SHARE,
        **{f"top_{most}_accuracy": SHARE for most in _TOP},
    }
    targets = "any"
    rule = "the name of a class"
    answer = "class that training knew"
    reads = ("baseline",)
    fairness = "choices"

    def __init__(self, spec: Any, kept: Any) -> None:
        super().__init__(spec, kept)
        named = kept.get("classes") or spec["data"].get("classes") or []
        self.classes = [name_of(name) for name in named]
        numbered = bool((spec.get("train") or {}).get("algorithm"))
        self._answers = Answers(self.classes, numbered=numbered)
        if self.classes:
            self.rule = f"one of {shown(self.classes)}"
        self._all_labels = kept.get("answers") == "labels"

    def described(self, column: Callable[[str], Iterator[pd.Series]]) -> dict[str, Any]:
        seen = {part: counted(column(part)) for part in ("train", "validation", "holdout")}
        found = classes_of.in_order(seen["train"])
        if len(found) < 2:
            raise JobError(f"train/data.csv holds only the class {shown(found)}; two are needed")
        if len(found) > _MOST:
            raise JobError(
                f"train/data.csv's target has {len(found)} values; a class is one of at most "
                f"{_MOST}: is it a number, and the problem another?"
            )
        for part in ("validation", "holdout"):
            unseen = [name for name in classes_of.in_order(seen[part]) if name not in found]
            if unseen:
                rows = sum(seen[part][name] for name in unseen)
                raise JobError(
                    f"{part}/data.csv holds {shown(unseen)} in {rows} rows, and train/data.csv "
                    "never: no model can know a class that training never saw; split so that "
                    "train has every class, or leave these rows out in preprocess.py until there "
                    "are more"
                )
        return {"classes": self.classes or found}

    def decided(self) -> dict[str, Any]:
        answers = "labels" if self._all_labels else "probabilities"
        return {"classes": self.classes, "answers": answers}

    def target_of(self, column: pd.Series) -> Array:
        if not self.classes:  # as long as nobody knows them: what is one at all
            return np.where(filled(column), 0.0, np.nan)
        codes = {name: float(code) for code, name in enumerate(self.classes)}
        target: Array = column.map(lambda value: codes.get(name_of(value), np.nan)).to_numpy(float)
        return target

    def labels_of(self, column: pd.Series) -> list[Any]:
        there = filled(column)
        return [name_of(v) if ok else None for v, ok in zip(column, there, strict=True)]

    def truth_of(self, labels: Sequence[Any]) -> Array:
        codes = {name: float(code) for code, name in enumerate(self.classes)}
        return np.array([codes.get(name_of(label), UNKNOWN) for label in labels], dtype=float)

    def of_lines(self, lines: Sequence[str], rows: int) -> Array:
        self._need_classes()
        fields = csv_lines("\n".join(lines))
        ordered = classes_of.with_header(fields, self._answers) if len(fields) == rows + 1 else None
        fields = fields if ordered is None else ordered
        one_line_each([",".join(each) for each in fields], rows)
        made = []
        for number, each in enumerate(fields):
            try:
                made.append(self._answers.row(each))
            except BadAnswer as error:
                raise BadAnswer(f"for row {number} {error}") from error
        return self.checked(classes_of.table(made, len(self.classes)))

    def checked(self, score: Array) -> Array:
        self._all_labels = bool(np.isnan(score[:, 1:]).any())
        if self._all_labels and not np.isnan(score[:, 1:]).all():
            raise BadAnswer("probabilities for some rows and labels alone for others")
        return score

    def _need_classes(self) -> None:
        if not self.classes:
            raise JobError(
                "the version's classes are not known: the baseline's statistics.json has none. "
                "Train it again, or name them as [data].classes, in the order of its answers"
            )

    def of_body(self, body: bytes, content_type: str, rows: int) -> list[Any]:
        if body.startswith(b"\x93NUMPY"):
            parts = parts_of(np.load(io.BytesIO(body), allow_pickle=False).tolist(), rows)
        else:
            text = decoded(body, content_type)
            if is_json(text, content_type):
                values = json_values(text)
                parts = parts_of(values[0] if len(values) == 1 else values, rows)
            else:
                parts = self._of_csv(csv_lines(text), rows)
        return [self._cell(part) for part in parts]

    def _of_csv(self, fields: list[list[str]], rows: int) -> list[Any]:
        try:
            ordered = None
            if len(fields) == rows + 1:
                ordered = classes_of.with_header(fields, self._answers)
        except BadAnswer as error:
            raise Unreadable(str(error)) from error
        return parts_of(fields if ordered is None else ordered, rows)

    def _cell(self, part: Any) -> Any:
        try:
            return classes_of.cell(self._answers.part(part), self.classes)
        except (BadAnswer, *BROKEN):
            return np.nan

    def of_cells(self, cells: pd.Series) -> Array:
        rows = [classes_of.of_cell(each, self._answers) for each in cells]
        return classes_of.table([row for row in rows if row is not None], len(self.classes))

    def followed(self, score: Array) -> Array | None:
        if np.isfinite(score[:, 1:]).all():
            return score[:, 1:]
        return (score[:, :1] == np.arange(len(self.classes))).astype(float)

    def columns(self, target: Array, score: Array) -> dict[str, Any]:
        made: dict[str, Any] = {"target": self._names(target), "label": self._names(score[:, 0])}
        if not np.isnan(score[:, 1:]).all():
            made |= {f"score:{name}": score[:, 1 + at] for at, name in enumerate(self.classes)}
        return made

    def _names(self, codes: Array) -> list[str]:
        return [self.classes[int(code)] if code >= 0 else "" for code in codes]

    def of_columns(self, frame: pd.DataFrame) -> Array:
        self._need_classes()
        shares = [f"score:{name}" for name in self.classes]
        lacking = [name for name in shares if name not in frame]
        if "label" not in frame and lacking:
            raise BadAnswer(
                f"no column 'label' and no column {lacking[0]!r}; it has row, key, target, and "
                "label, or score:<class> for each class, or both"
            )
        columns = [] if lacking else shares
        columns = ["label", *columns] if "label" in frame else columns
        fields = frame[columns].astype(object).to_numpy().tolist()
        return classes_of.table([self._answers.row(row) for row in fields], len(self.classes))

    def treated(self, target: Array, score: Array) -> Choices:
        good = [at for at, name in enumerate(self.classes) if self.favoured(name)]
        chance = score[:, [1 + at for at in good]].sum(axis=1)
        return Choices(
            *(np.isin(side, good).astype(float) for side in (target, score[:, 0])), chance
        )

    def favoured(self, label: str) -> bool:
        asked = (self.spec.get("fairness") or {}).get("favourable") or []
        return name_of(label) in {name_of(each) for each in asked}

    def translated(self, other: Problem, score: Array) -> tuple[Problem, Array]:
        assert isinstance(other, MulticlassClassification)
        if other.classes == self.classes:
            return self, score
        codes = [self._answers.code(name) for name in other.classes]
        made = np.zeros((len(score), len(self.classes) + 1))
        made[:, 0] = np.array(codes, dtype=float)[score[:, 0].astype(int)]
        for at, code in enumerate(codes):
            if code >= 0:
                made[:, 1 + code] = score[:, 1 + at]
        if np.isnan(score[:, 1:]).any():
            made[:, 1:] = np.nan
        return self, made

    def standard(self, target: Array, score: Array) -> dict[str, Metric]:
        count = len(self.classes)
        truth = np.where(target >= 0, target, count).astype(int)
        label = np.where(score[:, 0] >= 0, score[:, 0], count + 1).astype(int)
        right, of_classes = (truth == label).astype(float), _OfClasses(truth, label, count + 2)
        measured: dict[str, Metric] = {
            "accuracy": lambda w: ratio(w * right, w),
            "balanced_accuracy": of_classes.balanced_accuracy,
            "macro_f1": of_classes.macro_f1,
            "weighted_f1": of_classes.weighted_f1,
            "mcc": of_classes.mcc,
        }
        shares = score[:, 1:]
        if np.isnan(shares).any():
            return measured
        loss = self.loss(target, score)
        areas = [auc_of(shares[:, at], (truth == at).astype(float)) for at in range(count)]

        def auc(weight: Array) -> float:
            known = [area for area in (of(weight) for of in areas) if area == area]
            return float(np.mean(known)) if known else float("nan")

        measured |= {"log_loss": lambda w: ratio(w * loss, w), "auc": auc}
        # Of equal probabilities the later class goes first, as in scikit-learn.
        order = np.argsort(shares, axis=1, kind="stable")[:, ::-1]
        for most in _TOP:
            hit = (order[:, :most] == truth[:, None]).any(axis=1).astype(float)
            measured[f"top_{most}_accuracy"] = lambda w, hit=hit: ratio(w * hit, w)
        return measured

    def lacks(self, metric: str) -> str:
        return (
            "needs probabilities; inference.py answered labels alone. Write a probability for each "
            f"class ({shown(self.classes)}, in this order), or ask for accuracy, macro_f1, mcc"
        )

    def loss(self, target: Array, score: Array) -> Array:
        known = target >= 0
        at = np.where(known, target, 0).astype(int)
        if np.isnan(score[:, 1:]).any():
            wrong: Array = (score[:, 0] != target).astype(float)
            return wrong
        share = np.where(known, score[np.arange(len(score)), 1 + at], 0.0)
        loss: Array = -np.log(np.clip(share, 1e-15, 1.0))
        return loss

    def moved(self, reference: Array, now: Array, threshold: float, alpha: float) -> list[Check]:
        old, new = self._counts(reference), self._counts(now)
        distance = distances.variation(old, new)
        least = max(threshold, distances.variation_noise(old, new, alpha / 2))
        before, after = sum(old.values()) or 1, sum(new.values()) or 1
        change = {
            name: new.get(name, 0) / after - old.get(name, 0) / before for name in {*old, *new}
        }
        most = max(sorted(change), key=lambda name: abs(change[name]), default="")
        what = (
            f"{most[:40]!r} is {new.get(most, 0) / after:.1%} of them against "
            f"{old.get(most, 0) / before:.1%}"
        )
        checks = [moved_check("label", "predicted classes", distance, least, what)]
        both = [scores[:, 1:].max(axis=1) if len(scores) else scores for scores in (reference, now)]
        sure, surer = (values[np.isfinite(values)] for values in both)
        if len(sure) and len(surer):
            distance = distances.ks_distance(sure, surer)
            least = max(threshold, distances.ks_noise(len(sure), len(surer), alpha / 2))
            what = f"mean {surer.mean():.4g} against {sure.mean():.4g}"
            who = "probabilities of the predicted class"
            checks.append(moved_check("score", who, distance, least, what))
        return checks

    def _counts(self, score: Array) -> dict[str, float]:
        found = Counter(self._names(score[:, 0]))
        return {name: float(count) for name, count in found.items()}

    def pictures(self, target: Array, score: Array) -> list[str]:
        count = len(self.classes)
        cells = np.zeros((count, count))
        known = (target >= 0) & (score[:, 0] >= 0)
        np.add.at(cells, (target[known].astype(int), score[known, 0].astype(int)), 1)
        parts = ["<h2>Classes, true and predicted</h2>", charts.confusion(self.classes, cells)]
        parts += [
            "<h2>Each class</h2>",
            score_plots.classes(self.classes, target, score[:, 0], cells),
        ]
        if not np.isnan(score[:, 1:]).any():
            right = (score[:, 0] == target).astype(float)
            groups = score_plots.groups(right, score[:, 1:].max(axis=1))
            parts += ["<h2>Calibration</h2>", *score_plots.calibration(groups, "right")]
        return parts

    def pictures_of_both(self, target: Array, candidate: Array, champion: Array) -> list[str]:
        rows = [
            (name, *(_share(side[target == code, 0] == code) for side in (candidate, champion)))
            for code, name in enumerate(self.classes)
        ]
        sure = [_of_the_truth(target, side) for side in (champion, candidate)]
        known = np.isfinite(sure[0]) & np.isfinite(sure[1])
        drawn = []
        if known.any():
            scores = (side[known] for side in sure)
            drawn = [
                "<h2>Probability of the true class</h2>",
                plots.beside(plots.heat("Each row", *scores, "champion", "candidate")),
            ]
        return [
            *drawn,
            "<h2>Rows of each class that were recognised</h2>",
            charts.pairs(rows, ("candidate", "champion")),
        ]

    def pictures_of_traffic(self, now: Array, reference: Array) -> list[str]:
        rows = [
            (name, *(_share(scores[:, 0] == code) for scores in (now, reference)))
            for code, name in enumerate(self.classes)
        ]
        return [
            "<h2>Predicted classes now and on the holdout</h2>",
            charts.pairs(rows, ("now", "holdout")),
        ]


class _OfClasses:
    """Metrics of the table of true and predicted classes."""

    def __init__(self, truth: Array, label: Array, size: int) -> None:
        self._size = size
        self._cell = truth * size + label

    def _sums(self, weight: Array) -> tuple[Array, Array, Array]:
        size = self._size
        cells = np.bincount(self._cell, weights=weight, minlength=size * size).reshape(size, size)
        return np.diag(cells), cells.sum(axis=1), cells.sum(axis=0)

    def balanced_accuracy(self, weight: Array) -> float:
        hit, true, _ = self._sums(weight)
        there = true > 0
        return float((hit[there] / true[there]).mean()) if there.any() else float("nan")

    def macro_f1(self, weight: Array) -> float:
        hit, true, said = self._sums(weight)
        there = true + said > 0
        both = true[there] + said[there]
        return float((2 * hit[there] / both).mean()) if there.any() else float("nan")

    def weighted_f1(self, weight: Array) -> float:
        hit, true, said = self._sums(weight)
        there = true > 0
        return ratio(2 * hit[there] / (true + said)[there] * true[there], true)

    def mcc(self, weight: Array) -> float:
        hit, true, said = self._sums(weight)
        whole = true.sum()
        if not whole:
            return float("nan")
        hit, true, said = hit / whole, true / whole, said / whole
        spread = (1 - (said**2).sum()) * (1 - (true**2).sum())
        return float((hit.sum() - (true * said).sum()) / np.sqrt(spread)) if spread > 0 else 0.0


def _of_the_truth(target: Array, score: Array) -> Array:
    """Return what each row's true class was given; NaN where it is not known or was given none."""
    at = np.where(target >= 0, target, 0).astype(int)
    share: Array = np.where(target >= 0, score[np.arange(len(score)), 1 + at], np.nan)
    return share


def _share(hits: Array) -> float:
    return float(np.mean(hits)) if len(hits) else float("nan")


KIND = MulticlassClassification
