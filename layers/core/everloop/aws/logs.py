"""Log groups that SageMaker makes: of endpoints, which they outlive, and of trainings."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, logs, translated

# Where jobs of a kind print; a tuning's jobs print as trainings.
GROUPS: Final = {
    "TrainingJob": "/aws/sagemaker/TrainingJobs",
    "ProcessingJob": "/aws/sagemaker/ProcessingJobs",
    "TransformJob": "/aws/sagemaker/TransformJobs",
}


def delete_of_endpoint(endpoint: str) -> bool:
    """Delete an endpoint's log group; False where there is none."""
    name = f"/aws/sagemaker/Endpoints/{endpoint}"
    try:
        with translated(f"log group {name}"):
            logs().delete_log_group(logGroupName=name)
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        return False
    return True


def of_training(job: str, most: int) -> Iterator[str]:
    """Yield lines that a training job has printed, the first `most` of them; none where
    nothing is left of its log."""
    lines = printed(GROUPS["TrainingJob"], f"{job}/")
    yield from (line.text for line in islice(lines, most))


@dataclass(frozen=True)
class Line:
    """A line that a container printed, and when CloudWatch has it."""

    id: str
    at: datetime
    text: str


def printed(group: str, prefix: str = "", since: datetime | None = None) -> Iterator[Line]:
    """Yield what is in a log group, of streams that begin with `prefix`, the oldest first.

    None where there is no such group (any more).
    """
    where: dict[str, Any] = {"logGroupName": group}
    if prefix:
        where["logStreamNamePrefix"] = prefix
    if since is not None:
        where["startTime"] = int(since.timestamp() * 1000)
    try:
        with translated(f"log group {group}"):
            for page in logs().get_paginator("filter_log_events").paginate(**where):
                for event in page["events"]:
                    at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                    yield Line(str(event["eventId"]), at, str(event["message"]))
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
