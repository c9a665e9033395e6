"""JSON Lines: a record a line. Names that a record lacks are missing values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import header
from ..compressed import head_of, opened
from ..dialect import LINE
from ..expected import Expected
from ..format import Format, at_once
from ..header import clipped
from ..recognise import HEAD, what_it_is
from ..seen import UNKNOWN, FileCheck, Type
from ..values import Values

_KINDS = {
    int: Type("number", "a number"),
    float: Type("number", "a number"),
    str: Type("text", "text"),
    bool: Type("boolean", "true or false"),
    dict: Type("record", "a record"),
    list: Type("list", "a list"),
}
Record = dict[str, Any]


class Broken(Exception):
    """A line is no record; the words say which and why. `foreign`: it may be another format."""

    def __init__(self, why: str, *, foreign: bool = False) -> None:
        super().__init__(why)
        self.foreign = foreign


class JsonLines:
    is_read = True
    names_are_optional = True
    may_be_compressed = True
    endings = (".jsonl", ".ndjson")

    def check(self, path: Path, expected: Expected) -> FileCheck:
        seen = FileCheck()
        reading = _Reading(expected, seen)
        try:
            for record in _records(path, expected.flatten):
                reading.add(record)
        except Broken as error:
            seen.bad = [str(error)]
            if error.foreign and not reading.count:
                what, fix = what_it_is(head_of(path, HEAD), wanted="jsonl")
                seen.bad = [f"is {what}; {fix}"] if what not in ("", "JSON Lines") else seen.bad
            return seen
        reading.end()
        return seen

    def rows(self, path: Path, data: Mapping[str, Any], columns: Sequence[str]) -> Iterator[Any]:
        import pandas as pd  # the command that drops files has none

        numbers = {name for name, kind in data["columns"].items() if kind == "number"}
        if not data.get("target_is_class"):
            numbers.add(data["target"])
        as_number = [(name, name in numbers) for name in columns]
        part: list[list[str]] = []
        most = at_once(len(columns))
        for record in _records(path, bool(data.get("flatten"))):
            part.append([_text(record.get(name), number) for name, number in as_number])
            if len(part) == most:
                yield pd.DataFrame(part, columns=list(columns), dtype=object)
                part = []
        if part:
            yield pd.DataFrame(part, columns=list(columns), dtype=object)

    def hand_on(self, path: Path, data: Mapping[str, Any]) -> None:
        if not data.get("flatten"):
            return
        flat = path.with_name(f".{path.name[:100]}.flat")
        with flat.open("w", encoding="utf-8") as file:
            for record in _records(path, flatten=True):
                file.write(json.dumps(record) + "\n")
        flat.replace(path)

    def environment(self, data: Mapping[str, Any]) -> dict[str, str]:
        return {}


class _Reading:
    """One pass through the records of a file."""

    def __init__(self, expected: Expected, seen: FileCheck) -> None:
        self._expected = expected
        self._seen = seen
        self._types: dict[str, Type] = {}
        self._mixed: dict[str, str] = {}
        self._values = Values(expected.required, expected)
        numbers = [] if expected.targets in ("any", "free") else [expected.target]
        self._numbers = [
            (name, name in numbers or expected.columns.get(name) == "number")
            for name in expected.required
        ]
        self.count = 0

    def add(self, record: Record) -> None:
        self.count += 1
        types = self._types
        for name, value in record.items():
            if value is None:
                types.setdefault(name, UNKNOWN)
                continue
            found, known = _KINDS[type(value)], types.get(name)
            if known is not found:
                self._meet(name, known, found)
        if not self._expected.names_only:
            row = [_text(record.get(name), number) for name, number in self._numbers]
            self._values.add(row, self.count)

    def _meet(self, name: str, known: Type | None, found: Type) -> None:
        if not known or not known.kind:
            if name not in self._mixed:
                self._types[name] = found
        elif known.kind != found.kind:
            self._types[name] = UNKNOWN
            self._mixed[name] = f"{found.written} in row {self.count} and {known.written} above"

    def end(self) -> None:
        seen, expected = self._seen, self._expected
        seen.columns = self._types
        if not self.count:
            seen.rows, seen.empty = 0, "holds no records"
            return
        head = list(self._types)
        lost = [name for name in expected.required if name not in self._types]
        if lost:
            seen.bad = [self._missing(name, head) for name in lost]
            return
        if expected.names_only:
            return
        nested = [
            name for name in expected.required if self._types[name].kind in ("record", "list")
        ]
        if nested:
            seen.bad = [
                f"column {clipped(name)} holds {self._types[name].written}; a text or a number "
                "belongs there" for name in nested
            ]  # fmt: skip
            return
        seen.rows = self.count
        seen.bad, seen.doubts = self._values.bad(), self._values.doubts()
        seen.notes = [f"column {clipped(name)} holds {what}" for name, what in self._mixed.items()]

    def _missing(self, name: str, head: Sequence[str]) -> str:
        outer = name.partition(".")[0]
        if outer != name and outer in self._types and not self._expected.flatten:
            return (
                f"column {name!r} is missing; {clipped(outer)} is {self._types[outer].written}: "
                "set [data] flatten = true to make columns of what is in it"
            )
        return header.missing(name, head, self._expected.columns)


def _records(path: Path, flatten: bool) -> Iterator[Record]:
    """Yield a file's records. Raises Broken."""
    decode = json.JSONDecoder().decode
    with opened(path) as file:
        number = 0
        while line := file.readline(LINE):
            number += 1
            if len(line) == LINE:
                raise Broken(f"line {number} has more than {LINE:,} bytes; write a record a line")
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.strip():
                continue
            try:
                record = decode(line.decode())
            except UnicodeDecodeError as error:
                raise Broken(
                    f"line {number} is no UTF-8 text: {error}; save it as UTF-8"
                ) from error
            except (ValueError, RecursionError, MemoryError) as error:
                foreign = isinstance(error, ValueError)
                raise Broken(_no_json(line, number, error), foreign=foreign) from error
            if not isinstance(record, dict):
                raise Broken(
                    f"line {number} holds no record; each line is one, such as "
                    '{"id": 1, "price": 2.5}',
                    foreign=True,
                )
            yield _flat(record) if flatten else record


def _no_json(line: bytes, number: int, error: BaseException) -> str:
    if not line.endswith(b"\n") and number > 1:
        return f"line {number} is cut off: {error}; upload the file again"
    hint = ""
    if number == 1 and not line.lstrip().startswith(b"{"):
        hint = '; where drops are CSV, set [data] format = "csv"'
    return f"line {number} is no JSON: {error or 'it is nested too deeply'}{hint}"


def _flat(record: Record, outer: str = "") -> Record:
    flat: Record = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{outer}{name}.")
        else:
            flat[outer + name] = value if value != {} else None
    return flat


def _text(value: Any, number: bool) -> str:
    """Write a value as CSV has it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value) if number else value)
    return json.dumps(value, ensure_ascii=False)


FORMAT: Format = JsonLines()
