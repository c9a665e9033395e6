"""Jobs in containers of a Docker engine, and what is told where there is none."""

import io
import shutil
import subprocess
import sys
import tarfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.sagemaker.engine import NoEngine

ROOT = Path(__file__).resolve().parents[3]
ROLE = "arn:aws:iam::123456789012:role/jobs"
TRAIN = """
import os, sys
print("loss=0.25;")
open("/opt/ml/model/told.txt", "w").write(open("/opt/ml/input/data/train/in.txt").read())
sys.exit(int(os.environ.get("CODE", "0")))
"""


def engine_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0


needs_engine = pytest.mark.skipif(not engine_answers(), reason="no Docker engine answers here")


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """An image of this machine's Python alone, made without a registry."""
    name = f"everloop-test/{uuid.uuid4().hex[:8]}:latest"
    root = tmp_path / "root"
    base = Path(sys.base_prefix)
    shutil.copytree(
        base / "lib",
        root / str(base).lstrip("/") / "lib",
        symlinks=True,
        ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a", "config-*"),
    )
    program = root / str(base).lstrip("/") / "bin" / "python3"
    program.parent.mkdir(parents=True)
    shutil.copy2(Path(getattr(sys, "_base_executable", sys.executable)).resolve(), program)
    (root / "tmp").mkdir(mode=0o1777)
    natives = [program, *(base / "lib").glob("python3*/lib-dynload/*.so")]
    told = subprocess.run(["ldd", *map(str, natives)], capture_output=True, text=True, check=False)
    for word in {word for word in told.stdout.split() if word.startswith("/") and ".so" in word}:
        library = Path(word.rstrip(":"))
        place = root / str(library).lstrip("/")
        if library.exists() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(library.resolve(), place)
    path = f"ENV PATH={base}/bin"
    with subprocess.Popen(["tar", "-C", root, "-cf", "-", "."], stdout=subprocess.PIPE) as packed:
        words = ["docker", "import", "--change", path, "-", name]
        subprocess.run(words, stdin=packed.stdout, capture_output=True, check=True)
    yield name
    subprocess.run(["docker", "rmi", "--force", name], capture_output=True, check=False)


def train(sagemaker: Any, name: str, image: str, **environment: str) -> dict[str, Any]:
    def channel(place: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://lab/{place}"}
        return {"ChannelName": place, "DataSource": {"S3DataSource": source}}

    sagemaker.create_training_job(
        TrainingJobName=name,
        AlgorithmSpecification={
            "TrainingImage": image,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/train.py"],
            "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
        },
        InputDataConfig=[channel("train"), channel("code")],
        OutputDataConfig={"S3OutputPath": "s3://lab/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        RoleArn=ROLE,
        StoppingCondition={"MaxRuntimeInSeconds": 600},
        Environment=environment,
    )
    while True:
        told: dict[str, Any] = sagemaker.describe_training_job(TrainingJobName=name)
        if told["TrainingJobStatus"] != "InProgress":
            return told
        time.sleep(0.1)


@pytest.mark.docker
@needs_engine
def test_a_job_runs_in_its_own_image_and_leaves_no_container(cloud_with: Any, image: str) -> None:
    _, client = cloud_with("s3", "sagemaker", "logs", docker_jobs=True)
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket="lab")
    s3.put_object(Bucket="lab", Key="train/in.txt", Body=b"0.7")
    s3.put_object(Bucket="lab", Key="code/train.py", Body=TRAIN.encode())

    done = train(sagemaker, "contained", image)
    failed = train(sagemaker, "failing", image, CODE="3")

    assert done["TrainingJobStatus"] == "Completed", done.get("FailureReason")
    assert done["FinalMetricDataList"][0]["Value"] == 0.25
    body = s3.get_object(Bucket="lab", Key="models/contained/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        found = archive.extractfile("told.txt")
        assert found is not None
        assert found.read() == b"0.7"
    assert failed["FailureReason"].endswith("exit code: 3")
    listed = subprocess.run(
        ["docker", "ps", "--all", "--quiet", "--filter", "name=everloop-"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout == ""


@pytest.mark.docker
@needs_engine
def test_an_image_that_the_engine_lacks_is_refused_by_name(cloud_with: Any) -> None:
    _, client = cloud_with("s3", "sagemaker", "logs", docker_jobs=True)
    with pytest.raises(ClientError, match="nowhere/absent:1 is not in the Docker engine"):
        train(client("sagemaker"), "absent", "nowhere/absent:1")


def test_without_an_engine_the_cloud_does_not_start_and_says_why(
    cloud_with: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoEngine, match="there is no docker program"):
        cloud_with("s3", "sagemaker", docker_jobs=True)
