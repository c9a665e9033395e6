"""A job's /opt/ml where the kernel gives a plain user no namespaces, and archives of any kind."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from everloop_localcloud.sagemaker.model_files import NotFetched, unpack

ROOT = Path(__file__).resolve().parents[3]
ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
TRAIN = b"open('/opt/ml/model/told.txt', 'w').write(open('/opt/ml/input/data/train/in.txt').read())"


@pytest.fixture
def client_without_unshare(tmp_path: Path) -> Iterator[Callable[[str], Any]]:
    """Clients of a cloud that finds no `unshare`: it cannot bind a job's folder to /opt/ml."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "bash"):
        (programs / name).symlink_to(str(shutil.which(name)))
    state = tmp_path / "cloud"
    words = [sys.executable, "-m", "everloop_localcloud", "--state", str(state), "--port", "0"]
    words += ["--services", "s3,sagemaker,logs,events,sts"]
    child = subprocess.Popen(
        words, cwd=ROOT, env={**os.environ, "PATH": str(programs)}, stdout=subprocess.DEVNULL
    )
    try:
        while not (state / "cloud.json").exists():
            assert child.poll() is None
            time.sleep(0.05)
        url = json.loads((state / "cloud.json").read_text())["url"]
        keys = {"aws_access_key_id": "tester", "aws_secret_access_key": "secret"}
        yield lambda service: boto3.client(
            service, endpoint_url=url, region_name="us-east-1", **keys
        )
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def archive(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as opened:
        for member, content in members:
            member.size = len(content)
            opened.addfile(member, io.BytesIO(content))
    return made.getvalue()


@pytest.mark.cloud
def test_script_mode_finds_its_paths_without_a_namespace(
    client_without_unshare: Callable[[str], Any],
) -> None:
    s3, sagemaker = (client_without_unshare(name) for name in ("s3", "sagemaker"))
    s3.create_bucket(Bucket="lab")
    s3.put_object(Bucket="lab", Key="in/in.txt", Body=b"0.7")
    s3.put_object(
        Bucket="lab", Key="code.tar.gz", Body=archive((tarfile.TarInfo("train.py"), TRAIN))
    )
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://lab/in"}}
    sagemaker.create_training_job(
        TrainingJobName="rewritten",
        AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://lab/code.tar.gz",
        },
        InputDataConfig=[{"ChannelName": "train", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": "s3://lab/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        RoleArn=ROLE,
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName="rewritten", WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    body = s3.get_object(Bucket="lab", Key="models/rewritten/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as opened:
        found = opened.extractfile("told.txt")
        assert found is not None
        assert found.read() == b"0.7"


@pytest.mark.parametrize("python", ["of today", "before 3.11.4"])
def test_an_archive_stays_in_its_folder(
    cloud_with: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, python: str
) -> None:
    if python == "before 3.11.4":
        monkeypatch.delattr(tarfile, "data_filter")
    cloud, client = cloud_with("s3")
    client("s3").create_bucket(Bucket="lab")
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc"
    good = archive((tarfile.TarInfo("code/a.py"), b"1"), (tarfile.TarInfo("b.txt"), b"2"))
    client("s3").put_object(Bucket="lab", Key="good.tar.gz", Body=good)
    bad = {"out": archive((tarfile.TarInfo("../out.txt"), b"")), "link": archive((link, b""))}

    unpack(cloud, "s3://lab/good.tar.gz", tmp_path / "good", None)

    assert (tmp_path / "good" / "code" / "a.py").read_text() == "1"
    for name, data in bad.items():
        client("s3").put_object(Bucket="lab", Key=f"{name}.tar.gz", Body=data)
        with pytest.raises(NotFetched, match="Failed to extract model data archive"):
            unpack(cloud, f"s3://lab/{name}.tar.gz", tmp_path / name, None)
    assert not (tmp_path / "out.txt").exists()
