"""Taking somebody's rows out of a file: what stays, stays byte for byte, but for Parquet."""

import base64
import bz2
import csv
import gzip
import io
import json
import lzma
import re
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, TextIO

from everloop_cli.forgetting.subject import Subject
from everloop_jobs.formats.dialect import PANDAS, Dialect

csv.field_size_limit(2**27)
MOST: Final = 512 * 1024 * 1024  # bytes of a file that are read into memory, unpacked
_PIECE: Final = 2**16  # letters
_PACKED: Final[Sequence[tuple[bytes, Any]]] = (
    (b"\x1f\x8b", gzip),
    (b"BZh", bz2),
    (b"\xfd7zXZ\x00", lzma),
)
_PARQUET, _ZIP, _ZSTD = b"PAR1", b"PK\x03\x04", b"\x28\xb5\x2f\xfd"


class Unread(Exception):
    """Nobody can look into a file; the words say why."""


@dataclass(frozen=True)
class Cleared:
    """What is left of a file: `rows` went, at these `places` among all, and `left` stay."""

    data: bytes = b""
    rows: int = 0
    left: int = 0
    places: Sequence[int] = field(default=())


NOTHING = Cleared()


def table(data: bytes, subject: Subject, dialect: Dialect = PANDAS, *, most: int = MOST) -> Cleared:
    """Take rows out of a table, whatever its form; of `most` bytes, unpacked. Raises Unread."""
    if data.startswith(_PARQUET):
        return _parquet(data, subject)
    if data.startswith((_ZIP, _ZSTD)):
        kind = "zip" if data.startswith(_ZIP) else "zstd"
        raise Unread(f"it is packed with {kind}")
    for mark, packer in _PACKED:
        if data.startswith(mark):
            cleared = table(_unpacked(data, packer, most), subject, dialect, most=most)
            return _with(cleared, packer.compress(cleared.data)) if cleared.rows else cleared
    if re.match(rb"(\xef\xbb\xbf)?\s*\{", data):
        return _json_lines(data, subject)
    return _csv(data, subject, dialect)


def _unpacked(data: bytes, packer: Any, most: int) -> bytes:
    try:
        with packer.open(io.BytesIO(data)) as source:
            unpacked: bytes = source.read(most + 1)
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        raise Unread(f"it cannot be unpacked: {error}") from error
    if len(unpacked) > most:
        raise Unread(f"it has more than {most} bytes, unpacked")
    return unpacked


def _with(cleared: Cleared, data: bytes) -> Cleared:
    return Cleared(data, cleared.rows, cleared.left, cleared.places)


class _Lines:
    """Lines of a text, of which those are kept apart that a reader has taken since."""

    def __init__(self, text: Iterable[str]) -> None:
        self._lines = iter(text)
        self._taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self._taken.append(line)
            yield line

    def taken(self) -> str:
        text, self._taken = "".join(self._taken), []
        return text


def _csv(data: bytes, subject: Subject, dialect: Dialect) -> Cleared:
    mark = b"\xef\xbb\xbf" if data.startswith(b"\xef\xbb\xbf") else b""
    try:
        words = subject.looked_for()
        if words and not _has_one_of(words, _text(data, mark, dialect)):
            return NOTHING
        lines, kept = _Lines(_text(data, mark, dialect)), io.BytesIO()
        kept.write(mark)
        target = io.TextIOWrapper(kept, dialect.encoding, newline="")
        places, left = _rows(lines, target, subject, dialect)
        target.flush()
    except (UnicodeError, LookupError) as error:
        raise Unread(f"it is no text in {dialect.encoding}") from error
    except csv.Error as error:
        raise Unread(f"it is no CSV: {error}") from error
    return Cleared(kept.getvalue(), len(places), left, places) if places else NOTHING


def _text(data: bytes, mark: bytes, dialect: Dialect) -> TextIO:
    """Open bytes as text, which is decoded as it is read."""
    source = io.BytesIO(data)
    source.seek(len(mark))
    return io.TextIOWrapper(source, dialect.encoding, newline="")


def _has_one_of(words: Collection[str], text: TextIO) -> bool:
    longest, end = max(map(len, words)), ""
    while part := text.read(_PIECE):
        end += part
        if any(word in end for word in words):
            return True
        end = end[-longest:]
    return False


def _rows(
    lines: _Lines, kept: TextIO, subject: Subject, dialect: Dialect
) -> tuple[Sequence[int], int]:
    """Write what stays, and return which rows do not, and how many do."""
    source = iter(lines)
    for _ in range(dialect.skip_lines):
        next(source, "")
    reader = csv.reader(
        source,
        delimiter=dialect.separator,
        quotechar=dialect.quote or '"',
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
    )
    header: list[str] = next(reader, [])
    while not header and (blank := lines.taken()):
        kept.write(blank)
        header = next(reader, [])
    kept.write(lines.taken())
    at = [header.index(name) for name in subject.columns(header)]
    if not at:
        return [], 0
    places, row = list[int](), -1
    numbered = header.index("row") if "row" in header and "target" in header else None
    for fields in reader:
        raw = lines.taken()
        if not fields:
            kept.write(raw)
            continue
        row += 1
        if any(place < len(fields) and subject.is_in(fields[place]) for place in at):
            subject.remember(header, fields)
            places.append(row)
        elif numbered == 0 and places:
            kept.write(raw.replace(fields[0], str(int(fields[0]) - len(places)), 1))
        else:
            kept.write(raw)
    return places, row + 1 - len(places)


def lines_at(data: bytes, places: Sequence[int]) -> Cleared:
    """Take rows out of a CSV with a header by their places: it lies beside a table, row by row."""
    lines = _Lines(io.StringIO(data.decode("utf-8"), newline=""))
    reader, gone = csv.reader(lines), set(places)
    next(reader, [])
    kept, row = [lines.taken()], -1
    for _ in reader:
        row += 1
        raw = lines.taken()
        if row not in gone:
            kept.append(raw)
    return Cleared("".join(kept).encode(), len(gone), row + 1 - len(gone), places)


def _json_lines(data: bytes, subject: Subject) -> Cleared:
    kept, places, rows = io.BytesIO(), list[int](), 0
    for line in io.BytesIO(data):
        if not line.strip():
            kept.write(line)
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Unread("a line of it is no JSON") from error
        flat = _flat(value) if isinstance(value, dict) else {}
        if any(subject.is_in(flat[name]) for name in subject.columns(flat)):
            subject.remember(flat, flat.values())
            places.append(rows)
        else:
            kept.write(line)
        rows += 1
    if not places:
        return NOTHING
    return Cleared(kept.getvalue(), len(places), rows - len(places), places)


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a record's values by the names that [data] flatten gives them."""
    found: dict[str, Any] = {}
    for name, each in value.items():
        if isinstance(each, dict):
            found |= _flat(each, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = each
    return found


def _parquet(data: bytes, subject: Subject) -> Cleared:
    try:
        pyarrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError as error:
        raise Unread("Parquet takes the package pyarrow to read; install it") from error
    try:
        whole = parquet.read_table(io.BytesIO(data))
    except (pyarrow.ArrowException, OSError, ValueError) as error:
        raise Unread("it is broken Parquet") from error
    columns = subject.columns(whole.column_names)
    if not columns:
        return NOTHING
    cells = zip(*(whole.column(name).to_pylist() for name in columns), strict=True)
    places = [at for at, row in enumerate(cells) if any(map(subject.is_in, row))]
    if not places:
        return NOTHING
    for at in places:
        subject.remember(
            whole.column_names, [whole.column(n)[at].as_py() for n in whole.column_names]
        )
    gone = set(places)
    left = whole.take([at for at in range(whole.num_rows) if at not in gone])
    target = io.BytesIO()
    parquet.write_table(left, target)
    return Cleared(target.getvalue(), len(places), left.num_rows, places)


def captured(data: bytes, subject: Subject) -> Cleared:
    """Take records of captured requests out: whole, where one of their rows is the subject's."""
    kept, gone, left = [], 0, 0
    for line in data.splitlines(keepends=True):
        if line.strip() and _asks_of(line, subject):
            gone += 1
        else:
            kept.append(line)
            left += bool(line.strip())
    return Cleared(b"".join(kept), gone, left) if gone else NOTHING


def _asks_of(line: bytes, subject: Subject) -> bool:
    try:
        record = json.loads(line)
        named = str((record.get("eventMetadata") or {}).get("inferenceId") or "")
        sent = record["captureData"].get("endpointInput") or {}
        text = str(sent.get("data") or "")
        if sent.get("encoding") == "BASE64":
            text = base64.b64decode(text).decode("utf-8", "replace")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    if subject.is_in(named):
        return True
    if text.lstrip()[:1] in ("{", "["):
        values = _values(text)
        if values is not None:
            return any(_holds(value, subject) for value in values)
    return _text_holds(text, subject)


def _values(text: str) -> list[Any] | None:
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    try:
        return [json.loads(each) for each in text.splitlines() if each.strip()]
    except (ValueError, RecursionError):
        return None


def _holds(value: Any, subject: Subject) -> bool:
    """Whether a JSON value holds the key: under its column, or in a row without names."""
    if isinstance(value, dict):
        column = value.get(subject.column)
        if column is not None and not isinstance(column, dict | list) and subject.is_in(column):
            return True
        return any(
            _holds(each, subject) for each in value.values() if isinstance(each, dict | list)
        )
    if isinstance(value, list):
        return any(
            _holds(each, subject) if isinstance(each, dict | list) else subject.is_in(each)
            for each in value
        )
    return False


def _text_holds(text: str, subject: Subject) -> bool:
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))
    except csv.Error:
        return any(value in re.split(r"[\s,;]+", text) for value in subject.written)
    if rows and subject.column in rows[0]:
        at = rows[0].index(subject.column)
        return any(at < len(row) and subject.is_in(row[at]) for row in rows[1:])
    return any(subject.is_in(cell) for row in rows for cell in row)


def text(data: bytes, subject: Subject) -> Cleared:
    """Blot out what is known of the subject in a report or a document."""
    try:
        plain = data.decode()
    except UnicodeDecodeError:
        return NOTHING
    made = subject.blotted(plain)
    return Cleared(made.encode(), 1, 1) if made != plain else NOTHING
