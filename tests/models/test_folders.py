"""Each model's folder, as SageMaker runs it: by AWS's own training and inference toolkits."""

import csv
import io
import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from _pytest.outcomes import Skipped
from jobs.conftest import job_module
from model_folders import MODELS, ModelFolder, discovered, tried

from everloop.bundle import open_bundle, pack
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec import policy
from everloop.spec.model_spec import ModelSpec, load_spec
from everloop_cli import flights
from everloop_jobs.formats.dialect import Dialect

SITE = Site("artefacts", "us-east-1", "arn:aws:iam::123456789012:role/x", "s3://a/jobs")
TRAIN = Path(sys.executable).parent / "train"  # the toolkit's command
# What SageMaker's serving container does with requests, without its web server.
SERVE = """
import json, sys
from sagemaker_inference import environment
from sagemaker_inference.transformer import Transformer

class Request:
    system_properties = {"model_dir": environment.model_dir}
    status = 200
    def __init__(self, content_type):
        self.properties = {"Content-Type": content_type, "Accept": "text/csv"}
        self.request_processor = [self]
    def get_request_properties(self):
        return self.properties
    def set_response_content_type(self, index, value):
        pass
    def set_response_status(self, code, phrase="", idx=0):
        self.status = code

sys.path.insert(0, environment.code_dir)
transformer = Transformer()
for line in sys.stdin:
    content_type, body = json.loads(line)
    request = Request(content_type)
    answer = transformer.transform([{"body": body.encode()}], request)[0]
    print(json.dumps([request.status, answer]), flush=True)
"""


@dataclass
class Trained:
    """A model that was trained on a thinned drop, in a container's file system at `root`."""

    folder: ModelFolder
    spec: ModelSpec
    root: Path
    serving: "subprocess.Popen[str]"

    def rows(self, part: str, most: int | None = None) -> list[dict[str, str]]:
        with (self.root / "made" / part / "data.csv").open(newline="") as file:
            return list(csv.DictReader(file))[:most]

    def ask(self, content_type: str, body: str) -> tuple[int, str]:
        """Send a request to the model; returns status and answer."""
        assert self.serving.stdin is not None and self.serving.stdout is not None
        self.serving.stdin.write(json.dumps([content_type, body]) + "\n")
        self.serving.stdin.flush()
        status, answer = json.loads(self.serving.stdout.readline())
        return status, answer

    def scores(self, rows: list[dict[str, str]]) -> Any:
        """Return an array: of each row its score, or its probability of each class."""
        status, answer = self.ask("text/csv; charset=utf-8", as_csv(rows))
        assert status == 200, answer
        return np.array([[float(each) for each in line.split(",")] for line in answer.split()])


def environment(root: Path) -> dict[str, str]:
    # Tests share the cores: threads of one training that wait for each other would spin.
    return {"PATH": os.environ["PATH"], "SAGEMAKER_BASE_DIR": str(root), "OMP_NUM_THREADS": "1"}


def as_csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture(scope="module", params=tried())
def trained(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trained]:
    folder: ModelFolder = request.param
    with prepared(folder, tmp_path_factory.mktemp(folder.name)) as ready:
        yield ready


@contextmanager
def prepared(folder: ModelFolder, root: Path) -> Iterator[Trained]:
    """Train a folder's model on its data, and serve it."""
    if (folder.path / "requirements.txt").exists():
        pytest.skip(f"{folder.name} has packages of its own: try it with `everloop up`")
    if not write_drop(folder, root):
        pytest.skip(f"no data: put CSV files into models/{folder.name}/.sample/ to train it here")
    spec = load_spec((folder.path / "model.toml").read_text(), name=folder.name)
    for step in (preprocess, train, unpack_code):
        step(folder.path, spec, root)
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        env=environment(root) | {"SAGEMAKER_PROGRAM": "inference.py"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as serving:
        yield Trained(folder, spec, root, serving)


def write_drop(folder: ModelFolder, root: Path) -> int:
    """Write the files to try it on; returns how many there are."""
    (root / "drop").mkdir()
    files = dict(folder.drop())
    for name, data in files.items():
        (root / "drop" / name).parent.mkdir(exist_ok=True)
        (root / "drop" / name).write_bytes(data)
    return len(files)


def preprocess(folder: Path, spec: ModelSpec, root: Path) -> None:
    if spec.train.algorithm is not None:
        pytest.skip(f"{folder.name} has no script: tests/jobs/test_models.py trains it")
    if spec.data.split is not None and spec.data.tables:
        pytest.skip(f"{folder.name} has several tables: tests/jobs/test_models.py trains it")
    if spec.data.split is not None:
        split(spec, root)
        return
    command = [sys.executable, "preprocess.py", "--input", root / "drop", "--output", root / "made"]
    read = {"EVERLOOP_READ_CSV": json.dumps(Dialect.of(policy.document(spec)["data"]).for_pandas())}
    subprocess.run(command, cwd=folder, env={**os.environ, **read}, check=True)


def split(spec: ModelSpec, root: Path) -> None:
    """Split the drop as [data.split] says, with the prepare job's own module."""
    rows, types = job_module("own_split.rows"), job_module("formats.seen")
    sources = []
    for path in sorted((root / "drop").iterdir()):
        columns = dict.fromkeys(pd.read_csv(path, nrows=0), types.UNKNOWN)
        sources.append(rows.Source(path, path.name, 1, columns))
    rows.split(sources, policy.document(spec)["data"], root / "made")
    assert [source.bad for source in sources if source.bad] == []


def train(folder: Path, spec: ModelSpec, root: Path) -> None:
    """Run script mode with the hyperparameters that the rendered pipeline gives it."""
    (root / "bundle.tar.gz").write_bytes(pack(folder))
    definition = json.loads(render(spec, SITE, BundleRef(str(root / "bundle.tar.gz"), "0" * 64)))
    step = next(each for each in definition["Steps"] if each["Name"] == "Train")
    channels = {}
    for part in ("train", "validation"):
        channels[part] = {"TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}
        place = root / "input" / "data" / part
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(root / "made" / part)
    write(root, "hyperparameters", step["Arguments"]["HyperParameters"])
    write(root, "inputdataconfig", channels)
    write(root, "resourceconfig", {"current_host": "localhost", "hosts": ["localhost"]})
    for place in (root / "model", root / "output" / "data"):
        place.mkdir(parents=True)
    done = subprocess.run(
        [TRAIN],
        env=environment(root) | {"TRAINING_JOB_NAME": "j", "SM_STUDIO_LOCAL_MODE": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def unpack_code(folder: Path, spec: ModelSpec, root: Path) -> None:
    """Put the code where the serving container has it: beside the model's files."""
    for name, content in open_bundle((root / "bundle.tar.gz").read_bytes()).files.items():
        path = root / "model" / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def write(root: Path, name: str, value: Any) -> None:
    path = root / "input" / "config" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


@pytest.mark.parametrize("folder", discovered(), ids=lambda folder: folder.name)
def test_a_push_of_it_is_installed(folder: ModelFolder) -> None:
    bundle = pack(folder.path)
    spec = load_spec(open_bundle(bundle).text("model.toml"), name=folder.name)
    definition = render(spec, SITE, BundleRef("s3://a/bundle.tar.gz", "0" * 64))
    steps = {each["Name"] for each in json.loads(definition)["Steps"]}
    assert {"Train", "MeetsBars"} <= steps
    assert ("Preprocess" in steps) is not spec.train.in_one_job
    for name, content in open_bundle(bundle).files.items():
        if name.endswith(".py"):
            compile(content, name, "exec")


def test_script_mode_trains_it_from_the_bundle(trained: Trained) -> None:
    assert [path.name for path in (trained.root / "model").iterdir() if path.is_file()]
    assert not (trained.root / "output" / "failure").exists()


def test_the_split_has_what_the_jobs_need(trained: Trained) -> None:
    data = trained.spec.data
    parts = [trained.rows(part) for part in ("train", "validation", "holdout")]
    assert all(parts)
    assert set(parts[0][0]) == set(parts[1][0]) <= set(parts[2][0])
    assert {data.target, data.key or data.target} <= set(parts[2][0])
    if data.key is not None:
        held = [row[data.key] for row in parts[2]]
        assert len(set(held)) == len(held)


def test_the_split_follows_time_and_keeps_every_row(trained: Trained) -> None:
    if not trained.folder.packaged or trained.spec.data.timestamp is None:
        pytest.skip("a folder splits as it likes; those that come with Everloop split by time")
    data = trained.spec.data
    parts = [trained.rows(part) for part in ("train", "validation", "holdout")]
    [path] = (trained.root / "drop").iterdir()
    assert sum(len(part) for part in parts) == len(pd.read_csv(path, dtype=str))
    assert data.timestamp is not None
    for earlier, later in itertools.pairwise(parts):
        assert earlier[-1][data.timestamp] <= later[0][data.timestamp]
    assert data.key is not None
    keys = [row[data.key] for part in parts for row in part]
    assert len(set(keys)) == len(keys)


def test_it_learns_something(trained: Trained) -> None:
    rows, target = trained.rows("holdout"), trained.spec.data.target
    found, truth = trained.scores(rows), [float(row[target]) for row in rows]
    scores = found[:, 0].tolist()
    if trained.spec.problem == "multiclass_classification":
        right = found.argmax(axis=1) == np.searchsorted(np.unique(truth), truth)
        assert right.mean() > 0.5
        assert found.sum(axis=1) == pytest.approx(np.ones(len(rows)))
    elif trained.spec.problem == "binary_classification":
        late = [score for score, was in zip(scores, truth, strict=True) if was]
        other = [score for score, was in zip(scores, truth, strict=True) if not was]
        assert all(0 <= score <= 1 for score in scores)
        assert sum(late) / len(late) > sum(other) / len(other)
    else:
        usual = sum(truth) / len(truth)
        error = sum((score - was) ** 2 for score, was in zip(scores, truth, strict=True))
        assert error < sum((usual - was) ** 2 for was in truth)


def test_a_row_has_one_score_whatever_comes_with_it(trained: Trained) -> None:
    rows, target = trained.rows("holdout", 20), trained.spec.data.target
    sent = [{name: value for name, value in row.items() if name != target} for row in rows]
    turned = [{"unknown": "x"} | dict(reversed(row.items())) for row in reversed(sent)]
    told = trained.scores(sent)
    assert len(told) == len(rows)
    off = trained.spec.deploy.tests.tolerance
    assert trained.scores(turned) == pytest.approx(told[::-1], abs=off)
    assert trained.scores(sent[:1]) == pytest.approx(told[:1], abs=off)


def test_what_it_cannot_score_is_refused(trained: Trained) -> None:
    for body in ("PAR1", as_csv(trained.rows("holdout", 2))):
        status, _ = trained.ask("application/x-parquet", body)
        assert status >= 400
    if trained.folder.packaged:
        rows = trained.rows("holdout", 2)
        known = ("temp", "pixel_3_3", "amount", "housing_ratio")
        wanted = next(name for name in known if name in rows[0])
        lacking = [{name: value for name, value in row.items() if name != wanted} for row in rows]
        status, why = trained.ask("text/csv", as_csv(lacking))
        assert status >= 400
        assert f"columns are missing: {wanted}" in why


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> ModelFolder:
    """A contributor's folder: a copy of the smallest model, and of its sample, as `hail`."""
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(MODELS / "sky-temperature", models / "hail")
    (models / "notes").mkdir()  # no model.toml, no model
    [found] = discovered(models)
    return found


def test_one_more_folder_is_found_and_tried(copied: ModelFolder, tmp_path: Path) -> None:
    assert copied.name == "hail"
    test_a_push_of_it_is_installed(copied)
    with prepared(copied, tmp_path) as trained:
        test_script_mode_trains_it_from_the_bundle(trained)
        test_the_split_has_what_the_jobs_need(trained)
        test_it_learns_something(trained)
        test_a_row_has_one_score_whatever_comes_with_it(trained)
        test_what_it_cannot_score_is_refused(trained)


def test_its_sample_is_not_pushed(copied: ModelFolder) -> None:
    assert dict(copied.drop()).keys() == {"2013.csv"}
    assert not [name for name in open_bundle(pack(copied.path)).files if ".csv" in name]


def test_a_folder_without_data_or_with_packages_is_skipped_with_the_reason(
    copied: ModelFolder, tmp_path: Path
) -> None:
    bare = tmp_path / "models" / "bare"
    shutil.copytree(copied.path, bare, ignore=shutil.ignore_patterns(".sample"))
    [found] = discovered(bare.parent)
    with pytest.raises(Skipped, match=r"put CSV files into models/bare/\.sample/"):
        prepared(found, tmp_path).__enter__()
    (bare / "requirements.txt").write_text("xgboost\n")
    with pytest.raises(Skipped, match="packages of its own"):
        prepared(found, tmp_path).__enter__()


def test_late_flights_come_in_the_shares_that_were_seen() -> None:
    shares = {}
    for name, data in flights.months():
        late = [line.rpartition(",")[2] for line in data.decode().split()[1:]]
        shares[name] = round(late.count("1") / len(late), 2)
    assert len(shares) == 12
    assert (shares["2013-01.csv"], shares["2013-07.csv"]) == (0.23, 0.31)
    assert shares["2013-09.csv"] == 0.13


def test_only_what_is_known_before_departure_is_dropped() -> None:
    _, data = next(iter(flights.months()))
    assert data.decode().partition("\n")[0].split(",") == flights.COLUMNS
    known_later = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"}
    assert not known_later & set(flights.COLUMNS)
    keys = pd.read_csv(io.BytesIO(data), usecols=["flight_id"])["flight_id"]
    assert keys.is_unique
