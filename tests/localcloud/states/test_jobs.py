"""Tasks that wait for a job of SageMaker: how it ends, who stops it, what a restart does to it."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from everloop_localcloud.cloud import Cloud
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.store import Store

ROLE = "arn:aws:iam::123456789012:role/machine"


class Jobs(Api):
    """A SageMaker whose processing jobs do nothing until the test says how they end."""

    service = "sagemaker"

    def __init__(self, cloud: Any, jobs: dict[str, dict[str, Any]]) -> None:
        super().__init__(cloud)
        self.jobs = jobs
        self.begun = threading.Semaphore(0)

    @operation
    def create_processing_job(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ProcessingJobName"]
        if name in self.jobs:
            raise AwsError("ResourceInUse", f"there is a job {name}")
        arn = self.cloud.arn("sagemaker", f"processing-job/{name}")
        self.jobs[name] = {
            **request,
            "ProcessingJobArn": arn,
            "ProcessingJobStatus": "InProgress",
            "CreationTime": call.time,
        }
        return {"ProcessingJobArn": arn}

    @operation
    def describe_processing_job(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = dict(self.jobs[request["ProcessingJobName"]])
        self.begun.release()
        return found

    @operation
    def stop_processing_job(self, call: Call, request: dict[str, Any]) -> None:
        self.end(request["ProcessingJobName"], "Stopped")

    def end(self, name: str, status: str, **fields: Any) -> None:
        job = self.jobs[name]
        job.update(fields, ProcessingJobStatus=status, ProcessingEndTime=self.cloud.clock.now())
        self.cloud.emit(
            "aws.sagemaker",
            "SageMaker Processing Job State Change",
            {"ProcessingJobName": name, "ProcessingJobStatus": status},
            [job["ProcessingJobArn"]],
        )


DEFINITION = {
    "QueryLanguage": "JSONata",
    "StartAt": "Job",
    "States": {
        "Job": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
            "Arguments": {
                "ProcessingJobName": "{% $states.input.name %}",
                "RoleArn": ROLE,
                "AppSpecification": {"ImageUri": "image"},
                "ProcessingResources": {
                    "ClusterConfig": {
                        "InstanceCount": 1,
                        "InstanceType": "ml.m5.large",
                        "VolumeSizeInGB": 1,
                    }
                },
            },
            "End": True,
        }
    },
}


@pytest.fixture
def cloud_on() -> Iterator[Callable[..., tuple[Cloud, Jobs]]]:
    """Start a cloud on a folder, with a SageMaker that has these jobs."""
    running: list[Cloud] = []

    def start(folder: Path, jobs: dict[str, dict[str, Any]]) -> tuple[Cloud, Jobs]:
        cloud = Cloud(folder, services=["events", "stepfunctions"], strict=True)
        running.append(cloud)
        cloud.apis["sagemaker"] = sagemaker = Jobs(cloud, jobs)
        cloud.start()
        return cloud, sagemaker

    yield start
    for cloud in running:
        cloud.stop()


@pytest.fixture
def job(cloud_on: Any, tmp_path: Path) -> tuple[Cloud, Jobs, str]:
    """An execution that follows a job; the cloud, the jobs and the execution."""
    cloud, jobs = cloud_on(tmp_path / "cloud", {})
    made = cloud.call(
        "stepfunctions",
        "CreateStateMachine",
        {"name": "m", "definition": json.dumps(DEFINITION), "roleArn": ROLE},
    )
    request = {"stateMachineArn": made["stateMachineArn"], "input": '{"name": "job-1"}'}
    arn = cloud.call("stepfunctions", "StartExecution", request)["executionArn"]
    jobs.begun.acquire()
    return cloud, jobs, arn


def ending(cloud: Any, arn: str) -> dict[str, Any]:
    while True:
        found = cloud.call("stepfunctions", "DescribeExecution", {"executionArn": arn})
        if found["status"] != "RUNNING":
            return dict(found)
        cloud.clock.sleep(0.01)


def test_the_job_s_description_is_the_result(job: Any) -> None:
    cloud, jobs, arn = job
    jobs.end("job-1", "Completed", ExitMessage="done")
    found = json.loads(ending(cloud, arn)["output"])
    assert found["ProcessingJobStatus"] == "Completed"
    assert found["ExitMessage"] == "done"
    assert isinstance(found["ProcessingEndTime"], int)


def test_a_failed_job_fails_the_task_with_its_description(job: Any) -> None:
    cloud, jobs, arn = job
    jobs.end("job-1", "Failed", FailureReason="AlgorithmError")
    found = ending(cloud, arn)
    assert found["error"] == "States.TaskFailed"
    assert json.loads(found["cause"])["FailureReason"] == "AlgorithmError"


def test_stopping_the_execution_stops_the_job(job: Any) -> None:
    cloud, jobs, arn = job
    cloud.call("stepfunctions", "StopExecution", {"executionArn": arn})
    assert jobs.jobs["job-1"]["ProcessingJobStatus"] == "Stopped"


@pytest.mark.parametrize("known", [True, False], ids=["answered", "not yet answered"])
def test_after_a_kill_the_same_job_is_followed(
    job: Any, cloud_on: Any, tmp_path: Path, known: bool
) -> None:
    cloud, jobs, arn = job
    folder = tmp_path / "killed"
    shutil.copytree(cloud.folder, folder)
    if not known:  # killed when the job was there, and its answer was not yet noted
        store = Store(folder / "state.sqlite")
        table = store.table("stepfunctions.checkpoints")
        mark = {key: value for key, value in table[arn].items() if key != "submitted"}
        table[arn] = {**mark, "previous": mark["event"]}
        store.close()
    again, after = cloud_on(folder, jobs.jobs)
    after.begun.acquire()
    after.end("job-1", "Completed")
    assert ending(again, arn)["status"] == "SUCCEEDED"
    assert list(jobs.jobs) == ["job-1"]


def test_a_name_that_an_older_job_has_fails_the_task(job: Any) -> None:
    cloud, jobs, arn = job
    jobs.end("job-1", "Completed")
    machine = ending(cloud, arn)["stateMachineArn"]
    request = {"stateMachineArn": machine, "input": '{"name": "job-1"}'}
    again = cloud.call("stepfunctions", "StartExecution", request)["executionArn"]
    assert ending(cloud, again)["error"] == "SageMaker.ResourceInUseException"
