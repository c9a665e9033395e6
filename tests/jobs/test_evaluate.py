"""evaluate.py: a model measured on its holdout, by our means or by its own."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from job_container import MEAN_PRICE, Container, bundle_with, spec_of
from sklearn import metrics

COLOURS = ("red", "blue", "green")
MEANS = json.dumps({"red": 10.0, "blue": 20.0, "green": 30.125})

# A model of another problem: the score is a column of the request.
ECHO = """
import csv, io
def model_fn(model_dir): return None
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, model): return [row["score"] for row in rows]
def output_fn(scores, accept): return "\\n".join(scores) + "\\n"
"""


def prices(count: int) -> str:
    random = np.random.default_rng(3)
    rows = [(f"{n:05d}", COLOURS[n % 3], 10 + 10 * (n % 3) + random.normal()) for n in range(count)]
    return pd.DataFrame(rows, columns=["id", "colour", "price"]).to_csv(index=False)


def outcomes(count: int, noise: float = 0.5) -> pd.DataFrame:
    random = np.random.default_rng(5)
    truth = random.integers(0, 2, count)
    score = np.clip(truth * 0.4 + 0.3 + random.normal(0, noise, count), 0, 1).round(2)
    return pd.DataFrame({"id": range(count), "score": score, "price": truth})


def test_a_regression_is_measured_row_by_row(container: Container, bundle: bytes) -> None:
    (container.input("holdout") / "data.csv").write_text(prices(300))
    container.code(bundle, spec_of(evaluate={"slices": ["colour"], "least_slice_rows": 50}))
    container.model({"means.json": MEANS})

    message = container.succeed("evaluate.py")

    told = container.read("evaluation/evaluation.json")
    scored = pd.read_csv(container.output("evaluation") / "predictions.csv", dtype={"key": str})
    rmse = metrics.root_mean_squared_error(scored["target"], scored["score"])
    assert (told["problem"], told["rows"]) == ("regression", 300)
    assert told["metrics"]["rmse"]["value"] == pytest.approx(rmse)
    assert told["metrics"]["rmse"]["low"] < rmse < told["metrics"]["rmse"]["high"]
    assert told["metrics"]["mae"]["value"] == pytest.approx(
        metrics.mean_absolute_error(scored["target"], scored["score"])
    )
    assert told["metrics"]["r2"]["value"] == pytest.approx(
        metrics.r2_score(scored["target"], scored["score"])
    )
    assert [(s["column"], s["value"], s["rows"]) for s in told["slices"]] == [
        ("colour", name, 100) for name in sorted(COLOURS)
    ]
    assert list(scored.columns) == ["row", "key", "target", "score"]
    assert scored["key"][7] == "00007"  # keys are text, whatever they look like
    assert scored["score"][2] == 30.125
    assert message.startswith(f"Completed: 300 rows evaluated: rmse {rmse:.4f}")
    page = (container.output("evaluation") / "report.html").read_text()
    assert "mean-price: evaluation" in page
    assert f"{rmse:.4f}" in page


def test_binary_metrics_agree_with_scikit_learn(container: Container) -> None:
    rows = outcomes(400)
    rows.to_csv(container.input("holdout") / "data.csv", index=False)
    spec = spec_of(evaluate={"metrics": {}, "compare": {"metric": "auc", "confidence": 0.9}})
    container.code(
        bundle_with({"inference.py": ECHO}), {**spec, "problem": "binary_classification"}
    )
    container.model({"model": "x"})

    container.succeed("evaluate.py")

    told = container.read("evaluation/evaluation.json")["metrics"]
    truth, score = rows["price"], rows["score"]
    said = score >= 0.5
    usual = list(told)[:7]  # tests/jobs/test_standard_metrics.py has the others
    assert {name: told[name]["value"] for name in usual} == pytest.approx(
        {
            "auc": metrics.roc_auc_score(truth, score),
            "accuracy": metrics.accuracy_score(truth, said),
            "f1": metrics.f1_score(truth, said),
            "precision": metrics.precision_score(truth, said),
            "recall": metrics.recall_score(truth, said),
            "log_loss": metrics.log_loss(truth, np.clip(score, 1e-15, 1 - 1e-15)),
            "brier": metrics.brier_score_loss(truth, score),
        }
    )


def test_a_metric_that_the_rows_do_not_define_is_null(container: Container) -> None:
    rows = outcomes(50).assign(price=1)
    rows.to_csv(container.input("holdout") / "data.csv", index=False)
    spec = spec_of(evaluate={"metrics": {}, "compare": {"metric": "auc", "confidence": 0.9}})
    container.code(
        bundle_with({"inference.py": ECHO}), {**spec, "problem": "binary_classification"}
    )
    container.model({"model": "x"})

    assert "auc nan" in container.succeed("evaluate.py")

    auc = container.read("evaluation/evaluation.json")["metrics"]["auc"]
    assert auc == {"value": None, "low": None, "high": None}


def test_a_model_is_sent_the_characters_of_its_holdout(container: Container) -> None:
    """Numbers that were read and written again would differ from what clients send."""
    inference = ECHO.replace('row["score"]', 'str(len(row["raw"]))')
    raws = ["0.10", "007", "1e3", "NA", "0.1000000000000000055511151231257827"]
    lines = [f"{n},{raw},1.5" for n, raw in enumerate(raws)]
    (container.input("holdout") / "data.csv").write_text("\n".join(["id,raw,price", *lines]) + "\n")
    container.code(bundle_with({"inference.py": inference}), spec_of())
    container.model({"model": "x"})
    container.succeed("evaluate.py")
    with (container.output("evaluation") / "predictions.csv").open() as file:
        assert [float(row["score"]) for row in csv.DictReader(file)] == [len(raw) for raw in raws]


@pytest.mark.parametrize(
    ("inference", "said"),
    [
        pytest.param(
            "import nothing_of_this_name",
            "inference.py of the model failed on the holdout: "
            "ModuleNotFoundError: No module named 'nothing_of_this_name'",
            id="does not import",
        ),
        pytest.param(
            ECHO.replace('"\\n".join(scores)', '"\\n".join(scores[1:])'),
            "inference.py of the model answered 49 lines for 50 rows; "
            "output_fn must write one line per row",
            id="answers too little",
        ),
        pytest.param(
            ECHO.replace('row["score"]', '"high"'),
            "inference.py of the model answered something that is no number: ",
            id="answers words",
        ),
        pytest.param(
            ECHO.replace('row["score"]', '"nan"'),
            "inference.py of the model answered nan for row 0; scores are finite numbers",
            id="answers nan",
        ),
    ],
)
def test_what_inference_does_wrong_is_said(container: Container, inference: str, said: str) -> None:
    outcomes(50).to_csv(container.input("holdout") / "data.csv", index=False)
    container.code(bundle_with({"inference.py": inference}), spec_of())
    container.model({"model": "x"})
    assert said in container.fail("evaluate.py")


def test_probabilities_lie_between_0_and_1(container: Container) -> None:
    outcomes(50).to_csv(container.input("holdout") / "data.csv", index=False)
    inference = ECHO.replace('row["score"]', '"1.5"')
    spec = {**spec_of(), "problem": "binary_classification"}
    container.code(bundle_with({"inference.py": inference}), spec)
    container.model({"model": "x"})
    assert "answered 1.5 for row 0; scores are probabilities" in container.fail("evaluate.py")


def test_an_empty_model_is_refused(container: Container, bundle: bytes) -> None:
    (container.input("holdout") / "data.csv").write_text(prices(9))
    container.code(bundle, spec_of())
    container.model({})
    assert container.fail("evaluate.py") == (
        "model.tar.gz is empty: train.py wrote nothing to SM_MODEL_DIR"
    )


def test_a_target_that_is_no_number_is_refused(container: Container, bundle: bytes) -> None:
    (container.input("holdout") / "data.csv").write_text("id,colour,price\n1,red,2\n2,red,\n")
    container.code(bundle, spec_of())
    container.model({"means.json": MEANS})
    assert container.fail("evaluate.py") == (
        "the holdout's 'price' is '' in row 1; targets are numbers"
    )


OWN = """
import json, pathlib, sys
model, data, output = (pathlib.Path(sys.argv[at]) for at in (2, 4, 6))
assert (model / "means.json").exists() and (data / "data.csv").exists()
(output / "evaluation.json").write_text(json.dumps(TOLD))
(output / "predictions.csv").write_text("row,key,target,score\\n0,00,1.0,2.0\\n1,01,3.0,2.0\\n")
"""


def own(told: str) -> bytes:
    return bundle_with({"evaluate.py": OWN.replace("TOLD", told)})


def test_a_models_own_evaluation_counts(container: Container) -> None:
    (container.input("holdout") / "data.csv").write_text(prices(2))
    told = "{'rows': 2, 'metrics': {'rmse': {'value': 1}, 'extra': {'value': .5, 'low': None}}}"
    container.code(own(told), spec_of())
    container.model({"means.json": MEANS})

    assert container.succeed("evaluate.py") == (
        "Completed: 2 rows evaluated: rmse 1.0000, extra 0.5000"
    )

    told = container.read("evaluation/evaluation.json")
    assert (told["version"], told["problem"], told["slices"]) == (1, "regression", [])
    assert "extra" in (container.output("evaluation") / "report.html").read_text()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param("[]", 'has no "metrics"', id="no object"),
        pytest.param(
            "{'rows': 2, 'metrics': {'mae': {'value': 1}}}",
            "has no metric 'rmse', which model.toml asks for",
            id="lacks the bar's metric",
        ),
        pytest.param(
            "{'rows': 2, 'metrics': {'rmse': {'value': float('nan')}}}",
            'metrics.rmse has no finite number as its "value"',
            id="nan",
        ),
        pytest.param(
            "{'rows': 2, 'metrics': {'rmse': {'value': 10**400}}}",
            'metrics.rmse has no finite number as its "value"',
            id="a number beyond floats",
        ),
        pytest.param("{'metrics': {'rmse': {'value': 1}}}", '"rows" is None', id="no rows"),
    ],
)
def test_what_an_own_evaluation_does_wrong_is_said(
    container: Container, told: str, said: str
) -> None:
    (container.input("holdout") / "data.csv").write_text(prices(2))
    container.code(own(told), spec_of())
    container.model({"means.json": MEANS})
    message = container.fail("evaluate.py")
    assert "evaluation.json of the model's evaluate.py" in message
    assert said in message


def test_predictions_of_an_own_evaluation_that_are_no_csv_are_named(container: Container) -> None:
    (container.input("holdout") / "data.csv").write_text(prices(2))
    script = OWN.replace("TOLD", "{}") + "(output / 'predictions.csv').write_bytes(b'\\xff')\n"
    container.code(bundle_with({"evaluate.py": script}), spec_of())
    container.model({"means.json": MEANS})
    said = container.fail("evaluate.py")
    assert "predictions.csv of the model's evaluate.py is no CSV: 'utf-8' codec" in said


def test_models_may_print_any_bytes(container: Container, bundle: bytes) -> None:
    (container.input("holdout") / "data.csv").write_text(prices(20))
    loud = "import sys\nfor out in (sys.stdout, sys.stderr): out.buffer.write(b'ros\\xe9\\n')\n"
    own = (MEAN_PRICE / "inference.py").read_text()
    container.code(bundle_with({"inference.py": loud + own}), spec_of())
    container.model({"means.json": MEANS})
    assert container.succeed("evaluate.py").startswith("Completed: 20 rows evaluated")


def test_an_own_evaluation_that_raises_is_named(container: Container) -> None:
    (container.input("holdout") / "data.csv").write_text(prices(2))
    container.code(bundle_with({"evaluate.py": "raise RuntimeError('no luck')"}), spec_of())
    container.model({"means.json": MEANS})
    assert container.fail("evaluate.py") == (
        "evaluate.py of the model failed: RuntimeError: no luck"
    )


def test_csv_quoting_survives_the_way_to_the_model(container: Container, bundle: bytes) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["id", "colour", "price"], ["a,b", 'dark "red"\nish', 1.5]])
    (container.input("holdout") / "data.csv").write_text(text.getvalue())
    container.code(bundle, spec_of())
    container.model({"means.json": json.dumps({'dark "red"\nish': 1.5, "red": 9.0})})
    container.succeed("evaluate.py")
    assert container.read("evaluation/evaluation.json")["metrics"]["rmse"]["value"] == 0
