"""What jobs and endpoints leave behind ends with them, and they end nothing else."""

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.sagemaker.images import memory
from everloop_localcloud.sagemaker.output import MOST_BYTES, Output

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/jobs"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

SCRIPT = """
def model_fn(folder):
    return 2.

def input_fn(body, content_type):
    return float(body)

def predict_fn(number, model):
    return number + model

def output_fn(total, accept):
    return f"{total:g}"
"""
LEAVE = """
import os, sys
def leave(number):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("/bin/sleep", ["sleep", number], {})
        os._exit(0)
    os.wait()
"""


def running(number: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes().split(b"\0")[1:2] == [number.encode()]:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture
def number() -> Any:
    made = str(10_000_000 + int.from_bytes(os.urandom(4), "big"))
    yield made
    for pid in running(made):
        os.kill(pid, signal.SIGKILL)


def job(sagemaker: Any, name: str, script: str, **more: Any) -> dict[str, Any]:
    sagemaker.create_processing_job(
        ProcessingJobName=name,
        AppSpecification={
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "-c", script],
        },
        ProcessingResources={
            "ClusterConfig": {
                "InstanceType": "ml.t3.medium",
                "InstanceCount": 1,
                "VolumeSizeInGB": 1,
            }
        },
        RoleArn=ROLE,
        **more,
    )
    told: dict[str, Any] = until(
        lambda: sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda told: told["ProcessingJobStatus"] in ("Completed", "Failed", "Stopped"),
    )
    return told


@pytest.mark.parametrize("end", ["1", "os.kill(os.getppid(), 9)", "os.kill(os.getpid(), 9)"])
def test_a_daemon_ends_with_its_job_and_the_cloud_lives(
    cloud_with: Any, number: str, end: str
) -> None:
    _, client = cloud_with("s3", "sagemaker", "logs", "events")
    sagemaker = client("sagemaker")
    leave = f"import os; os.system('env -i setsid -f /bin/sleep {number} &')"
    told = job(sagemaker, "leaves", f"{leave}; print('left', flush=True); {end}")
    assert told["ProcessingJobStatus"] == ("Failed" if "getpid()" in end else "Completed")
    until(lambda: running(number), lambda left: not left)
    events = client("logs").get_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamName="leaves/algo-1"
    )["events"]
    assert [event["message"] for event in events] == ["left"]


def test_a_process_of_a_job_has_the_memory_of_its_instance(cloud_with: Any) -> None:
    _, client = cloud_with("s3", "sagemaker", "logs", "events")
    told = job(client("sagemaker"), "greedy", "bytearray(5 * 1024**3)")
    assert told["ProcessingJobStatus"] == "Failed"
    assert "MemoryError" in told["FailureReason"]


def test_an_endpoint_whose_script_leaves_children_comes_up_and_ends_whole(
    hosted: Any, number: str
) -> None:
    hosted.model("m", script=f"{LEAVE}\nleave('{number}')\n{SCRIPT}")
    assert hosted.endpoint("e", hosted.config("c", "m"))["EndpointStatus"] == "InService"
    assert hosted.ask("e", 1) == "3"
    assert running(number)
    hosted.sagemaker.delete_endpoint(EndpointName="e")
    until(lambda: running(number), lambda left: not left)


def test_a_model_that_kills_its_parent_ends_itself_at_most(hosted: Any) -> None:
    killing = SCRIPT.replace("return float(body)", "import os; os.kill(os.getppid(), 9); return 1.")
    hosted.model("m", script=killing)
    hosted.endpoint("e", hosted.config("c", "m"))
    for _ in range(2):
        try:
            hosted.ask("e", 1)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ModelError"
        time.sleep(0.2)
    assert hosted.settled("e")["EndpointStatus"] == "InService"


@pytest.mark.parametrize(
    ("instance", "gib"),
    [
        ("ml.m5.large", 8),
        ("ml.m5.4xlarge", 64),
        ("ml.c5.xlarge", 8),
        ("ml.t3.medium", 4),
        ("ml.r5d.large", 16),
        ("local", 0),
        ("ml.unknown9.large", 0),
    ],
)
def test_memory_of_instances(instance: str, gib: int) -> None:
    assert memory(instance) == gib * 1024**3


class Child:
    """A child that prints without end, or that somebody else holds the output of."""

    def __init__(self, stdout: Any, ended: bool = False) -> None:
        self.stdout = stdout
        self._ended = ended

    def poll(self) -> int | None:
        return 0 if self._ended else None


def test_what_is_printed_is_kept_up_to_a_size(tmp_path: Path) -> None:
    source = tmp_path / "printed"
    line = b"x" * 999 + b"\n"
    source.write_bytes(line * (MOST_BYTES // 500))
    told: list[str] = []
    with source.open("rb") as printed:
        output = Output(Child(printed), tmp_path / "kept", told.extend)  # type: ignore[arg-type]
        output.read()
    assert (tmp_path / "kept").stat().st_size < MOST_BYTES + 1_000_000
    assert told[-1] == "(what is printed after 64 MB is not kept)"
    assert output.tail().endswith("x" * 999)


def test_a_log_ends_with_its_process_though_another_holds_it_open() -> None:
    reading, writing = os.pipe()
    try:
        os.write(writing, b"said\n")
        told: list[str] = []
        output = Output(Child(os.fdopen(reading, "rb"), True), None, told.extend)  # type: ignore[arg-type]
        output.read()
        assert told == ["said"]
    finally:
        os.close(writing)
