"""Rows of a person in files of every form: they go, and the others stay as they were."""

import base64
import bz2
import gzip
import io
import json
import tracemalloc
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from everloop_cli.forgetting import rows
from everloop_cli.forgetting.subject import Subject
from everloop_jobs.formats.dialect import Dialect
from everloop_jobs.privacy.masking import Masking

SPEC: dict[str, Any] = {
    "data": {"key": "id", "columns": {}},
    "privacy": {"hidden": ["id", "owner"], "instead": "token"},
}


def subject(key: str = "7000", *, numbers: bool = False, ours: bool = False) -> Subject:
    return Subject("id", key, numbers, Masking(SPEC, ["id"], b"k"), ours)


TOKEN = str(Masking(SPEC, ["id"], b"k").cell("id", "7000"))


def test_rows_go_and_others_stay_byte_for_byte() -> None:
    given = 'x,id,owner\r\n1,"7000","Xenia\r\nQuirk"\r\n 2 , 7001,"a ""b"""\r\n\r\n3,7000.0,X\r\n'
    whose = subject()
    cleared = rows.table(given.encode(), whose)
    assert cleared.data == b'x,id,owner\r\n 2 , 7001,"a ""b"""\r\n\r\n'
    assert (cleared.rows, cleared.left, list(cleared.places)) == (2, 1, [0, 2])
    assert "Xenia\r\nQuirk" in whose.known
    assert whose.blotted("<td>7000</td> 17000 7000.5 0.7000") == (
        "<td>forgotten</td> 17000 7000.5 0.7000"
    )


def test_a_key_of_numbers_is_found_however_it_is_written() -> None:
    given = b"id,x\n007,1\n7,2\n7.0,3\n70,4\n"
    assert rows.table(given, subject("7", numbers=True)).data == b"id,x\n70,4\n"
    assert rows.table(given, subject("7")).data == b"id,x\n007,1\n70,4\n"


def test_a_token_is_the_key_as_well() -> None:
    assert rows.table(f"id,x\n{TOKEN},1\nanon-b,2\n".encode(), subject()).data == (
        b"id,x\nanon-b,2\n"
    )


def test_a_key_is_found_however_a_file_writes_it() -> None:
    assert rows.table(b"id,x\n7e3,1\n7001,2\n", subject(numbers=True)).data == b"id,x\n7001,2\n"
    assert rows.table(b'id,x\n"O""Neil",1\n2,2\n', subject('O"Neil')).data == b"id,x\n2,2\n"
    given = b'__inference__,x\n"[""Zo\\u00eb"",1]",1\n2,2\n'
    assert rows.table(given, subject("Zo\u00eb", ours=True)).data == b"__inference__,x\n2,2\n"


@pytest.mark.parametrize("packer", [gzip, bz2])
def test_packed_files_are_packed_again(packer: Any) -> None:
    cleared = rows.table(packer.compress(b"id,x\n7000,1\n2,2\n"), subject())
    assert packer.decompress(cleared.data) == b"id,x\n2,2\n"


def test_a_dialect_of_its_own_is_read_as_the_job_reads_it() -> None:
    dialect = Dialect(separator=";", encoding="utf-16", skip_lines=1, quote=None)
    given = 'made by hand\nid;name\n7000;Zoë\n1;"x\n'.encode("utf-16")
    cleared = rows.table(given, subject(), dialect)
    assert cleared.data.decode("utf-16") == 'made by hand\nid;name\n1;"x\n'


def test_json_lines_and_parquet_lose_their_rows() -> None:
    lines = b'{"id": 7000, "a": {"b": 1}}\n{"id": "7001"}\n'
    for mark in (b"", b"\xef\xbb\xbf"):
        assert rows.table(mark + lines, subject()).data == b'{"id": "7001"}\n'
    source = io.BytesIO()
    whole = pyarrow.table({"id": [7000, 7001], "x": [1.5, None]})
    pyarrow.parquet.write_table(whole, source)
    cleared = rows.table(source.getvalue(), subject())
    left = pyarrow.parquet.read_table(io.BytesIO(cleared.data))
    assert left.to_pylist() == [{"id": 7001, "x": None}] and left.schema == whole.schema


def test_what_nobody_can_look_into_is_said() -> None:
    broken = gzip.compress(b"id,x\n7000,1\n" * 99)[:10] + b"\xff" * 20
    for data, why in (
        (b"PK\x03\x04..", "zip"),
        (b"\xff\xfe\x00", "no text in utf-8"),
        (broken, "cannot be unpacked"),
    ):
        with pytest.raises(rows.Unread, match=why):
            rows.table(data, subject())


def test_a_large_table_is_not_held_as_text() -> None:
    """Text of a wide alphabet takes four bytes a letter, and each line an object of its own."""
    given = "id,x\n7000,1\n" + ("1," + "\u20ac" * 50 + "\n") * 20_000
    data = given.encode()
    tracemalloc.start()
    cleared = rows.table(data, subject("7000"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cleared.left == 20_000
    assert peak < 2 * len(data)


def test_what_is_too_large_when_it_is_unpacked_is_said() -> None:
    packed = gzip.compress(b"id,x\n7000,1\n")
    assert rows.table(packed, subject(), most=12).rows == 1
    with pytest.raises(rows.Unread, match="more than 11 bytes, unpacked"):
        rows.table(packed, subject(), most=11)


def test_predictions_are_counted_anew_as_the_holdout_is() -> None:
    given = f"row,key,target,score\n0,1,1,0.1\n1,{TOKEN},0,0.2\n2,3,1,0.3\n".encode()
    cleared = rows.table(given, subject(ours=True))
    assert cleared.data == b"row,key,target,score\n0,1,1,0.1\n1,3,1,0.3\n"
    assert rows.table(given, subject()).rows == 0  # a column of a drop that is called key
    groups = rows.lines_at(b"sex\nf\nm\nf\n", cleared.places)
    assert groups.data == b"sex\nf\nf\n"


def test_a_name_of_several_columns_is_found_by_each_part() -> None:
    given = '__inference__,__score__\n"[""7000"",""milk""]",1\n"[""7001"",""milk""]",2\n'
    cleared = rows.table(given.encode(), subject(ours=True))
    assert cleared.data == b'__inference__,__score__\n"[""7001"",""milk""]",2\n'


def record(data: str, encoding: str = "CSV", id: str = "") -> str:
    sent = {"data": data, "encoding": encoding}
    meta = {"eventId": "e", **({"inferenceId": id} if id else {})}
    return json.dumps({"captureData": {"endpointInput": sent}, "eventMetadata": meta}) + "\n"


@pytest.mark.parametrize(
    "asked",
    [
        record("id,x\n7001,7000\n7000,2\n"),
        record("7000,red\n"),
        record('{"instances": [{"id": 7000, "x": 1}]}', "JSON"),
        record('{"id": "7001"}\n{"id": "7000.0"}\n', "JSON"),
        record('[["7000", "red"]]', "JSON"),
        record(json.dumps([{"id": TOKEN}]), "JSON"),
        record(base64.b64encode(b"id\n7000\n").decode(), "BASE64"),
        record("red\n", id="7000"),
    ],
)
def test_a_captured_request_of_a_person_goes_whole(asked: str) -> None:
    other = record("id,x\n7001,7000\n") + record('{"id": "1", "x": "7000"}', "JSON") + "no JSON\n"
    cleared = rows.captured((asked + other).encode(), subject())
    assert (cleared.data.decode(), cleared.rows, cleared.left) == (other, 1, 3)
