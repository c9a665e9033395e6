"""With AWS's start times jobs and endpoints begin as late as there, by the cloud's own clock."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from waiting import until

from everloop_localcloud.kernel import starts

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
JOB = {
    "RoleArn": "arn:aws:iam::123456789012:role/jobs",
    "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-c", "pass"]},
    "ProcessingResources": {
        "ClusterConfig": {
            "InstanceType": "ml.m5.large",
            "InstanceCount": 1,
            "VolumeSizeInGB": 1,
        }
    },
}


def described(sagemaker: Any, name: str, *ended: str) -> Any:
    return until(
        lambda: sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda told: told["ProcessingJobStatus"] in ended,
    )


def test_a_job_begins_after_the_time_that_aws_takes(cloud_with: Callable[..., Any]) -> None:
    _, client = cloud_with("sagemaker", "s3", aws_starts=True, speed=2000)
    sagemaker = client("sagemaker")
    sagemaker.create_processing_job(ProcessingJobName="p", **JOB)
    told = described(sagemaker, "p", "Completed", "Failed")
    waited = told["ProcessingStartTime"] - told["CreationTime"]
    assert told["ProcessingJobStatus"] == "Completed"
    assert waited >= timedelta(seconds=starts.table()["job"]["seconds"])


def test_who_stops_a_job_waits_for_no_instance(cloud_with: Callable[..., Any]) -> None:
    _, client = cloud_with("sagemaker", "s3", aws_starts=True)  # five real minutes
    sagemaker = client("sagemaker")
    sagemaker.create_processing_job(ProcessingJobName="p", **JOB)
    sagemaker.stop_processing_job(ProcessingJobName="p")
    assert described(sagemaker, "p", "Stopped", "Failed")["ProcessingJobStatus"] == "Stopped"


def test_an_endpoint_and_its_update_take_their_instances_time(hosting: Any) -> None:
    hosted = hosting(aws_starts=True, speed=2000)
    hosted.model("m")
    least = timedelta(seconds=starts.of_instance("ml.m5.large"))
    began = hosted.cloud.clock.now()
    hosted.endpoint("e", hosted.config("first", "m"))
    served = hosted.cloud.clock.now()
    assert served - began >= least
    hosted.update("e", hosted.config("second", "m"))
    hosted.settled("e")
    assert hosted.cloud.clock.now() - served >= least


def test_each_start_says_where_its_seconds_come_from() -> None:
    rows = {name: row for name, row in starts.table().items() if name != "comment"}
    assert rows
    assert all(row["seconds"] > 0 and row["why"] for row in rows.values())
    assert starts.of_instance("ml.m6g.large") < starts.of_instance("ml.never.seen")
