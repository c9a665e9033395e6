"""What a request to an endpoint holds, as rows: CSV, JSON, JSON Lines or an array of NumPy's."""

import csv
import io
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from json_rows import json_rows
from sent_columns import Columns, Row, Unreadable, distinct

# Whatever somebody sends: what reading it may raise, and nothing that says that we are wrong.
BROKEN = (
    ValueError,  # with UnicodeError and JSONDecodeError
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
    EOFError,
    SyntaxError,
    csv.Error,
)
_NUMPY = b"\x93NUMPY"
# pandas reads longer fields than Python's csv does unless its limit is raised (131,072 characters).
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


def rows_of(body: bytes, content_type: str, columns: Columns) -> list[Row]:
    """Return a request's rows by column. Raises Unreadable, or another of BROKEN.

    The content type is a hint: clients name a wrong one, and what a body is can be seen.
    """
    if body.startswith(_NUMPY):
        return _array(np.load(io.BytesIO(body), allow_pickle=False), columns)
    text = decoded(body, content_type)
    if is_json(text, content_type):
        rows = [row for value in json_values(text) for row in json_rows(value, columns)]
    else:
        rows = _csv_rows(text, content_type, columns)
    if not rows:
        raise Unreadable("the request holds no row")
    return rows


def decoded(body: bytes, content_type: str) -> str:
    """Return a body's text, by its byte order mark, its charset, or as UTF-8."""
    for mark, name in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if body.startswith(mark):
            return body.decode(name)
    charset = _parameters(content_type).get("charset", "utf-8")
    try:
        return body.decode("utf-8-sig" if charset.lower() in ("utf-8", "utf8") else charset)
    except (UnicodeError, LookupError) as error:
        shown = content_type.partition(";")[0].strip()[:60] or "no content type"
        raise Unreadable(f"it is no text that can be decoded ({shown})") from error


def is_json(text: str, content_type: str) -> bool:
    """Whether a body is JSON: it begins like it, or says so and does not look like a table."""
    first = text.lstrip()[:1]
    return first in ("{", "[") or ("json" in content_type.lower() and first != "")


def json_values(text: str) -> list[Any]:
    """Return the JSON value that a text is, or the values of its lines."""
    try:
        values = _json_values(text)
        if "\\ud" in text.lower():  # half a character: nothing that is written can hold it
            json.dumps(values, ensure_ascii=False).encode()
    except RecursionError as error:
        raise Unreadable("its JSON is nested too deeply") from error
    except UnicodeError as error:
        raise Unreadable("its JSON holds text that is no Unicode") from error
    except ValueError as error:
        raise Unreadable("it is neither JSON nor JSON Lines") from error
    return values


def _json_values(text: str) -> list[Any]:
    try:
        return [json.loads(text)]
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2:
            raise
        return [json.loads(line) for line in lines]


def csv_lines(text: str) -> list[list[str]]:
    """Return the fields of a CSV text's lines; empty lines are none, as for pandas."""
    return [line for line in csv.reader(io.StringIO(text, newline="")) if line]


def _parameters(content_type: str) -> dict[str, str]:
    """Return what a content type says behind its first semicolon, such as header=absent."""
    parameters = {}
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        parameters[name.strip().lower()] = value.strip().strip("\"'").lower()
    return parameters


def _csv_rows(text: str, content_type: str, columns: Columns) -> list[Row]:
    lines = csv_lines(text)
    if not lines:
        raise Unreadable("the request is empty")
    header = _parameters(content_type).get("header", "")
    if header == "present" or (header != "absent" and _is_header(lines[0], columns.known)):
        names, values = distinct(lines[0]), lines[1:]
    else:
        names, values = columns.names(len(lines[0])), lines
    if any(len(line) != len(names) for line in values):
        raise Unreadable("a row has more or fewer fields than the header")
    return [dict(zip(names, line, strict=True)) for line in values]


def _is_header(line: Sequence[str], known: frozenset[str]) -> bool:
    """Whether a first line names columns: half of its fields, or of the known names, are names.

    One field may be a category that is called as a column is. Names that are written in another
    way are names all the same: what is missing then is reported as missing.
    """
    names = {name.strip().lower() for name in known}
    hits = len(names & {field.strip().lower() for field in line})
    if known:
        return hits > 0 and 2 * hits >= min(len(line), len(known))
    return not any(_is_number(field) for field in line)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _array(array: Any, columns: Columns) -> list[Row]:
    """Return the rows of an array: a table, one row, or a structured array with names."""
    if array.dtype.names:
        return [dict(zip(array.dtype.names, row.item(), strict=True)) for row in array.ravel()]
    if array.ndim == 0 or array.ndim > 2:
        raise Unreadable(f"its array has {array.ndim} dimensions; a table has 2")
    return json_rows(array.tolist(), columns)
