"""An hour in an account that other teams use, too: nothing of theirs fails or starts anything here.

Their objects, pipelines, packages and alarms are real ones of the local cloud. What it cannot make
is told by events of AWS's shapes.
"""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from e2e.laptop import FOLDER
from foreign_events import FOREIGN, changed

from everloop_localcloud.cloudformation.deploy import deploy

ROOT = Path(__file__).parents[2]
ACCOUNT = "123456789012"
QUEUES = ("everloop-failed", "everloop-undelivered", "everloop-arrivals", "everloop-arrivals-dead")
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
LONG = "x" * 256
ENDS = {
    "Version": "2020-12-01",
    "Steps": [{"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "theirs"}}],
}
ROUNDS = 12
OPEN = ("on-package-changed", "resume-execution", "on-violation")


class Others:
    """Another team, at work."""

    def __init__(self, cloud, client):
        self.cloud = cloud
        self.s3, self.sagemaker = client("s3"), client("sagemaker")
        self.cloudwatch = client("cloudwatch")
        self.s3.create_bucket(Bucket="theirs")
        self.s3.put_bucket_notification_configuration(
            Bucket="theirs", NotificationConfiguration={"EventBridgeConfiguration": {}}
        )
        self.role = f"arn:aws:iam::{ACCOUNT}:role/theirs"
        for name in (LONG, "fraud", "fraud--eu"):
            self.sagemaker.create_pipeline(
                PipelineName=name, PipelineDefinition=json.dumps(ENDS), RoleArn=self.role,
                ClientRequestToken=(name * 32)[:128],
            )  # fmt: skip
        self.sagemaker.create_model_package_group(ModelPackageGroupName="g" * 63)
        for endpoint in ("fraud", "e" * 63):
            self.cloudwatch.put_metric_alarm(
                AlarmName=f"other-{endpoint}", Namespace="AWS/SageMaker",
                MetricName="Invocation5XXErrors", ComparisonOperator="GreaterThanThreshold",
                Dimensions=[{"Name": "EndpointName", "Value": endpoint}],
                Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1.0,
                TreatMissingData="ignore",
            )  # fmt: skip

    def work(self, number):
        """Do what a team does within five minutes, and all that can be told of its resources."""
        for each in range(50):
            key = f"data/mean-price/{number}-{each}.csv"
            self.s3.put_object(Bucket="theirs", Key=key, Body=b"colour,price\nred,1\n")
        self.s3.delete_object(Bucket="theirs", Key=f"data/mean-price/{number}-0.csv")
        for name in (LONG, "fraud", "fraud--eu"):
            self.sagemaker.start_pipeline_execution(
                PipelineName=name, ClientRequestToken=f"{number:032}"
            )
        specification = {
            "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://theirs/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        for named in ({"ModelPackageName": f"p{number}"}, {"ModelPackageGroupName": "g" * 63}):
            self.sagemaker.create_model_package(InferenceSpecification=specification, **named)
        for endpoint in ("fraud", "e" * 63):
            for state in ("ALARM", "OK"):
                self.cloudwatch.set_alarm_state(
                    AlarmName=f"other-{endpoint}", StateValue=state, StateReason="theirs"
                )
        for sample, changes in FOREIGN.values():
            event = changed(json.loads((ROOT / "events" / f"{sample}.json").read_text()), changes)
            self.cloud.emit(event["source"], event["detail-type"], event["detail"])


@pytest.fixture
def account(cloud_with, tmp_path):
    """An account with the stack, and a model in it that trains on data/mean-price/."""
    cloud, client = cloud_with(speed=600)
    deploy(ROOT / "template.yaml", "everloop", {}, cloud.url, cloud.region, tmp_path / "b", print)
    paths = [str(ROOT), str(ROOT / "cli"), str(ROOT / "layers" / "core")]
    subprocess.run(
        [sys.executable, "-m", "everloop_cli.main", "push", str(FOLDER)],
        env=os.environ
        | {"AWS_ENDPOINT_URL": cloud.url, "AWS_REGION": cloud.region, "PYTHONPATH": ":".join(paths)}
        | {"AWS_ACCESS_KEY_ID": "ana", "AWS_SECRET_ACCESS_KEY": "ana"},
        check=True,
    )
    return cloud, client


def ledger(client):
    pages = client("dynamodb").get_paginator("scan").paginate(TableName="everloop-ledger")
    items = [item for page in pages for item in page["Items"]]
    return {(item["pk"]["S"], item["sk"]["S"]) for item in items}


def decided(client):
    """Return what was decided of which model."""
    pages = client("dynamodb").get_paginator("scan").paginate(TableName="everloop-ledger")
    items = [item for page in pages for item in page["Items"]]
    return {
        (item["pk"]["S"], item["kind"]["S"])
        for item in items
        if item["sk"]["S"].startswith("DECISION#")
    }


def waiting(client):
    """Return how many messages each queue of ours has."""
    sqs = client("sqs")
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = {}
    for queue in QUEUES:
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        found[queue] = sum(int(count) for count in told.values())
    return found


def errors(client, since, until):
    """Return what went wrong in functions, rules and machines, by AWS's own metrics."""
    watch = client("cloudwatch")
    found = {}
    for namespace, name in [
        ("AWS/Lambda", "Errors"),
        ("AWS/Lambda", "Throttles"),
        ("AWS/Events", "FailedInvocations"),
        ("AWS/Events", "InvocationsSentToDlq"),
        ("AWS/States", "ExecutionsFailed"),
    ]:
        for metric in watch.list_metrics(Namespace=namespace, MetricName=name)["Metrics"]:
            points = watch.get_metric_statistics(
                Namespace=namespace, MetricName=name, Dimensions=metric["Dimensions"],
                StartTime=since, EndTime=until, Period=3600, Statistics=["Sum"],
            )["Datapoints"]  # fmt: skip
            total = sum(point["Sum"] for point in points)
            if total:
                found[f"{name} {metric['Dimensions']}"] = total
    return found


def logged(client):
    """Return what functions wrote of errors."""
    pages = (
        client("logs")
        .get_paginator("filter_log_events")
        .paginate(
            logGroupName="/everloop/everloop/functions", filterPattern="?ERROR ?Task ?Traceback"
        )
    )
    return [event["message"][:2000] for page in pages for event in page["events"]]


def invoked(client, since, until):
    """Return which functions ran that rules on all of an account's events call: they heard it."""
    found = set()
    for name in OPEN:
        points = client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda", MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": f"everloop-{name}"}],
            StartTime=since, EndTime=until, Period=3600, Statistics=["Sum"],
        )["Datapoints"]  # fmt: skip
        if sum(point["Sum"] for point in points) >= ROUNDS:
            found.add(name)
    return found


@pytest.mark.timeout(300)
def test_an_hour_of_other_teams_work_fails_and_starts_nothing(account):
    cloud, client = account
    others = Others(cloud, client)
    deadline = time.monotonic() + 120
    installed = {("MODEL#mean-price", each) for each in ("DECISION#0000000001", "SPEC")}
    while not installed <= ledger(client) and time.monotonic() < deadline:
        time.sleep(0.1)
    before, began = ledger(client), cloud.clock.now()
    for number in range(ROUNDS):
        others.work(number)
        due = began + timedelta(minutes=5 * (number + 1))
        cloud.clock.sleep((due - cloud.clock.now()).total_seconds())
    while any(waiting(client).values()) and time.monotonic() < deadline:
        time.sleep(0.1)

    since, until = began - timedelta(hours=1), cloud.clock.now() + timedelta(hours=1)
    assert waiting(client) == dict.fromkeys(QUEUES, 0)
    assert errors(client, since, until) == {}, logged(client)
    assert invoked(client, since, until) == set(OPEN)
    alarms = client("cloudwatch").describe_alarms(AlarmNamePrefix="everloop-")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in alarms if alarm["StateValue"] == "ALARM"] == []
    machines = client("stepfunctions")
    for machine in machines.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        assert machines.list_executions(stateMachineArn=arn)["executions"] == []
    written = {key for key in ledger(client) - before if not key[1].startswith("DECI")}
    assert written <= {("MODEL#mean-price", "MONITOR")}  # its schedule came, and nothing serves
    kinds = {kind for _, kind in decided(client)}
    assert kinds <= {"install", "reconcile"}
