"""Forecasts, from the drop to the monitor: no look ahead, and labels that find them."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import Container, Drops, archive
from jobs.conftest import job_module

from everloop.spec import policy
from everloop.spec.model_spec import load_spec

HORIZON, DAYS, SHOPS = 7, 90, 24
TOML = """
problem = "forecasting"
[data]
target = "sold"
timestamp = "day"
split = { by = "series" }
[forecast]
series = ["shop", "item"]
horizon = 7
known_ahead = ["price"]
[evaluate]
slices = ["shop", "horizon_step"]
least_slice_rows = 20
[monitor]
watch = ["prediction", "quality"]
min_rows = 20
quality = { min_labelled_rows = 20, max_drop = 1.0 }
"""
# Answers with the first of some columns that it is sent, else with a number; it refuses nothing.
ASKS = """
import csv, io, json, pathlib
def model_fn(model_dir): return json.loads((pathlib.Path(model_dir) / "model.json").read_text())
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, model):
    made = []
    for row in rows:
        wanted = [row[name] for name in model["columns"] if name in row]
        made.append(float(wanted[0]) if wanted else model["shops"].get(row["shop"], 10.0))
    return made
def output_fn(scores, accept): return "".join(f"{score!r}\\n" for score in scores)
"""


def spec(text: str = TOML) -> dict[str, Any]:
    return policy.document(load_spec(text, name="sales"))


def code() -> bytes:
    return archive({"model.toml": TOML, "train.py": "", "inference.py": ASKS})


def sales(first: int = 0, last: int = DAYS, shops: int = SHOPS) -> pd.DataFrame:
    """Sales with a week's season; `leak` is what will be sold, and `rain` is known afterwards."""
    random = np.random.default_rng(5)
    level = random.gamma(9, 2, shops)
    noise = random.normal(0, 1, (shops, 2 * DAYS))
    rows = []
    for shop in range(shops):
        for day in range(first, last):
            sold = round(float(level[shop] * (1 + 0.3 * (day % 7 == 5)) + noise[shop, day]), 3)
            when = pd.Timestamp("2026-01-01") + pd.Timedelta(days=day)
            rows.append((f"s{shop % 6}", f"i{shop // 6}", f"{when:%Y-%m-%d}", day % 3, sold, sold))
    columns = ["shop", "item", "day", "price", "leak", "sold"]
    return pd.DataFrame(rows, columns=columns)


def freeze(container: Container, drops: Drops, *frames: pd.DataFrame) -> None:
    objects = [
        {**drops.put(f"data/sales/{at}.csv", frame.to_csv(index=False)), "window": at}
        for at, frame in enumerate(frames, 1)
    ]
    manifest = {"version": 1, "model": "sales", "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))


def prepared(container: Container, drops: Drops, *frames: pd.DataFrame, toml: str = TOML) -> str:
    shutil.rmtree(container.root / "processing" / "output", ignore_errors=True)
    freeze(container, drops, *frames)
    container.code(code(), spec(toml))
    return container.succeed("prepare.py")


def handed(container: Container, **places: str) -> None:
    """Make outputs of the jobs so far inputs of the next."""
    for to, source in places.items():
        target = container.input(to.replace("_", "-"))
        shutil.rmtree(target)
        shutil.copytree(container.output(source), target)


def answers(*columns: str, **shops: float) -> dict[str, str]:
    return {"model.json": json.dumps({"columns": columns, "shops": shops})}


def test_a_backtest_gains_nothing_from_a_column_that_is_the_future_target(
    container: Container, drops: Drops
) -> None:
    prepared(container, drops, sales())
    handed(container, holdout="holdout", baseline="baseline")
    assert "leak" in (container.output("holdout") / "data.csv").read_text().splitlines()[0]
    found = []
    for model in (answers("leak"), answers()):
        container.model(model)
        container.succeed("evaluate.py")
        found.append(container.read("evaluation/evaluation.json"))
    assert found[0]["metrics"] == found[1]["metrics"]
    assert found[0]["metrics"]["mae"]["value"] > 1
    # Nor is the endpoint sent it: its golden rows are what evaluation.json names.
    assert found[0]["features"] == ["shop", "item", "day", "price"]


def shifted(rows: pd.DataFrame, steps: int) -> pd.Series:
    moved: pd.Series = rows.groupby(["shop", "item"])["sold"].shift(steps)
    return moved


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda rows: rows["sold"], "is the target in"),
        (lambda rows: shifted(rows, 2), "is the target of 2 steps before"),
        (lambda rows: shifted(rows, -1), "is the target of 1 steps later"),
    ],
)  # fmt: skip
def test_a_column_that_nobody_can_know_ahead_is_refused_as_known_ahead(
    made: Any, said: str
) -> None:
    problem = job_module("problems").of(spec())
    rows = sales().assign(price=lambda frame: made(frame)).dropna()
    day = pd.to_datetime(rows["day"])
    last = day.groupby([rows["shop"], rows["item"]]).transform("max")
    back = (last - day).dt.days
    parts = {"holdout": rows[back < HORIZON], "validation": rows[(back >= 7) & (back < 14)]}
    parts["train"] = rows[back >= 14]
    with pytest.raises(job_module("container").JobError, match=said):
        problem.laid_out(lambda part: iter([parts[part].astype(str)]))


def test_a_week_before_is_known_ahead_of_a_week() -> None:
    problem = job_module("problems").of(spec())
    rows = sales()
    rows["price"] = shifted(rows, HORIZON)
    day = pd.to_datetime(rows["day"])
    back = (day.max() - day).dt.days
    parts = {"holdout": rows[back < 7], "validation": rows[(back >= 7) & (back < 14)]}
    parts["train"] = rows[back >= 14]
    told = problem.laid_out(lambda part: iter([parts[part].astype(str)]))["forecast"]
    assert (told["frequency"], told["season"], told["series"]) == ("day", 7, SHOPS)
    assert len(told["scales"]) == SHOPS


def read(container: Container) -> dict[str, pd.DataFrame]:
    return {
        part: pd.read_csv(container.output(part) / "data.csv")
        for part in ("train", "validation", "holdout")
    }


def test_each_series_is_measured_on_what_comes_after_all_it_was_trained_on(
    container: Container, drops: Drops
) -> None:
    uneven = sales()
    uneven = uneven[~((uneven["shop"] == "s3") & (uneven["day"] > "2026-02-10"))]
    uneven = uneven[~((uneven["shop"] == "s4") & (uneven["day"] == "2026-02-03"))]
    uneven = uneven[~((uneven["shop"] == "s5") & (uneven["day"] < "2026-03-20"))]
    said = prepared(container, drops, uneven.sample(frac=1, random_state=1))
    parts = read(container)
    ends = {}
    for part, rows in parts.items():
        by_series = rows.groupby(["shop", "item"])["day"]
        ends[part] = (by_series.min(), by_series.max())
    assert (ends["train"][1] < ends["validation"][0]).all()
    assert (ends["validation"][1] < ends["holdout"][0]).all()
    assert set(parts["holdout"].groupby(["shop", "item"]).size()) == {HORIZON}
    assert set(parts["validation"].groupby(["shop", "item"]).size()) == {HORIZON}
    assert "4 of 24 series left out, shorter than 15 steps: s5/i" in said
    assert "4 steps (day) are missing within 4 series: s4/i" in said
    how = container.read("baseline/split.json")
    assert (how["horizon"], how["frequency"], how["too_short"]) == (7, "day", 4)


def test_a_row_only_ever_moves_towards_train_and_a_later_drop_corrects(
    container: Container, drops: Drops
) -> None:
    order = {"train": 0, "validation": 1, "holdout": 2}
    before: dict[str, int] = {}
    corrected = sales(40, 60).assign(sold=99.5)
    given = [sales(0, 60), corrected, sales(60, 63), sales(63, 90)]
    for count in range(1, 5):
        said = prepared(container, drops, *given[:count])
        now = {}
        for part, rows in read(container).items():
            for row in (rows["shop"] + rows["item"] + rows["day"]).tolist():
                assert row not in now
                now[row] = order[part]
        assert all(now[row] <= place for row, place in before.items())
        before = now
    assert f"{20 * SHOPS} rows left out that a later drop has again" in said
    every = pd.concat(read(container).values())
    again = every[every["day"].between("2026-02-10", "2026-03-01")]
    assert (again["sold"] == 99.5).all() and len(again) == 20 * SHOPS


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        pytest.param(
            sales(0, 14),
            "].horizon is 7 and the longest of 24 series has 14 steps (day); 15 are needed",
            id="horizon longer than the data",
        ),
        pytest.param(
            pd.concat([sales(), sales(50, 51)]),
            "has two rows for 2026-02-20T00:00:00+00:00 in one drop (a step is a day), and 23 more",
            id="twice",
        ),
        pytest.param(
            sales(0, 1), "[forecast].frequency cannot be found: no series has two times", id="once"
        ),
        pytest.param(sales().assign(day="soon"), "column 'day' holds 'soon'", id="no time"),
        pytest.param(sales().drop(columns="item"), "column 'item'", id="no series"),
    ],
)  # fmt: skip
def test_series_that_cannot_be_split_are_refused(
    container: Container, drops: Drops, rows: pd.DataFrame, said: str
) -> None:
    freeze(container, drops, rows)
    container.code(code(), spec())
    assert said in container.fail("prepare.py")


OWN = """
import argparse, pathlib, shutil
parser = argparse.ArgumentParser()
parser.add_argument("--input"); parser.add_argument("--output")
paths = parser.parse_args()
for part in ("train", "validation", "holdout"):
    target = pathlib.Path(paths.output) / part
    target.mkdir(parents=True)
    shutil.copy(pathlib.Path(paths.input) / f"{part}.csv", target / "data.csv")
"""


@pytest.mark.parametrize(
    ("train", "holdout", "said"),
    [
        (
            (66, 80),
            (60, 66),
            "are in the holdout (336 rows are so): a forecast is measured on what",
        ),
        ((0, 60), (60, 80), "is step 8 of its holdout, and [forecast].horizon is 7"),
        ((0, 80), (80, 87), ""),
    ],
)
def test_a_split_of_ones_own_may_not_look_ahead_either(
    container: Container, drops: Drops, train: Any, holdout: Any, said: str
) -> None:
    parts = {"train": sales(*train), "holdout": sales(*holdout)}
    parts["validation"] = parts["train"].tail(0)
    rows = parts["train"]
    last = rows["day"] == rows["day"].max()
    parts["train"], parts["validation"] = rows[~last], rows[last]
    objects = [
        drops.put(f"data/sales/{part}.csv", frame.to_csv(index=False))
        for part, frame in parts.items()
    ]
    manifest = {"version": 1, "model": "sales", "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "manifest.json").write_text(json.dumps(manifest))
    toml = TOML.replace('split = { by = "series" }\n', "")
    bundle = archive({"model.toml": toml, "preprocess.py": OWN, "inference.py": ASKS})
    container.code(bundle, spec(toml))
    if said:
        assert said in container.fail("prepare.py")
    else:
        container.succeed("prepare.py")


def test_a_forecast_is_judged_compared_and_watched(container: Container, drops: Drops) -> None:
    """From the drop to late labels, whose times may be written otherwise than the requests'."""
    rows = sales()
    prepared(container, drops, rows[rows["day"] < "2026-03-25"])
    handed(container, champion_baseline="baseline")
    prepared(container, drops, rows)
    handed(container, holdout="holdout", baseline="baseline")
    means = rows.groupby("shop")["sold"].mean().to_dict()
    container.model(answers(**means))
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")
    kept = pd.read_csv(container.output("evaluation") / "predictions.csv")
    assert kept["key"].iloc[0] == '["s0","i0","2026-03-25T00:00:00+00:00"]'
    assert told["forecast"]["season"] == 7 and told["metrics"]["mase"]["value"] > 0
    steps = [part for part in told["slices"] if part["column"] == "horizon_step"]
    assert [(part["value"], part["rows"]) for part in steps] == [
        (str(step), SHOPS) for step in range(1, HORIZON + 1)
    ]
    page = (container.output("evaluation") / "report.html").read_text()
    for wanted in ("Forecast and actual", "Error by step of the horizon", "s0 / i0", "24 series"):
        assert wanted in page

    handed(container, reference="evaluation", champion_reference="evaluation")
    container.code(code(), spec(), "champion-code")
    container.model(answers(**means), "candidate")
    container.model(answers("leak"), "champion")
    said = container.succeed("compare.py")
    gain = container.read("comparison/comparison.json")
    assert gain["gain"]["low"] > 0, said
    assert gain["left_out"] == 0

    future = sales(DAYS, DAYS + HORIZON)
    scores = [means[shop] for shop in future["shop"]]
    sent = future[["day", "shop", "item", "price"]].to_csv(index=False)
    late = future.assign(day=future["day"] + "T00:00:00Z")[["item", "shop", "sold", "day"]]
    answered = "".join(f"{score}\n" for score in scores)
    findings = container.look(sent, answered, late.to_csv(index=False))
    assert findings["labelled_rows"] == SHOPS * HORIZON
    [quality] = [check for check in findings["checks"] if check["monitor"] == "quality"]
    error = np.abs(np.array(scores) - future["sold"].to_numpy())
    assert quality["feature"] == "mae" and quality["value"] == pytest.approx(error.mean())
    assert quality["low"] < quality["value"] < quality["high"]
    assert [c["monitor"] for c in findings["checks"]].count("prediction") == 2


def test_fewer_than_five_series_and_blocks_say_that_nobody_knows(container: Container) -> None:
    problem = job_module("problems").of(spec())
    names = job_module("row_names").RowNames(("shop", "item", "day"), "day")
    rows = sales(0, 3, shops=2)
    told = problem.among(names.of_frame(rows))
    assert "there are 3" in told.notes()[0] and "5 are needed" in told.notes()[0]
    metrics = job_module("metrics")
    assert all(np.isnan(metrics.interval([1.0, 2.0], 0.95, told.units())))


def test_few_series_are_drawn_by_blocks_of_time(tmp_path: Path) -> None:
    problem = job_module("problems").of(spec())
    names = job_module("row_names").RowNames(("shop", "item", "day"), "day")
    units = problem.among(names.of_frame(sales(0, 27, shops=2))).units()
    assert units.tolist() == [day * 9 // 27 for day in range(27)] * 2
    units = problem.among(names.of_frame(sales(0, 27, shops=20))).units()
    assert units.max() == 19
    drawn = next(job_module("metrics").resamples(len(units), 1, units=units))
    assert all(len(set(drawn[units == unit])) == 1 for unit in range(20))
