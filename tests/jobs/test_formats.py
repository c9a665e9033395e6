"""Parquet, JSON Lines, compressed files: what they are said to be, and what becomes of them."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pyarrow
import pyarrow.parquet
import pytest

from everloop.decisions import late_labels
from everloop.spec.data_section import Data
from everloop_jobs.formats import compressed, format
from everloop_jobs.formats.check import check
from everloop_jobs.formats.expected import Expected
from everloop_jobs.formats.names import format_of
from everloop_jobs.formats.schemas import Schemas
from everloop_jobs.formats.seen import FileCheck

CSV = "id,colour,price\n1,red,2\n2,blue,3\n"
NAMES = ("id", "colour", "price")
DATA = {"target": "price", "columns": {"price": "number"}}
ROWS = [{"id": 1, "colour": "red", "price": 2.5}, {"id": 2, "colour": None, "price": 3.0}]


def zstd(data: bytes) -> bytes:
    made = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(made, "zstd") as stream:
        stream.write(data)
    return bytes(made.getvalue())


def zipped(data: bytes, *more: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inside.csv", data)
        for name in more:
            archive.writestr(name, b"x")
    return made.getvalue()


def parquet(rows: Sequence[dict[str, Any]] | dict[str, Any], **types: Any) -> bytes:
    made = io.BytesIO()
    table = pyarrow.Table.from_pylist(rows) if isinstance(rows, list) else pyarrow.table(rows)
    for name, kind in types.items():
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table[name].cast(kind))
    pyarrow.parquet.write_table(table, made)
    return made.getvalue()


def lines(*records: Any) -> bytes:
    return "".join(json.dumps(each) + "\n" for each in records).encode()


def seen(folder: Path, data: bytes, form: str, **more: Any) -> FileCheck:
    path = folder / "drop"
    path.write_bytes(data)
    wanted = {"columns": DATA["columns"], "target": "price", **more}
    return check(path, "may", Expected(wanted.pop("required", NAMES), format=form, **wanted))


def rows(folder: Path, data: bytes, form: str, columns: Sequence[str] = NAMES) -> list[list[str]]:
    path = folder / "drop"
    path.write_bytes(data)
    parts = format.named(form).rows(path, DATA, columns)
    return [row for part in parts for row in part.to_numpy().tolist()]


def test_every_format_of_the_spec_is_one_file() -> None:
    assert get_args(Data.model_fields["format"].annotation) == format.NAMES
    folder = Path(format.__file__).parent / "kinds"
    assert {path.stem for path in folder.glob("[a-z]*.py")} == set(format.NAMES)


def test_labels_may_have_the_names_that_formats_have() -> None:
    known = [ending for name in format.NAMES for ending in format.named(name).endings]
    assert sorted(known) == sorted(late_labels.ENDINGS)
    assert sorted(compressed.ENDINGS.values()) == sorted(late_labels.COMPRESSED)
    assert [format_of(each) for each in ("a.csv.gz", "a.jsonl", "a.parquet", "a")] == [
        *("csv", "jsonl", "parquet", "csv")
    ]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd, zipped])
@pytest.mark.parametrize(
    ("form", "data"), [("csv", CSV.encode()), ("jsonl", lines(*ROWS))], ids=["csv", "jsonl"]
)
def test_a_compressed_file_is_read_as_what_is_in_it(
    tmp_path: Path, pack: Any, form: str, data: bytes
) -> None:
    found = seen(tmp_path, pack(data), form)
    assert (found.rows, found.bad, found.doubts) == (2, [], [])
    assert rows(tmp_path, pack(data), form) == rows(tmp_path, data, form)
    compressed.unpack(tmp_path / "drop", tmp_path / "plain")
    assert (tmp_path / "plain").read_bytes() == data


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress, zstd])
def test_a_compressed_file_that_is_cut_off_is_told(tmp_path: Path, pack: Any) -> None:
    whole = pack((CSV + "3,red,4\n" * 99_999).encode())
    (said,) = seen(tmp_path, whole[: len(whole) - 9], "csv").bad
    assert said.startswith("may: is compressed with ")
    assert said.endswith("; upload it again")


@pytest.mark.parametrize(
    ("data", "form", "said"),
    [
        pytest.param(zipped(b"x", "y"), "csv", "is a zip archive of 2 files; unpack it", id="zip"),
        pytest.param(gzip.compress(parquet(ROWS)), "parquet", "gzip; unpack it", id="packed"),
        pytest.param(gzip.compress(parquet(ROWS)), "csv", 'format = "parquet"', id="inside"),
        pytest.param(
            parquet(ROWS), "csv", 'is a Parquet file; set [data] format = "parquet"', id="P"
        ),
        pytest.param(parquet(ROWS), "jsonl", 'set [data] format = "parquet"', id="P for J"),
        pytest.param(parquet(ROWS)[:-1], "parquet", "it was cut off; upload it again", id="P cut"),
        pytest.param(b"PAR1" + bytes(40) + b"PAR1", "parquet", "cannot be read as", id="P broken"),
        pytest.param(CSV.encode(), "parquet", 'set [data] format = "csv"', id="C for P"),
        pytest.param(lines(*ROWS), "parquet", 'set [data] format = "jsonl"', id="J for P"),
        pytest.param(CSV.encode(), "jsonl", 'set [data] format = "csv"', id="C for J"),
        pytest.param(lines(ROWS), "jsonl", "is JSON; write it as JSON Lines", id="a list"),
        pytest.param(b'{\n "id": 1}\n', "jsonl", "is JSON; write it as JSON Lines", id="pretty"),
        pytest.param(lines(*ROWS)[:-4], "jsonl", "line 2 is cut off", id="J cut"),
        pytest.param(lines(*ROWS, 7), "jsonl", "line 3 holds no record", id="a number"),
        pytest.param(b'{"id": ' + b"[" * 99_999 + b"\n", "jsonl", "line 1 is no JSON", id="deep"),
        pytest.param(b'{"id": "\xe9"}\n', "jsonl", "line 1 is no UTF-8 text", id="latin"),
        pytest.param(lines({"id": 1}), "jsonl", "column 'colour' is missing", id="J lacks"),
        pytest.param(
            lines({**ROWS[0], "price": "cheap"}), "jsonl", "holds 'cheap' in row 1", id="J words"
        ),
        pytest.param(
            lines({**ROWS[0], "colour": [1]}), "jsonl", "'colour' holds a list", id="J list"
        ),
        pytest.param(
            lines({**ROWS[0], "price": float("inf")}), "jsonl", "finite numbers", id="J inf"
        ),
        pytest.param(
            parquet(ROWS, price=pyarrow.string()),
            "parquet",
            "column 'price' is of type string; numbers belong there",
            id="P type",
        ),
        pytest.param(
            parquet(ROWS, colour=pyarrow.binary()), "parquet", "is of type binary", id="P bytes"
        ),
        pytest.param(
            parquet([*ROWS, {**ROWS[0], "price": float("inf")}]),
            "parquet",
            "column 'price' holds 'infinity' in row 3; finite numbers",
            id="P inf",
        ),
        pytest.param(
            parquet([{"id": 1, "color": "x", "price": 1}]),
            "parquet",
            "column 'colour' is missing; was it renamed to 'color'?",
            id="P lacks",
        ),
    ],
)
def test_what_is_wrong_is_told_with_a_fix(
    tmp_path: Path, data: bytes, form: str, said: str
) -> None:
    found = seen(tmp_path, data, form).bad
    assert len(found) >= 1
    assert any(said in each for each in found), found
    assert all(each.startswith("may: ") for each in found)


@pytest.mark.parametrize(("form", "made"), [("jsonl", lines), ("parquet", None)])
def test_targets_that_lack_are_doubts_in_every_format(tmp_path: Path, form: str, made: Any) -> None:
    records = [*ROWS, {"id": 3, "colour": "red", "price": None}]
    found = seen(tmp_path, made(*records) if made else parquet(records), form)
    assert (found.rows, found.bad) == (3, [])
    assert found.doubts[0].startswith("may: the target 'price' is missing in row 3")


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_records_inside_records_are_columns_only_where_it_was_asked_for(
    tmp_path: Path, form: str
) -> None:
    record = {"id": 1, "price": 2.0, "at": {"city": "Bonn", "of": {"zip": "53"}}}
    data = lines(record) if form == "jsonl" else parquet([record])
    names = ("id", "price", "at.city", "at.of.zip")
    (said, *_) = seen(tmp_path, data, form, required=names).bad
    assert "column 'at.city' is missing" in said and "set [data] flatten = true" in said
    found = seen(tmp_path, data, form, required=names, flatten=True)
    assert (found.bad, list(found.columns)) == ([], ["id", "price", "at.city", "at.of.zip"])
    path = tmp_path / "drop"
    format.named(form).hand_on(path, {**DATA, "flatten": True})
    read = (
        [json.loads(each) for each in path.read_text().splitlines()]
        if form == "jsonl"
        else pyarrow.parquet.read_table(path).to_pylist()
    )
    assert read == [{"id": 1, "price": 2.0, "at.city": "Bonn", "at.of.zip": "53"}]


def test_values_are_the_same_texts_whatever_the_format(tmp_path: Path) -> None:
    records = [
        {"id": 7, "colour": "red", "price": 2.5},
        {"id": 2**53 + 1, "colour": "a,b\n", "price": None},
    ]
    wanted = [["7", "red", "2.5"], ["9007199254740993", "a,b\n", ""]]
    assert rows(tmp_path, lines(*records), "jsonl") == wanted
    assert rows(tmp_path, parquet(records), "parquet") == wanted
    table = 'id,colour,price\n7,red,2.5\n9007199254740993,"a,b\n",\n'
    assert rows(tmp_path, table.encode(), "csv") == wanted
    flags = [{"id": True, "colour": False, "price": True}]
    assert rows(tmp_path, lines(*flags), "jsonl") == [["True", "False", "1"]]
    assert rows(tmp_path, parquet(flags), "parquet") == [["True", "False", "1"]]


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_another_type_in_a_later_file_is_told_with_both_types(tmp_path: Path, form: str) -> None:
    def found(record: dict[str, Any]) -> FileCheck:
        return seen(tmp_path, lines(record) if form == "jsonl" else parquet([record]), form)

    schemas, plain = Schemas(), {"id": 1, "colour": "red", "price": 1}
    assert schemas.compare("jan", found(plain)) == []
    assert schemas.compare("feb", found({**plain, "price": 2.5})) == []  # numbers as well
    assert schemas.compare("mar", found({**plain, "colour": None})) == []
    (said,) = schemas.compare("apr", found({**plain, "id": "x1"}))
    number, text = ("int64", "string") if form == "parquet" else ("a number", "text")
    assert said == (
        f"apr: column 'id' is {text} here and {number} in jan; write all files with one schema"
    )


def test_a_line_that_never_ends_does_not_fill_the_memory(tmp_path: Path) -> None:
    """A file of 5 GB whose second line is all of it is refused after 128 MB."""
    bomb = gzip.compress(CSV.encode() + b"x" * (2**27 + 9), compresslevel=1)
    (said,) = seen(tmp_path, bomb, "csv").bad
    assert "has more than 134,217,728 characters" in said


def test_columns_without_a_name_of_their_own_are_read_by_their_place(tmp_path: Path) -> None:
    text = "price,,id,x,x\n1,a,7,b,c\n2,d,8,e,f\n"
    assert rows(tmp_path, text.encode(), "csv", ["id", "", "x"]) == [
        ["7", "a", "b"],
        ["8", "d", "e"],
    ]


def test_of_a_wide_table_fewer_rows_are_in_memory(tmp_path: Path) -> None:
    names = [f"c{n}" for n in range(4000)]
    text = ",".join(names) + "\n" + (",".join("1" for _ in names) + "\n") * 1100
    (tmp_path / "drop").write_text(text)
    data = {"target": "c0", "columns": {}}
    parts = [len(part) for part in format.named("csv").rows(tmp_path / "drop", data, names)]
    assert (sum(parts), max(parts)) == (1100, 500)


def test_parquet_is_read_to_its_end_also_where_no_column_is_named(tmp_path: Path) -> None:
    whole = bytearray(parquet({"id": [1], "colour": ["x"], "price": [1.0], "more": ["some text"]}))
    pages = pyarrow.parquet.ParquetFile(io.BytesIO(whole)).metadata.row_group(0).column(3)
    assert seen(tmp_path, bytes(whole), "parquet").bad == []
    whole[pages.data_page_offset : pages.data_page_offset + 6] = b"\xff" * 6
    (said,) = seen(tmp_path, bytes(whole), "parquet").bad
    assert said.startswith("may: cannot be read as Parquet")


@pytest.mark.parametrize(("is_class", "text"), [(True, "True"), (False, "1")])
def test_a_boolean_is_a_number_or_the_name_of_a_class(
    tmp_path: Path, is_class: bool, text: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 1, "y": true}\n')
    data = {"target": "y", "columns": {}, "target_is_class": is_class}
    read = format.named("jsonl").rows(path, data, ["id", "y"])
    assert [part["y"].tolist() for part in read] == [[text]]
