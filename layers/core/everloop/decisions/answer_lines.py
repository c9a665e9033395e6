"""What an endpoint answered, a line for each row: CSV as it is, JSON of built-in algorithms."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

_LABEL: Final = "predicted_label"


def lines_of(text: str, *, bare: bool, classes: Sequence[str] = ()) -> list[str]:
    """Return an answer's lines.

    A built-in algorithm (`bare`) answers all rows in one line, as [0.1, 0.9],[…], or in JSON: a
    score, or its label's number, which is that of one of `classes` where a problem has them.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if not bare:
        return lines
    if text.lstrip()[:1] == "{":
        return list(_of_objects(lines, classes)) or lines
    if len(lines) != 1:
        return lines
    try:
        rows = json.loads(f"[{lines[0]}]")
    except (ValueError, RecursionError):
        return lines
    return [",".join(map(str, row)) if isinstance(row, list) else str(row) for row in rows]


def _of_objects(lines: Sequence[str], classes: Sequence[str]) -> Iterator[str]:
    """Yield the lines of {"predictions": […]}, or of JSON Lines; nothing where it is neither."""
    try:
        values = [json.loads(line) for line in lines]
    except (ValueError, RecursionError):
        try:
            values = [json.loads("\n".join(lines))]
        except (ValueError, RecursionError):
            return
    first = values[0]
    rows = first.get("predictions") if isinstance(first, Mapping) and len(values) == 1 else None
    for row in rows if isinstance(rows, list) else values:
        yield _line(row, classes)


def _line(row: Any, classes: Sequence[str]) -> str:
    if not isinstance(row, Mapping):
        return str(row)
    score = row.get("score")
    if isinstance(score, list):
        return ",".join(map(str, score))
    if score is not None:
        return str(score)
    label = row.get(_LABEL)
    if classes and isinstance(label, int | float) and 0 <= label < len(classes):
        return str(classes[int(label)])
    return str(label)
