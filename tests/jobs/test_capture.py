"""Captured records: what endpoints really speak, and why a record cannot be read."""

import base64
import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jobs.conftest import job_module

from everloop.aws.endpoints import EXPLAINS

COLUMNS = job_module("sent_columns").Columns.of(
    {
        "features": [{"name": "colour"}, {"name": "size"}],
        "columns": ["id", "when", "colour", "size", "price"],
    },
    key="id",
    timestamp="when",
    target="price",
)
TWO = [{"colour": "red", "size": 1.5}, {"colour": "blue", "size": 2}]


def part(data: str | bytes, content_type: str, encoding: str) -> dict[str, str]:
    if encoding == "BASE64":
        data = base64.b64encode(data.encode() if isinstance(data, str) else data).decode()
    assert isinstance(data, str)
    return {
        "observedContentType": content_type,
        "mode": "INPUT",
        "data": data,
        "encoding": encoding,
    }


def record(sent: dict[str, str] | None, answered: dict[str, str] | None) -> dict[str, Any]:
    data = {"endpointInput": sent, "endpointOutput": answered}
    return {
        "captureData": {name: each for name, each in data.items() if each is not None},
        "eventMetadata": {"eventId": "e-1", "inferenceTime": "2026-11-20T12:05:00Z"},
        "eventVersion": "0",
    }


def read(folder: Path, *records: dict[str, Any], columns: Any = COLUMNS) -> Any:
    names = job_module("row_names").RowNames(("id",))
    (folder / "a.jsonl").write_text("".join(json.dumps(each) + "\n" for each in records))
    return job_module("capture").captured(folder, columns, names)


CSV = ("text/csv", "CSV")
JSON = ("application/json", "JSON")
LINES = ("application/jsonlines", "BASE64")
ONE = part("0.5", *CSV)


def rows_of(value: Any) -> list[dict[str, Any]]:
    """Return rows as plain values: numbers are numbers, however they were written."""
    found = []
    for row in value.to_dict("records"):
        own = {k: v for k, v in row.items() if k in ("colour", "size")}
        own["size"] = float(own["size"])
        found.append(own)
    return found


SENT = [
    pytest.param("colour,size\nred,1.5\nblue,2\n", *CSV, id="CSV with a header"),
    pytest.param("size,colour,note\n1.5,red,a\n2,blue,b\n", *CSV, id="CSV, more columns"),
    pytest.param("size,colour\n1.5,red\n2,blue\n", *CSV, id="CSV, another order"),
    pytest.param("red,1.5\nblue,2\n", *CSV, id="CSV without a header"),
    pytest.param("\r\nred,1.5\r\n\r\nblue,2", *CSV, id="empty lines, no line's end"),
    pytest.param("i1,w,red,1.5\ni2,w,blue,2\n", *CSV, id="CSV without a header, with its key"),
    pytest.param(
        "red,1.5\nblue,2\n", "text/csv; header=absent", "BASE64", id="CSV that says no header"
    ),
    pytest.param(
        "colour,size\nred,1.5\nblue,2\n",
        "text/csv;header=present; charset=utf-8",
        "CSV",
        id="CSV that says so",
    ),
    pytest.param("\ufeffcolour,size\nred,1.5\nblue,2\n", *CSV, id="a byte order mark"),
    pytest.param(
        "\ufeffcolour,size\nred,1.5\nblue,2\n".encode("utf-16-le"),
        "text/csv",
        "BASE64",
        id="UTF-16",
    ),
    pytest.param(json.dumps(TWO), *JSON, id="records"),
    pytest.param(json.dumps(TWO), "text/csv", "CSV", id="JSON that says CSV"),
    pytest.param(json.dumps(TWO), "application/octet-stream", "BASE64", id="JSON that says bytes"),
    pytest.param('[["red", 1.5], ["blue", 2]]', *JSON, id="arrays"),
    pytest.param(json.dumps({"instances": TWO}), *JSON, id="instances, records"),
    pytest.param('{"instances": [["red", 1.5], ["blue", 2]]}', *JSON, id="instances, arrays"),
    pytest.param(
        '{"instances": [{"features": ["red", 1.5]}, {"features": ["blue", 2]}]}',
        *JSON,
        id="instances with features",
    ),
    pytest.param(
        '{"instances": [{"data": {"features": {"values": ["red", 1.5]}}}, '
        '{"data": {"features": {"values": ["blue", 2]}}}]}',
        *JSON,
        id="instances of the built-in algorithms",
    ),
    pytest.param(json.dumps({"inputs": TWO}), *JSON, id="inputs, records"),
    pytest.param('{"inputs": {"colour": ["red", "blue"], "size": [1.5, 2]}}', *JSON, id="inputs"),
    pytest.param(
        '{"inputs": [{"name": "colour", "shape": [2], "datatype": "BYTES", "data": '
        '["red", "blue"]}, {"name": "size", "shape": [2, 1], "datatype": "FP64", "data": '
        "[[1.5], [2]]}]}",
        *JSON,
        id="KServe's tensors",
    ),
    pytest.param(
        '{"inputs": [{"name": "input-0", "shape": [2, 2], "datatype": "BYTES", "data": '
        '["red", 1.5, "blue", 2]}]}',
        *JSON,
        id="KServe, one tensor",
    ),
    pytest.param('{"colour": ["red", "blue"], "size": [1.5, 2]}', *JSON, id="columns"),
    pytest.param(
        '{"colour": {"0": "red", "1": "blue"}, "size": {"0": 1.5, "1": 2}}',
        *JSON,
        id="pandas: columns",
    ),
    pytest.param(json.dumps({"0": TWO[0], "1": TWO[1]}), *JSON, id="pandas: index"),
    pytest.param(
        '{"columns": ["colour", "size"], "index": [0, 1], "data": [["red", 1.5], ["blue", 2]]}',
        *JSON,
        id="pandas: split",
    ),
    pytest.param(
        json.dumps({"schema": {"fields": [], "primaryKey": ["index"]}, "data": TWO}),
        *JSON,
        id="pandas: table",
    ),
    pytest.param(
        '{"dataframe_split": {"columns": ["size", "colour"], "data": [[1.5, "red"], [2, "blue"]]}}',
        *JSON,
        id="MLflow: split",
    ),
    pytest.param(json.dumps({"dataframe_records": TWO}), *JSON, id="MLflow: records"),
    pytest.param(json.dumps({"payload": {"body": TWO}}), *JSON, id="whatever lies around them"),
    pytest.param(
        '{"instances": [{"id": "i1", "features": ["red", 1.5]}, '
        '{"id": "i2", "features": {"colour": "blue", "size": 2}}]}',
        *JSON,
        id="a key beside its features",
    ),
    pytest.param("\n".join(map(json.dumps, TWO)), *LINES, id="JSON Lines, objects"),
    pytest.param("\n".join(map(json.dumps, TWO)), *JSON, id="JSON Lines that say JSON"),
    pytest.param('["red", 1.5]\n["blue", 2]\n', *LINES, id="JSON Lines, arrays"),
    pytest.param(
        '{"features": ["red", 1.5]}\n{"features": ["blue", 2]}', *LINES, id="JSON Lines, features"
    ),
]


@pytest.mark.parametrize(("data", "content_type", "encoding"), SENT)
def test_what_was_sent_is_read(
    data: str | bytes, content_type: str, encoding: str, tmp_path: Path
) -> None:
    traffic = read(tmp_path, record(part(data, content_type, encoding), part("0.1\n0.9\n", *CSV)))
    assert traffic.reasons == {}
    assert rows_of(traffic.rows) == [{**row, "size": float(row["size"])} for row in TWO]
    assert list(traffic.rows["__score__"]) == [0.1, 0.9]


def test_one_object_and_one_array_are_a_row_each(tmp_path: Path) -> None:
    one = part("[0.5]", *JSON)
    traffic = read(
        tmp_path,
        record(part(json.dumps(TWO[0]), *JSON), one),
        record(part('["red", 1.5]', *JSON), one),
        record(part('{"instances": ["red", 1.5]}', *JSON), one),
    )
    assert traffic.reasons == {}
    assert rows_of(traffic.rows) == [TWO[0]] * 3
    assert list(traffic.rows["__inference__"]) == ["e-1"] * 3  # each was alone in its request


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"context": {"user": "u", "ip": "i"}}, id="an object"),
        pytest.param({"tags": ["x", "y"]}, id="a list"),
        pytest.param({"data": [1, 2], "values": {"lat": 1}}, id="names that rows may lie under"),
        pytest.param({"tags": [], "context": {"at": {"lat": 1}, "ids": [1, 2]}}, id="several"),
    ],
)
def test_a_row_that_carries_lists_and_objects_of_its_client_is_one_row(
    more: dict[str, Any], tmp_path: Path
) -> None:
    answer = part("[0.5]", *JSON)
    alone = record(part(json.dumps({**TWO[0], **more}), *JSON), answer)
    inside = record(part(json.dumps({"instances": [{**TWO[0], **more}]}), *JSON), answer)
    traffic = read(tmp_path, alone, inside)
    assert traffic.reasons == {}
    assert rows_of(traffic.rows) == [TWO[0]] * 2
    assert not {*more} & {*traffic.rows.columns}


def test_columns_beside_a_list_of_another_length_are_read(tmp_path: Path) -> None:
    sent = {"colour": ["red", "blue"], "size": [1.5, 2], "tags": ["x", "y", "z"], "note": "n"}
    traffic = read(tmp_path, record(part(json.dumps(sent), *JSON), part("[0.1, 0.9]", *JSON)))
    assert traffic.reasons == {}
    assert rows_of(traffic.rows) == TWO
    assert "tags" not in traffic.rows.columns


def test_an_array_of_numpys_is_read(tmp_path: Path) -> None:
    columns = job_module("sent_columns").Columns.of(
        {"features": [{"name": "width"}, {"name": "size"}]}, None, None, "price"
    )
    sent, answered = io.BytesIO(), io.BytesIO()
    np.save(sent, np.array([[1.0, 2.0], [3.0, 4.0]]))
    np.save(answered, np.array([[0.8, 0.2], [0.1, 0.9]]))
    parts = [part(each.getvalue(), "application/x-npy", "BASE64") for each in (sent, answered)]
    traffic = read(tmp_path, record(*parts), columns=columns)
    assert traffic.rows[["width", "size"]].to_numpy().tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert list(traffic.rows["__score__"]) == [0.2, 0.9]


ANSWERS = [
    pytest.param("0.25\n0.75\n", *CSV, id="a line for each row"),
    pytest.param("0.25,0.75", *CSV, id="one line for all"),
    pytest.param("0.25 0.75\n", "text/plain", "BASE64", id="words of a line"),
    pytest.param("score\n0.25\n0.75\n", *CSV, id="a header line"),
    pytest.param("0\n0.25\n0.75\n", *CSV, id="the header that pandas gives an array"),
    pytest.param(",0\n0,0.25\n1,0.75\n", *CSV, id="with pandas' index"),
    pytest.param("id,score,label\na,0.25,no\nb,0.75,yes\n", *CSV, id="a column called score"),
    pytest.param("a,0.25\nb,0.75\n", *CSV, id="a key and a score"),
    pytest.param("0.75,0.25\n0.25,0.75\n", *CSV, id="the probabilities of 0 and 1"),
    pytest.param("0.25\n0.75\n", "text/html; charset=utf-8", "BASE64", id="called text/html"),
    pytest.param('"0.25"\r\n"0.75"\r\n', *CSV, id="in quotes"),
    pytest.param("[0.25, 0.75]", *JSON, id="an array"),
    pytest.param("[0.25, 0.75]", "text/csv", "CSV", id="an array that says CSV"),
    pytest.param("[0.25 0.75]", *JSON, id="as NumPy prints an array"),
    pytest.param("[[0.25], [0.75]]", *JSON, id="an array of arrays"),
    pytest.param("[[0.75, 0.25], [0.25, 0.75]]", *JSON, id="arrays of probabilities"),
    pytest.param('["0.25", "0.75"]', *JSON, id="numbers in quotes"),
    pytest.param('{"predictions": [0.25, 0.75]}', *JSON, id="predictions"),
    pytest.param('{"predictions": [[0.25], [0.75]]}', *JSON, id="predictions of arrays"),
    pytest.param(
        '{"predictions": [{"score": 0.25, "predicted_label": 0}, '
        '{"score": 0.75, "predicted_label": 1}]}',
        *JSON,
        id="predictions of objects",
    ),
    pytest.param('[{"probability": 0.25, "label": "a"}, {"probability": 0.75}]', *JSON, id="named"),
    pytest.param('{"scores": [0.25, 0.75], "model": "v3"}', *JSON, id="scores and more"),
    pytest.param('{"score": {"0": 0.25, "1": 0.75}}', *JSON, id="pandas: columns"),
    pytest.param(
        '{"columns": ["label", "score"], "data": [["a", 0.25], ["b", 0.75]]}', *JSON, id="split"
    ),
    pytest.param(
        '{"outputs": [{"name": "label", "data": ["a", "b"]}, {"name": "score", "data": '
        "[0.25, 0.75]}]}",
        *JSON,
        id="KServe's tensors",
    ),
    pytest.param(
        '{"prediction": ["a", "b"], "probabilities": [[0.75, 0.25], [0.25, 0.75]]}',
        *JSON,
        id="classes and probabilities",
    ),
    pytest.param('{"score": 0.25}\n{"score": 0.75}\n', *LINES, id="JSON Lines"),
    pytest.param("0.25\n0.75", "application/jsonlines", "JSON", id="JSON Lines of numbers"),
]


@pytest.mark.parametrize(("data", "content_type", "encoding"), ANSWERS)
def test_what_was_answered_is_a_score_for_each_row(
    data: str, content_type: str, encoding: str, tmp_path: Path
) -> None:
    traffic = read(
        tmp_path, record(part(json.dumps(TWO), *JSON), part(data, content_type, encoding))
    )
    assert traffic.reasons == {}
    assert list(traffic.rows["__score__"]) == [0.25, 0.75]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param("0.5", CSV, id="a line"),
        pytest.param("score\n0.5\n", CSV, id="with a header"),
        pytest.param("0.5", JSON, id="a number"),
        pytest.param('{"score": 0.5}', JSON, id="an object"),
        pytest.param('{"predictions": [0.5]}', JSON, id="predictions"),
        pytest.param("[0.5, 0.5]", JSON, id="probabilities"),
        pytest.param('{"0": 0.3, "1": 0.5}', JSON, id="probabilities by class"),
        pytest.param('{"predictions": [[0.5, 0.5]]}', JSON, id="probabilities in predictions"),
    ],
)
def test_one_row_is_answered_with_one_score(
    data: str, kind: tuple[str, str], tmp_path: Path
) -> None:
    traffic = read(tmp_path, record(part(json.dumps(TWO[0]), *JSON), part(data, *kind)))
    assert traffic.reasons == {}
    assert list(traffic.rows["__score__"]) == [0.5]


def test_an_answer_that_is_no_number_is_no_score_and_keeps_its_row(tmp_path: Path) -> None:
    traffic = read(tmp_path, record(part(json.dumps(TWO), *JSON), part("[null, 0.5]", *JSON)))
    assert (traffic.unreadable, traffic.unanswered) == (0, 0)
    assert math.isnan(traffic.rows["__score__"][0])


def test_requests_whose_answer_was_not_captured_are_read(tmp_path: Path) -> None:
    traffic = read(tmp_path, record(part(json.dumps(TWO), *JSON), None))
    assert (len(traffic.rows), traffic.unreadable, traffic.unanswered) == (2, 0, 2)


WRONG = [
    pytest.param(
        record(part(json.dumps(TWO), *JSON), ONE),
        "the request has another number of rows than the answer has scores",
        id="too few answers",
    ),
    pytest.param(
        record(part("red,1,2,3,4,5\n", *CSV), ONE),
        "a row without names has another number of values than the model's (2 or 3 or 4 or 5)",
        id="another width",
    ),
    pytest.param(
        record(part("colour,size\nred\n", *CSV), ONE),
        "a row has more or fewer fields than the header",
        id="ragged",
    ),
    pytest.param(
        record(part(b"\xff\xd8\xff\xe0", "image/jpeg", "BASE64"), ONE),
        "it is no text that can be decoded (image/jpeg)",
        id="a picture",
    ),
    pytest.param(
        record(part("{", *JSON), ONE), "it is neither JSON nor JSON Lines", id="broken JSON"
    ),
    pytest.param(
        record(part("[" * 100_000, *JSON), ONE), "its JSON is nested too deeply", id="deep JSON"
    ),
    pytest.param(
        record(part('{"colour": "\\ud800"}', *JSON), ONE),
        "its JSON holds text that is no Unicode",
        id="half a character",
    ),
    pytest.param(
        record(part("[[[1, 2]], [[2, 3]]]", *JSON), ONE),
        "its JSON is nested deeper than a table",
        id="deeper than a table",
    ),
    pytest.param(
        record(part('{"colour": ["red"], "size": [1, 2]}', *JSON), ONE),
        "its JSON has columns of different lengths",
        id="columns of different lengths",
    ),
    pytest.param(
        record(part(json.dumps(TWO[0]), *JSON), part("late\n", *CSV)),
        "the answer holds no number",
        id="a class and no score",
    ),
    pytest.param(
        record(part(json.dumps(TWO[0]), *JSON), part('{"a": 1, "b": 2}', *JSON)),
        "the answer says several things, and none is called score",
        id="several numbers",
    ),
    pytest.param(record(part("[]", *JSON), ONE), "the request holds no row", id="no rows"),
    pytest.param(record(part("", *CSV), ONE), "the request is empty", id="an empty request"),
    pytest.param(record(None, ONE), "the request was not captured", id="only the answer"),
    pytest.param(
        {"captureData": 5}, "the record is none of data capture's, or broken", id="no record"
    ),
    pytest.param(
        record(part(b"\x93NUMPY\x01\x00", "application/x-npy", "BASE64"), ONE),
        "the record is none of data capture's, or broken",
        id="a broken array",
    ),
]


@pytest.mark.parametrize(("broken", "reason"), WRONG)
def test_what_cannot_be_read_says_why_and_spoils_nothing(
    broken: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    good = record(part(json.dumps(TWO[0]), *JSON), ONE)
    traffic = read(tmp_path, good, broken, good)
    assert traffic.reasons == {reason: 1}
    assert (traffic.records, len(traffic.rows)) == (3, 2)


def test_a_field_that_pandas_reads_is_not_too_long(tmp_path: Path) -> None:
    long = "x" * 200_000
    traffic = read(tmp_path, record(part(f"colour,size\n{long},1\n", *CSV), ONE))
    assert traffic.reasons == {}
    assert traffic.rows["colour"][0] == long


def test_a_baseline_of_before_knows_the_key_to_stand_first(tmp_path: Path) -> None:
    columns = job_module("sent_columns").Columns.of(
        {"features": [{"name": "colour"}, {"name": "size"}]}, "id", None, "price"
    )
    sent = record(part("i1,red,1\n", *CSV), ONE)
    traffic = read(tmp_path, sent, columns=columns)
    assert traffic.rows.to_dict("records")[0].items() >= {"id": "i1", "colour": "red"}.items()


def test_columns_that_model_toml_declares_are_an_order_as_well(tmp_path: Path) -> None:
    columns = job_module("sent_columns").Columns.of(
        {"features": [{"name": "size"}]}, None, None, "price", ["price", "size", "colour"]
    )
    traffic = read(tmp_path, record(part("1,red\n", *CSV), ONE), columns=columns)
    assert traffic.rows.to_dict("records")[0].items() >= {"size": "1", "colour": "red"}.items()


def test_a_category_that_is_called_as_a_column_is_no_header(tmp_path: Path) -> None:
    traffic = read(tmp_path, record(part("i1,w,size,1\ni2,w,red,2\n", *CSV), part("1,2", *CSV)))
    assert list(traffic.rows["colour"]) == ["size", "red"]


def test_a_header_that_is_written_in_another_way_is_a_header(tmp_path: Path) -> None:
    traffic = read(tmp_path, record(part("Colour, SIZE\nred,1\n", *CSV), ONE))
    assert list(traffic.features) == ["Colour", " SIZE"]  # and what training had is missing


def test_names_that_clients_invent_have_an_end(tmp_path: Path) -> None:
    rows = [{**TWO[0], **{f"x{n}-{m}": 1 for m in range(10)}} for n in range(100)]
    traffic = read(tmp_path, *(record(part(json.dumps(row), *JSON), ONE) for row in rows))
    assert len(traffic.rows) == 100
    assert len(traffic.rows.columns) < 60


def test_what_only_asks_why_is_nobodys_request(tmp_path: Path) -> None:
    asks = record(part("colour,size\nred,1.5\n", *CSV), ONE)
    asks["eventMetadata"]["inferenceId"] = EXPLAINS
    found = read(tmp_path, asks, record(part("colour,size\nred,1.5\n", *CSV), ONE))
    assert (len(found.rows), found.records, found.explaining) == (1, 1, 1)
    assert job_module("capture").EXPLAINS == EXPLAINS, "command and job share no code"
