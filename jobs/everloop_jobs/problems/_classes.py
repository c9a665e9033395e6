"""Classes by their names, and what was answered of them in whatever form endpoints answer it."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from formats.dialect import MISSING
from metrics import Array
from problems import BadAnswer
from sent_columns import Unreadable

UNKNOWN, FOREIGN = -1, -2  # codes of a target, and of an answer, that is none of the classes
_WHOLE = re.compile(r"(-?\d+)\.0+")
_NAMES = ("label", "class", "predicted_label", "predicted_class", "prediction", "predicted")
_SHARES = ("probabilities", "probability", "scores", "score", "predict_proba", "proba")
_ROWS = ("predictions", "outputs", "results", "instances", "data", "output", "result")
_ROUNDING = 1e-6  # a float32's, of a sum
_OFF = 0.01  # by how much probabilities may miss the sum of 1: they are rounded


def name_of(value: Any) -> str:
    """Return a class's name, the same however it was written: 1, 1.0 and '1' are one class."""
    text = str(value).strip()
    match = _WHOLE.fullmatch(text)
    return match[1] if match else text


def in_order(names: Iterable[str]) -> list[str]:
    """Return classes as scikit-learn sorts them: numbers by value, else by their characters."""
    known = set(names)
    if all(_is_number(name) for name in known):
        return sorted(known, key=float)
    return sorted(known)


class Answers:
    """Reads answers into rows of (code of the label, a probability for each class or NaN)."""

    def __init__(self, classes: Sequence[str], *, numbered: bool = False) -> None:
        """`numbered`: labels in JSON are numbers of classes, as of a built-in algorithm."""
        self.classes = list(classes)
        self._numbered = numbered
        self._code = {name: code for code, name in enumerate(self.classes)}

    def code(self, value: Any) -> int:
        return self._code.get(name_of(value), FOREIGN)

    def _named(self, number: Any) -> Any:
        """Return the class of a number; the number where it is none's."""
        try:
            at = float(number)
        except (TypeError, ValueError):
            return number
        return self.classes[int(at)] if at in range(len(self.classes)) else number

    def row(self, fields: Sequence[Any]) -> list[float]:
        """Return what a row's fields say: a label, probabilities, or both. Raises BadAnswer."""
        count = len(self.classes)
        shares: Sequence[Any] = ()
        label: Any = None
        if len(fields) == 1:
            label = fields[0]
        elif len(fields) == count:
            shares = fields
        elif len(fields) == count + 1:
            label, *shares = fields
        else:
            raise BadAnswer(
                f"{len(fields)} values where a class, {count} probabilities, or both belong; the "
                f"classes are {shown(self.classes)}"
            )
        return self.made(label, shares)

    def made(self, label: Any, shares: Sequence[Any]) -> list[float]:
        """Return a row of a label (None: the most probable class) and probabilities."""
        numbers = [_probability(value) for value in shares]
        if numbers and not abs(sum(numbers) - 1) <= _OFF:
            raise BadAnswer(f"probabilities that sum to {sum(numbers):.4g}; 1 belongs there")
        if label is None:
            return [float(np.argmax(numbers)), *numbers]
        code = self.code(label)
        if code == FOREIGN:
            raise BadAnswer(
                f"{str(label)[:60]!r}, which is no class; there are {shown(self.classes)}"
            )
        return [float(code), *(numbers or [math.nan] * len(self.classes))]

    def part(self, value: Any) -> list[float]:
        """Return a row of what JSON says of it. Raises BadAnswer."""
        if not isinstance(value, Mapping):
            return self.row(value if isinstance(value, list) else [value])
        lower = {str(name).lower(): each for name, each in value.items()}
        label, shares = _first(lower, _NAMES), _first(lower, _SHARES)
        if label is None and shares is None:
            shares = value
        if self._numbered and label is not None:
            label = self._named(label)
        if isinstance(shares, Mapping):
            named = {name_of(name): share for name, share in shares.items()}
            if set(named) != set(self.classes):
                raise BadAnswer(f"other classes than {shown(self.classes)}")
            shares = [named[name] for name in self.classes]
        if not isinstance(shares, list):  # the probability of the label alone
            shares = []
        if label is not None and len(shares) not in (0, len(self.classes)):
            shares = []
        return self.made(label, shares) if label is not None else self.row(shares)


def parts_of(values: Any, rows: int) -> list[Any]:
    """Return what each row's part of an answer in JSON says, as one that `part` reads."""
    if isinstance(values, Mapping):
        lower = {str(name).lower(): value for name, value in values.items()}
        inner = next((lower[name] for name in _ROWS if isinstance(lower.get(name), list)), None)
        if inner is not None:
            return parts_of(inner, rows)
        labels, shares = _first(lower, _NAMES), _first(lower, _SHARES)
        if isinstance(labels, list) or _is_table(shares):
            many = [each if isinstance(each, list) else None for each in (labels, shares)]
            return [
                {"label": label, "probabilities": share}
                for label, share in zip(*(_filled(each, rows) for each in many), strict=True)
            ]
        values = [values]
    parts = values if isinstance(values, list) else [values]
    if rows == 1 and len(parts) != 1 and not any(isinstance(p, list | Mapping) for p in parts):
        parts = [parts]
    if len(parts) != rows:
        raise Unreadable("the request has another number of rows than the answer has scores")
    return parts


def counted(column: Iterator[pd.Series]) -> Counter[str]:
    """Return how often each class is there."""
    seen: Counter[str] = Counter()
    for part in column:
        for value, count in part.value_counts().items():
            seen[name_of(value)] += int(count)
    return seen


def filled(column: pd.Series) -> Array:
    """Return which values name a class: any but a missing one, as pandas understands it."""
    missing = column.isna() | column.astype(str).str.strip().isin(MISSING)
    there: Array = ~missing.to_numpy()
    return there


def with_header(fields: Sequence[Sequence[str]], answers: Answers) -> list[list[str]] | None:
    """Return rows in the classes' order where the first line names the classes; else None.

    A column `label`, before them or behind them, holds the label.
    """
    head, *rows = fields
    names = [name_of(name.removeprefix("score:")) for name in head]
    labelled = [at for at, name in enumerate(head) if name.strip().lower() == "label"]
    known = set(answers.classes)
    if len(set(names) & known) < 2 or not set(names) - {"label"} <= known:
        return None
    if not known <= set(names):
        lacks = shown([name for name in answers.classes if name not in names])
        raise BadAnswer(f"a header that lacks classes: {lacks}")
    order = [*labelled[:1], *(names.index(name) for name in answers.classes)]
    if any(len(row) != len(head) for row in rows):
        raise BadAnswer("a row with more or fewer values than its header")
    return [[row[at] for at in order] for row in rows]


def cell(row: Sequence[float], classes: Sequence[str]) -> str:
    """Return a row as a cell of a table, which holds its label by name."""
    shares = [] if row[1] != row[1] else list(row[1:])
    return json.dumps([classes[int(row[0])], *shares])


def of_cell(text: Any, answers: Answers) -> list[float] | None:
    """Return the row of a cell; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        label, *shares = json.loads(text)
    except ValueError:
        return None
    if len(shares) != len(answers.classes):
        shares = [math.nan] * len(answers.classes)
    return [float(answers.code(label)), *map(float, shares)]


def shown(names: Sequence[str], most: int = 10) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(repr(name[:40]) for name in names[:most]) + more


def table(rows: Sequence[Sequence[float]], classes: int) -> Array:
    return np.array(rows, dtype=float).reshape(-1, classes + 1)


def within(share: Array) -> Array:
    """Return probabilities without what arithmetic put beside 0 and 1, as 1.0000000000000002."""
    near: Array = (share >= -_ROUNDING) & (share <= 1 + _ROUNDING)
    made: Array = np.where(near, np.clip(share, 0.0, 1.0), share)
    return made


def _probability(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    number = float(within(np.array(number)))
    if not 0 <= number <= 1:
        raise BadAnswer(f"{str(value)[:60]!r} where a probability, from 0 to 1, belongs")
    return number


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False


def _first(table: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((table[name] for name in names if table.get(name) is not None), None)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], list | Mapping)


def _filled(values: list[Any] | None, rows: int) -> list[Any]:
    if values is None:
        return [None] * rows
    if len(values) != rows:
        raise Unreadable("the request has another number of rows than the answer has scores")
    return values
