"""Several classes, from the prepared data to the monitor: lists of classes, labels, vectors."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import Container, Drops, bundle_with, spec_of
from jobs.conftest import job_module

CLASSES = ("cat", "dog", "owl")

# Answers with the columns of the request that the model's file names, one line for each row.
COLUMNS = """
import csv, io, json, pathlib
def model_fn(model_dir): return json.loads((pathlib.Path(model_dir) / "columns").read_text())
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, columns): return [[row[name] for name in columns["of"]] for row in rows]
def output_fn(scores, accept):
    return "".join(",".join(row) + "\\n" for row in scores)
"""
WITH_HEADER = COLUMNS.replace('return "".join', 'return "owl,cat,dog\\n" + "".join')
SPLIT = """
import argparse, pathlib, shutil
parser = argparse.ArgumentParser()
parser.add_argument("--input"); parser.add_argument("--output")
paths = parser.parse_args()
for part in ("train", "validation", "holdout"):
    target = pathlib.Path(paths.output) / part
    target.mkdir(parents=True)
    shutil.copy(pathlib.Path(paths.input) / f"{part}.csv", target / "data.csv")
"""


def spec(**evaluate: Any) -> dict[str, Any]:
    rules = {"metrics": {}, "slices": [], "compare": {"metric": "accuracy", "confidence": 0.9}}
    made = spec_of(data={"target": "animal", "columns": {}}, evaluate={**rules, **evaluate})
    return {**made, "problem": "multiclass_classification"}


def animals(rows: int, seed: int = 1, noise: float = 0.35) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.integers(0, 3, rows)
    shares = np.eye(3)[truth] + random.exponential(noise, (rows, 3))
    shares /= shares.sum(axis=1, keepdims=True)
    frame = pd.DataFrame(shares, columns=[f"p_{name}" for name in CLASSES])
    frame["id"], frame["animal"] = range(rows), np.array(CLASSES)[truth]
    frame["label"] = np.array(CLASSES)[shares.argmax(axis=1)]
    return frame


def ready(
    container: Container,
    frame: pd.DataFrame,
    asked: Mapping[str, Any],
    answers: list[str],
    inference: str = COLUMNS,
) -> None:
    frame.to_csv(container.input("holdout") / "data.csv", index=False)
    container.code(bundle_with({"inference.py": inference}), asked)
    container.model({"columns": json.dumps({"of": answers})})
    statistics = {"version": 0, "features": [], "classes": list(CLASSES)}
    (container.input("baseline") / "statistics.json").write_text(json.dumps(statistics))


SHARES = [f"p_{name}" for name in CLASSES]


def test_probabilities_are_measured_and_kept_class_by_class(container: Container) -> None:
    rows = animals(200)
    ready(container, rows, spec(), SHARES)

    container.succeed("evaluate.py")

    told = container.read("evaluation/evaluation.json")
    assert told["classes"] == list(CLASSES)
    assert told["answers"] == "probabilities"
    assert told["metrics"]["accuracy"]["value"] == (rows["label"] == rows["animal"]).mean()
    kept = pd.read_csv(container.output("evaluation") / "predictions.csv")
    assert list(kept.columns) == [
        *("row", "key", "target", "label"),
        *(f"score:{name}" for name in CLASSES),
    ]
    assert kept["label"].tolist() == rows["label"].tolist()
    assert kept["score:owl"].to_numpy() == pytest.approx(rows["p_owl"].to_numpy())
    page = (container.output("evaluation") / "report.html").read_text()
    assert "Classes, true and predicted" in page
    assert "Calibration" in page


@pytest.mark.parametrize(
    ("answers", "inference"),
    [
        pytest.param(["label", *SHARES], COLUMNS, id="label and probabilities"),
        pytest.param(["p_owl", "p_cat", "p_dog"], WITH_HEADER, id="a header of its own order"),
    ],
)
def test_other_forms_of_an_answer_mean_the_same(
    container: Container, answers: list[str], inference: str
) -> None:
    rows = animals(60)
    ready(container, rows, spec(), answers, inference)
    container.succeed("evaluate.py")
    kept = pd.read_csv(container.output("evaluation") / "predictions.csv")
    assert kept["label"].tolist() == rows["label"].tolist()
    assert kept["score:cat"].to_numpy() == pytest.approx(rows["p_cat"].to_numpy())


def test_labels_alone_have_the_metrics_that_need_no_probabilities(container: Container) -> None:
    rows = animals(60)
    ready(container, rows, spec(), ["label"])
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")
    assert told["answers"] == "labels"
    assert list(told["metrics"]) == [
        *("accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "mcc"),
    ]
    kept = pd.read_csv(container.output("evaluation") / "predictions.csv")
    assert list(kept.columns) == ["row", "key", "target", "label"]

    ready(container, rows, spec(metrics={"log_loss": {"max": 1.0, "min": None}}), ["label"])
    said = container.fail("evaluate.py")
    assert "model.toml asks for log_loss, which needs probabilities; inference.py answered" in said


@pytest.mark.parametrize(
    ("changed", "answers", "said"),
    [
        pytest.param({}, SHARES[:2], "for row 0 2 values where a class, 3 prob", id="too short"),
        pytest.param({}, [*SHARES, "p_cat", "p_cat"], "for row 0 5 values where", id="too long"),
        pytest.param({"p_cat": 7}, SHARES, "'7' where a probability, from 0 to 1", id="7"),
        pytest.param({"p_cat": "nan"}, SHARES, "'nan' where a probability", id="nan"),
        pytest.param({"p_cat": 0.9}, SHARES, "probabilities that sum to", id="no sum of 1"),
        pytest.param({"label": "elk"}, ["label"], "'elk', which is no class; there", id="elk"),
    ],
)
def test_an_answer_that_is_none_is_named_by_its_row(
    container: Container, changed: dict[str, Any], answers: list[str], said: str
) -> None:
    ready(container, animals(20).assign(**changed), spec(), answers)
    message = container.fail("evaluate.py")
    assert message.startswith("inference.py of the model answered ")
    assert said in message


def test_a_target_that_is_no_class_is_named(container: Container) -> None:
    ready(container, animals(20).assign(animal="elk"), spec(), SHARES)
    assert container.fail("evaluate.py") == (
        "the holdout's 'animal' is 'elk' in row 0; targets are one of 'cat', 'dog', 'owl'"
    )


@pytest.mark.parametrize(
    ("train", "holdout", "declared", "classes", "said"),
    [
        pytest.param("b a", "a", [], ["a", "b"], "", id="text"),
        pytest.param("10 9 9.0", "9", [], ["9", "10"], "", id="numbers by their value"),
        pytest.param("b a", "a", ["b", "a"], ["b", "a"], "", id="declared"),
        pytest.param("a a", "a", [], [], "holds only the class 'a'; two are needed", id="one"),
        pytest.param("a b", "a c c", [], [], "holds 'c' in 2 rows, and train", id="new"),
        pytest.param(
            "a b", "a", ["a", "c"], [], "'b' in row 1; targets are one of 'a', 'c'", id="lacks"
        ),
    ],
)
def test_the_classes_of_training_are_kept_with_the_baseline(
    container: Container,
    drops: Drops,
    train: str,
    holdout: str,
    declared: list[str],
    classes: list[str],
    said: str,
) -> None:
    parts = {"train": train, "validation": train, "holdout": holdout}
    objects = []
    for part, targets in parts.items():
        rows = "".join(f"{n},{each}\n" for n, each in enumerate(targets.split()))
        objects.append(drops.put(f"data/m/{part}.csv", f"id,animal\n{rows}"))
    manifest = {"version": 1, "model": "m", "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "m.json").write_text(json.dumps(manifest))
    asked = spec()
    asked["data"]["classes"] = declared
    container.code(bundle_with({"preprocess.py": SPLIT}), asked)
    if said:
        assert said in container.fail("prepare.py")
    else:
        container.succeed("prepare.py")
        assert container.read("baseline/statistics.json")["classes"] == classes


def compared(container: Container, champions: list[str], columns: list[str]) -> Any:
    rows = animals(300)
    rows["nothing"] = 0
    rows.to_csv(container.input("holdout") / "data.csv", index=False)
    asked = spec(compare={"metric": "log_loss", "confidence": 0.9})
    for side, job, reference, of, known in (
        ("candidate", "code", "reference", SHARES, list(CLASSES)),
        ("champion", "champion-code", "champion-reference", columns, champions),
    ):
        container.code(bundle_with({"inference.py": COLUMNS}), asked, job)
        container.model({"columns": json.dumps({"of": of})}, side)
        kept = {"classes": known, "answers": "probabilities"}
        (container.input(reference) / "evaluation.json").write_text(json.dumps(kept))
    container.succeed("compare.py")
    assert "were recognised" in (container.output("comparison") / "report.html").read_text()
    return container.read("comparison/comparison.json")


def test_a_champion_of_the_same_answers_gains_nothing(container: Container) -> None:
    assert compared(container, list(CLASSES), SHARES)["gain"]["value"] == 0


def test_each_version_answers_in_the_order_of_its_own_classes(container: Container) -> None:
    told = compared(container, ["owl", "cat", "dog"], ["p_owl", "p_cat", "p_dog"])
    assert told["gain"]["value"] == 0


def test_a_champion_that_lacks_a_class_is_wrong_where_it_is_true(container: Container) -> None:
    told = compared(container, ["ant", "cat", "dog", "owl"], ["nothing", *SHARES])
    assert told["gain"]["value"] == 0
    lacking = job_module("problems").of(spec(), {"classes": ["cat", "dog"]})
    whole = job_module("problems").of(spec(), {"classes": list(CLASSES)})
    by, scores = whole.translated(lacking, lacking.of_lines(["0.4,0.6"], 1))
    assert by is whole
    assert scores.tolist() == [[1.0, 0.4, 0.6, 0.0]]


PROBLEM = job_module("problems").of(spec(), {"classes": list(CLASSES)})
ROW = [1.0, 0.2, 0.7, 0.1]


@pytest.mark.parametrize(
    "body",
    [
        "0.2,0.7,0.1\n",
        "dog,0.2,0.7,0.1\n",
        "cat,dog,owl\n0.2,0.7,0.1\n",
        "[0.2, 0.7, 0.1]",
        "[[0.2, 0.7, 0.1]]",
        '{"predictions": [[0.2, 0.7, 0.1]]}',
        '{"predictions": [{"label": "dog", "probabilities": [0.2, 0.7, 0.1]}]}',
        '{"label": "dog", "scores": {"owl": 0.1, "cat": 0.2, "dog": 0.7}}',
        '{"cat": 0.2, "dog": 0.7, "owl": 0.1}',
        '{"labels": ["dog"], "label": ["dog"], "probabilities": [[0.2, 0.7, 0.1]]}',
    ],
)
def test_an_endpoints_answer_is_read_in_whatever_form(body: str) -> None:
    kind = "application/json" if body[0] in "[{" else "text/csv"
    cells = PROBLEM.of_body(body.encode(), kind, 1)
    assert PROBLEM.of_cells(pd.Series(cells)).tolist() == [ROW]


@pytest.mark.parametrize(
    ("body", "labels"),
    [
        ("dog\nowl\n", [1.0, 2.0]),
        ('["dog", "owl"]', [1.0, 2.0]),
        ('{"label": "dog"}\n{"label": "owl"}', [1.0, 2.0]),
        ('{"predictions": [{"label": "dog", "score": 0.7}, {"label": "owl", "score": 1}]}', [1, 2]),
        ("dog\nelk\n", [1.0]),
        ("0.5,0.5,0.1\n1,0,0\n", [0.0]),
    ],
)
def test_of_several_rows_those_that_are_no_answer_are_left_out(
    body: str, labels: list[float]
) -> None:
    cells = PROBLEM.of_body(body.encode(), "text/csv", 2)
    assert len(cells) == 2
    assert PROBLEM.of_cells(pd.Series(cells))[:, 0].tolist() == labels


def test_predictions_that_move_name_the_class_that_moved_most() -> None:
    before = PROBLEM.of_columns(animals(900)[["label"]])
    same = PROBLEM.of_columns(animals(900, seed=2)[["label"]])
    [calm] = PROBLEM.moved(before, same, 0.1, 0.001)
    assert not calm["violated"]
    moved = same.copy()
    moved[:400, 0] = 2
    [told] = PROBLEM.moved(before, moved, 0.1, 0.001)
    assert told["violated"]
    assert told["feature"] == "label"
    assert "predicted classes moved by 0." in told["description"]
    assert "'owl' is " in told["description"]


def test_a_late_label_of_a_class_that_is_new_is_a_wrong_answer() -> None:
    labels = PROBLEM.labels_of(pd.Series(["dog", "elk", "", None]))
    assert labels == ["dog", "elk", None, None]
    truth = PROBLEM.truth_of(["dog", "elk"])
    score = PROBLEM.of_lines(["dog,0.2,0.7,0.1"] * 2, 2)
    ones = np.ones(2)
    measured = PROBLEM.measured(truth, score)
    assert measured["accuracy"](ones) == 0.5
    assert measured["macro_f1"](ones) == pytest.approx(1 / 3)
    assert measured["log_loss"](ones) > 15


def test_a_look_sees_classes_move_and_quality_fall(container: Container) -> None:
    """Traffic answered with labels and probabilities, whose labels came in the same look."""
    rows = animals(400, seed=4)
    rows["id"] = rows["id"].astype(str)
    rows.loc[:250, ["label", *SHARES]] = ["owl", 0.0, 0.1, 0.9]
    asked = spec()
    asked["monitor"] = {**asked["monitor"], "min_rows": 100}
    container.code(bundle_with({}), asked)
    (container.input("baseline") / "statistics.json").write_text('{"features": []}')
    ready_reference(container, animals(600))
    sent, answered = rows[["id"]], rows[["label", *SHARES]]
    record = {
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "data": sent.to_csv(index=False)},
            "endpointOutput": {
                "observedContentType": "text/csv",
                "data": answered.to_csv(index=False, header=False),
            },
        },
        "eventMetadata": {"eventId": "e", "inferenceTime": "2026-11-20T12:05:00Z"},
    }
    (container.input("capture") / "x.jsonl").write_text(json.dumps(record))
    rows[["id", "animal"]].to_csv(container.input("labels") / "may.csv", index=False)
    environment = {
        "EVERLOOP_MODEL": "m",
        "EVERLOOP_ENDPOINT": "m",
        "EVERLOOP_VERSION": "3",
        "EVERLOOP_FROM": "2026-11-20T12:00:00Z",
        "EVERLOOP_TO": "2026-11-20T13:00:00Z",
    }

    message = container.succeed("monitor.py", environment)

    assert message.startswith("CompletedWithViolations")
    told = container.read("findings/findings.json")
    checks = {(each["monitor"], each["feature"]): each for each in told["checks"]}
    assert checks["prediction", "label"]["violated"]
    assert "'owl' is" in checks["prediction", "label"]["description"]
    quality = checks["quality", "accuracy"]
    assert quality["violated"]
    assert quality["value"] == pytest.approx((rows["label"] == rows["animal"]).mean())
    assert quality["labelled"] == 400
    assert "Predicted classes now" in (container.output("findings") / "report.html").read_text()


def ready_reference(container: Container, frame: pd.DataFrame) -> None:
    folder = container.input("reference")
    truth = PROBLEM.target_of(frame["animal"])
    lines = [",".join(map(str, row)) for row in frame[["label", *SHARES]].to_numpy().tolist()]
    score = PROBLEM.of_lines(lines, len(frame))
    columns = PROBLEM.columns(truth, score)
    pd.DataFrame({"row": range(len(frame)), "key": "", **columns}).to_csv(
        folder / "predictions.csv", index=False
    )
    value = PROBLEM.measured(truth, score)["accuracy"](np.ones(len(frame)))
    kept = {"metrics": {"accuracy": {"value": value}}, **PROBLEM.decided()}
    (folder / "evaluation.json").write_text(json.dumps(kept))


def test_names_of_classes_are_read_from_predictions_as_they_are_written(tmp_path: Path) -> None:
    names = ["01", "true", "1.50"]
    problem = job_module("problems").of(spec(), {"classes": names, "answers": "probabilities"})
    truth = problem.truth_of(names)
    score = problem.of_lines([f"{name},0.2,0.3,0.5" for name in names], 3)
    frame = pd.DataFrame({"row": [0, 1, 2], **problem.columns(truth, score)})
    frame.to_csv(tmp_path / "predictions.csv", index=False)
    read = job_module("scoring").predictions_of(tmp_path / "predictions.csv")
    assert problem.of_columns(read) == pytest.approx(score)
    assert problem.target_of(read["target"]) == pytest.approx(truth)


def test_a_header_of_other_classes_is_an_answer_that_cannot_be_read() -> None:
    unreadable = job_module("sent_columns").Unreadable
    with pytest.raises(unreadable, match="lacks classes"):
        PROBLEM.of_body(b"dog,cat\n0.5,0.5\n", "text/csv", 1)


@pytest.mark.parametrize("part", ["validation", "holdout"])
def test_a_class_that_training_never_saw_is_refused_in_every_part(part: str) -> None:
    problem = job_module("problems").of(
        {"problem": "multiclass_classification", "data": {"target": "y"}, "evaluate": {}}
    )
    known = {"train": ["a", "b"], part: ["a", "new", "new"]}

    def column(name: str) -> Any:
        return iter([pd.Series(known.get(name, ["a"]))])

    with pytest.raises(Exception, match=f"{part}/data.csv holds 'new' in 2 rows"):
        problem.described(column)
