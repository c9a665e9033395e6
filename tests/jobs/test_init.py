"""What `everloop init` writes from a CSV file is prepared, trained and evaluated as it stands."""

import csv
import io
import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from job_container import Container, Drops
from jobs.test_models import evaluated

from everloop_cli.main import main

Row = dict[str, Any]
ROWS = 600


def house(number: int, dice: random.Random) -> Row:
    size, part = dice.uniform(30, 200), dice.choice(["north", "south", ""])
    cost = 2000 * size + (50000 if part == "north" else 0) + dice.gauss(0, 9000)
    return {
        "house_id": f"H{number:05}",
        "sold_on": f"2026-0{1 + number * 9 // ROWS}-{1 + number % 28:02}",
        "size": f"{size:.1f}".replace(".", ","),
        "part of town": part,
        "note": f"{dice.random()} words",
        "price": f"{cost:.2f}".replace(".", ","),
    }


def customer(number: int, dice: random.Random) -> Row:
    calls = dice.randint(0, 9)
    left = dice.random() < 0.1 + calls / 15
    plan = dice.choice(["free", "pro"])
    return {"customer": number, "calls": calls, "plan": plan, "churned": "yes" if left else "no"}


def flower(number: int, dice: random.Random) -> Row:
    kind = dice.choice(["rose", "lily", "tulip"])
    centre = {"rose": 1.0, "lily": 2.0, "tulip": 3.0}[kind]
    width = dice.gauss(centre, 0.5)
    return {"flower": f"f{number}", "width": f"{width:.3f}", "petals": number % 5, "kind": kind}


def written(folder: Path, row: Callable[[int, random.Random], Row], separator: str) -> Path:
    dice = random.Random(5)
    text = io.StringIO()
    made = [row(number, dice) for number in range(ROWS)]
    writer = csv.DictWriter(text, list(made[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(made)
    path = folder / "data.csv"
    path.write_text(text.getvalue())
    return path


def sale(number: int, dice: random.Random) -> Row:
    day = date(2026, 1, 1) + timedelta(number // 3)
    shop = ("north", "south", "east")[number % 3]
    sold = 20 + 10 * (number % 3) + 6 * (day.weekday() > 4) + dice.gauss(0, 1)
    return {"day": str(day), "shop": shop, "sold": f"{sold:.2f}"}


def test_a_folder_that_forecasts_learns_the_week(
    container: Container, drops: Drops, tmp_path: Path
) -> None:
    data, folder = written(tmp_path, sale, ","), tmp_path / "sales"
    words = ["--data", str(data), "--target", "sold", "--like", "forecast"]
    assert main(["init", str(folder), *words]) == 0
    found = evaluated(container, drops, folder, [("a.csv", data.read_bytes())])
    assert found["metrics"]["mae"]["value"] < 1.5  # 0.8 is noise; by the level alone it is 2.4


@pytest.mark.parametrize(
    ("row", "target", "separator", "metric", "least"),
    [
        pytest.param(house, "price", ";", "r2", 0.8, id="regression"),
        pytest.param(customer, "churned", ",", "auc", 0.6, id="two classes"),
        pytest.param(flower, "kind", ",", "balanced_accuracy", 0.6, id="several classes"),
    ],
)
def test_a_folder_made_from_data_learns_from_it(
    container: Container,
    drops: Drops,
    tmp_path: Path,
    row: Callable[[int, random.Random], Row],
    target: str,
    separator: str,
    metric: str,
    least: float,
) -> None:
    data, folder = written(tmp_path, row, separator), tmp_path / "my-model"
    assert main(["init", str(folder), "--data", str(data), "--target", target]) == 0

    found = evaluated(container, drops, folder, [("a.csv", data.read_bytes())])
    assert found["metrics"][metric]["value"] > least
