"""What an endpoint answered, as one score for each row: CSV, JSON, JSON Lines or an array."""

import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from payloads import csv_lines, decoded, is_json, json_values
from sent_columns import Unreadable

# Where an answer says several things of a row, its score is what is called so; else the last
# number: of an id and a score, a label and its probability, or the probabilities of 0 and 1.
_SCORES = (
    "score",
    "scores",
    "probability",
    "probabilities",
    "predicted_probability",
    "prediction",
    "predictions",
    "predicted_value",
    "predicted_values",
    "predicted",
    "output",
    "outputs",
    "result",
    "results",
    "value",
    "values",
    "data",
)
_NO_NUMBER = "the answer holds no number"


def scores_of(body: bytes, content_type: str, rows: int) -> list[float]:
    """Return a score for each of the rows that were sent; NaN where the answer is none.

    Raises Unreadable where the answer has another number of rows, or no numbers at all.
    """
    if body.startswith(b"\x93NUMPY"):
        values: Any = np.load(io.BytesIO(body), allow_pickle=False).tolist()
        return _fitting(_scores(values, rows), rows)
    text = decoded(body, content_type)
    if not is_json(text, content_type):
        return _from_csv(text, rows)
    try:
        parsed = json_values(text)
    except Unreadable:
        if text.lstrip()[:1] != "[":
            raise
        return _from_csv(text.replace("[", " ").replace("]", " "), rows)  # as NumPy prints it
    # JSON Lines: a line for each row, or for each part of a batch.
    per_row = [_scores(value, 1 if len(parsed) > 1 else rows) for value in parsed]
    return _fitting([score for some in per_row for score in some], rows)


def _fitting(scores: list[float], rows: int) -> list[float]:
    if len(scores) != rows:
        raise Unreadable("the request has another number of rows than the answer has scores")
    return scores


def _scores(value: Any, rows: int) -> list[float]:
    if isinstance(value, Mapping):
        return _of_object(value, rows)
    if not isinstance(value, list):
        return [_number(value)]
    if all(not isinstance(item, list | Mapping) for item in value):
        if rows == 1 and len(value) > 1:
            return [_last_number(value)]  # of one row the probabilities of 0 and 1
        return [_number(item) for item in value]
    if all(isinstance(item, Mapping) and "data" in item for item in value) and value:
        named = {str(item.get("name")): item["data"] for item in value}  # KServe's outputs
        return _scores(_called_score(named, next(reversed(named.values()))), rows)
    if len(value) == 1 and rows > 1:
        return _scores(value[0], rows)
    return [score for item in value for score in _scores(item, 1)]


def _of_object(value: Mapping[str, Any], rows: int) -> list[float]:
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        at = _score_column([str(name) for name in value["columns"]])
        return [_number(row[at]) for row in value["data"]]
    called = _called_score(value, None)
    if called is not None:
        return _scores(called, rows)
    if len(value) == 1:
        return _scores(next(iter(value.values())), rows)
    plain = not any(isinstance(item, list | Mapping) for item in value.values())
    if plain and rows > 1 and len(value) == rows:
        return [_number(item) for item in value.values()]  # by index, as pandas writes a series
    if plain and rows == 1:
        for name in ("1", "1.0", "true", "True"):  # the probability of that class
            if name in value:
                return [_number(value[name])]
    raise Unreadable("the answer says several things, and none is called score")


def _called_score(value: Mapping[str, Any], default: Any) -> Any:
    lower = {str(name).strip().lower(): item for name, item in value.items()}
    for name in _SCORES:
        if lower.get(name) is not None and not _is_word(lower[name]):
            return lower[name]
    return default


def _is_word(value: Any) -> bool:
    """Whether a value is a class's name: an answer may say that beside its probability."""
    if isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, str) and math.isnan(_or_nan(value))


def _from_csv(text: str, rows: int) -> list[float]:
    lines = csv_lines(text)
    names: list[str] = []
    if len(lines) == rows + 1 and _is_header(lines[0]):
        names, *lines = lines
    if len(lines) == rows and len({len(line) for line in lines}) == 1:
        if names:
            at = _score_column(names)
            return [_number(line[at]) for line in lines]
        return [_last_number(line) for line in lines]
    # Built-in algorithms answer a batch with one line.
    every = [field for line in lines for cell in line for field in cell.split()]
    return _fitting([_number(field) for field in every], rows)


def _is_header(line: Sequence[str]) -> bool:
    """Whether a line names columns; 0 is what pandas calls the only one of an array."""
    return line[-1].strip() == "0" or not any(math.isfinite(_or_nan(field)) for field in line)


def _score_column(names: Sequence[str]) -> int:
    lower = [name.strip().lower() for name in names]
    for name in _SCORES:
        if name in lower:
            return lower.index(name)
    return len(names) - 1


def _last_number(values: Sequence[Any]) -> float:
    for value in reversed(values):
        number = _or_nan(value)
        if math.isfinite(number):
            return number
    return _number(values[-1])


def _number(value: Any) -> float:
    """Return a score; NaN where it is missing, or infinite. Raises Unreadable for a word."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None:
        return math.nan
    try:
        number = float(value)
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(value, str) and not value.strip():
            return math.nan
        raise Unreadable(_NO_NUMBER) from error
    return number if math.isfinite(number) else math.nan


def _or_nan(value: Any) -> float:
    try:
        return _number(value)
    except Unreadable:
        return math.nan
