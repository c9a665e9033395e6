"""Prepare, train and evaluate in one job: the same files as three jobs, in the same places."""

import json
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from job_container import BUCKET, JOBS, MEAN_PRICE, Container, Drops, archive
from job_image import Image
from job_training import configure, train

from everloop.spec import policy
from everloop.spec.model_spec import ModelSpec, load_spec

ROWS = "id,colour,price\n" + "".join(
    f"{number},{('red', 'blue')[number % 2]},{10 + number % 7}\n" for number in range(200)
)
TOML = (MEAN_PRICE / "model.toml").read_text()


class OneJob(Container):
    """/opt/ml of a training job whose channels are what a preparation has as inputs."""

    def input(self, name: str) -> Path:
        folder = self.root / "input" / "data" / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def failure(self) -> str:
        return (self.root / "output" / "failure").read_text()

    @property
    def run_prefix(self) -> str:
        return f"runs/mean-price/{self.root.parent.name}/"

    def start(self) -> int:
        place = f"s3://{BUCKET}/{self.run_prefix}".rstrip("/")
        told = {"EVERLOOP_FILES_URI": f"{place}/files/files.json", "EVERLOOP_OUTPUT_URI": place}
        return self.run("in_one_job.py", {**told, "EVERLOOP_EVALUATION_READS": "baseline"})


@pytest.fixture
def one_job(tmp_path: Path, endpoint_url: str, image: Image) -> OneJob:
    made = OneJob(tmp_path / "one", endpoint_url, image)
    (made.root / "input" / "data").mkdir(parents=True)
    (made.root / "input" / "data" / "jobs").symlink_to(JOBS)
    return made


def given(container: Container, drops: Drops, text: str = TOML, **scripts: str) -> ModelSpec:
    """Give a job its dataset and its code."""
    spec = load_spec(text, name="mean-price")
    objects = [drops.put("data/mean-price/may.csv", ROWS.encode())]
    manifest = {"version": 1, "model": "mean-price", "digest": "0" * 64, "objects": objects}
    (container.input("dataset") / "m.json").write_text(json.dumps(manifest))
    own = {path.name: path.read_text() for path in MEAN_PRICE.glob("*.py")}
    files = {**own, **{f"{name}.py": code for name, code in scripts.items()}}
    container.code(archive(files), policy.document(spec))
    if isinstance(container, OneJob):
        configure(container.root, container.input("code") / "bundle.tar.gz", spec)
    return spec


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def members(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {
            member.name: file.read()
            for member in opened
            if (file := opened.extractfile(member)) is not None
        }


def three_jobs(container: Container, drops: Drops) -> dict[str, bytes]:
    """Run one job after the other; returns the model."""
    spec = given(container, drops)
    container.succeed("prepare.py")
    packed = train(container, container.input("code") / "bundle.tar.gz", spec)
    for name in ("holdout", "baseline"):
        shutil.copytree(container.output(name), container.input(name), dirs_exist_ok=True)
    container.succeed("evaluate.py")
    return members(packed)


def test_one_job_leaves_what_three_leave(
    container: Container, one_job: OneJob, drops: Drops
) -> None:
    model = three_jobs(container, drops)
    given(one_job, drops)

    assert one_job.start() == 0

    found = drops.below(one_job.run_prefix)
    files = json.loads(found.pop("files/files.json"))
    assert files["outcome"] == "ok"
    assert {"files/data.html", "files/data.json"} <= set(found)
    outputs = {name: data for name, data in found.items() if not name.startswith("files/")}
    assert outputs == contents(container.root / "processing" / "output")
    assert {"holdout/data.csv", "baseline/statistics.json", "evaluation/report.html"} <= set(found)
    assert contents(one_job.root / "model") == model


@pytest.mark.parametrize(
    ("scripts", "told"),
    [
        pytest.param(
            {"train": "raise ValueError('it diverged')"},
            "ExecuteUserScriptError",
            id="train",
        ),
        pytest.param({"inference": "raise ValueError('no model')"}, "no model", id="evaluate"),
    ],
)
def test_a_failed_part_ends_the_job_with_its_own_reason(
    one_job: OneJob, drops: Drops, scripts: Mapping[str, str], told: str
) -> None:
    given(one_job, drops, **scripts)

    assert one_job.start() == 1

    assert told in one_job.failure
    there = {name.partition("/")[0] for name in drops.below(one_job.run_prefix)}
    assert there == {"files", "train", "validation", "holdout", "baseline"}


def test_bad_files_are_told_as_by_a_preparation(one_job: OneJob, drops: Drops) -> None:
    given(one_job, drops, TOML.replace('target = "price"', 'target = "cost"'))

    assert one_job.start() == 1

    assert one_job.failure.startswith("bad data: data/mean-price/may.csv")
    document = json.loads(drops.below(one_job.run_prefix)["files/files.json"])
    assert document["outcome"] == "bad-files"
