"""Packages of a job's own: what its requirements.txt pins, and nothing of it left elsewhere."""

import contextlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import WaiterError

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
TRAIN = b"""
import importlib.metadata, os, pathlib, mdurl, numpy
told = f"{importlib.metadata.version('mdurl')} {numpy.__version__}"
pathlib.Path(os.environ["SM_MODEL_DIR"], "told.txt").write_text(told)
"""


def wheel(folder: Path, number: str) -> None:
    """Write a release of `mdurl` as pip would find it in an index."""
    info = f"mdurl-{number}.dist-info"
    with zipfile.ZipFile(folder / f"mdurl-{number}-py3-none-any.whl", "w") as archive:
        archive.writestr("mdurl.py", f"__version__ = '{number}'\n")
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: mdurl\nVersion: {number}"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any"
        )
        archive.writestr(f"{info}/RECORD", "")


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def trained(client: Callable[..., Any], name: str, files: dict[str, bytes]) -> dict[str, Any]:
    bundle = io.BytesIO()
    with tarfile.open(fileobj=bundle, mode="w:gz") as archive:
        for file, content in files.items():
            member = tarfile.TarInfo(file)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    client("s3").put_object(Bucket="lab", Key=f"{name}.tar.gz", Body=bundle.getvalue())
    sagemaker = client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": f"s3://lab/{name}.tar.gz",
        },
        OutputDataConfig={"S3OutputPath": "s3://lab/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        RoleArn=ROLE,
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    waiter = sagemaker.get_waiter("training_job_completed_or_stopped")
    with contextlib.suppress(WaiterError):  # a job may fail here
        waiter.wait(TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120})
    told: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
    return told


def said(client: Callable[..., Any], job: dict[str, Any]) -> str:
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    key = job["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://lab/")
    body = client("s3").get_object(Bucket="lab", Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        found = archive.extractfile("told.txt")
        assert found is not None
        return found.read().decode()


def test_a_pinned_version_is_in_its_job_only_and_kept(cloud_with: Any, index: Path) -> None:
    _, client = cloud_with("s3", "sagemaker", "logs")
    client("s3").create_bucket(Bucket="lab")
    before = version("mdurl")
    wheel(index, "0.1")
    pinned = {"train.py": TRAIN, "requirements.txt": b"# of the model\nmdurl==0.1\n"}

    assert said(client, trained(client, "pinned", pinned)) == f"0.1 {version('numpy')}"

    assert version("mdurl") == before
    assert said(client, trained(client, "plain", {"train.py": TRAIN})).startswith(before)
    for release in index.iterdir():  # what was installed once needs no index again
        release.unlink()
    assert said(client, trained(client, "again", pinned)).startswith("0.1 ")


def test_what_cannot_be_installed_fails_the_job_and_says_what(cloud_with: Any, index: Path) -> None:
    _, client = cloud_with("s3", "sagemaker", "logs")
    client("s3").create_bucket(Bucket="lab")
    files = {"train.py": TRAIN, "requirements.txt": b"mdurl==99.0\n"}

    job = trained(client, "unpublished", files)

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: InstallRequirementsError: ExitCode 1")
    assert "mdurl==99.0" in job["FailureReason"]
