"""Training's own data, sent as any client would send it, has not drifted."""

import base64
import contextlib
import csv
import io
import json
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jobs.conftest import job_module

Sent = tuple[str, str]  # content type and body

# As a cell of a training CSV may look: what pandas takes for missing, for numbers, for booleans.
_MISSING = ["", "NA", "#NA", "-nan", "None", "<NA>", "n/a", "null", "NULL", "#N/A N/A", "1.#IND"]
_KINDS = {
    "whole numbers": st.integers(-50, 50).map(str),
    "codes": st.sampled_from(["007", "012", "100"]),
    "zero and one": st.sampled_from(["0", "1"]),
    "fractions": st.floats(-1e6, 1e6).map(repr),
    "tenths": st.sampled_from(["0.1", "0.2", "0.30000000000000004"]),
    "numbers as people write them": st.sampled_from([" 5", "5 ", "+5", "1e3", "1E-2", ".5", "5."]),
    "huge": st.sampled_from(["123456789012345678901234567890", "1e300", "-4"]),
    "booleans": st.sampled_from(["True", "False"]),
    "booleans of another language": st.sampled_from(["true", "false"]),
    "booleans and more": st.sampled_from(["true", "false", "maybe"]),
    "words": st.sampled_from(["red", " red", "Red", "blue;", 'a "b"', "x,y", "zwölf", "猫"]),
    "numbers among words": st.sampled_from(["5", "5.0", "05", "A1", "1e3"]),
    "several lines": st.sampled_from(["a\nb", "a", "b"]),
    "names": st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=5),
    "missing words of another language": st.sampled_from([" NA", "nan ", "-", "?"]),
    "nothing": st.just(""),
}


@st.composite
def tables(draw: st.DrawFn) -> list[dict[str, str]]:
    """Rows of a training CSV, by column."""
    kinds = draw(st.lists(st.sampled_from(sorted(_KINDS)), min_size=2, max_size=4, unique=True))
    rows = draw(st.integers(3, 30))
    cells = {}
    for kind in kinds:
        cell = _KINDS[kind]
        if draw(st.booleans()):
            cell = st.one_of(cell, st.sampled_from(_MISSING))
        cells[kind] = draw(st.lists(cell, min_size=rows, max_size=rows))
    return [dict(zip(cells, row, strict=True)) for row in zip(*cells.values(), strict=True)]


def _csv(rows: list[dict[str, Any]], *, header: bool) -> str:
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)  # no row is an empty line
    if header:
        writer.writerow(rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue()


def _frame(rows: list[dict[str, str]]) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(_csv(rows, header=True)), low_memory=False)


def _lines(values: list[Any]) -> str:
    return "\n".join(json.dumps(value) for value in values)


def _replays(rows: list[dict[str, str]]) -> dict[str, Sent]:
    frame = _frame(rows)
    # JSON of pandas has ten digits, and null for what is missing; it cannot write huge numbers.
    plain = frame.astype(object).where(frame.notna(), None)
    typed = plain.to_dict("records")
    arrays = plain.to_numpy().tolist()
    json_type = "application/json"
    named = {str(name): list(plain[name]) for name in plain}
    said: dict[str, Sent] = {
        "csv": ("text/csv", _csv(rows, header=True)),
        "csv without a header": ("text/csv; header=absent", _csv(rows, header=False)),
        "csv written again": ("text/csv", frame.to_csv(index=False, quoting=csv.QUOTE_ALL)),
        "records of words": (json_type, json.dumps(rows)),
        "records": (json_type, json.dumps(typed, default=str)),
        "instances": (json_type, json.dumps({"instances": typed}, default=str)),
        "arrays": (json_type, json.dumps(arrays, default=str)),
        "columns": (json_type, json.dumps(named, default=str)),
        "lines": ("application/jsonlines", _lines(rows)),
        "split": (
            json_type,
            json.dumps({"dataframe_split": {"columns": list(named), "data": arrays}}, default=str),
        ),
    }
    with contextlib.suppress(OverflowError):
        said["pandas"] = (json_type, frame.to_json(orient="records", double_precision=15))
    return said


def judged(rows: list[dict[str, str]], sent: Sent, *, encoded: bool = False) -> Any:
    """Return what drift says where training's rows were sent so, and nothing else."""
    statistics = job_module("baseline").statistics_of(_frame(rows))
    statistics["columns"] = list(rows[0])
    statistics = json.loads(json.dumps(statistics))
    columns = job_module("sent_columns").Columns.of(statistics, None, None, "price")
    content_type, body = sent
    data = base64.b64encode(body.encode()).decode() if encoded else body
    part = {"observedContentType": content_type, "encoding": "BASE64" if encoded else "CSV"}
    answer = {"observedContentType": "text/csv", "encoding": "CSV", "data": "0.5\n" * len(rows)}
    record = {
        "captureData": {"endpointInput": {**part, "data": data}, "endpointOutput": answer},
        "eventMetadata": {"eventId": "e"},
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "a.jsonl").write_text(json.dumps(record) + "\n")
        names = job_module("row_names").RowNames()
        traffic = job_module("capture").captured(Path(folder), columns, names)
    assert traffic.reasons == {}
    assert len(traffic.rows) == len(rows)
    rules = {"threshold": 1e-9, "max_missing": 1e-9, "max_unknown": 0.0}
    return job_module("drift").judge(statistics, traffic.features, rules, set())


@pytest.mark.parametrize("encoded", [False, True], ids=["as text", "as BASE64"])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(rows=tables())
def test_identical_data_never_violates(encoded: bool, rows: list[dict[str, str]]) -> None:
    for name, sent in _replays(rows).items():
        found = judged(rows, sent, encoded=encoded)
        assert [c["description"] for c in found.checks if c["violated"]] == [], name
        assert found.checks
