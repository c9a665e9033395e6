"""Problems: what a model is to predict, a file for each kind behind one interface.

Nothing else knows a kind by its name. What a model answers for a row is a vector: scores have the
shape (rows, width), and width 1 where a number says it all.
"""

import copy
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self

import pandas as pd

import row_names
from container import JobError
from metrics import Array, Metric, Units
from outcomes import Amounts, Choices
from own_metrics import OwnMetrics

Check = dict[str, Any]


class Measure(NamedTuple):
    """`best` is what no model exceeds; `worst`, where there is one, is what every model reaches."""

    higher_is_better: bool
    best: float
    worst: float | None = None
    needs: str | None = None  # the key of [evaluate] without which there is no such metric


SHARE = Measure(True, 1.0, 0.0)
ERROR = Measure(False, 0.0)


class BadAnswer(JobError):
    """An answer that is none for this problem; the message says which row, and what belongs."""


class Problem(ABC):
    """What a model predicts: how targets and answers are read, measured, compared and drawn."""

    # By name; the first is the usual one.
    measures: ClassVar[Mapping[str, Measure]]
    # What the target's column of a drop holds.
    targets: Literal["numbers", "zero-one", "any", "free"]
    rule: str  # the same, for people
    answer: ClassVar[str]  # what is answered for a row, for people
    # Inputs of the evaluation besides model and holdout: outputs of the preparation.
    reads: ClassVar[tuple[str, ...]] = ()
    scripts: ClassVar[tuple[str, ...]] = ()  # that the model's folder must have
    watched: ClassVar[tuple[str, ...]] = ("data", "prediction", "quality")  # what a look can judge
    # Whether the model's evaluate.py alone can say how good an answer is.
    by_evaluation: ClassVar[bool] = False
    classes: Sequence[str] = ()  # the names of targets that are codes
    answered_by: ClassVar[tuple[str, ...]] = ()  # keys of [evaluate] that say what is answered
    # What its answers are to the people whom they concern, where they are anything.
    fairness: ClassVar[Literal["choices", "amounts"] | None] = None
    section: ClassVar[str | None] = None  # of model.toml, that this problem needs
    # The keys of model.toml whose columns together name a row.
    named_by: ClassVar[tuple[str, ...]] = ("data.key",)
    split_by: ClassVar[tuple[str, ...]] = ()  # by what alone [data.split] may split; () for any
    kept_whole: ClassVar[str | None] = None  # the key that names what a split must not pull apart
    derived: ClassVar[tuple[str, ...]] = ()  # columns that slices may name and no drop has
    sends_some: ClassVar[bool] = False  # whether a model is sent only some columns: `sent` says
    keys: Sequence[str] = ()  # the names of the rows that are measured

    def __init__(self, spec: Mapping[str, Any], kept: Mapping[str, Any]) -> None:
        """`kept` is what was kept with the version: what `described` and `decided` returned."""
        self.spec = spec
        self.row_names = row_names.of(spec, self.named_by)
        self.own: OwnMetrics | None = None  # of the model's metrics.py, where it names some

    def higher_is_better(self, metric: str) -> bool:
        own = (self.spec["evaluate"].get("own") or {}).get(metric)
        if own is not None:
            return bool(own["better"] == "higher")
        return self.measures[metric].higher_is_better

    @abstractmethod
    def target_of(self, column: pd.Series) -> Array:
        """Return a column's targets as numbers; NaN where a value is none."""

    def among(self, keys: Sequence[str]) -> Self:
        """Return this problem for rows of these names: what is measured may depend on them."""
        if not len(keys):
            return self
        own = copy.copy(self)
        own.keys = keys
        return own

    def units(self) -> Units | None:
        """Return of which unit each row is: rows of one are drawn together by the bootstrap.

        None where each row stands for itself.
        """
        return None

    @property
    def needed(self) -> list[str]:
        """Return the columns, besides the target, that a prepared table must have."""
        return list(self.row_names.columns)

    def sent(self, columns: Sequence[str]) -> list[str]:
        """Return which columns of the holdout a model is sent to predict by."""
        return [name for name in columns if name != self.spec["data"]["target"]]

    def with_derived(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows with the columns that `derived` names, for slices."""
        return rows

    def described(self, column: Callable[[str], Iterator[pd.Series]]) -> dict[str, Any]:
        """Return what the prepared targets say that a version has to keep, for statistics.json.

        `column` gives the targets of a part (train, validation, holdout), some rows at a time.
        Raises JobError for parts that no model can be trained on or measured by.
        """
        return {}

    def laid_out(self, rows: Callable[[str], Iterator[pd.DataFrame]]) -> dict[str, Any]:
        """Return what is kept of the prepared rows: of their targets and `needed` columns.

        Raises JobError as `described`.
        """
        return {}

    def chosen(self, target: Array, score: Array) -> None:
        """Choose on the rows of validation what the spec leaves to them, such as a threshold."""
        return

    def decided(self) -> dict[str, Any]:
        """Return what evaluation.json keeps of the version besides its metrics."""
        return {}

    @abstractmethod
    def labels_of(self, column: pd.Series) -> list[Any]:
        """Return a column's late labels, to be kept; None where a value is none."""

    @abstractmethod
    def truth_of(self, labels: Sequence[Any]) -> Array:
        """Return kept labels as targets. One that the version cannot know is a wrong answer."""

    @abstractmethod
    def of_lines(self, lines: Sequence[str], rows: int) -> Array:
        """Return the scores that output_fn wrote, a line for each row. Raises BadAnswer."""

    @abstractmethod
    def of_body(self, body: bytes, content_type: str, rows: int) -> list[Any]:
        """Return what an endpoint answered for each row, as one cell of a table.

        NaN where the answer is none. Raises Unreadable where it has another number of rows.
        """

    def checked(self, score: Array) -> Array:
        """Return the scores of a version's own answers. Raises BadAnswer for what is none."""
        return score

    @abstractmethod
    def of_cells(self, cells: pd.Series) -> Array:
        """Return the scores of cells, those that are none left out."""

    @abstractmethod
    def columns(self, target: Array, score: Array) -> dict[str, Any]:
        """Return targets and scores as columns of predictions.csv."""

    @abstractmethod
    def of_columns(self, frame: pd.DataFrame) -> Array:
        """Return the scores that predictions.csv holds. Raises BadAnswer."""

    def measured(self, target: Array, score: Array) -> dict[str, Metric]:
        """Return each metric as a function of the rows' weights, the model's own ones last."""
        measured = self.standard(target, score)
        if self.own is not None:
            for seen, names in self.shown_to_own(score):
                measured |= self.own.measured(target, seen, self.classes, names)
        return measured

    def shown_to_own(self, score: Array) -> Iterator[tuple[Array, list[str]]]:
        """Yield what the model's own metrics are given as scores, and which of them are."""
        yield score, list(self.spec["evaluate"].get("own") or {})

    @abstractmethod
    def standard(self, target: Array, score: Array) -> dict[str, Metric]:
        """Return each metric as a function of the rows' weights, in the order of `measures`.

        A metric that the rows do not define (AUC of one class) is NaN; one that such scores can
        never have is left out.
        """

    def lacks(self, metric: str) -> str:
        """Say why a metric of this problem was not measured."""
        return "such answers do not have"

    @abstractmethod
    def loss(self, target: Array, score: Array) -> Array:
        """Return what each row's answer costs; less is better."""

    @abstractmethod
    def moved(self, reference: Array, now: Array, threshold: float, alpha: float) -> list[Check]:
        """Check the answers' distribution against that on the holdout.

        It moves further than chance explains only once in 1 / `alpha` looks.
        """

    def level(self, score: Array) -> Array | None:
        """Return how high each answer is, as one number; None where it is none."""
        return None

    def followed(self, score: Array) -> Array | None:
        """Return what of each answer may follow a column: (rows, numbers); None for nothing."""
        level = self.level(score)
        return None if level is None else level[:, None]

    def treated(self, target: Array, score: Array) -> Choices | Amounts:
        """Return how each row was treated, and how it should have been by its target.

        Raises JobError where nothing says so.
        """
        raise JobError(f"[fairness]: nothing measures it for {self.spec['problem']}")

    def favoured(self, label: str) -> bool:
        """Whether a label, as a drop writes it, is the favourable outcome."""
        return False

    def translated(self, other: "Problem", score: Array) -> tuple["Problem", Array]:
        """Return what another version's scores are measured by beside this one's, and them.

        NaN is what that version did not answer.
        """
        return self, score

    def notes(self) -> list[str]:
        """Return what people should know of how an evaluation was measured."""
        return []

    def detail(self, target: Array, score: Array) -> dict[str, Any]:
        """Return the counts that an evaluation's pictures are drawn from, for evaluation.json.

        They are as many however many rows there are; nothing where pictures need the rows.
        """
        return {}

    @abstractmethod
    def pictures(self, target: Array, score: Array) -> list[str]:
        """Return the parts of an evaluation's page, of headings and drawings."""

    @abstractmethod
    def pictures_of_both(self, target: Array, candidate: Array, champion: Array) -> list[str]:
        """Return those of a comparison's page."""

    @abstractmethod
    def pictures_of_traffic(self, now: Array, reference: Array) -> list[str]:
        """Return those of a look's page."""


def kinds() -> list[str]:
    """Return the names of all kinds, in the order in which people think of them."""
    found = [path.stem for path in Path(__file__).parent.glob("[a-z]*.py")]
    return sorted(found, key=lambda name: (_kind(name).ORDER, name))


def of(spec: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> Problem:
    """Return a spec's problem. Raises JobError for one that these jobs do not know."""
    name = spec["problem"]
    if not (Path(__file__).parent / f"{name}.py").is_file():
        raise JobError(f"problem is {name!r}; these jobs know {', '.join(kinds())}")
    problem: Problem = _kind(name).KIND(spec, kept or {})
    return problem


def as_answered(spec: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec that reads and measures another version, whose `own` spec this is.

    What is measured is as in `spec`; what it answers is as it was pushed.
    """
    asked, rules = own.get("evaluate") or {}, dict(spec["evaluate"])
    for key in of(spec).answered_by:
        rules.pop(key, None)
        if key in asked:
            rules[key] = asked[key]
    return {**spec, "evaluate": rules}


def declared() -> dict[str, Any]:
    """Return what a spec may ask of each kind, as the layer keeps it: spec/problems.json."""
    made = {}
    for name in kinds():
        kind = _kind(name).KIND
        made[name] = {
            "targets": kind.targets,
            "reads": list(kind.reads),
            "scripts": list(kind.scripts),
            "fairness": kind.fairness,
            "section": kind.section,
            "named_by": list(kind.named_by),
            "split_by": list(kind.split_by),
            "kept_whole": kind.kept_whole,
            "derived": list(kind.derived),
            "sends_some": kind.sends_some,
            "measures": {metric: each._asdict() for metric, each in kind.measures.items()},
        }
    return made


def _kind(name: str) -> Any:
    return importlib.import_module(f"problems.{name}")


def moved_check(feature: str, who: str, distance: float, threshold: float, what: str) -> Check:
    """Return a check of a monitor's findings: whether predictions moved."""
    return {
        "monitor": "prediction",
        "feature": feature,
        "statistic": "prediction_drift_check",
        "value": distance,
        "threshold": threshold,
        "violated": bool(distance > threshold),
        "description": f"{who} moved by {distance:.3f} from those on the holdout: {what} "
        f"(threshold {threshold:.3f})",
    }


def one_line_each(lines: Sequence[str], rows: int) -> None:
    """Raise BadAnswer where there are more or fewer lines than rows."""
    if len(lines) != rows:
        raise BadAnswer(
            f"{len(lines)} lines for {rows} rows; output_fn must write one line per row"
        )
