"""Steps that keep records and clear away, in real pipelines."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/steps"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ENDED = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")


class Lab:
    def __init__(self, client: Callable[..., Any]) -> None:
        self.sagemaker, self.s3 = client("sagemaker"), client("s3")
        self.s3.create_bucket(Bucket="lab")

    def run(self, name: str, *steps: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        definition = {"Version": "2020-12-01", "Steps": list(steps)}
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE
        )
        started = self.sagemaker.start_pipeline_execution(PipelineName=name)
        arn = {"PipelineExecutionArn": started["PipelineExecutionArn"]}
        status = "Executing"
        deadline = time.monotonic() + 60
        while status not in ENDED and time.monotonic() < deadline:
            time.sleep(0.05)
            status = self.sagemaker.describe_pipeline_execution(**arn)["PipelineExecutionStatus"]
        listed = self.sagemaker.list_pipeline_execution_steps(**arn)["PipelineExecutionSteps"]
        return status, {step["StepName"]: step for step in listed}

    def keys(self) -> list[str]:
        found = self.s3.list_objects_v2(Bucket="lab").get("Contents", [])
        return [each["Key"] for each in found]


@pytest.fixture
def lab(cloud_with: Callable[..., Any]) -> Lab:
    return Lab(cloud_with("s3", "sagemaker", "logs", "events")[1])


def lineage(**more: Any) -> dict[str, Any]:
    arguments = {
        "Actions": [
            {"ActionName": "run", "ActionType": "Training", "Source": {"SourceUri": "s3://lab/run"}}
        ],
        "Artifacts": [
            {
                "ArtifactName": "model",
                "ArtifactType": "Model",
                "Source": {"SourceUri": "s3://lab/model.tar.gz"},
            }
        ],
        "Associations": [
            {
                "Source": {"Name": "run", "Type": "Action"},
                "Destination": {"Name": "model", "Type": "Artifact"},
                "AssociationType": "Produced",
            }
        ],
        **more,
    }
    return {"Name": "Record", "Type": "Lineage", "Arguments": arguments}


def test_lineage_is_recorded_and_told_on(lab: Lab) -> None:
    told = {
        "Name": "Tell",
        "Type": "Fail",
        "Arguments": {"ErrorMessage": {"Get": "Steps.Record.ArtifactArns['model']"}},
    }
    _, steps = lab.run("record", lineage(), told)
    made = steps["Record"]["Metadata"]["Lineage"]
    assert steps["Tell"]["FailureReason"] == made["ArtifactArns"]["model"]
    (found,) = lab.sagemaker.list_associations(SourceArn=made["ActionArns"]["run"])[
        "AssociationSummaries"
    ]
    assert found["DestinationArn"] == made["ArtifactArns"]["model"]
    assert found["AssociationType"] == "Produced"


def test_an_association_with_what_the_step_does_not_make_fails_it(lab: Lab) -> None:
    wrong = {
        "Source": {"Name": "run", "Type": "Action"},
        "Destination": {"Name": "x", "Type": "Context"},
    }
    status, steps = lab.run("record", lineage(Associations=[wrong]))
    assert status == "Failed"
    assert "this step makes no Context 'x'" in steps["Record"]["FailureReason"]


def writes() -> dict[str, Any]:
    output = {
        "OutputName": "out",
        "S3Output": {
            "S3Uri": "s3://lab/out",
            "LocalPath": "/opt/ml/processing/out",
            "S3UploadMode": "EndOfJob",
        },
    }
    script = "[open(f'/opt/ml/processing/out/{n}', 'w').write(n) for n in 'ab']"
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "Name": "Write",
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {
                "ImageUri": IMAGE,
                "ContainerEntrypoint": ["python3", "-c", script],
            },
            "ProcessingResources": {"ClusterConfig": cluster},
            "ProcessingOutputConfig": {"Outputs": [output]},
            "RoleArn": ROLE,
        },
    }


def cleanup(*sources: dict[str, Any]) -> dict[str, Any]:
    return {
        "Name": "Clear",
        "Type": "Cleanup",
        "Arguments": {"Resources": {"S3": list(sources)}},
        "DependsOn": ["Write"],
    }


def test_named_objects_of_a_step_are_deleted(lab: Lab) -> None:
    source = {"StepName": "Write", "S3Uris": ["s3://lab/out/a"]}
    status, steps = lab.run("clear", writes(), cleanup(source))
    assert status == "Succeeded"
    assert lab.keys() == ["out/b"]
    assert steps["Clear"]["Metadata"]["Cleanup"]["CleanedSteps"] == ["Write"]


def test_nothing_but_the_steps_own_outputs_is_deleted(lab: Lab) -> None:
    lab.s3.put_object(Bucket="lab", Key="other", Body=b"")
    source = {"StepName": "Write", "S3Uris": ["s3://lab/other"]}
    status, steps = lab.run("clear", writes(), cleanup(source))
    assert status == "Failed"
    assert (
        "s3://lab/other is not below the outputs of step Write" in (steps["Clear"]["FailureReason"])
    )
    assert lab.keys() == ["other", "out/a", "out/b"]
