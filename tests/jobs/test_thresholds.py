"""Two classes of which one has a name, thresholds that are chosen and kept, and quantiles."""

import json
import shutil
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import Container, bundle_with, spec_of
from jobs.conftest import job_module

# Answers with the column p of the request, or with several columns.
ECHO = """
import csv, io
def model_fn(model_dir): return open(model_dir + "/columns").read().split()
def input_fn(body, content_type): return list(csv.DictReader(io.StringIO(body)))
def predict_fn(rows, columns): return [[row[name] for name in columns] for row in rows]
def output_fn(scores, accept): return "".join(",".join(row) + "\\n" for row in scores)
"""


def customers(rows: int, seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.random(rows) < 0.2
    share = np.clip(truth * 0.15 + 0.1 + random.normal(0, 0.07, rows), 0, 1).round(4)
    leaves = np.where(truth, "yes", "no")
    return pd.DataFrame({"id": range(rows), "p": share, "worse": 0.2, "leaves": leaves})


def spec(problem: str, target: str, positive: Any = None, **evaluate: Any) -> dict[str, Any]:
    rules = {"metrics": {}, "slices": [], **evaluate}
    rules.setdefault("compare", {"metric": "f1", "confidence": 0.9})
    data = {"target": target, "columns": {}, "positive": positive}
    return {**spec_of(data=data, evaluate=rules), "problem": problem}


def ready(
    container: Container, rows: pd.DataFrame, asked: dict[str, Any], columns: str, side: str = ""
) -> None:
    rows.to_csv(container.input("holdout") / "data.csv", index=False)
    container.code(bundle_with({"inference.py": ECHO}), asked, f"{side}-code" if side else "code")
    container.model({"columns": columns}, side or "model")


def test_a_named_class_and_a_threshold_of_validation_are_kept(container: Container) -> None:
    asked = spec("binary_classification", "leaves", "yes", threshold="f1")
    ready(container, customers(400), asked, "p")
    customers(300, seed=2).to_csv(container.input("validation") / "data.csv", index=False)
    (container.input("baseline") / "statistics.json").write_text('{"negative": "no"}')

    container.succeed("evaluate.py")

    told = container.read("evaluation/evaluation.json")
    seen = customers(300, seed=2)
    best = job_module("curves").best_threshold(
        seen["p"].to_numpy(), (seen["leaves"] == "yes").to_numpy(dtype=float), "f1"
    )
    assert told["threshold"] == {"value": best, "by": "f1", "rows": 300}
    assert told["negative"] == "no"
    assert told["metrics"]["f1"]["value"] > 0.5  # at 0.5 nothing would be positive
    kept = pd.read_csv(container.output("evaluation") / "predictions.csv")
    assert kept["target"].tolist() == customers(400)["leaves"].tolist()
    page = (container.output("evaluation") / "report.html").read_text()
    assert f"Scores from {best:.4g} on count as positive, best by f1 on 300 rows" in page
    assert "leaves = yes" in page


def test_each_version_is_compared_at_its_own_threshold(container: Container) -> None:
    asked = spec("binary_classification", "leaves", "yes", threshold="f1")
    rows = customers(400)
    rows["half"] = rows["p"] / 2
    ready(container, rows, asked, "p")
    container.model({"columns": "p"}, "candidate")
    ready(container, rows, asked, "half", "champion")
    for reference, value in (("reference", 0.2), ("champion-reference", 0.1)):
        kept = {"threshold": {"value": value}, "negative": "no"}
        (container.input(reference) / "evaluation.json").write_text(json.dumps(kept))
    container.succeed("compare.py")
    assert container.read("comparison/comparison.json")["gain"]["value"] == 0


def test_validation_of_one_class_chooses_nothing(container: Container) -> None:
    asked = spec("binary_classification", "leaves", "yes", threshold="mcc")
    ready(container, customers(50), asked, "p")
    only = customers(50).assign(leaves="no")
    only.to_csv(container.input("validation") / "data.csv", index=False)
    assert "validation/data.csv holds one class alone" in container.fail("evaluate.py")


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (["yes", "no"], ""),
        (["yes", "no", "perhaps"], "it is that and one other"),
        (["no", "never"], "with [data].positive = 'yes' it is that and one other"),
    ],
)
def test_a_named_class_has_one_other(targets: list[str], said: str) -> None:
    problems = job_module("problems")
    problem = problems.of(spec("binary_classification", "leaves", "yes"))
    column = pd.Series(targets)
    if not said:
        assert problem.described(lambda part: iter([column])) == {"negative": "no"}
        return
    with pytest.raises(Exception, match="positive") as error:
        problem.described(lambda part: iter([column]))
    assert said in str(error.value)


def test_late_labels_of_a_named_class_are_kept_by_name() -> None:
    asked = spec("binary_classification", "leaves", "yes")
    problem = job_module("problems").of(asked, {"negative": "no"})
    assert problem.labels_of(pd.Series(["yes", "no", "maybe", ""])) == ["yes", "no", None, None]
    assert problem.truth_of(["yes", "no"]).tolist() == [1, 0]


QUANTILES = [0.1, 0.5, 0.9]


def test_quantiles_are_measured_and_kept_one_by_one(container: Container) -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"id": range(300), "q5": random.normal(20, 5, 300).round(3)})
    rows["q1"], rows["q9"] = rows["q5"] - 2.563, rows["q5"] + 2.563
    rows["price"] = rows["q5"] + random.normal(0, 2, 300)
    compare = {"metric": "pinball", "confidence": 0.9}
    asked = spec("regression", "price", quantiles=QUANTILES, compare=compare)
    ready(container, rows, asked, "q1 q5 q9")
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")["metrics"]
    assert told["coverage_error"]["value"] < 0.06
    assert 0 < told["pinball"]["value"] < told["mae"]["value"]
    kept = pd.read_csv(container.output("evaluation") / "predictions.csv")
    assert list(kept.columns) == [
        *("row", "key", "target"),
        *("score:0.1", "score:0.5", "score:0.9"),
    ]
    assert (
        "Targets below each quantile"
        in (container.output("evaluation") / "report.html").read_text()
    )

    ready(container, rows, asked, "q1 q5")
    said = container.fail("evaluate.py")
    assert "answered 2 values for row 0; 3 numbers belong there: 0.1, 0.5, 0.9" in said


@pytest.mark.parametrize(
    "body",
    [
        "1,2,3\n4,5,6\n",
        "0.9,0.5,0.1\n3,2,1\n6,5,4\n",
        "[[1, 2, 3], [4, 5, 6]]",
        '{"predictions": [{"0.1": 1, "0.5": 2, "0.9": 3}, [4, 5, 6]]}',
    ],
)
def test_an_endpoints_quantiles_are_read_in_whatever_form(body: str) -> None:
    problem = job_module("problems").of(spec("regression", "price", quantiles=QUANTILES))
    cells = problem.of_body(body.encode(), "text/csv", 2)
    assert problem.of_cells(pd.Series(cells)).tolist() == [[1, 2, 3], [4, 5, 6]]
    moved = problem.moved(np.ones((50, 3)), np.ones((50, 3)), 0.1, 0.001)
    assert [check["feature"] for check in moved] == ["score:0.1", "score:0.5", "score:0.9"]


COST = """
import numpy as np
def cost(target, said, weight):
    assert set(np.unique(said)) <= {0.0, 1.0}  # decisions, not scores
    return float(np.average(50 * target * (1 - said) + (1 - target) * said, weights=weight))
def spread(target, score, weight):
    return float(np.std(score))
"""


def test_a_threshold_is_chosen_by_the_folders_own_cost_and_late_labels_tell_it_again(
    container: Container,
) -> None:
    own = {"cost": {"better": "lower"}, "spread": {"better": "lower"}}
    compare = {"metric": "cost", "confidence": 0.9}
    asked = spec(
        "binary_classification", "leaves", "yes", threshold="cost", own=own, compare=compare
    )
    asked["monitor"]["quality"] |= {"min_labelled_rows": 100, "max_drop": 0.1}
    ready(container, customers(400), asked, "p")
    container.code(bundle_with({"inference.py": ECHO, "metrics.py": COST}), asked)
    seen = customers(300, seed=2)
    seen.to_csv(container.input("validation") / "data.csv", index=False)
    statistics = {"negative": "no", "features": [], "dataset": {"item_count": 0}}
    (container.input("baseline") / "statistics.json").write_text(json.dumps(statistics))

    container.succeed("evaluate.py")

    told = container.read("evaluation/evaluation.json")
    assert (told["threshold"]["by"], told["threshold"]["rows"]) == ("cost", 300)

    def cost(rows: pd.DataFrame, cut: float) -> float:
        leaves, said = rows["leaves"] == "yes", rows["p"] >= cut
        return float(np.mean(50 * (leaves & ~said) + 1 * (~leaves & said)))

    every = [cost(seen, cut) for cut in np.linspace(0, 1, 5001)]
    assert cost(seen, told["threshold"]["value"]) == pytest.approx(min(every))
    held = told["metrics"]["cost"]
    assert held["value"] == pytest.approx(cost(customers(400), told["threshold"]["value"]))
    assert held["low"] <= held["value"] <= held["high"]
    assert told["metrics"]["spread"]["value"] > 0  # the others are of scores, as ever

    shutil.copytree(
        container.output("evaluation"), container.input("reference"), dirs_exist_ok=True
    )
    new = customers(200, seed=3)
    new["leaves"] = np.where(new["leaves"] == "no", "yes", "no")  # what was learned is no more so
    findings = container.look(
        new[["id", "p"]].to_csv(index=False),
        new["p"].to_csv(index=False, header=False),
        new[["id", "leaves"]].to_csv(index=False),
    )
    [quality] = [check for check in findings["checks"] if check["monitor"] == "quality"]
    assert quality["value"] == pytest.approx(cost(new, told["threshold"]["value"]))
    assert (quality["feature"], quality["labelled"], quality["violated"]) == ("cost", 200, True)


def test_a_cost_for_which_no_alarm_is_worth_it_lets_no_row_count() -> None:
    curves = job_module("curves")
    cuts = curves.thresholds(np.array([0.2, 0.9, 0.9, 0.4]), np.array([0.0, 1.0, 0.0, 1.0]), 10)
    assert cuts.tolist() == pytest.approx([0.95, 0.65, 0.3])
    assert curves.thresholds(np.array([0.1, 0.2]), np.array([1.0, 1.0]), 10).size == 0
    many = curves.thresholds(np.arange(999) / 1000, (np.arange(999) % 2).astype(float), 50)
    assert len(many) == 51


def test_versions_that_answer_other_quantiles_are_each_read_by_their_own(
    container: Container,
) -> None:
    random = np.random.default_rng(1)
    rows = pd.DataFrame({"id": range(300), "q5": random.normal(20, 5, 300).round(3)})
    rows["q1"], rows["q9"] = rows["q5"] - 2.563, rows["q5"] + 2.563
    rows["price"] = rows["q5"] + random.normal(0, 2, 300)
    asked = {
        "q5": spec("regression", "price", compare={"metric": "rmse", "confidence": 0.9}),
        "q1 q5 q9": spec(
            "regression",
            "price",
            quantiles=QUANTILES,
            compare={"metric": "rmse", "confidence": 0.9},
        ),
        "q5 q9": spec(
            "regression",
            "price",
            quantiles=[0.5, 0.9],
            compare={"metric": "rmse", "confidence": 0.9},
        ),
    }
    for champion, candidate in (("q5", "q1 q5 q9"), ("q1 q5 q9", "q5"), ("q1 q5 q9", "q5 q9")):
        ready(container, rows, asked[champion], champion, "champion")
        ready(container, rows, asked[candidate], candidate)
        container.model({"columns": candidate}, "candidate")
        container.succeed("compare.py")
        told = container.read("comparison/comparison.json")
        assert told["gain"]["value"] == 0  # both say the same of what is expected
    by_pinball = asked["q1 q5 q9"] | {
        "evaluate": asked["q1 q5 q9"]["evaluate"]
        | {"compare": {"metric": "pinball", "confidence": 0.9}}
    }
    ready(container, rows, asked["q5"], "q5", "champion")
    ready(container, rows, by_pinball, "q1 q5 q9")
    container.model({"columns": "q1 q5 q9"}, "candidate")
    said = container.fail("compare.py")
    assert "by pinball, which what the champion answers does not have" in said


@pytest.mark.parametrize("problem", ["binary_classification", "multiclass_classification"])
def test_what_arithmetic_puts_beside_a_probability_is_none_of_the_models_faults(
    problem: str,
) -> None:
    known = {"classes": ["a", "b"]} if problem.startswith("multi") else {}
    made = job_module("problems").of(spec(problem, "y"), known)
    lines = ["1.0000000000000002", "-2e-17", "0.5"]
    if known:
        lines = [f"{line},{1 - float(line)!r}" for line in lines]
    scores = made.of_lines(lines, 3)[:, -2:] if known else made.of_lines(lines, 3)
    assert scores.min() == 0 and scores.max() == 1
    bad = "1.01" if not known else "1.01,-0.01"
    with pytest.raises(Exception, match="from 0 to 1"):
        made.of_lines([bad], 1)
