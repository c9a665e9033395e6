"""The models of the repository on a sample of real data: our jobs, script mode between them."""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from job_container import Container, Drops
from job_training import train
from model_folders import discovered, marks_of

from everloop.bundle import open_bundle, pack
from everloop.decisions.judgement import APPROVED, REJECTED, judge
from everloop.moments import moment
from everloop.spec import policy
from everloop.spec.model_spec import load_spec
from everloop_cli import cards, digits, flights, tumours, weather
from tools import late_flights, mortgages

Months = Callable[[], Iterator[tuple[str, bytes]]]


def sampled(months: Months, rows: int) -> Iterator[tuple[str, bytes]]:
    """Every so many lines of the first three months."""
    for _, (name, data) in zip(range(3), months(), strict=False):
        lines = data.splitlines(keepends=True)
        step = max(1, len(lines) // rows)
        yield name, b"".join([lines[0], *lines[1::step]])


def evaluated(
    container: Container, drops: Drops, path: Path, files: Iterable[tuple[str, bytes]]
) -> Any:
    """Prepare, train, evaluate and compare with itself; return what evaluate.py measured."""
    name, bundle = path.name, pack(path)
    spec = load_spec(open_bundle(bundle).text("model.toml"), name=name)
    objects = [drops.put(f"data/{name}/{each}", data) for each, data in files]
    manifest = {"version": 1, "model": name, "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "m.json").write_text(json.dumps(manifest))
    container.code(bundle, policy.document(spec))
    container.succeed("prepare.py")
    train(container, container.input("code") / "bundle.tar.gz", spec)
    for part in ("holdout", "baseline"):
        shutil.copytree(container.output(part), container.input(part), dirs_exist_ok=True)

    container.succeed("evaluate.py")

    for side, job in (("candidate", "code"), ("champion", "champion-code")):
        reference = "reference" if side == "candidate" else "champion-reference"
        told = container.output("evaluation") / "evaluation.json"
        shutil.copy(told, container.input(reference))
        container.code(bundle, policy.document(spec), job)
        shutil.copy(container.input("model") / "model.tar.gz", container.input(side))
    container.succeed("compare.py")
    assert container.read("comparison/comparison.json")["gain"]["value"] == 0
    return container.read("evaluation/evaluation.json")


FOLDERS = {folder.name: folder for folder in discovered()}


@pytest.mark.parametrize(
    ("name", "months", "rows", "metric"),
    [
        pytest.param(
            "flight-delays",
            flights.months,
            1000,
            "auc",
            id="flight-delays",
            marks=marks_of("flight-delays"),
        ),
        pytest.param(
            "sky-temperature",
            weather.months,
            1000,
            "r2",
            id="sky-temperature",
            marks=marks_of("sky-temperature"),
        ),
        pytest.param(
            "card-fraud",
            cards.drops,
            2500,
            "average_precision",
            id="card-fraud",
            marks=marks_of("card-fraud"),
        ),
        pytest.param(
            "tumour-diagnosis",
            tumours.drops,
            2000,
            "auc",
            id="tumour-diagnosis",
            marks=marks_of("tumour-diagnosis"),
        ),
        pytest.param(
            "handwritten-digits",
            digits.drops,
            2000,
            "accuracy",
            id="handwritten-digits",
            marks=marks_of("handwritten-digits"),
        ),
    ],
)
def test_a_model_learns_from_its_drops_and_passes_its_bars(
    container: Container, drops: Drops, name: str, months: Months, rows: int, metric: str
) -> None:
    folder = FOLDERS[name]
    told = evaluated(container, drops, folder.path, sampled(months, rows))
    spec = load_spec((folder.path / "model.toml").read_text(), name=name)
    bar = spec.evaluate.metrics[metric].min
    assert bar is not None
    assert told["metrics"][metric]["high"] >= bar  # on a fraction of the data
    least = {
        "auc": 0.5,
        "r2": 0.0,
        "accuracy": 0.2,
        "average_precision": 0.1,
    }  # what chance reaches
    assert told["metrics"][metric]["low"] > least[metric]
    assert told["rows"] > 80


@pytest.mark.long
def test_a_forecast_of_several_tables_beats_last_week_and_knows_no_weather(
    container: Container, drops: Drops
) -> None:
    folder = FOLDERS["late-flights"]
    files = [each for each in late_flights.drops() if "2013-0" in each[0] or each[0][0] in "cs"]
    told = evaluated(container, drops, folder.path, files)
    assert told["metrics"]["mase"]["high"] < 1
    assert told["features"] == [*("origin", "carrier", "day"), *("flights", "weekday", "holiday")]
    assert told["forecast"]["frequency"] == "day" and told["rows"] == 27 * 14
    head = (container.output("holdout") / "data.csv").read_text().splitlines()[0]
    assert "visib" in head


@pytest.mark.parametrize("name", [name for name in FOLDERS if not FOLDERS[name].packaged])
def test_one_more_folder_goes_through_our_jobs(
    container: Container, drops: Drops, name: str
) -> None:
    folder = FOLDERS[name]
    files = list(folder.drop())
    if not files or (folder.path / "requirements.txt").exists():
        pytest.skip("tests/models says what it lacks")
    told = evaluated(container, drops, folder.path, files)
    assert told["rows"] > 0


@pytest.mark.parametrize(("kept_out", "verdict"), [(False, REJECTED), (True, APPROVED)])
def test_a_model_that_is_given_the_race_is_refused_and_one_that_is_not_passes(
    container: Container, drops: Drops, tmp_path: Path, kept_out: bool, verdict: str
) -> None:
    folder = tmp_path / "mortgage-approvals"
    shutil.copytree(FOLDERS[folder.name].path, folder)
    toml = (folder / "model.toml").read_text()
    assert 'keep_out = ["race"]' in toml
    if not kept_out:
        toml = toml.replace('keep_out = ["race"]', "keep_out = []")
    (folder / "model.toml").write_text(toml + '[approve]\nby = "policy"\nfirst = "policy"\n')
    told = evaluated(container, drops, folder, mortgages.drops())
    spec = policy.document(load_spec((folder / "model.toml").read_text(), name=folder.name))
    found = judge(told, None, policy.judgement(spec), moment("2026-11-20T10:00:00Z"))
    print(found.reason)
    assert found.verdict == verdict
    assert "disparate_impact of race=black against white" in found.reason or kept_out
