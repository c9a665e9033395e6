"""Check a dropped CSV file, row by row, before anything is computed from it.

Nothing is refused that pandas reads in the file's dialect, but for what it cannot read as meant: a
file that was cut off, a required name that stands there twice, and rows that are longer than
the header, whose values pandas moves to the next names.
"""

import codecs
import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import header
from ..compressed import head_of, opened
from ..dialect import LINE, Dialect, OpenQuotes, Rows
from ..expected import Expected
from ..format import Format, at_once
from ..header import clipped
from ..recognise import HEAD, what_it_is
from ..seen import UNKNOWN, FileCheck
from ..values import Values, more

_LINES = 20  # in which a header is looked for
_FIRST_LINE = 16_777_216  # bytes; no header is longer, and what is one line would fill the memory


class Csv:
    """CSV in the dialect that [data.dialect] declares."""

    is_read = True
    names_are_optional = False
    may_be_compressed = True
    endings = (".csv",)

    def check(self, path: Path, expected: Expected) -> FileCheck:
        seen = FileCheck()
        reading = _Reading(path, expected, seen)
        try:
            if _starts_with_a_line(path):
                reading.read()
            else:
                size = _FIRST_LINE // 2**20
                seen.bad = [f"its first {size} MB are one line; a header belongs there"]
        except UnicodeError as error:
            seen.bad = [_no_text(path, expected.dialect, error)]
        except OpenQuotes as error:
            seen.bad = [_never_closed(error, reading)]
        except (csv.Error, MemoryError) as error:
            why = str(error) or "it is longer than memory"
            seen.bad = [
                f"row {reading.count + 1} (line {reading.rows.line}) cannot be read: {why}; is a "
                "quote mark never closed?"
            ]
        if seen.bad and not reading.named:
            what, fix = what_it_is(head_of(path, HEAD), expected.dialect.encoding, "csv")
            if what:
                seen.bad, reading.foreign = [f"is {what}; {fix}"], True
            if reading.foreign and expected.names_only:
                seen.notes = [f"{seen.bad[0]}; reading it is left to preprocess.py"]
                seen.bad = []
        return seen

    def rows(self, path: Path, data: Mapping[str, Any], columns: Sequence[str]) -> Iterator[Any]:
        import pandas as pd  # the command that drops files has none

        dialect = Dialect.of(data)
        own = dialect.thousands or dialect.decimal != "."  # way of writing numbers
        numbers = [*(name for name, kind in data["columns"].items() if kind == "number")]
        rules = (data.get("checks") or {}).get("columns") or {}
        numbers += [name for name, rule in rules.items() if rule.get("between") is not None]
        head = next(iter(Rows(path, dialect, "replace")), [])
        # By place: pandas has names of its own for those that are empty or come again.
        places = {name: head.index(name) for name in columns}
        in_file = sorted(places, key=lambda name: places[name])
        with opened(path) as file:
            reader = pd.read_csv(
                file, usecols=sorted(places.values()), index_col=False, dtype=str,
                keep_default_na=False, chunksize=at_once(len(head)), **dialect.for_pandas(),
            )  # fmt: skip
            for part in reader:
                part.columns = in_file
                part = part[list(columns)].fillna("").reset_index(drop=True)
                if own:
                    for name in part.columns.intersection([*numbers, data["target"]]):
                        part[name] = part[name].map(dialect.number)
                yield part

    def hand_on(self, path: Path, data: Mapping[str, Any]) -> None:
        """Leave the file as it is: preprocess.py knows the dialect."""

    def environment(self, data: Mapping[str, Any]) -> dict[str, str]:
        return {"EVERLOOP_READ_CSV": json.dumps(Dialect.of(data).for_pandas())}


class _Reading:
    """One pass through a file: its header first, then every row."""

    def __init__(self, path: Path, expected: Expected, seen: FileCheck) -> None:
        self._path = path
        self._expected = expected
        self._seen = seen
        self.rows = Rows(path, expected.dialect, "replace" if expected.names_only else "strict")
        self.count = 0
        self.named = False  # the header has every required name
        self.foreign = False  # it is written in another way than the dialect

    def read(self) -> None:
        expected, seen = self._expected, self._seen
        rows = iter(self.rows)
        head = next(rows, [])
        lost = [name for name in expected.required if name not in head]
        if not head:
            seen.empty, seen.rows = "is empty", 0
            return
        if lost:
            seen.bad = self._without(head, lost)
            return
        self.named = True
        seen.columns = dict.fromkeys(head, UNKNOWN)
        twice = [name for name, times in Counter(head).items() if times > 1]
        needed = [name for name in twice if name in expected.required]
        if needed:
            seen.bad = [
                f"the header names column {clipped(needed[0])} twice, and which is meant "
                "nobody knows; rename one"
            ]
            return
        if twice:
            column = clipped(twice[0])
            seen.notes.append(f"the header names column {column} twice; pandas renames the second")
        if expected.names_only:
            return
        self._values(head, rows)
        seen.rows = self.count
        if not self.count and not seen.bad:
            seen.empty = "has a header and no rows"

    def _without(self, head: Sequence[str], lost: Sequence[str]) -> list[str]:
        """Say why a header lacks names."""
        expected, dialect = self._expected, self._expected.dialect
        self.foreign = True
        reason = header.elsewhere(_first_lines(self._path, dialect), expected.required, dialect)
        if reason:
            return [reason]
        if len(lost) == len(expected.required) and header.is_values(head):
            return ["its first line holds values where names belong; put a header above it"]
        self.foreign = False
        return [header.missing(each, head, expected.columns) for each in lost]

    def _values(self, head: Sequence[str], rows: Iterator[list[str]]) -> None:
        seen, width = self._seen, len(head)
        values = Values(head, self._expected)
        short, first_short, fields = 0, "", width
        for row in rows:
            self.count += 1
            fields = len(row)
            if fields != width:
                where = f"row {self.count} has {fields} fields where the header has {width}"
                if fields > width:
                    seen.bad = [f"{where}{self._too_many(row[width:])}"]
                    return
                short, first_short = short + 1, first_short or where
                row = [*row, *[""] * (width - fields)]
            values.add(row, self.count)
        if fields < width and not self.rows.ends_in_newline:
            where = f"row {self.count} has {fields} fields where the header has {width}"
            seen.bad = [f"{where}; the file looks cut off, upload it again"]
            return
        seen.bad, seen.doubts = values.bad(), values.doubts()
        if short:
            note = f"{first_short}{more(short)}; what lacks counts as missing"
            (seen.bad or seen.doubts or seen.notes).insert(0, note)

    def _too_many(self, extra: Sequence[str]) -> str:
        line = f" (line {self.rows.line})"
        if self.count > 1:
            return f"{line}; put quotes around a field that holds a separator"
        if not any(extra):
            return "; its rows end with a separator that the header lacks: remove it"
        return (
            "; give every column a name: pandas would take what stands in front as the row's "
            "name, other readers would not"
        )


def _starts_with_a_line(path: Path) -> bool:
    """Whether a line ends within the file's first bytes, or the file itself does."""
    with opened(path) as file:
        for _ in range(_FIRST_LINE // HEAD):
            piece = file.read(HEAD)
            if b"\n" in piece or b"\r" in piece or len(piece) < HEAD:
                return True
    return False


def _first_lines(path: Path, dialect: Dialect) -> list[str]:
    text = head_of(path, HEAD).decode(dialect.codec, "replace")
    return text.splitlines()[:_LINES]


def _never_closed(error: OpenQuotes, reading: _Reading) -> str:
    row = f"row {reading.count + 1}" if reading.named else "the header"
    if error.first_line == error.last_line and not reading.rows.ends_in_newline:
        return (
            f"{row} cannot be read: it ends inside quotes; the file looks cut off, upload it again"
        )
    return (
        f"{row} cannot be read: the quotes that open there (line {error.first_line}) are never "
        "closed; close them, and write a quote mark that is text twice"
    )


def _no_text(path: Path, dialect: Dialect, error: UnicodeError) -> str:
    """Say where a file stops being text of its encoding, and what it may be instead."""
    encoding = dialect.encoding.upper()
    if codecs.lookup(dialect.encoding).name != "utf-8":
        return f"is no {encoding} text: {error}; declare [data.dialect] encoding as it was written"
    number, line = 0, b""
    with opened(path) as file:
        for line in iter(lambda: file.readline(LINE), b""):
            number += 1
            try:
                line.decode()
            except UnicodeDecodeError as undecodable:
                error = undecodable
                break
    if not isinstance(error, UnicodeDecodeError):
        return f"is no UTF-8 text: {error}"
    if error.reason == "unexpected end of data" and not line.endswith(b"\n"):
        return f"is cut off inside a character of line {number}; upload it again"
    byte = line[error.start]
    guess = "cp1252" if any(0x80 <= each < 0xA0 for each in line) else "latin-1"
    letter = bytes([byte]).decode(guess, "replace")
    return (
        f"is no UTF-8 text: line {number} holds the byte 0x{byte:02x}, which is {letter!r} in "
        f"{guess}; save it as UTF-8, or declare [data.dialect] encoding = {guess!r}"
    )


FORMAT: Format = Csv()
