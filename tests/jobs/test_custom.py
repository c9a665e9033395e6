"""A problem that only its own evaluate.py understands: losses for each row, compared in pairs."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from job_container import Container, bundle_with, spec_of
from jobs.conftest import job_module

# Says how far the words of a caption are from what the model's file says.
EVALUATE = """
import argparse, csv, pathlib
parser = argparse.ArgumentParser()
for name in ("--model", "--data", "--output"):
    parser.add_argument(name, type=pathlib.Path)
paths = parser.parse_args()
word = (paths.model / "word").read_text()
with (paths.data / "data.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
with (paths.output / "predictions.csv").open("w", newline="") as file:
    write = csv.writer(file)
    write.writerow(["row", "key", "loss"])
    for number, row in reversed(list(enumerate(rows))):
        words = row["caption"].split()
        write.writerow([number, row["id"], 1 - words.count(word) / len(words)])
"""


def spec(**evaluate: Any) -> dict[str, Any]:
    rules = {"metrics": {}, "slices": ["kind"], "least_slice_rows": 5, **evaluate}
    rules.setdefault("compare", {"metric": "loss", "confidence": 0.9})
    data = {"target": "caption", "columns": {}}
    return {**spec_of(data=data, evaluate=rules), "problem": "custom"}


def captions(container: Container, count: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(1)
    words = [" ".join(random.choice(["sun", "sun", "rain"], 5)) for _ in range(count)]
    kinds = np.where(np.arange(count) % 2, "photo", "sketch")
    table = pd.DataFrame({"id": range(count), "kind": kinds, "caption": words})
    table.to_csv(container.input("holdout") / "data.csv", index=False)
    return table


def loss(table: pd.DataFrame, word: str) -> Any:
    return 1 - table["caption"].str.split().map(lambda words: words.count(word)) / 5


def test_the_losses_are_the_metric_with_intervals_and_slices(container: Container) -> None:
    table = captions(container)
    container.code(bundle_with({"evaluate.py": EVALUATE}), spec())
    container.model({"word": "sun"})
    container.succeed("evaluate.py")
    told = container.read("evaluation/evaluation.json")
    assert told["metrics"]["loss"]["value"] == pytest.approx(loss(table, "sun").mean())
    assert told["metrics"]["loss"]["low"] < told["metrics"]["loss"]["high"]
    assert [each["value"] for each in told["slices"]] == ["photo", "sketch"]
    kept = pd.read_csv(container.output("evaluation") / "predictions.csv")
    assert kept["loss"].to_numpy() == pytest.approx(loss(table, "sun").to_numpy())
    assert "Losses" in (container.output("evaluation") / "report.html").read_text()


def test_two_versions_are_compared_row_by_row(container: Container) -> None:
    table = captions(container)
    for side, job, word in (
        ("candidate", "code", "sun"),
        ("champion", "champion-code", "rain"),
    ):
        container.code(bundle_with({"evaluate.py": EVALUATE}), spec(), job)
        container.model({"word": word}, side)
    container.succeed("compare.py")
    told = container.read("comparison/comparison.json")
    gain = (loss(table, "rain") - loss(table, "sun")).mean()
    assert told["gain"]["value"] == pytest.approx(gain)
    assert told["gain"]["low"] > 0
    assert len(told["slices"]) == 2


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ((), "the model's folder has no evaluate.py, which its problem needs"),
        (('loss"]', 'price"]'), "evaluate.py: no column 'loss'; it has row, key and loss"),
        (("list(enumerate(rows))", "list(enumerate(rows))[1:]"), "has 59 rows; each of the"),
        (("1 - words", "'much' or words"), "'loss' holds something that is no finite number"),
        (("paths = ", "1 / 0; paths = "), "evaluate.py of the model failed: ZeroDivisionError"),
    ],
)
def test_what_it_did_not_write_is_told(
    container: Container, changed: tuple[str, ...], said: str
) -> None:
    captions(container)
    files = {"evaluate.py": EVALUATE.replace(*changed)} if changed else {}
    container.code(bundle_with(files), spec())
    container.model({"word": "sun"})
    assert said in container.fail("evaluate.py")


def test_a_look_judges_the_data_and_claims_nothing_of_answers(container: Container) -> None:
    table = captions(container, 300)
    asked = spec()
    asked["monitor"] = {**asked["monitor"], "min_rows": 100}
    container.code(bundle_with({"evaluate.py": EVALUATE}), asked)
    statistics = job_module("baseline").statistics_of(table[["kind"]])
    (container.input("baseline") / "statistics.json").write_text(json.dumps(statistics))
    kept = pd.DataFrame({"row": range(300), "key": "", "loss": 0.5})
    kept.to_csv(container.input("reference") / "predictions.csv", index=False)
    (container.input("reference") / "evaluation.json").write_text('{"metrics": {}}')
    sent = table[["id", "kind"]].to_csv(index=False)
    record = {
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "data": sent},
            "endpointOutput": {"observedContentType": "text/plain", "data": "a long poem"},
        },
        "eventMetadata": {"eventId": "e", "inferenceTime": "2026-11-20T12:05:00Z"},
    }
    (container.input("capture") / "x.jsonl").write_text(json.dumps(record))
    names = {"MODEL": "m", "ENDPOINT": "m", "VERSION": "3"}
    times = {"FROM": "2026-11-20T12:00:00Z", "TO": "2026-11-20T13:00:00Z"}
    message = container.succeed(
        "monitor.py", {f"EVERLOOP_{k}": v for k, v in {**names, **times}.items()}
    )
    assert message == "Completed: Job completed successfully with no violations."
    told = container.read("findings/findings.json")
    assert {each["monitor"] for each in told["checks"]} == {"traffic", "data"}
    assert told["not_judged"] == []
