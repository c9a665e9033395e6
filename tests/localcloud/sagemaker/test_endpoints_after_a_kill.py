"""What SIGKILL of the whole cloud leaves of endpoints: all of it, and no process."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from waiting import until

pytestmark = pytest.mark.cloud
ROOT = Path(__file__).parents[3]
SERVICES = "s3,logs,cloudwatch,events,sagemaker,sagemaker-runtime"
PID = """
import os

def model_fn(folder):
    return None

def transform_fn(model, body, content_type, accept):
    return str(os.getpid()), accept
"""
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://models/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}


class Program:
    """`python -m everloop_localcloud`, ten times as fast as real time."""

    def __init__(self, state: Path, attach: Callable[[str, Path], Any]) -> None:
        command = [
            sys.executable,
            "-m",
            "everloop_localcloud",
            "--state",
            str(state),
            "--port",
            "0",
        ]
        self._process = subprocess.Popen(
            [*command, "--services", SERVICES, "--speed", "10"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout is not None
        self._output = self._process.stdout
        try:
            assert self._output.readline().startswith(b"the cloud is up")
        except AssertionError:
            self.kill()
            raise
        self.hosted = attach(json.loads((state / "cloud.json").read_text())["url"], state)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._output.close()


@pytest.fixture
def program(tmp_path: Path, attach: Callable[[str, Path], Any]) -> Iterator[Callable[[], Program]]:
    running: list[Program] = []

    def start() -> Program:
        running.append(Program(tmp_path / "state", attach))
        return running[-1]

    yield start
    for one in running:
        one.kill()


def test_endpoints_updates_and_captures_outlive_a_kill(program: Callable[[], Program]) -> None:
    first = program()
    hosted = first.hosted
    hosted.s3.create_bucket(Bucket="models")
    hosted.model("told", script=PID)
    hosted.endpoint("pid", hosted.config("pid", "told", DataCaptureConfig=CAPTURE))
    hosted.endpoint("adder", hosted.config("old", hosted.model("old", add=0), count=2))
    hosted.config("new", hosted.model("new", add=100), count=2)
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    routing = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": 20}
    hosted.update(
        "adder",
        "new",
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}},
    )
    pid = int(hosted.ask("pid", 5))

    first.kill()
    hosted = program().hosted

    assert int(hosted.ask("pid", 6)) != pid
    assert hosted.ask("adder", 1) == "1"
    told = hosted.sagemaker.describe_endpoint(EndpointName="adder")
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("Updating", "old")
    assert hosted.settled("adder")["EndpointConfigName"] == "new"
    assert hosted.ask("adder", 1) == "101"

    def sent() -> list[str]:
        listed = hosted.s3.list_objects_v2(Bucket="models", Prefix="capture/")
        found = []
        for entry in listed.get("Contents", []):
            body = hosted.s3.get_object(Bucket="models", Key=entry["Key"])["Body"].read()
            lines = [json.loads(line) for line in body.splitlines()]
            found += [line["captureData"]["endpointInput"]["data"] for line in lines]
        return sorted(found)

    assert until(sent, lambda seen: len(seen) == 2) == ["5", "6"]
