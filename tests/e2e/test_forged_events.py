"""Events that somebody else puts on a bus: refused as AWS refuses them, or without an effect."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ACCOUNT, Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]
MODEL = "forged"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ARN = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/{MODEL}/1"


def put(laptop: Laptop, bus: str, source: str, kind: str, detail: dict[str, Any]) -> Any:
    entry = {"EventBusName": bus, "Source": source, "DetailType": kind}
    return laptop.client("events").put_events(Entries=[{**entry, "Detail": json.dumps(detail)}])


def failures(laptop: Laptop) -> list[dict[str, Any]]:
    """Take what functions gave up on out of its queue."""
    sqs = laptop.client("sqs")
    url = sqs.get_queue_url(QueueName="everloop-failed")["QueueUrl"]
    found = []
    for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        found.append(json.loads(message["Body"]))
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def counted(laptop: Laptop, function: str, metric: str) -> float:
    """Return the sum of one of Lambda's metrics of a function, of all time."""
    told = laptop.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": f"everloop-{function}"}],
        StartTime=datetime(2020, 1, 1, tzinfo=UTC),
        EndTime=datetime(2100, 1, 1, tzinfo=UTC),
        Period=86400 * 365,
        Statistics=["Sum"],
    )
    return sum(point["Sum"] for point in told["Datapoints"])


def test_what_other_teams_make_and_run_fails_no_function(laptop: Laptop) -> None:
    """A shared account: a pipeline with the longest name, a package of no group, an alarm."""
    sagemaker, cloudwatch = laptop.client("sagemaker"), laptop.client("cloudwatch")
    role, name = f"arn:aws:iam::{ACCOUNT}:role/everloop-us-east-1-sagemaker", "x" * 256
    failing = {"Name": "Stop", "Type": "Fail", "Arguments": {"ErrorMessage": "theirs"}}
    sagemaker.create_pipeline(
        PipelineName=name,
        PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [failing]}),
        ClientRequestToken="t" * 32,
        RoleArn=role,
    )
    run = sagemaker.start_pipeline_execution(PipelineName=name, ClientRequestToken="r" * 32)
    functions = ("resume-execution", "on-package-changed", "on-violation")
    before = {function: counted(laptop, function, "Invocations") for function in functions}

    def ended() -> bool | None:
        told = sagemaker.describe_pipeline_execution(
            PipelineExecutionArn=run["PipelineExecutionArn"]
        )
        return True if told["PipelineExecutionStatus"] == "Failed" else None

    laptop.wait("theirs", "the pipeline's end", ended)
    sagemaker.create_model_package(
        ModelPackageName="scorer",
        InferenceSpecification={
            "Containers": [
                {"Image": IMAGE, "ModelDataUrl": f"s3://{laptop.data_bucket}/data/m.gz"}
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    cloudwatch.put_metric_alarm(
        AlarmName="Ä" * 255,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Dimensions=[{"Name": "EndpointName", "Value": "e" * 63}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="Ä" * 255, StateValue="ALARM", StateReason="theirs")

    def heard() -> bool | None:
        now = {function: counted(laptop, function, "Invocations") for function in functions}
        return True if all(now[each] > before[each] for each in functions) else None

    laptop.wait("theirs", "functions that hear of it", heard)
    assert {each: counted(laptop, each, "Errors") for each in functions} == dict.fromkeys(
        functions, 0
    )
    assert failures(laptop) == []


def test_what_was_forged_trains_judges_and_releases_nothing(laptop: Laptop, tmp_path: Path) -> None:
    laptop.everloop("push", str(variant(tmp_path, MODEL, {})))
    laptop.decided(MODEL, "install")
    laptop.put(f"data/{MODEL}/1.csv", prices(1, 100))
    laptop.decided(MODEL, "judge")
    kinds = [decision["kind"] for decision in laptop.decisions(MODEL)]
    approved = {
        "ModelPackageGroupName": MODEL,
        "ModelPackageVersion": 1,
        "ModelPackageArn": ARN,
        "ModelApprovalStatus": "Approved",
        "UpdatedModelPackageFields": ["ModelApprovalStatus"],
    }
    changed = "SageMaker Model Package State Change"

    answer = put(laptop, "default", "aws.sagemaker", changed, approved)
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorizedForSourceException"
    assert put(laptop, "default", "sagemaker", changed, approved)["FailedEntryCount"] == 0
    assert put(laptop, "everloop", "everloop", changed, approved)["FailedEntryCount"] == 0

    violation = {
        "model": MODEL,
        "violations": 9,
        "monitors": ["data"],
        "findings_uri": f"s3://{laptop.data_bucket}/data/{MODEL}/1.csv",
    }
    put(laptop, "everloop", "everloop", "Model Violation Found", violation)

    def refused() -> str | None:
        for record in failures(laptop):
            event = record["requestPayload"]
            if event.get("detail", {}).get("findings_uri") == violation["findings_uri"]:
                return str(record["responsePayload"]["errorMessage"])
        return None

    assert "does not lie below" in laptop.wait(MODEL, "the forged violation's end", refused)
    assert [decision["kind"] for decision in laptop.decisions(MODEL)] == kinds
    package = laptop.client("sagemaker").describe_model_package(ModelPackageName=ARN)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert laptop.executions("deploy", MODEL) == []
    assert len(laptop.executions("train", MODEL)) == 1
