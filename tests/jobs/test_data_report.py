"""The data report: planted duplicates, leaks and shifts are named; a clean drop is left alone."""

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest
from job_container import BUCKET, Container, Drops, spec_of
from jobs.conftest import job_module

Row = dict[str, Any]
COLUMNS = ["id", "day", "age", "city", "income", "late"]


def clean(first: int, last: int, seed: int = 1) -> list[Row]:
    chance = random.Random(f"{seed} {first}")
    rows = []
    for n in range(first, last):
        age = chance.gauss(40, 10)
        rows.append(
            {
                "id": f"{n:06}",
                "day": f"2026-01-{1 + n % 28:02}",
                "age": f"{age:.1f}",
                "city": chance.choice(["Bonn", "Köln", "Trier"]),
                "income": "" if chance.random() < 0.1 else f"{chance.lognormvariate(8, 1):.2f}",
                "late": str(int(chance.random() < 0.3 + 0.2 * (age > 40))),
            }
        )
    return rows


def profiled(rows: Sequence[Row], pieces: int = 3) -> Any:
    profile = job_module("data_report.profile").Profile("id")
    frame = pd.DataFrame(rows, dtype=object)
    size = max(1, len(frame) // pieces)
    for start in range(0, len(frame), size):
        profile.add(frame.iloc[start : start + size].reset_index(drop=True))
    return profile


def made(new: Sequence[Row], before: Sequence[Row] = (), **data: Any) -> Any:
    spec = spec_of(data={"target": "late", "key": "id", "timestamp": "day", **data})
    document = job_module("data_report.document").document
    return document(spec, {"digest": "0" * 64}, profiled(new), profiled(before))


def with_column(rows: Sequence[Row], name: str, of: Callable[[Row], Any]) -> list[Row]:
    return [{**row, name: of(row)} for row in rows]


def test_a_clean_drop_stands_out_in_nothing() -> None:
    found = made(clean(0, 3000), clean(3000, 9000))
    assert found["suspects"] == [] and found["changes"] == []
    assert found["duplicates"] == {
        **{"rows": 0, "rows_before": 0, "keys": 0, "keys_before": 0, "exactly": True}
    }
    by_name = {each["name"]: each for each in found["columns"]}
    assert list(by_name) == COLUMNS
    assert {name: each["type"] for name, each in by_name.items()} == {
        **{"id": "number", "day": "text", "age": "number", "city": "text"},
        **{"income": "number", "late": "number"},
    }
    assert by_name["city"]["distinct"] == 3 and len(by_name["city"]["frequent"]) == 3
    assert 0.08 < by_name["income"]["missing"] < 0.12


def test_numbers_are_those_of_pandas() -> None:
    rows = clean(0, 2000)
    ages = pd.Series([float(row["age"]) for row in rows])
    age = next(each for each in made(rows)["columns"] if each["name"] == "age")
    assert (age["min"], age["max"], age["distinct"]) == (ages.min(), ages.max(), ages.nunique())
    assert age["mean"] == pytest.approx(ages.mean())
    assert age["std"] == pytest.approx(ages.std(ddof=0))
    assert age["quantiles"]["0.5"] == ages.median()
    assert sum(age["histogram"]["counts"]) == 2000


LEAKS = {
    "a copy": lambda row: row["late"],
    "a copy as a float": lambda row: f"{row['late']}.0",
    "in words": lambda row: "yes" if row["late"] == "1" else "no",
    "a number behind it": lambda row: f"{int(row['late']) * 9 + float(row['age']) / 100:.3f}",
    "filled in afterwards": lambda row: "paid" if row["late"] == "1" else "",
    "upside down": lambda row: f"{-5 * int(row['late'])}",
}


@pytest.mark.parametrize("leak", LEAKS)
def test_a_planted_leak_is_named(leak: str) -> None:
    found = made(with_column(clean(0, 2000), "refund", LEAKS[leak]))["suspects"]
    assert [each["column"] for each in found] == ["refund"]
    assert found[0]["value"] >= 0.99 and found[0]["description"]


@pytest.mark.parametrize(
    "leak",
    [
        lambda row: f"{float(row['target']) * 1.19:.2f}",
        lambda row: f"{float(row['target']) ** 3:.2f}",
        lambda row: row["target"],
    ],
    ids=["with tax", "cubed", "a copy"],
)
def test_a_leak_of_a_number_is_named(leak: Callable[[Row], Any]) -> None:
    rows = with_column(clean(0, 2000), "target", lambda row: f"{float(row['age']) + 1:.2f}")
    rows = with_column([{k: v for k, v in row.items() if k != "age"} for row in rows], "x", leak)
    found = made(rows, target="target")["suspects"]
    assert [each["column"] for each in found] == ["x"]


def test_planted_duplicates_are_counted() -> None:
    rows, before = clean(0, 1000), clean(1000, 2000)
    changed = [{**row, "city": "Ulm"} for row in rows[:7]]
    twice = made([*rows, *rows[:30], *before[:11], *changed], before)["duplicates"]
    assert (twice["rows"], twice["rows_before"]) == (30, 11)
    assert (twice["keys"], twice["keys_before"]) == (37, 11)


SHIFTS: dict[str, tuple[str, Callable[[Row], Row], str]] = {
    "older": ("age", lambda r: {**r, "age": f"{float(r['age']) + 5:.1f}"}, "distribution"),
    "moved": ("city", lambda r: {**r, "city": "Ulm"} if r["id"][-1] < "4" else r, "distribution"),
    "missing": ("income", lambda r: {**r, "income": ""} if r["id"][-1] < "5" else r, "missing"),
    "in words": ("age", lambda r: {**r, "age": "old"}, "type"),
    "more late": ("late", lambda r: {**r, "late": "1"} if r["id"][-1] < "3" else r, "distribution"),
}


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_planted_shift_is_named(shift: str) -> None:
    column, change, what = SHIFTS[shift]
    found = made([change(row) for row in clean(0, 3000)], clean(3000, 9000))["changes"]
    assert [each["column"] for each in found] == [column]
    assert what in found[0]["what"] and found[0]["value"] > found[0]["threshold"]


def test_columns_that_came_and_went_are_named() -> None:
    new = [{("town" if n == "city" else n): v for n, v in row.items()} for row in clean(0, 300)]
    found = made(new, clean(300, 900))["changes"]
    assert {(each["column"], each["what"]) for each in found} == {
        ("town", "is new"),
        ("city", "is gone"),
    }


def test_a_sample_is_fair_and_the_same_however_rows_come() -> None:
    sample = job_module("data_report.sample").Sample
    frame = pd.DataFrame({"n": range(50_000)})
    samples = []
    for size in (999, 50_000):
        kept = sample(1000)
        for start in range(0, 50_000, size):
            kept.add(frame.iloc[start : start + size])
        samples.append(kept.rows()["n"].tolist())
    assert samples[0] == samples[1] and len(samples[0]) == 1000
    assert 24_000 < sum(samples[0]) / 1000 < 26_000


def test_of_more_rows_than_are_held_duplicates_are_estimated() -> None:
    hashes, twice = job_module("data_report.sample").Hashes, job_module("data_report.profile").twice
    import numpy as np

    values = np.random.default_rng(1).integers(0, 2**63, 40_000, dtype=np.uint64) * np.uint64(2)
    held = hashes(most=10_000)
    for start in range(0, 40_000, 5000):
        held.add(values[start : start + 5000])
    held.add(values[:8000])
    again, _, exactly = twice(held)
    assert not exactly and 7000 < again < 9000


def freeze(container: Container, *objects: dict[str, Any], new: int = 2) -> dict[str, str]:
    manifest = {
        **{"version": 1, "model": "mean-price", "digest": "0" * 64, "new_windows": [new]},
        "objects": objects,
    }
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))
    key = f"runs/mean-price/{container.root.name}/files/files.json"
    return {"EVERLOOP_FILES_URI": f"s3://{BUCKET}/{key}"}


def prices(first: int, last: int, **more: str) -> str:
    rows = [
        {"id": f"{n:03}", "colour": "red", "price": f"{n % 7}", **more} for n in range(first, last)
    ]
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"


def test_the_report_lies_beside_files_json_and_says_what_is_new(
    container: Container, drops: Drops, bundle: bytes
) -> None:
    before = drops.put("data/m/a.csv", prices(0, 100))
    new = drops.put("data/m/b.csv", prices(100, 200) + "100,red,2\n")
    where = freeze(container, before, {**new, "window": 2})
    container.code(bundle, spec_of())
    container.succeed("prepare.py", where)
    folder = f"runs/mean-price/{container.root.name}/files"
    report = drops.read(f"{folder}/data.json")
    assert (report["rows"], report["rows_before"]) == (101, 100)
    assert report["duplicates"]["rows"] == 1
    page = drops.text(f"{folder}/data.html")
    assert "mean-price: what the drop holds" in page and "1 rows are there twice" in page
    assert drops.read(f"{folder}/files.json")["report"] == "data.html"


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        (
            {"columns": {"price": {"between": [0, 5]}}},
            "data/m/b.csv: column 'price' holds '6' in row 2 (and 6 more rows); [data.checks] "
            "wants numbers from 0 to 5",
        ),
        (
            {"columns": {"colour": {"one_of": ["blue", 3]}}},
            "column 'colour' holds 'red' in row 1 (and 49 more rows); [data.checks] wants one of "
            "blue, 3",
        ),
        ({"columns": {"id": {"regex": "0[0-9]+"}}}, "holds '100' in row 47 (and 3 more rows)"),
        (
            {"columns": {"note": {"not_null": True}}},
            "column 'note' is missing, which [data.checks]",
        ),
        ({"min_rows": 51}, "bad data: the new files have 50 rows; [data.checks] min_rows wants 51"),
        ({"max_rows": 49}, "[data.checks] max_rows lets 49 be"),
    ],
)
def test_a_drop_that_breaks_an_expectation_is_refused(
    container: Container, drops: Drops, bundle: bytes, checks: dict[str, Any], said: str
) -> None:
    new = drops.put("data/m/b.csv", prices(54, 104))
    where = freeze(container, {**new, "window": 2})
    container.code(bundle, spec_of(data={"checks": checks}))
    assert said in container.fail("prepare.py", where)
    told = drops.read(f"runs/mean-price/{container.root.name}/files/files.json")
    assert told["outcome"] == "bad-files" and told["report"] == "data.html"


def broken(rule: dict[str, Any], *files: Sequence[str]) -> list[str]:
    """Return what is said of the last of some files of one column."""
    seen = job_module("expectations").Expectations({"columns": {"x": rule}})
    lines: list[str] = []
    for number, values in enumerate(files):
        seen.begin()
        for first in range(0, len(values), 2):
            seen.add(pd.DataFrame({"x": values[first : first + 2]}, dtype=object), first)
        lines = seen.end(f"{number}.csv")
    return lines


@pytest.mark.parametrize(
    ("rule", "values", "said"),
    [
        ({"not_null": True}, ["a", "NA", ""], "holds 'NA' in row 2 (and 1 more row)"),
        ({"unique": True}, ["a", "b", "c", "b"], "the same value in rows 2 and 4"),
        ({"unique": True}, ["a", "", "", "b"], ""),
        ({"max_missing": 0.25}, ["a", "", "", "b"], "is missing in 50.0% of rows"),
        ({"max_missing": 0.5}, ["a", "", "", "b"], ""),
        ({"between": [0, 1]}, ["0", "1.0", "", "x"], "holds 'x' in row 4"),
        ({"one_of": [1, 2]}, ["1", "2.0", "NA"], ""),
        ({"regex": "[ab]+"}, ["ab", "abc"], "holds 'abc' in row 2; [data.checks] wants what match"),
    ],
)
def test_each_expectation(rule: dict[str, Any], values: list[str], said: str) -> None:
    lines = broken(rule, values)
    assert len(lines) == bool(said) and all(said in line for line in lines)


def test_a_value_is_unique_over_all_files() -> None:
    (line,) = broken({"unique": True}, ["a", "b"], ["c", "b", "a"])
    assert "has in row 2 (and 1 more row) a value that 0.csv has, too" in line


def test_a_column_that_one_file_lacks_is_empty_there_and_no_leak() -> None:
    rows = with_column(clean(0, 1500), "noise", lambda row: str(hash(row["id"]) % 97))
    profile = profiled(rows, pieces=1)
    profile.add(pd.DataFrame(clean(1500, 4500), dtype=object))
    spec = spec_of(data={"target": "late", "key": "id", "timestamp": "day"})
    document = job_module("data_report.document").document
    found = document(spec, {"digest": "0" * 64}, profile, profiled([]))
    assert [each["column"] for each in found["suspects"]] == []


def test_a_name_that_records_may_lack_is_a_missing_value_and_one_that_headers_lack_is_none() -> (
    None
):
    rows = pd.DataFrame({"y": ["1", "2"]}, dtype=object)

    def said(rule: dict[str, Any], *, optional: bool) -> list[str]:
        made = job_module("expectations").Expectations({"columns": {"x": rule}}, optional=optional)
        made.begin()
        made.add(rows, 0)
        return list(made.end("a"))

    assert said({"one_of": ["a"]}, optional=True) == []
    assert "a value in every row" in said({"not_null": True}, optional=True)[0]
    assert "is missing in 100.0% of rows" in said({"max_missing": 0.5}, optional=True)[0]
    assert said({"one_of": ["a"]}, optional=False) == [
        "column 'x' is missing, which [data.checks] names"
    ]
