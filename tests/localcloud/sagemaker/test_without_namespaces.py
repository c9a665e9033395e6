"""Jobs where the kernel gives no mount namespace: /opt/ml is rewritten for them."""

import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.sagemaker import container

ROLE = "arn:aws:iam::123456789012:role/jobs"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
TRAIN = """
import os
from pathlib import Path
Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("by the toolkit")
"""
DRIVER = "python3 /opt/ml/input/data/sm_drivers/driver.py\n"
DRIVEN = "open('/opt/ml/model/model.txt', 'w').write('by a driver')\n"


@pytest.fixture
def without_unshare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make `unshare` a program that this machine lacks."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "bash"):
        found = shutil.which(name)
        assert found is not None
        (programs / name).symlink_to(found)
    container.namespace.cache_clear()
    monkeypatch.setenv("PATH", str(programs))
    yield
    container.namespace.cache_clear()


@pytest.mark.usefixtures("without_unshare")
def test_script_mode_and_drivers_run_with_rewritten_paths(
    cloud_with: Callable[..., Any], pack: Callable[[dict[str, str]], bytes]
) -> None:
    assert container.namespace() is None
    _, client = cloud_with("s3", "sagemaker", "logs")
    s3, sagemaker = client("s3"), client("sagemaker")
    s3.create_bucket(Bucket="lab")
    s3.put_object(Bucket="lab", Key="code.tar.gz", Body=pack({"train.py": TRAIN}))
    s3.put_object(Bucket="lab", Key="drivers/sm_train.sh", Body=DRIVER.encode())
    s3.put_object(Bucket="lab", Key="drivers/driver.py", Body=DRIVEN.encode())
    program = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": "s3://lab/code.tar.gz",
    }
    script = "/opt/ml/input/data/sm_drivers/sm_train.sh"
    words = ["-c", f"chmod +x {script} && /bin/bash {script}"]
    channel = {
        "ChannelName": "sm_drivers",
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://lab/drivers/"}},
    }
    jobs: dict[str, dict[str, Any]] = {
        "toolkit": {"HyperParameters": program},
        "driver": {
            "InputDataConfig": [channel],
            "entry": {"ContainerEntrypoint": ["/bin/bash"], "ContainerArguments": words},
        },
    }
    for name, more in jobs.items():
        algorithm = {"TrainingImage": IMAGE, "TrainingInputMode": "File", **more.pop("entry", {})}
        sagemaker.create_training_job(
            TrainingJobName=name,
            AlgorithmSpecification=algorithm,
            OutputDataConfig={"S3OutputPath": "s3://lab/models"},
            ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            RoleArn=ROLE,
            StoppingCondition={"MaxRuntimeInSeconds": 600},
            **more,
        )
    found = {}
    for name in jobs:
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(
            TrainingJobName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
        )
        told = sagemaker.describe_training_job(TrainingJobName=name)
        assert told["TrainingJobStatus"] == "Completed", told["FailureReason"]
        body = s3.get_object(Bucket="lab", Key=f"models/{name}/output/model.tar.gz")["Body"]
        with tarfile.open(fileobj=io.BytesIO(body.read())) as archive:
            content = archive.extractfile("model.txt")
            assert content is not None
            found[name] = content.read().decode()
    assert found == {"toolkit": "by the toolkit", "driver": "by a driver"}
    assert not Path("/opt/ml/model/model.txt").exists()
