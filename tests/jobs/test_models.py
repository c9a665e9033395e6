"""The models of the repository on a sample of real data: our jobs, script mode between them."""

import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from job_container import Container, Drops
from model_folders import ModelFolder, discovered

from everloop.bundle import open_bundle, pack
from everloop.spec import policy
from everloop.spec.model_spec import load_spec
from everloop_cli import flights, weather

Months = Callable[[], Iterator[tuple[str, bytes]]]


def train(container: Container, bundle: Path, hyperparameters: dict[str, Any]) -> Path:
    """Run the toolkit that AWS's framework images run; return model.tar.gz."""
    base = container.root / "training"
    config = base / "input" / "config"
    config.mkdir(parents=True)
    (base / "model").mkdir()
    (base / "output" / "data").mkdir(parents=True)  # without it the toolkit fails with exit code 0
    for channel in ("train", "validation"):
        folder = base / "input" / "data" / channel
        folder.mkdir(parents=True)
        shutil.copy(container.output(channel) / "data.csv", folder)
    asked = {
        **hyperparameters,
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": str(bundle),
        "sagemaker_region": "us-east-1",
        "sagemaker_container_log_level": 20,
    }
    given = {
        # SageMaker hands over text; each is the JSON of its value.
        "hyperparameters.json": {name: json.dumps(value) for name, value in asked.items()},
        "inputdataconfig.json": {
            name: {"ContentType": "text/csv", "TrainingInputMode": "File"}
            for name in ("train", "validation")
        },
        # Any other host would have to resolve.
        "resourceconfig.json": {
            "current_host": "localhost",
            "hosts": ["localhost"],
            "network_interface_name": "lo",
        },
    }
    for name, value in given.items():
        (config / name).write_text(json.dumps(value))
    done = subprocess.run(
        [str(Path(sys.executable).parent / "train")],
        env={
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "SAGEMAKER_BASE_DIR": str(base),
        },
        cwd=base,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    packed = container.input("model") / "model.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        for path in sorted((base / "model").iterdir()):
            archive.add(path, path.name)
    return packed


def sampled(months: Months, rows: int) -> Iterator[tuple[str, bytes]]:
    """Every so many lines of the first three months."""
    for _, (name, data) in zip(range(3), months(), strict=False):
        lines = data.splitlines(keepends=True)
        step = max(1, len(lines) // rows)
        yield name, b"".join([lines[0], *lines[1::step]])


def evaluated(
    container: Container, drops: Drops, folder: ModelFolder, files: Iterable[tuple[str, bytes]]
) -> Any:
    """Prepare, train, evaluate and compare with itself; return what evaluate.py measured."""
    name, bundle = folder.name, pack(folder.path)
    spec = load_spec(open_bundle(bundle).text("model.toml"), name=name)
    objects = [drops.put(f"data/{name}/{each}", data) for each, data in files]
    manifest = {"version": 1, "model": name, "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "m.json").write_text(json.dumps(manifest))
    container.code(bundle, policy.document(spec))
    container.succeed("prepare.py")
    train(container, container.input("code") / "bundle.tar.gz", spec.train.hyperparameters)
    shutil.copy(container.output("holdout") / "data.csv", container.input("holdout"))

    container.succeed("evaluate.py")

    for side, job in (("candidate", "code"), ("champion", "champion-code")):
        container.code(bundle, policy.document(spec), job)
        shutil.copy(container.input("model") / "model.tar.gz", container.input(side))
    container.succeed("compare.py")
    assert container.read("comparison/comparison.json")["gain"]["value"] == 0
    return container.read("evaluation/evaluation.json")


FOLDERS = {folder.name: folder for folder in discovered()}


@pytest.mark.parametrize(
    ("name", "months", "rows", "metric"),
    [
        pytest.param("flight-delays", flights.months, 2000, "auc", id="flight-delays"),
        pytest.param("sky-temperature", weather.months, 2000, "r2", id="sky-temperature"),
    ],
)
def test_a_model_learns_from_its_drops_and_passes_its_bars(
    container: Container, drops: Drops, name: str, months: Months, rows: int, metric: str
) -> None:
    folder = FOLDERS[name]
    told = evaluated(container, drops, folder, sampled(months, rows))
    spec = load_spec((folder.path / "model.toml").read_text(), name=name)
    bar = spec.evaluate.metrics[metric].min
    assert bar is not None
    assert told["metrics"][metric]["high"] >= bar  # on a fraction of the data
    assert told["metrics"][metric]["low"] > {"auc": 0.5, "r2": 0.0}[metric]  # it has learned
    assert told["rows"] > 500


@pytest.mark.parametrize("name", [name for name in FOLDERS if not FOLDERS[name].packaged])
def test_one_more_folder_goes_through_our_jobs(
    container: Container, drops: Drops, name: str
) -> None:
    folder = FOLDERS[name]
    files = list(folder.drop())
    if not files or (folder.path / "requirements.txt").exists():
        pytest.skip("tests/models says what it lacks")
    told = evaluated(container, drops, folder, files)
    assert told["rows"] > 0
