"""[data.split]: rows split by key, group and time. Stable as drops come, and without a leak."""

import csv
import json
import random
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from job_container import MEAN_PRICE, Container, Drops, archive, bundle_with, spec_of
from jobs.conftest import job_module

PARTS = ("train", "validation", "holdout")
Row = dict[str, Any]
Parts = dict[str, list[dict[str, str]]]


def asked(by: str, **more: Any) -> dict[str, Any]:
    own = {"by": by, "group": None, "validation": 0.2, "holdout": 0.2, **more}
    return {"target": "price", "key": "id", "timestamp": "day", "columns": {}, "split": own}


def split(folder: Path, drops: Sequence[Sequence[Row]], data: Mapping[str, Any]) -> Any:
    """Split drops as one dataset; return the tables, what was done, and what is wrong."""
    rows, types = job_module("own_split.rows"), job_module("formats.seen")
    sources = []
    for number, drop in enumerate(drops, 1):
        path = folder / f"{number}.csv"
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(drop[0]))
            writer.writeheader()
            writer.writerows(drop)
        known = dict.fromkeys(drop[0], types.UNKNOWN)
        sources.append(rows.Source(path, f"data/m/{number}.csv", number, known))
    done = rows.split(sources, data, folder / "made")
    return done, [source.bad for source in sources if source.bad]


def tables(folder: Path) -> Parts:
    made: Parts = {}
    for part in PARTS:
        with (folder / "made" / part / "data.csv").open(newline="") as file:
            made[part] = list(csv.DictReader(file))
    return made


def sales(first: int, last: int, *, by_day: int = 7) -> list[Row]:
    return [
        {
            "id": f"{n:05}",
            "day": f"{date(2026, 1, 1) + timedelta(n // by_day)}",
            "customer": f"c{n * 7919 % 97}",
            "price": n % 5,
        }
        for n in range(first, last)
    ]


def where(made: Parts, column: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for part, rows in made.items():
        for row in rows:
            found.setdefault(row[column], set()).add(part)
    return found


@pytest.mark.parametrize(("by", "column"), [("key", "id"), ("group", "customer")])
def test_a_row_stays_in_its_part_when_more_data_comes(tmp_path: Path, by: str, column: str) -> None:
    data = asked(by, group="customer" if by == "group" else None)
    before = sales(0, 900)
    _, wrong = split(tmp_path, [before], data)
    first = where(tables(tmp_path), column)
    assert wrong == [] and all(len(parts) == 1 for parts in first.values())
    random.Random(1).shuffle(before)
    done, _ = split(tmp_path, [before[:100], sales(900, 2000), before[100:]], data)
    later = where(tables(tmp_path), column)
    assert {key: later[key] for key in first} == first
    assert all(len(parts) == 1 for parts in later.values())
    assert sum(done.rows.values()) == 2000
    if by == "key":
        assert 300 < done.rows["holdout"] < 500 and 300 < done.rows["validation"] < 500


def test_a_key_is_the_same_however_it_is_written(tmp_path: Path) -> None:
    plain = [{"id": n, "day": "2026-01-01", "price": 1} for n in range(500)]
    gaps = [{**row, "id": f"{row['id']}.0"} for row in plain]
    split(tmp_path, [plain, gaps], asked("key"))
    together: dict[int, set[str]] = {}
    for key, parts in where(tables(tmp_path), "id").items():
        together.setdefault(int(float(key)), set()).update(parts)
    assert all(len(parts) == 1 for parts in together.values())


def test_by_time_nothing_is_trained_on_that_is_later_than_what_it_is_measured_on(
    tmp_path: Path,
) -> None:
    rows = sales(0, 1000)
    random.Random(2).shuffle(rows)
    done, wrong = split(tmp_path, [rows[:300], rows[300:]], asked("time"))
    days = {part: {row["day"] for row in found} for part, found in tables(tmp_path).items()}
    assert wrong == [] and sum(done.rows.values()) == 1000
    assert max(days["train"]) < min(days["validation"])
    assert max(days["validation"]) < min(days["holdout"])
    assert 180 <= done.rows["holdout"] <= 220 and 180 <= done.rows["validation"] <= 220
    assert done.rule["holdout_from"].startswith(min(days["holdout"]))


@pytest.mark.parametrize("late", [0, 3000], ids=["newer rows", "then many old ones"])
def test_by_time_a_row_only_ever_moves_towards_train(tmp_path: Path, late: int) -> None:
    """A drop of old rows would else bring rows back that a model was trained on."""
    order = {part: place for place, part in enumerate(PARTS)}
    drops = [sales(4000, 4500), sales(4500, 4700), sales(4700, 5900)]
    if late:
        drops.append(sales(0, late))
    before: dict[str, int] = {}
    for count in range(1, len(drops) + 1):
        split(tmp_path, drops[:count], asked("time"))
        now = {key: order[min(parts)] for key, parts in where(tables(tmp_path), "id").items()}
        assert all(now[key] <= part for key, part in before.items())
        before = now


def test_by_time_a_customer_is_on_one_side_and_what_is_left_out_is_counted(
    tmp_path: Path,
) -> None:
    rows = [
        {"id": f"{n}", "day": n, "customer": f"c{n if n < 90 else n % 3}", "price": 1}
        for n in range(100)
    ]
    done, _ = split(tmp_path, [rows], asked("time", group="customer"))
    found = where(tables(tmp_path), "customer")
    assert all(len(parts) == 1 for parts in found.values())
    assert done.left_out == 3 and sum(done.rows.values()) == 97
    assert "3 rows left out whose customer comes again in a later part" in done.said(
        asked("time", group="customer")
    )


@pytest.mark.parametrize(
    ("row", "by", "said"),
    [
        ({"id": ""}, "key", "column 'id', which [data.split] goes by, is missing in row 3"),
        ({"day": ""}, "time", "column 'day', which [data.split] goes by, is missing in row 3"),
        ({"day": "soon"}, "time", "column 'day' holds 'soon' in row 3, which is no time"),
        ({"day": "31.12.2026"}, "time", "write it as 2026-11-20T10:00:00Z"),
        ({"customer": "NA"}, "group", "'customer', which [data.split] goes by, is missing in row"),
    ],
)
def test_rows_that_cannot_be_split_are_named(tmp_path: Path, row: Row, by: str, said: str) -> None:
    bad = sales(0, 50)
    bad[2] = {**bad[2], **row}
    data = asked(by, group="customer" if by == "group" else None)
    _, (wrong,) = split(tmp_path, [sales(50, 99), bad], data)
    assert wrong.startswith("data/m/2.csv: ") and said in wrong


def test_a_file_that_lacks_a_column_of_the_oldest_is_named(tmp_path: Path) -> None:
    lacks = [{name: row[name] for name in ("id", "day", "price")} for row in sales(50, 99)]
    _, (wrong,) = split(tmp_path, [sales(0, 50), lacks], asked("key"))
    assert wrong.startswith("data/m/2.csv: column 'customer' is missing, which data/m/1.csv has")


def freeze(container: Container, *objects: dict[str, Any]) -> None:
    manifest = {"version": 1, "model": "m", "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))


def dropped(rows: Sequence[Row]) -> str:
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    return "\n".join(lines) + "\n"


def scripts(*names: str) -> bytes:
    return archive({name: (MEAN_PRICE / name).read_text() for name in names})


def test_a_folder_without_preprocess_is_prepared(container: Container, drops: Drops) -> None:
    freeze(container, drops.put("data/m/a.csv", dropped(sales(0, 200))))
    container.code(scripts("model.toml", "train.py", "inference.py"), spec_of(data=asked("time")))
    said = container.succeed("prepare.py")
    assert said.startswith(
        "Completed: 1 objects, rows: train 119, validation 35, holdout 46; split"
    )
    assert "split by time, holdout from 2026-01-23T00:00:00+00:00" in said
    how = container.read("baseline/split.json")
    assert (how["by"], how["column"], how["left_out"]) == ("time", "day", 0)
    assert how["rows"] == {"train": 119, "validation": 35, "holdout": 46}
    head = (container.output("train") / "data.csv").read_text().splitlines()[0]
    assert head == "id,day,customer,price"


_DOUBLES = """
import pathlib, sys
import pandas as pd
given, made = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
for part in ("train", "validation", "holdout"):
    frame = pd.read_csv(given / part / "data.csv")
    (made / part).mkdir()
    frame.assign(double=frame.price * 2).to_csv(made / part / "data.csv", index=False)
"""


def test_preprocess_gets_rows_that_are_split_already(container: Container, drops: Drops) -> None:
    freeze(container, drops.put("data/m/b.csv", dropped(sales(0, 200))))
    container.code(bundle_with({"preprocess.py": _DOUBLES}), spec_of(data=asked("key")))
    assert "; split by key" in container.succeed("prepare.py")
    head = (container.output("holdout") / "data.csv").read_text().splitlines()[0]
    assert head == "id,day,customer,price,double"


def test_a_bad_file_is_set_aside_where_that_is_the_rule(container: Container, drops: Drops) -> None:
    bad = sales(300, 310)
    bad[5]["day"] = "soon"
    freeze(
        container,
        drops.put("data/m/good.csv", dropped(sales(0, 200))),
        {**drops.put("data/m/bad.csv", dropped(bad)), "window": 2},
    )
    container.code(scripts("model.toml", "train.py", "inference.py"), spec_of(data=asked("time")))
    assert container.fail("prepare.py").startswith("bad data: data/m/bad.csv: column 'day' holds")
    data = {**asked("time"), "bad_files": "set-aside"}
    container.code(scripts("model.toml", "train.py", "inference.py"), spec_of(data=data))
    assert container.succeed("prepare.py").startswith("Completed: 2 objects (1 left out)")


def test_a_drop_of_one_day_cannot_be_split_by_time(container: Container, drops: Drops) -> None:
    freeze(container, drops.put("data/m/day.csv", dropped(sales(0, 7))))
    container.code(scripts("model.toml", "train.py", "inference.py"), spec_of(data=asked("time")))
    assert "[data.split] leaves no rows to train (split by time" in container.fail("prepare.py")
