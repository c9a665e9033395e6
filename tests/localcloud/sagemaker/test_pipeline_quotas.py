"""With AWS's quotas, a step is refused in AWS's words, and its execution goes on when retried."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from waiting import until

from everloop.decisions.infrastructure import QUOTA, trouble

ROLE = "arn:aws:iam::123456789012:role/steps"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ENDED = ("Succeeded", "Failed")


def processing(script: str) -> dict[str, Any]:
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "Name": "Wait",
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "-c", script],
            },
            "ProcessingResources": {"ClusterConfig": cluster},
            "RoleArn": ROLE,
        },
    }


def test_the_fifth_of_five_jobs_waits_for_one_of_four_instances(
    cloud_with: Callable[..., Any], tmp_path: Path
) -> None:
    _, client = cloud_with("s3", "sagemaker", "logs", "events", quotas="aws", speed=600)
    sagemaker = client("sagemaker")
    gate = tmp_path / "gate"
    there = f"lambda: os.path.exists({str(gate)!r})"
    script = f"import os, time; [time.sleep(0.05) for _ in iter({there}, True)]"
    definition = json.dumps({"Version": "2020-12-01", "Steps": [processing(script)]})
    sagemaker.create_pipeline(PipelineName="p", PipelineDefinition=definition, RoleArn=ROLE)

    def started() -> str:
        return str(sagemaker.start_pipeline_execution(PipelineName="p")["PipelineExecutionArn"])

    def described(arn: str) -> Any:
        return sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)

    def step(arn: str) -> dict[str, Any]:
        found = sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        return next(iter(found["PipelineExecutionSteps"]), {})

    def ended(arn: str) -> str:
        found = until(lambda: described(arn), lambda d: d["PipelineExecutionStatus"] in ENDED)
        return str(found["PipelineExecutionStatus"])

    four = [started() for _ in range(4)]
    for arn in four:
        until(lambda arn=arn: step(arn), lambda s: s.get("StepStatus") == "Executing")
    fifth = started()
    assert ended(fifth) == "Failed"
    found = trouble(step(fifth)["FailureReason"])
    assert found is not None
    assert (found.kind, found.there, found.needed, found.retry) == (QUOTA, 4, 5, True)
    assert found.quota == "ml.m5.large for processing job usage"

    gate.write_text("open")
    assert [ended(arn) for arn in four] == ["Succeeded"] * 4
    sagemaker.retry_pipeline_execution(PipelineExecutionArn=fifth)
    assert ended(fifth) == "Succeeded"
