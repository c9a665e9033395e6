"""A folder written from the columns of a CSV file: what is chosen, and what is refused."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from everloop.spec.model_spec import load_spec
from everloop_cli.main import main

HEAD = "id,day,size,town,price\n"
ROWS = "".join(f"a{n},2026-01-{1 + n % 28:02},{n}.5,{'xy'[n % 2]},{n * 3.25}\n" for n in range(60))


@pytest.fixture
def data(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "data.csv"
        path.write_text(text)
        return path

    return write


def made(capsys: Any, folder: Path, data: Path, *words: str) -> Any:
    """Return what the command says that it wrote, as JSON."""
    assert main(["init", str(folder), "--data", str(data), "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: Any, folder: Path, data: Path, *words: str) -> str:
    assert main(["init", str(folder), "--data", str(data), *words]) == 2
    assert not folder.exists()
    return " ".join(capsys.readouterr().err.split())


def test_key_time_and_features_are_told_by_the_data(tmp_path: Path, data: Any, capsys: Any) -> None:
    folder = tmp_path / "prices"
    found = made(capsys, folder, data(HEAD + ROWS), "--target", "price")
    assert found["problem"] == "regression"
    assert found["key"] == "id"
    assert found["features"] == ["size", "town"]
    spec = load_spec((folder / "model.toml").read_text(), name="prices")
    assert (spec.data.key, spec.data.timestamp, spec.data.split.by) == ("id", "day", "time")


def test_people_read_what_was_chosen_and_what_comes_next(
    tmp_path: Path, data: Any, capsys: Any
) -> None:
    folder, file = tmp_path / "prices", data(HEAD + ROWS)
    assert main(["init", str(folder), "--data", str(file), "--target", "price"]) == 0
    said = capsys.readouterr().out
    assert "regression: price holds 60 different numbers" in said
    assert "learns nothing from id, day" in said
    assert f"everloop push {folder}" in said and f"everloop drop prices {file}" in said


def test_series_that_go_on_are_offered_a_forecast(tmp_path: Path, data: Any, capsys: Any) -> None:
    rows = [f"2026-01-{day:02},{shop},{day * 1.5}\n" for day in range(1, 29) for shop in "xyz"]
    file = data("day,shop,sold\n" + "".join(rows))
    assert main(["init", str(tmp_path / "sales"), "--data", str(file), "--target", "sold"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "shop and day together name a row" in said and "say --like forecast" in said
    file = data("day,shop,sold\n" + "".join([*rows, rows[0]]))
    assert main(["init", str(tmp_path / "twice"), "--data", str(file), "--target", "sold"]) == 0
    assert "together name a row" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("values", "problem", "positive"),
    [
        (["yes", "no"], "binary_classification", "yes"),
        (["0", "1"], "binary_classification", None),
        (["True", "False"], "binary_classification", "True"),
        (["good", "good", "bad"], "binary_classification", "bad"),
        (["a", "b", "c"], "multiclass_classification", None),
        (["1", "2", "3"], "multiclass_classification", None),
    ],
)
def test_the_problem_is_told_by_the_target(
    tmp_path: Path, data: Any, capsys: Any, values: list[str], problem: str, positive: str | None
) -> None:
    rows = "".join(f"{n},{n % 7}.5,{values[n % len(values)]}\n" for n in range(60))
    folder = tmp_path / "m"
    found = made(capsys, folder, data("id,x,y\n" + rows), "--target", "y")
    assert found["problem"] == problem
    spec = load_spec((folder / "model.toml").read_text(), name="m")
    assert spec.data.positive == positive
    assert spec.data.split.by == "key"


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (HEAD + ROWS, ["--target", "prize"], "no column 'prize'; it has: id, day, size, town"),
        (HEAD + ROWS, ["--target", "price", "--key", "no"], "the data has no column 'no'"),
        (HEAD, ["--target", "price"], "has 0 rows"),
        ("a,a\n1,2\n", ["--target", "a"], "its first line has to name at least two columns"),
        ("x,y\n1,2\n1,3,4\n", ["--target", "y"], "row 2 has 3 fields, and the header 2"),
        ("x,y\n" + "1,2\n2,3\n" * 9, ["--target", "y"], "no column of the data names its rows"),
        ("id,y\n" + "a,1\nb,1\n", ["--target", "y"], "'y' holds 1 values; a target needs two"),
        ("id,y\na,1\nb,2\n", ["--target", "y"], "no column that a model can learn from"),
        (
            "id,x,y\n" + "".join(f"k{n},{n},{n if n % 3 else ''}\n" for n in range(9)),
            ["--target", "y"],
            "3 of 9 rows have no 'y': leave them out",
        ),
        (
            "id,x,y\n" + "".join(f"k{n},{n},word {n}\n" for n in range(30)),
            ["--target", "y"],
            "'y' holds 30 different words in 30 rows: they name rows, and are no classes",
        ),
        (
            "id,x,y\n" + "".join(f"k{n},{n},w{n % 3}\n" for n in range(9)),
            ["--target", "y", "--problem", "regression"],
            "regression needs a target of numbers; 'y' holds 3 different words",
        ),
    ],
)
def test_data_that_makes_no_model_is_told(
    tmp_path: Path, data: Any, capsys: Any, text: str, words: list[str], said: str
) -> None:
    assert said in refused(capsys, tmp_path / "m", data(text), *words)


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path, data: Any, capsys: Any) -> None:
    folder = tmp_path / "m"
    folder.mkdir()
    (folder / "train.py").write_text("mine")
    words = ["init", str(folder), "--data", str(data(HEAD + ROWS)), "--target", "price"]
    assert main(words) == 2
    assert "is there already, and not empty" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["train.py"]


def test_a_name_that_is_none_is_refused_before_anything_is_written(
    tmp_path: Path, data: Any, capsys: Any
) -> None:
    said = refused(capsys, tmp_path / "my model", data(HEAD + ROWS), "--target", "price")
    assert "'my model' is no name of a model" in said


@pytest.mark.parametrize("values", [["0", "1"], ["a", "b", "c"], [f"{n}.5" for n in range(50)]])
def test_a_built_in_algorithm_needs_no_script(
    tmp_path: Path, data: Any, capsys: Any, values: list[str]
) -> None:
    rows = "".join(f"k{n},{n % 7}.5,{values[n % len(values)]}\n" for n in range(60))
    folder = tmp_path / "m"
    words = ("--target", "y", "--like", "xgboost")
    found = made(capsys, folder, data("id,x,y\n" + rows), *words)
    assert found["files"] == ["model.toml"] == [path.name for path in folder.iterdir()]
    spec = load_spec((folder / "model.toml").read_text(), name="m")
    assert spec.train.algorithm == "xgboost"
    assert list(map(str, spec.data.classes)) == (values if len(values) == 3 else [])


def test_a_built_in_algorithm_takes_no_words(tmp_path: Path, data: Any, capsys: Any) -> None:
    words = ("--target", "price", "--algorithm", "xgboost")
    said = refused(capsys, tmp_path / "m", data(HEAD + ROWS), *words)
    assert "xgboost learns from numbers only, and the data has town besides" in said


@pytest.mark.parametrize(
    "day",
    [
        pytest.param(lambda n: "2026-01-01" if n % 2 else "", id="half of the rows have none"),
        pytest.param(lambda n: f"2026-13-{1 + n % 28:02}", id="there is no such month"),
        pytest.param(lambda n: f"2026-01-0{1 + n % 2}", id="two days are no three parts"),
    ],
)
def test_what_cannot_split_rows_by_time_leaves_it_to_the_key(
    tmp_path: Path, data: Any, capsys: Any, day: Callable[[int], str]
) -> None:
    rows = "".join(f"k{n},{day(n)},{n}.5,{n * 3.25}\n" for n in range(60))
    folder = tmp_path / "m"
    made(capsys, folder, data("id,day,x,y\n" + rows), "--target", "y")
    spec = load_spec((folder / "model.toml").read_text(), name="m")
    assert (spec.data.split.by, spec.data.timestamp) == ("key", None)


def test_a_number_that_is_written_two_ways_is_one_class(
    tmp_path: Path, data: Any, capsys: Any
) -> None:
    rows = "".join(f"k{n},{n}.5,{('0', '0.0', '1', '1.0')[n % 4]}\n" for n in range(60))
    found = made(capsys, tmp_path / "m", data("id,x,y\n" + rows), "--target", "y")
    assert found["problem"] == "binary_classification"


def test_a_word_with_spaces_around_it_is_the_class_that_pandas_reads(
    tmp_path: Path, data: Any, capsys: Any
) -> None:
    rows = "".join(f"k{n},{n}.5,{(' yes', ' no')[n % 2]}\n" for n in range(60))
    folder = tmp_path / "m"
    made(capsys, folder, data("id,x,y\n" + rows), "--target", "y")
    assert "POSITIVE = ' yes'" in (folder / "columns.py").read_text()


def test_a_place_that_is_a_file_and_data_with_brackets_are_no_traceback(
    tmp_path: Path, data: Any, capsys: Any
) -> None:
    file = tmp_path / "m"
    file.write_text("a file")
    words = ["--data", str(data(HEAD + ROWS)), "--target", "price"]
    assert main(["init", str(file), *words]) == 2
    assert "is there already" in capsys.readouterr().err
    odd = tmp_path / "a [red] b.csv"
    odd.write_text(HEAD + ROWS)
    assert main(["init", str(tmp_path / "n"), "--data", str(odd), "--target", "price"]) == 0
    assert f"'{odd}'" in capsys.readouterr().out


def test_data_is_read_as_a_drop_is(tmp_path: Path, data: Any, capsys: Any) -> None:
    """Compressed, with comments of none, and with rows that end early."""
    plain = made(capsys, tmp_path / "plain", data(HEAD + ROWS), "--target", "price")
    path = tmp_path / "data.csv.gz"
    path.write_bytes(gzip.compress((HEAD + ROWS).encode()))
    packed = made(capsys, tmp_path / "packed", path, "--target", "price")
    assert packed == plain | {"model": "packed"}
    text = "id,size,price,note\n" + "".join(f"a{n},{n}.5,{n * 3.25}\n" for n in range(60))
    short = made(capsys, tmp_path / "short", data(text), "--target", "price")
    assert short["features"] == ["size"]
    path.write_bytes(path.read_bytes()[:100])
    assert "cannot be read" in refused(capsys, tmp_path / "cut", path, "--target", "price")
    quotes = data(HEAD + 'a1,"2026-01-01,1,x,2\n')
    said = refused(capsys, tmp_path / "quotes", quotes, "--target", "price")
    assert "quotes that open in line 2 never close" in said


DAYS = [f"2026-0{month}-{day:02}" for month in (1, 2, 3) for day in range(1, 29)]
SOLD = "day,shop,sold\n" + "".join(
    f"{day},{shop},{number + number % 7}\n" for number, day in enumerate(DAYS) for shop in "xyz"
)


def test_series_are_forecast_on_their_last_steps(tmp_path: Path, data: Any, capsys: Any) -> None:
    folder, words = tmp_path / "sales", ("--target", "sold", "--like", "forecast")
    found = made(capsys, folder, data(SOLD), *words)
    assert (found["problem"], found["series"], found["horizon"]) == ("forecasting", ["shop"], 10)
    spec = load_spec((folder / "model.toml").read_text(), name="sales")
    assert spec.forecast is not None and spec.forecast.horizon == 10
    assert spec.data.split is not None and spec.data.split.by == "series"
    assert "HORIZON = 10" in (folder / "columns.py").read_text()
    other = made(capsys, tmp_path / "b", data(SOLD), *words, "--horizon", "3", "--series", "shop")
    assert other["horizon"] == 3


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (HEAD + ROWS, ("price",), "no column of words names a row together with 'day'"),
        (SOLD, ("shop",), "a forecast needs a target of numbers"),
        (SOLD.replace("2026-", "late "), ("sold",), "needs a column that says when each row was"),
        (SOLD, ("sold", "--horizon", "50"), "--horizon 50 needs 200 times at least, and day has"),
        (SOLD + SOLD[14:], ("sold", "--series", "shop"), "rows have the shop and day of another"),
        (SOLD, ("sold", "--key", "day"), "--key is for no forecast"),
    ],
)
def test_what_cannot_be_forecast_is_told(
    tmp_path: Path, data: Any, capsys: Any, text: str, words: tuple[str, ...], said: str
) -> None:
    given = ("--target", *words, "--like", "forecast")
    assert said in refused(capsys, tmp_path / "m", data(text), *given)


def test_options_of_forecasts_are_refused_elsewhere(tmp_path: Path, data: Any, capsys: Any) -> None:
    said = refused(capsys, tmp_path / "m", data(SOLD), "--target", "sold", "--horizon", "3")
    assert "--horizon is for --like forecast" in said
