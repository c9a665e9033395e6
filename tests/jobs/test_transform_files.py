"""Rows for a serving container in a transform job, and what is taken as its answer."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from job_container import Container, spec_of
from jobs.conftest import job_module


def by_container(**sections: Any) -> dict[str, Any]:
    spec = spec_of(**sections)
    spec["evaluate"]["by"] = "transform"
    return spec


def prices(rows: int) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [f"{n:05d}" for n in range(rows)],
            "note": ['a "b",\nc'] * rows,
            "price": range(rows),
        }
    )


def written(folder: Path, table: pd.DataFrame, names: list[str] | None = None) -> list[Path]:
    table.to_csv(folder / "data.csv", index=False)
    made = folder / "requests"
    files = job_module("transform_files")
    files.written("holdout", folder / "data.csv", made, by_container(), names)
    return sorted(made.iterdir())


def test_a_request_has_a_header_no_target_and_every_cell_as_it_was(tmp_path: Path) -> None:
    (path,) = written(tmp_path, prices(2))
    assert path.name == "holdout-000000000-000000001.csv"
    assert path.read_text() == 'id,note\n00000,"a ""b"",\nc"\n00001,"a ""b"",\nc"\n'


def test_a_built_in_algorithm_is_sent_its_columns_in_their_order_without_names(
    tmp_path: Path,
) -> None:
    table = pd.DataFrame({"b": [2], "price": [9], "a": ["1.50"]})
    (path,) = written(tmp_path, table, ["a", "b"])
    assert path.read_text() == "1.50,2\n"
    with pytest.raises(job_module("container").JobError, match="the holdout has no column 'c'"):
        written(tmp_path, table, ["c"])


def test_large_tables_are_many_requests_whose_names_say_their_rows(tmp_path: Path) -> None:
    table = pd.DataFrame({"text": ["x" * 300_000] * 9, "price": range(9)})
    paths = written(tmp_path, table)
    assert all(path.stat().st_size < 1_000_000 for path in paths)
    rows = [tuple(int(each) for each in path.stem.split("-")[1:]) for path in paths]
    covered = [row for first, last in rows for row in range(first, last + 1)]
    assert covered == list(range(9))
    with pytest.raises(job_module("container").JobError, match=r"row 0 of the holdout has 7,000,0"):
        written(tmp_path, pd.DataFrame({"text": ["x" * 7_000_000], "price": [1]}))


def regression() -> Any:
    return job_module("problems").of(by_container())


def answered(folder: Path, problem: Any = None, rows: int = 3, **files: str) -> list[float]:
    for name, text in files.items():
        (folder / "deeper").mkdir(exist_ok=True)
        first, last = name.removeprefix("rows").split("_")
        path = folder / "deeper" / f"holdout-{int(first):09d}-{int(last):09d}.csv.out"
        path.write_text(text)
    files = job_module("transform_files")
    score = files.scores(folder, "holdout", rows, problem or regression())
    return [float(each) for each in score[:, 0]]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("1\n2.5\n3\n", id="a line each, as a transform job's XGBoost"),
        pytest.param("1,2.5,3", id="all in one line"),
        pytest.param("[1.0, 2.5, 3.0]", id="JSON"),
        pytest.param('{"predictions": [[1.0], [2.5], [3.0]]}', id="TensorFlow Serving's"),
        pytest.param(
            '{"predictions": [{"score": 1.0}, {"score": 2.5}, {"score": 3.0}]}',
            id="linear-learner's",
        ),
        pytest.param(
            '{"predicted_label": 1.0}\n{"predicted_label": 2.5}\n{"predicted_label": 3.0}',
            id="knn's as JSON Lines",
        ),
    ],
)
def test_an_answer_is_read_in_the_form_of_its_container(tmp_path: Path, text: str) -> None:
    assert answered(tmp_path, rows0_2=text) == [1.0, 2.5, 3.0]


def test_answers_are_put_together_by_the_rows_in_their_names(tmp_path: Path) -> None:
    assert answered(tmp_path, rows2_2="3\n", rows0_1="1\n2\n") == [1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "left no answers to the rows from 0 on of the holdout's 3"),
        ({"rows0_1": "1\n2\n"}, "left no answers to the rows from 2 on of the holdout's 3"),
        ({"rows0_3": "1\n2\n3\n4\n"}, "left no answers to the rows from 0 on"),
        ({"rows0_2": "1\n2\n"}, "answered 2 lines to the 3 rows 0 to 2 of the holdout"),
        ({"rows0_2": "1\n2\n3\n4\n"}, "answered 4 lines to the 3 rows"),
        ({"rows0_2": ""}, "answered nothing to the 3 rows 0 to 2 of the holdout"),
        ({"rows0_2": "1\nnan\n3\n"}, "answered nothing for row 1 of the holdout that is a finite"),
        ({"rows0_2": "1\ninf\n3\n"}, "answered nothing for row 1 of the holdout that is a finite"),
        ({"rows0_2": "red\nblue\ngreen\n"}, "answered 3 lines to the 3 rows"),
        ({"rows0_2": '{"predictions": 7}'}, "answered JSON of 18 bytes to the 3 rows"),
        ({"rows0_2": "{" * 9}, "answered JSON of 9 bytes to the 3 rows"),
    ],
)
def test_what_is_no_score_for_each_row_is_refused(
    tmp_path: Path, files: dict[str, str], words: str
) -> None:
    with pytest.raises(job_module("container").JobError) as error:
        answered(tmp_path, **files)
    assert words in str(error.value)


def test_a_probability_above_1_is_refused_by_its_row(tmp_path: Path) -> None:
    spec = by_container()
    spec["problem"] = "binary_classification"
    problem = job_module("problems").of(spec)
    with pytest.raises(job_module("container").JobError) as error:
        answered(tmp_path, problem, rows0_2="0.1\n1.5\n1\n")
    said = "the serving container of the model answered 1.5 for row 1; scores are probabilities"
    assert said in str(error.value)


def test_a_built_in_algorithm_names_classes_by_their_numbers(tmp_path: Path) -> None:
    spec = by_container(data={"classes": ["red", "green", "blue"]}, train={"algorithm": "knn"})
    spec["problem"] = "multiclass_classification"
    problem = job_module("problems").of(spec)
    said = [{"predicted_label": 2.0}, {"score": [0.1, 0.8, 0.1], "predicted_label": 1}]
    labels = json.dumps({"predictions": [said[0]] * 3})
    assert answered(tmp_path, problem, rows0_2=labels) == [2.0, 2.0, 2.0]
    shares = json.dumps({"predictions": [said[1]] * 3})
    assert answered(tmp_path, problem, rows0_2=shares) == [1.0, 1.0, 1.0]


def test_a_version_is_evaluated_by_what_its_container_answered(
    container: Container, bundle: bytes
) -> None:
    table = prices(200)
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    container.code(bundle, by_container())
    container.model({"means.json": "{}"})
    answers = "".join(f"{price + 0.5}\n" for price in table["price"])
    (container.input("answers") / "holdout-000000000-000000199.csv.out").write_text(answers)
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")
    assert told["metrics"]["mae"]["value"] == pytest.approx(0.5)
    (container.input("answers") / "holdout-000000000-000000199.csv.out").unlink()
    assert "left no answers to the rows from 0 on" in container.fail("evaluate.py")


def test_both_sides_of_a_comparison_are_what_containers_answered(
    container: Container, bundle: bytes
) -> None:
    table = prices(200)
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    for name in ("code", "champion-code"):
        container.code(bundle, by_container(), name)
    rows = {"row": range(199, -1, -1), "key": "", "target": 0, "score": table["price"][::-1] + 0.25}
    pd.DataFrame(rows).to_csv(container.input("reference") / "predictions.csv", index=False)
    answers = "".join(f"{price + 1}\n" for price in table["price"])
    folder = container.input("champion-answers")
    (folder / "holdout-000000000-000000199.csv.out").write_text(answers)
    container.succeed("compare.py")
    told = container.read("comparison/comparison.json")
    sides = told["candidate"]["value"], told["champion"]["value"]
    assert sides == (pytest.approx(0.25), pytest.approx(1.0))


def test_the_champion_is_sent_the_columns_that_it_was_trained_on(
    container: Container, bundle: bytes
) -> None:
    table = pd.DataFrame({"b": [2, 4], "price": [9, 8], "a": ["1.50", "3"]})
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    container.code(bundle, by_container(train={"algorithm": "knn"}), "champion-code")
    kept = container.input("champion-reference") / "evaluation.json"
    kept.write_text(json.dumps({"features": ["a", "b"]}))
    container.succeed("champion_rows.py")
    (path,) = container.output("requests").iterdir()
    assert path.read_text() == "1.50,2\n3,4\n"
    kept.unlink()
    assert "are not known any more" in container.fail("champion_rows.py")
