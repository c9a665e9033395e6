"""A dialect of CSV, and reading it row by row as pandas does.

Rows come as pandas' C parser takes them: an empty line is none, a quote mark inside a field is
text, a file that ends inside quotes is broken. A field may have 134 million characters.
"""

import codecs
import csv
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .compressed import opened

# The csv module takes four bytes for each character of a field: a quote mark that is never closed
# may not take all memory. No field of data comes near; the module's own limit is 131,072.
LINE = 2**27  # characters of one line, and of one field: what is longer would fill the memory
csv.field_size_limit(LINE)
_NUL_IS_TEXT = sys.version_info >= (3, 11)  # before, the csv module refuses it
# What pandas reads as a missing value.
MISSING = frozenset(
    [
        *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
        *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
    ]
)


@dataclass(frozen=True)
class Dialect:
    """[data.dialect]; the defaults are those of pandas.read_csv."""

    separator: str = ","
    decimal: str = "."
    thousands: str | None = None
    encoding: str = "utf-8"
    quote: str | None = '"'
    comment: str | None = None
    skip_lines: int = 0

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> "Dialect":
        """Return the dialect of a spec's [data]; specs of before have none."""
        return cls(**data.get("dialect") or {})

    @property
    def codec(self) -> str:
        # pandas leaves a byte order mark out of the first name.
        return "utf-8-sig" if codecs.lookup(self.encoding).name == "utf-8" else self.encoding

    def plain(self, text: str) -> str:
        """Return a number as Python writes it; what is none stays none."""
        if self.thousands:
            text = text.replace(self.thousands, "")
        if self.decimal != ".":
            text = text.replace(".", "?").replace(self.decimal, ".")
        return text

    def number(self, text: str) -> str:
        """Return a number as Python writes it, and what is none as it stands there."""
        try:
            plain = self.plain(text)
            float(plain)
        except ValueError:
            return text
        return plain

    def for_pandas(self) -> dict[str, Any]:
        """Return the keywords with which pandas.read_csv reads this dialect."""
        words: dict[str, Any] = {"sep": self.separator, "decimal": self.decimal}
        words |= {"encoding": self.encoding, "skiprows": self.skip_lines}
        words |= {"thousands": self.thousands, "comment": self.comment}
        words |= {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        return words


PANDAS = Dialect()


class OpenQuotes(Exception):
    """The file ends inside quotes, in its last line; they open in the first line or below."""

    def __init__(self, first_line: int, last_line: int) -> None:
        super().__init__()
        self.first_line = first_line
        self.last_line = last_line


class Rows:
    """The rows of a file, header included, one at a time.

    Raises UnicodeError, csv.Error, OSError or Unreadable while it is iterated.
    """

    def __init__(self, path: Path, dialect: Dialect, errors: str = "strict") -> None:
        self._path = path
        self._dialect = dialect
        self._errors = errors
        self.line = 0  # how many lines of the file were read
        self._last = ""

    def __iter__(self) -> Iterator[list[str]]:
        dialect = self._dialect
        quotes: dict[str, Any] = (
            {"quotechar": dialect.quote} if dialect.quote else {"quoting": csv.QUOTE_NONE}
        )
        with opened(self._path) as raw:
            text = io.TextIOWrapper(raw, encoding=dialect.codec, errors=self._errors, newline="")
            lines = self._lines(text)
            self._ended = False
            reader = csv.reader(lines, delimiter=dialect.separator, **quotes)
            first = self.line + 1
            for row in reader:
                if self._ended:  # the reader asked for more in the middle of a row
                    raise OpenQuotes(first, self.line)
                first = self.line + 1
                if row and not (len(row) == 1 and not self._last.strip(" \t\r\n")):
                    yield row

    @property
    def ends_in_newline(self) -> bool:
        return self._last.endswith(("\n", "\r"))

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        dialect = self._dialect
        skip, open_quote = dialect.skip_lines, False
        while line := text.readline(LINE):
            self.line += 1
            if len(line) == LINE:
                raise csv.Error(f"it has more than {LINE:,} characters")
            if skip:
                if dialect.quote and line.count(dialect.quote) % 2:
                    open_quote = not open_quote
                skip -= not open_quote
                continue
            if not _NUL_IS_TEXT:
                line = line.replace("\0", "\ufffd")
            if dialect.comment:
                line, open_quote = _without_comment(line, dialect, open_quote)
            self._last = line
            yield line
        self._ended = True


def _without_comment(line: str, dialect: Dialect, open_quote: bool) -> tuple[str, bool]:
    """Return a line without its comment, and whether it ends inside quotes."""
    mark, quote = dialect.comment or "", dialect.quote
    if not quote or (not open_quote and quote not in line):
        start = line.find(mark)
        return (line if start < 0 else _before(line[:start], dialect)), False
    at_start, closed = True, -2  # of a field: only there does a quote mark open quotes
    for place, character in enumerate(line):
        if open_quote:
            open_quote = character != quote
            at_start = not open_quote and line[place + 1 : place + 2] == quote  # doubled
            closed = place if not open_quote else closed
        elif character == quote and at_start:
            open_quote = True
        elif character == mark and place != closed + 1:  # pandas takes that one as text
            return _before(line[:place], dialect), False
        else:
            at_start = character == dialect.separator
    return line, open_quote


def _before(text: str, dialect: Dialect) -> str:
    """Return a line that a comment ended. After blanks alone, pandas reads one empty field."""
    blank = text and not text.strip(" \t".replace(dialect.separator, ""))
    return (dialect.quote or "") * 2 + "\n" if blank else text + "\n"
