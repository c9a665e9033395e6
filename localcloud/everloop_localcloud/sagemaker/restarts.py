"""Which training jobs AWS starts again by itself, after their machine was lost.

Here a machine is lost when the cloud ends. Spot machines are taken away without end: their job goes
on from its checkpoints, within MaxWaitTimeInSeconds. Any other is tried again as its RetryStrategy
says. https://docs.aws.amazon.com/sagemaker/latest/dg/model-managed-spot-training.html
"""

from datetime import datetime, timedelta
from typing import Any

Record = dict[str, Any]


def again(job: Record, now: datetime) -> tuple[str, ...] | None:
    """Return what a lost job's status says before it starts again; None where it does not."""
    if job["TrainingJobStatus"] != "InProgress" or "TuningJobArn" in job:
        return None
    if job.get("EnableManagedSpotTraining"):
        condition = job.get("StoppingCondition", {})
        waits = condition.get("MaxWaitTimeInSeconds") or condition.get("MaxRuntimeInSeconds", 86400)
        return ("Interrupted",) if now - job["CreationTime"] < timedelta(seconds=waits) else None
    steps = job["SecondaryStatusTransitions"]
    tried = sum(step["Status"] == "Starting" for step in steps) - 1
    most = (job.get("RetryStrategy") or {}).get("MaximumRetryAttempts", 0)
    return () if tried < most else None
