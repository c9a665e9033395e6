"""Processing jobs of native Model Monitor: what they found, by their own word."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, sagemaker, translated


@dataclass(frozen=True)
class MonitoringJob:
    endpoint: str
    exit_message: str


def describe(name: str) -> MonitoringJob | None:
    """Return a monitoring job; None for a job that is gone, or watches no endpoint."""
    try:
        with translated(f"processing job {name}"):
            description: Any = sagemaker().describe_processing_job(ProcessingJobName=name)
    except ClientError as error:
        if code_of(error) in ("ValidationException", "ResourceNotFound"):
            return None
        raise
    endpoint = (description.get("Environment") or {}).get("sagemaker_endpoint_name")
    if not endpoint:
        return None
    return MonitoringJob(str(endpoint), str(description.get("ExitMessage") or ""))
