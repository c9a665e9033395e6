"""What a request to an endpoint holds, as rows: CSV, JSON, JSON Lines or an array of NumPy's."""

import csv
import io
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Row = dict[str, Any]

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
# What rows lie under in the requests that serving containers know: TensorFlow Serving, SageMaker's
# built-in algorithms, MLflow, KServe, pandas. The more telling names come first.
_AROUND = (
    "dataframe_split",
    "dataframe_records",
    "instances",
    "inputs",
    "input",
    "rows",
    "records",
    "features",
    "data",
    "values",
)

# pandas reads longer fields than Python's csv does unless it is told (131,072 characters).
csv.field_size_limit(min(sys.maxsize, 2**31 - 1))


class Unreadable(ValueError):
    """A record cannot be read; the words say why, and nothing of what it holds."""


@dataclass(frozen=True)
class Columns:
    """What is known of the columns that a model is sent, for rows that come without names.

    `orders` are lists of columns that a row without names may consist of, the likelier first.
    """

    known: frozenset[str]
    orders: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls, baseline: Mapping[str, Any], key: str | None, timestamp: str | None, target: str
    ) -> "Columns":
        """Read them from statistics.json; older ones tell of the watched features only."""
        features = tuple(str(feature["name"]) for feature in baseline["features"])
        train = tuple(str(name) for name in baseline.get("columns") or ())
        whole = train or features
        left_out: tuple[set[str | None], ...] = (
            {target},
            {target, key},
            {target, key, timestamp},
            {target, timestamp},
        )
        orders = [tuple(name for name in whole if name not in some) for some in left_out]
        orders += [features, whole]
        named = {name for name in (*whole, *features, key, timestamp, target) if name}
        return cls(frozenset(named), tuple(dict.fromkeys(order for order in orders if order)))

    def names(self, width: int) -> tuple[str, ...]:
        """Return the names of a row that has this many values and none for them."""
        for order in self.orders:
            if len(order) == width:
                return order
        widths = " or ".join(str(each) for each in sorted({len(each) for each in self.orders}))
        raise Unreadable(
            f"a row without names has another number of values than the model's ({widths or 0})"
        )


def rows_of(body: bytes, content_type: str, columns: Columns) -> list[Row]:
    """Return a request's rows by column. Raises Unreadable, or another of BROKEN.

    The content type is a hint: clients name a wrong one, and what a body is can be seen.
    """
    if body.startswith(_NUMPY):
        return _array(np.load(io.BytesIO(body), allow_pickle=False), columns)
    text = decoded(body, content_type)
    if is_json(text, content_type):
        rows = [row for value in json_values(text) for row in _json_rows(value, columns)]
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
    found = {}
    for part in content_type.split(";")[1:]:
        name, _, value = part.partition("=")
        found[name.strip().lower()] = value.strip().strip("\"'").lower()
    return found


def _csv_rows(text: str, content_type: str, columns: Columns) -> list[Row]:
    lines = csv_lines(text)
    if not lines:
        raise Unreadable("the request is empty")
    said = _parameters(content_type).get("header", "")
    if said == "present" or (said != "absent" and _is_header(lines[0], columns.known)):
        names, values = _distinct(lines[0]), lines[1:]
    else:
        names, values = columns.names(len(lines[0])), lines
    if any(len(line) != len(names) for line in values):
        raise Unreadable("a row has more or fewer fields than the header")
    return [dict(zip(names, line, strict=True)) for line in values]


def _is_header(line: Sequence[str], known: frozenset[str]) -> bool:
    """Whether a first line names columns: some of them known ones, or nothing in it a number."""
    if known & set(line):
        return True
    return not known and not any(_is_number(field) for field in line)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return a header's names; one that comes again is called as pandas calls it: name.1."""
    found: dict[str, None] = {}
    for name in names:
        own, number = name, 0
        while own in found:
            number += 1
            own = f"{name}.{number}"
        found[own] = None
    return tuple(found)


def _array(found: Any, columns: Columns) -> list[Row]:
    """Return the rows of an array: a table, one row, or a structured array with names."""
    if found.dtype.names:
        return [dict(zip(found.dtype.names, row.item(), strict=True)) for row in found.ravel()]
    if found.ndim == 0 or found.ndim > 2:
        raise Unreadable(f"its array has {found.ndim} dimensions; a table has 2")
    return _json_rows(found.tolist(), columns)


def _json_rows(value: Any, columns: Columns) -> list[Row]:
    if isinstance(value, Mapping):
        return _object_rows(value, columns)
    if not isinstance(value, list):
        raise Unreadable("its JSON is a single value and no row")
    if not value:
        return []
    if all(_is_scalar(item) for item in value):
        return _positional(value, columns)
    if all(isinstance(item, Mapping) for item in value):
        if all(_is_tensor(item) for item in value):
            return _tensors(value, columns)
        return [row for item in value for row in _object_rows(item, columns)]
    if all(isinstance(item, list) for item in value):
        return [row for item in value for row in _positional(item, columns)]
    raise Unreadable("its JSON mixes rows of several forms")


def _object_rows(value: Mapping[str, Any], columns: Columns) -> list[Row]:
    named = [value[name] for name in value if name in columns.known]
    if named and all(_is_cell(item) for item in named):
        return _by_column(value)
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        names = _distinct([str(name) for name in value["columns"]])
        return [_named(names, row) for row in value["data"]]
    for name in _AROUND:
        if isinstance(value.get(name), list | Mapping):
            return _json_rows(value[name], columns)
    inside = [item for item in value.values() if isinstance(item, list | Mapping)]
    if len(inside) == 1:
        return _json_rows(inside[0], columns)
    if inside and all(isinstance(item, Mapping) for item in inside):
        return [row for item in inside for row in _object_rows(item, columns)]  # by index
    if value and not inside:
        return [dict(value)]  # a row, of columns that nobody knows
    raise Unreadable("its JSON object holds no column of the model, and no rows that are known")


def _by_column(value: Mapping[str, Any]) -> list[Row]:
    """Return the rows of an object of columns: each a value, a list, or values by index."""
    lists = {name: list(item) for name, item in value.items() if isinstance(item, list)}
    lists |= {n: list(item.values()) for n, item in value.items() if isinstance(item, Mapping)}
    if not lists:
        return [dict(value)]
    lengths = {len(items) for items in lists.values()}
    if len(lengths) != 1:
        raise Unreadable("its JSON has columns of different lengths")
    whole = {name: lists.get(name, [item] * max(lengths)) for name, item in value.items()}
    return [dict(zip(whole, cells, strict=True)) for cells in zip(*whole.values(), strict=True)]


def _positional(values: Sequence[Any], columns: Columns) -> list[Row]:
    """Return rows of a list without names: one row, or the one column that the model has."""
    if all(isinstance(item, list) and len(item) == 1 for item in values) and values:
        values = [item[0] for item in values]  # each value in a list of its own
    if not all(_is_scalar(item) for item in values):
        raise Unreadable("its JSON is nested deeper than a table")
    narrow = [order for order in columns.orders if len(order) == 1]
    if narrow and not any(len(order) == len(values) != 1 for order in columns.orders):
        return [{narrow[0][0]: item} for item in values]
    return [_named(columns.names(len(values)), values)]


def _named(names: Sequence[str], values: Any) -> Row:
    if isinstance(values, Mapping):
        return dict(values)
    if not isinstance(values, list | tuple) or len(values) != len(names):
        raise Unreadable("a row has more or fewer fields than the header")
    return dict(zip(names, values, strict=True))


def _is_tensor(value: Mapping[str, Any]) -> bool:
    return {"name", "data"} <= set(value) and isinstance(value["data"], list)


def _tensors(tensors: Sequence[Mapping[str, Any]], columns: Columns) -> list[Row]:
    """Return the rows of KServe's inputs: a tensor for each column, or one for the whole table."""
    if len(tensors) == 1 and tensors[0]["name"] not in columns.known:
        shape = tensors[0].get("shape") or []
        flat = list(_flat(tensors[0]["data"]))
        width = int(shape[1]) if len(shape) == 2 else len(flat)
        if width < 1 or len(flat) % width:
            raise Unreadable("its tensor has another shape than it says")
        cut = (flat[at : at + width] for at in range(0, len(flat), width))
        return [row for some in cut for row in _positional(some, columns)]
    return _by_column({str(each["name"]): list(_flat(each["data"])) for each in tensors})


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for item in values:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _is_cell(value: Any) -> bool:
    """Whether a value is a column's: one, or several in a list or by index."""
    if isinstance(value, Mapping):
        return all(_is_scalar(item) for item in value.values())
    if isinstance(value, list):
        return all(_is_scalar(item) for item in value)
    return _is_scalar(value)
