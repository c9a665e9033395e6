"""What the columns of a CSV file hold, from its first rows: enough to begin a model with."""

import csv
import itertools
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from everloop_cli.trouble import Trouble
from everloop_jobs.formats.compressed import Unreadable, head_of
from everloop_jobs.formats.dialect import MISSING, Dialect, OpenQuotes, Rows

_ROWS = 20_000  # that are read
_HEAD = 64_000  # bytes in which the first line ends
_SEPARATORS = ",;\t|"
_TIMES = 10  # so many times and more let rows be split by them
_FEW_CLASSES = 20  # whole numbers of no more are classes
_NAMES_ROWS = 0.5  # a text that is another in more rows than this names them, and explains nothing
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$")
_DECIMAL_COMMA, _DECIMAL_POINT = re.compile(r"-?\d+,\d+$"), re.compile(r"-?\d+\.\d+$")
_KEY = re.compile(r"(^|[_\W])(id|key|no|number|code|uuid|guid)$|Id$|ID$", re.IGNORECASE)


@dataclass
class Column:
    """A column, as its first rows have it."""

    name: str
    filled: int = 0
    numbers: int = 0
    moments: set[datetime] = field(default_factory=set)
    timeless: int = 0
    values: Counter[str] = field(default_factory=Counter)

    @property
    def is_number(self) -> bool:
        return self.filled > 0 and self.numbers == self.filled

    @property
    def is_moment(self) -> bool:
        return self.filled > 0 and not self.timeless

    @property
    def distinct(self) -> list[str]:
        """Return its values, each once: of a number in the spelling that came first."""
        if not self.is_number:
            return list(self.values)
        return list({float(value): value for value in reversed(self.values)}.values())[::-1]

    @property
    def is_whole(self) -> bool:
        return self.is_number and all(float(value).is_integer() for value in self.values)

    def names_rows(self, rows: int) -> bool:
        """Whether it holds another value in each row."""
        return self.filled == rows == len(self.values)

    def add(self, value: str) -> None:
        """Count a cell, as it stands there: pandas takes no space away from a word either."""
        if value in MISSING:
            return
        self.filled += 1
        self.numbers += _is_number(value)
        when = _moment(value)
        if when is None:
            self.timeless += 1
        else:
            self.moments.add(when)
        self.values[value] += 1


@dataclass(frozen=True)
class Table:
    """The first rows of a file: its columns, how many rows were read, and how it is written."""

    columns: Sequence[Column]
    rows: int
    separator: str
    decimal: str
    cells: Sequence[Sequence[str]] = ()

    def named(self, name: str) -> Column:
        """Return a column. Raises Trouble naming those that there are."""
        for column in self.columns:
            if column.name == name:
                return column
        there = ", ".join(column.name for column in self.columns)
        raise Trouble(f"the data has no column {name!r}; it has: {there}")

    def key(self) -> Column | None:
        """Return the column that names the rows, as far as one can tell; None where none does."""
        unique = [each for each in self.columns if each.names_rows(self.rows)]
        whole = [each for each in unique if each.is_whole or not each.is_number]
        called = [each for each in whole if _KEY.search(each.name)]
        return next(iter([*called, *(each for each in whole if not each.is_moment)]), None)

    def moment(self) -> Column | None:
        """Return the first column by whose time rows can be split; None where there is none.

        Each row has one, and there are some: train, validation and holdout have times of their own.
        """
        return next(
            (
                each
                for each in self.columns
                if each.is_moment and each.filled == self.rows and len(each.moments) >= _TIMES
            ),
            None,
        )

    def series(self, but: Iterable[str]) -> Column | None:
        """Return the column of words that names a row together with its time; None without one.

        Then the rows are those of several series, and how these go on may be what is asked.
        """
        moment = self.moment()
        if moment is None or moment.names_rows(self.rows):
            return None
        at = [column.name for column in self.columns]
        for name in self.categories(but):
            both = {
                (row[at.index(name)], row[at.index(moment.name)])
                for row in self.cells
                if len(row) == len(at)
            }
            if len(both) == self.rows:
                return self.named(name)
        return None

    def numbers(self, but: Iterable[str]) -> list[str]:
        """Return the columns of numbers."""
        return [c.name for c in self.columns if c.is_number and c.name not in but]

    def categories(self, but: Iterable[str]) -> list[str]:
        """Return the columns of words that come again: what names a row explains nothing."""
        return [
            column.name
            for column in self.columns
            if not column.is_number
            and not column.is_moment
            and column.filled
            and len(column.values) <= max(2, _NAMES_ROWS * column.filled)
            and column.name not in but
        ]


def read(path: Path) -> Table:
    """Read the first rows of a CSV file, compressed or not, as jobs read it.

    Raises Trouble where it is none.
    """
    try:
        dialect = Dialect(separator=_separator(path))
        reader = iter(Rows(path, dialect))
        names = next(reader, [])
        if len(names) < 2 or len(set(names)) < len(names) or not all(names):
            raise Trouble(f"{path}: its first line has to name at least two columns, each once")
        return _read(path, names, reader, dialect.separator)
    except UnicodeError as error:
        raise Trouble(f"{path} is no CSV in UTF-8: {error}") from error
    except OpenQuotes as error:
        raise Trouble(f"{path}: quotes that open in line {error.first_line} never close") from error
    except (OSError, csv.Error, Unreadable) as error:
        raise Trouble(f"{path} cannot be read: {error}") from error


def _separator(path: Path) -> str:
    first = head_of(path, _HEAD).decode("utf-8-sig", errors="ignore").partition("\n")[0]
    return max(_SEPARATORS, key=lambda s: len(next(csv.reader([first], delimiter=s), [])))


def _read(path: Path, names: list[str], reader: Iterable[list[str]], separator: str) -> Table:
    first = list(itertools.islice(reader, _ROWS))
    cells = [cell for row in first for cell in row]
    commas = sum(bool(_DECIMAL_COMMA.match(cell.strip())) for cell in cells)
    points = sum(bool(_DECIMAL_POINT.match(cell.strip())) for cell in cells)
    decimal = "," if separator != "," and commas > points else "."
    columns = [Column(name) for name in names]
    for number, row in enumerate(first, start=1):
        if len(row) > len(names):
            raise Trouble(
                f"{path}: row {number} has {len(row)} fields, and the header {len(names)}"
            )
        lacking = [""] * (len(names) - len(row))  # of a short row: missing, as in a drop
        for column, value in zip(columns, [*row, *lacking], strict=True):
            comma = decimal == "," and _DECIMAL_COMMA.match(value)
            column.add(value.replace(",", ".") if comma else value)
    if len(first) < 2:
        raise Trouble(f"{path} has {len(first)} rows; a model needs some to learn from")
    return Table(columns, len(first), separator, decimal, first)


def problem_of(target: Column) -> tuple[str, str]:
    """Return which problem a target's values look like, and why."""
    classes = len(target.distinct)
    if classes < 2:
        raise Trouble(f"the column {target.name!r} holds {classes} values; a target needs two")
    if classes == 2:
        return "binary_classification", "two different values"
    if not target.is_number and classes > _NAMES_ROWS * target.filled:
        raise Trouble(
            f"the column {target.name!r} holds {classes} different words in {target.filled} rows: "
            "they name rows, and are no classes"
        )
    if not target.is_number:
        return "multiclass_classification", f"{classes} different words"
    if target.is_whole and classes <= _FEW_CLASSES and classes < target.filled / 10:
        return "multiclass_classification", f"{classes} different whole numbers"
    return "regression", f"{classes} different numbers"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text and math.isfinite(float(text))  # 1_000 is Python's own way to write


def _moment(text: str) -> datetime | None:
    if not _MOMENT.match(text):
        return None
    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
