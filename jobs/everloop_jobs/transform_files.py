"""Rows for a transform job, in files that are one request each; and what a container answered.

A file's name says which rows of which part it holds: holdout-000000000-000000999.csv. SageMaker
puts what was answered below the same name with `.out` behind it, in a folder of its choice.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pandas as pd

import problems
from container import JobError
from metrics import Array
from payloads import BROKEN, csv_lines, decoded, is_json
from problems import BadAnswer, Problem
from sent_columns import Unreadable

OUTPUT: Final = "requests"
# A request of a transform job has 6 MB at most, as pipelines/transform.py asks for it. Smaller ones
# are what containers are made for, and what they answer fits into their memory.
_REQUEST_BYTES = 1_000_000
_MOST_BYTES = 6 * 1024 * 1024
_ROWS = 10_000  # read at a time
_ANSWERS = re.compile(r"(?P<part>[a-z]+)-(?P<first>\d{9,})-(?P<last>\d{9,})\.csv\.out")


def is_transformed(spec: Mapping[str, Any]) -> bool:
    """Whether a model's serving container scores it; specs of before do not say it: no."""
    return bool(spec["evaluate"].get("by") == "transform")


def written(
    part: str, source: Path, folder: Path, spec: Mapping[str, Any], names: Sequence[str] | None
) -> None:
    """Write a part's rows as the model is sent them: some columns, and each cell as it is.

    `names` are the columns that a built-in algorithm was trained on, in their order: it takes them
    without a header. A model of scripts takes what its problem sends, with the names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    problem, first = problems.of(spec), 0
    with pd.read_csv(source, dtype=str, keep_default_na=False, chunksize=_ROWS) as chunks:
        for chunk in chunks:
            rows = chunk[problem.sent(list(chunk.columns))]
            if names is not None:
                if lost := [name for name in names if name not in rows]:
                    raise JobError(
                        f"the {part} has no column {lost[0]!r}, on which the model was trained"
                    )
                rows = rows[list(names)]
            _put(rows, part, first, folder, header=names is None)
            first += len(rows)


def _put(rows: pd.DataFrame, part: str, first: int, folder: Path, *, header: bool) -> None:
    text = rows.to_csv(index=False, header=header, lineterminator="\n").encode()
    if len(text) > _REQUEST_BYTES and len(rows) > 1:
        half = len(rows) // 2
        _put(rows.iloc[:half], part, first, folder, header=header)
        _put(rows.iloc[half:], part, first + half, folder, header=header)
        return
    if len(text) > _MOST_BYTES:
        raise JobError(
            f"row {first} of the {part} has {len(text):,} bytes as CSV; a request of a transform "
            f"job has {_MOST_BYTES:,} at most"
        )
    last = first + len(rows) - 1
    (folder / f"{part}-{first:09d}-{last:09d}.csv").write_bytes(text)


def scores(folder: Path, part: str, rows: int, problem: Problem, whose: str = "model") -> Array:
    """Return what a transform job answered for each of a part's rows, in their order.

    Raises JobError where it answered fewer, others, or something that is no score.
    """
    found = _answers(folder, part)
    cells: list[Any] = []
    while len(cells) < rows:
        first = len(cells)
        last, path = found.get(first, (-1, folder))
        if last < first or last >= rows:
            raise JobError(
                f"the transform job of the {whose} left no answers to the rows from {first} on of "
                f"the {part}'s {rows}"
            )
        cells += _cells(path, first, last, part, problem, whose)
    try:
        return problem.checked(problem.of_cells(pd.Series(cells, dtype=object)))
    except BadAnswer as error:
        raise JobError(f"the serving container of the {whose} answered {error}") from error


def _answers(folder: Path, part: str) -> dict[int, tuple[int, Path]]:
    """Return the files of a part's answers, by the first row of each."""
    found: dict[int, tuple[int, Path]] = {}
    for path in sorted(folder.rglob("*.out")):
        named = _ANSWERS.fullmatch(path.name)
        if named and named["part"] == part:
            found[int(named["first"])] = (int(named["last"]), path)
    return found


def _cells(path: Path, first: int, last: int, part: str, problem: Problem, whose: str) -> list[Any]:
    body, count = path.read_bytes(), last - first + 1
    who, which = f"the serving container of the {whose}", f"rows {first} to {last} of the {part}"
    try:
        cells = problem.of_body(body, "", count)
    except BROKEN as error:  # Unreadable among them
        raise JobError(f"{who} answered {_shape(body)} to the {count} {which}: {error}") from error
    for number, cell in enumerate(cells, first):
        if cell is None or cell != cell:  # NaN
            raise JobError(
                f"{who} answered nothing for row {number} of the {part} that is a {problem.answer}"
            )
    return cells


def _shape(body: bytes) -> str:
    """Return what an answer looks like, and nothing of what it holds."""
    if not body.strip():
        return "nothing"
    try:
        text = decoded(body, "")
        if is_json(text, ""):
            return f"JSON of {len(body):,} bytes"
        return f"{len(csv_lines(text))} lines"
    except Unreadable:
        return f"{len(body):,} bytes"
