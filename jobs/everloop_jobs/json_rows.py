"""The rows that a JSON value holds: records, arrays, columns, tensors, whatever is around them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sent_columns import Columns, Row, Unreadable, distinct

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


def json_rows(value: Any, columns: Columns) -> list[Row]:
    """Return the rows of a JSON value. Raises Unreadable for what has none."""
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
    named = [name for name in value if name in columns.known]
    if named and all(_is_cell(value[name]) for name in named):
        inside = _inside(value, named, columns)
        return _by_column(value, columns) if inside is None else inside
    if isinstance(value.get("columns"), list) and isinstance(value.get("data"), list):
        names = distinct([str(name) for name in value["columns"]])
        return [_named(names, row) for row in value["data"]]
    for name in _AROUND:
        if isinstance(value.get(name), list | Mapping):
            return json_rows(value[name], columns)
    inside = [item for item in value.values() if isinstance(item, list | Mapping)]
    if len(inside) == 1:
        return json_rows(inside[0], columns)
    if inside and all(isinstance(item, Mapping) for item in inside):
        return [row for item in inside for row in _object_rows(item, columns)]  # by index
    if value and not inside:
        return [dict(value)]  # a row, of columns that nobody knows
    raise Unreadable("its JSON object holds no column of the model, and no rows that are known")


def _inside(value: Mapping[str, Any], named: Sequence[str], columns: Columns) -> list[Row] | None:
    """Return the rows that lie beside what holds for all of them, as in
    `{"id": …, "features": […]}`; None unless those know more columns of the model than stand here.
    """
    around = next((name for name in _AROUND if isinstance(value.get(name), list | Mapping)), None)
    beside = {name: value[name] for name in named if _is_scalar(value[name])}
    if around is None or around in columns.known or len(beside) != len(named):
        return None
    try:
        rows = json_rows(value[around], columns)
    except Unreadable:
        return None
    if not rows or any(len(columns.known & row.keys()) <= len(named) for row in rows):
        return None
    return [{**beside, **row} for row in rows]


def _by_column(value: Mapping[str, Any], columns: Columns) -> list[Row]:
    """Return the rows of an object of columns: each a value, a list, or values by index.

    The model's own columns say how many; a list or object besides that does not fit is left out.
    """
    lists = {name: list(item) for name, item in value.items() if isinstance(item, list)}
    lists |= {n: list(item.values()) for n, item in value.items() if isinstance(item, Mapping)}
    telling = [name for name in value if name in columns.known] or list(value)
    lengths = {len(lists[name]) for name in telling if name in lists}
    if not lengths:
        return [{name: item for name, item in value.items() if name not in lists}]
    if len(lengths) != 1:
        raise Unreadable("its JSON has columns of different lengths")
    rows = max(lengths)
    whole = {name: lists.get(name, [item] * rows) for name, item in value.items()}
    whole = {name: cells for name, cells in whole.items() if len(cells) == rows}
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
    return _by_column({str(each["name"]): list(_flat(each["data"])) for each in tensors}, columns)


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
