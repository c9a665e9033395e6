"""Parquet, read by pyarrow, which AWS's images for scikit-learn have: some rows at a time."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from .. import header
from ..compressed import Unreadable
from ..expected import Expected
from ..format import Format, at_once
from ..header import clipped
from ..recognise import HEAD, what_it_is
from ..seen import UNKNOWN, FileCheck, Type
from ..values import Values, Wrong

_MAGIC = b"PAR1"
_BUFFER = 1_048_576  # bytes of a column's pages that are read at a time


class Parquet:
    is_read = True
    names_are_optional = False
    may_be_compressed = False  # its pages are, inside
    endings = (".parquet", ".pq")

    def check(self, path: Path, expected: Expected) -> FileCheck:
        wrong = _no_parquet(path)
        if wrong:
            return FileCheck(bad=[wrong])
        arrow, _ = _pyarrow()
        try:
            return _checked(path, expected)
        except (arrow.ArrowException, OSError, ValueError, MemoryError, OverflowError) as error:
            return FileCheck(bad=[f"cannot be read as Parquet: {str(error)[:300]}"])

    def rows(self, path: Path, data: Mapping[str, Any], columns: Sequence[str]) -> Iterator[Any]:
        import pandas as pd  # the command that drops files has none

        numbers = {name for name, kind in data["columns"].items() if kind == "number"}
        if not data.get("target_is_class"):
            numbers.add(data["target"])
        for batch in _batches(path, columns, bool(data.get("flatten"))):
            texts = {name: _texts(batch[name], name in numbers) for name in columns}
            yield pd.DataFrame(texts, dtype=object)

    def hand_on(self, path: Path, data: Mapping[str, Any]) -> None:
        if not data.get("flatten"):
            return
        arrow, parquet = _pyarrow()
        flat = path.with_name(f".{path.name[:100]}.flat")
        writer = None
        for batch in _batches(path, None, True):
            table = arrow.table(batch)
            writer = writer or parquet.ParquetWriter(str(flat), table.schema)
            writer.write_table(table)
        if writer:
            writer.close()
            flat.replace(path)

    def environment(self, data: Mapping[str, Any]) -> dict[str, str]:
        return {}


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise Unreadable(
            "is Parquet, which takes the package pyarrow to read, and it is not installed here: "
            "pip install pyarrow"
        ) from error
    return pyarrow, pyarrow.parquet


def _no_parquet(path: Path) -> str:
    """Return why a file is no Parquet by its first and last bytes; nothing if it is."""
    with path.open("rb") as file:
        head = file.read(HEAD)
        file.seek(max(0, path.stat().st_size - 4))
        tail = file.read(4)
    if head.startswith(_MAGIC):
        return (
            ""
            if tail == _MAGIC
            else "does not end as Parquet does: it was cut off; upload it again"
        )
    what, fix = what_it_is(head, wanted="parquet")
    if what:
        return f"is {what}; {fix}"
    return 'is no Parquet file; where drops are CSV, set [data] format = "csv"'


def _checked(path: Path, expected: Expected) -> FileCheck:
    _, parquet = _pyarrow()
    with parquet.ParquetFile(str(path)) as file:
        fields, count = list(file.schema_arrow), file.metadata.num_rows
    flat = dict(_flattened(fields)) if expected.flatten else {}
    types = flat or {field.name: field.type for field in fields}
    seen = FileCheck(columns={name: _type(each) for name, each in types.items()})
    lost = [name for name in expected.required if name not in types]
    if lost:
        seen.bad = [_missing(name, types, expected) for name in lost]
        return seen
    times = Counter(field.name for field in fields)
    twice = [name for name in expected.required if times[name] > 1]
    if twice:
        seen.bad = [
            f"its schema names column {clipped(twice[0])} twice, and which is meant nobody knows; "
            "rename one"
        ]
        return seen
    seen.bad = [] if expected.names_only else [*_wrong_types(seen, expected)]
    if not count:
        seen.rows, seen.empty = 0, "has a schema and no rows"
    elif not seen.bad and not expected.names_only:
        _values(path, expected, types, seen)
    return seen


def _wrong_types(seen: FileCheck, expected: Expected) -> Iterator[str]:
    for name in expected.required:
        kind, written = seen.columns[name]
        if expected.columns.get(name) == "number" and kind not in ("number", "boolean", ""):
            yield f"column {name!r} is of type {written}; numbers belong there"
        elif kind in ("record", "list", "bytes"):
            yield f"column {name!r} is of type {written}; texts or numbers belong there"


def _missing(name: str, types: Mapping[str, Any], expected: Expected) -> str:
    outer = name.partition(".")[0]
    if outer != name and outer in types and not expected.flatten:
        return (
            f"column {name!r} is missing; {clipped(outer)} is {types[outer]}: "
            "set [data] flatten = true to make columns of what is in it"
        )
    return header.missing(name, list(types), expected.columns)


def _values(path: Path, expected: Expected, types: Mapping[str, Any], seen: FileCheck) -> None:
    """Look at the targets, and for numbers that are none; every batch is read to its end."""
    arrow, _ = _pyarrow()
    import pyarrow.compute as compute

    target = expected.target
    floats = [
        name
        for name, kind in expected.columns.items()
        if kind == "number" and arrow.types.is_floating(types[name])
    ]
    values = Values([target] if target else [], _only_target(expected))
    wrong: dict[str, Wrong] = {}
    seen.rows = 0
    for batch in _batches(path, None, expected.flatten):  # all: what is broken is seen here
        for name in floats:
            infinite = compute.is_inf(batch[name])
            if compute.any(infinite).as_py():
                for row, found in enumerate(infinite.to_pylist(), seen.rows + 1):
                    if found:
                        wrong.setdefault(name, Wrong()).add(row, "infinity")
        if target:
            number = expected.targets not in ("any", "free")
            for row, text in enumerate(_texts(batch[target], number), seen.rows + 1):
                values.add([text], row)
        seen.rows += len(next(iter(batch.values())))
    seen.bad = [
        f"column {name!r} holds {each.first}; finite numbers belong there"
        for name, each in wrong.items()
    ]
    seen.doubts = [] if target in wrong else values.doubts()


def _only_target(expected: Expected) -> Expected:
    required = (expected.target,) if expected.target else ()
    return replace(expected, required=required, columns={})


def _batches(path: Path, columns: Sequence[str] | None, flatten: bool) -> Iterator[dict[str, Any]]:
    """Yield columns by name, some rows at a time; all of them without names."""
    _, parquet = _pyarrow()
    with parquet.ParquetFile(str(path), buffer_size=_BUFFER, pre_buffer=False) as file:
        there = set(file.schema_arrow.names)
        outer = None
        if columns is not None:
            outer = [*dict.fromkeys(n if n in there else n.partition(".")[0] for n in columns)]
        size = at_once(len(there) if outer is None else len(outer))
        for batch in file.iter_batches(batch_size=size, columns=outer):
            arrays = zip(batch.schema.names, batch.columns, strict=True)
            flat = dict(_flat_arrays(arrays)) if flatten else dict(arrays)
            yield flat if columns is None else {name: flat[name] for name in columns}


def _flattened(fields: Any, outer: str = "") -> Iterator[tuple[str, Any]]:
    arrow, _ = _pyarrow()
    for field in fields:
        if arrow.types.is_struct(field.type) and field.type.num_fields:
            yield from _flattened(list(field.type), f"{outer}{field.name}.")
        else:
            yield outer + field.name, field.type


def _flat_arrays(arrays: Any, outer: str = "") -> Iterator[tuple[str, Any]]:
    arrow, _ = _pyarrow()
    for name, array in arrays:
        if arrow.types.is_struct(array.type) and array.type.num_fields:
            names = [each.name for each in array.type]
            inner = zip(names, array.flatten(), strict=True)
            yield from _flat_arrays(inner, f"{outer}{name}.")
        else:
            yield outer + name, array


def _type(found: Any) -> Type:
    arrow, _ = _pyarrow()
    types = arrow.types
    if types.is_dictionary(found):
        return _type(found.value_type)
    tests = {
        "": (types.is_null,),
        "boolean": (types.is_boolean,),
        "number": (types.is_integer, types.is_floating, types.is_decimal),
        "text": (types.is_string, types.is_large_string, types.is_string_view),
        "time": (types.is_temporal,),
        "record": (types.is_struct, types.is_map),
        "bytes": (types.is_binary, types.is_large_binary, types.is_fixed_size_binary),
    }
    for kind, each in tests.items():
        if any(test(found) for test in each):
            return Type(kind, str(found)) if kind else UNKNOWN
    return Type("list", str(found))


def _texts(array: Any, number: bool) -> Any:
    """Return a column as texts, as CSV has them."""
    arrow, _ = _pyarrow()
    types = arrow.types
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = _type(array.type).kind
    if kind in ("record", "list", "bytes"):
        return [_json(value) for value in array.to_pylist()]
    if kind == "boolean":
        words = ("1", "0") if number else ("True", "False")
        return ["" if each is None else words[not each] for each in array.to_pylist()]
    if types.is_floating(array.type) and not types.is_float16(array.type):
        return [_number(each) for each in array.cast(arrow.string()).to_pylist()]
    return ["" if each is None else each for each in array.cast(arrow.string()).to_pylist()]


def _number(text: str | None) -> str:
    return "" if text is None or text == "nan" else text


def _json(value: Any) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False, default=str)


FORMAT: Format = Parquet()
