"""What other teams' resources tell in a shared account: it passes our rules, or reaches functions,
and none of it fails, starts or writes anything. What fails ends in <stack>-failed, and rings.
"""

import importlib
import json

import pytest

from everloop.facts import Home, sign_of_trouble
from everloop_localcloud.events.patterns import matches
from proofs.template import Template, translated

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
PIPELINE = "sagemaker-pipeline-execution-failed"
PACKAGE = "sagemaker-model-package-approved"
ENDPOINT = "sagemaker-endpoint-in-service"
MOVING = "sagemaker-endpoint-deployment-canary-baking"
ALARM = "cloudwatch-alarm-endpoint-5xx"
MONITOR = "sagemaker-processing-job-model-monitor-violations"
LONG = "x" * 256


def execution(pipeline):
    arn = f"{ARN}:pipeline/{pipeline}"
    return {"pipelineArn": arn, "pipelineExecutionArn": f"{arn}/execution/abcdefghijkl"}


def group(name, version=3):
    arn = f"{ARN}:model-package/{name}/{version}"
    return {"ModelPackageGroupName": name, "ModelPackageVersion": version, "ModelPackageArn": arn}


ALONE = {"ModelPackageName": "scorer", "ModelPackageArn": f"{ARN}:model-package/scorer"}
NO_GROUP = {"ModelPackageGroupName": None, "ModelPackageVersion": None}


def metric(**dimensions):
    stat = {"name": "Invocation5XXErrors", "namespace": "AWS/SageMaker", "dimensions": dimensions}
    return {"configuration": {"metrics": [{"id": "m1", "metricStat": {"metric": stat}}]}}


# What another team has: a sample of ours, and in what theirs differs. A None is not in the event.
FOREIGN = {
    "a package of the marketplace": (PACKAGE, NO_GROUP | ALONE),
    "a package of no group": (
        PACKAGE,
        {"ModelPackageGroupName": "", "ModelPackageVersion": None} | ALONE,
    ),
    "a package whose group is null": (PACKAGE, {**ALONE, "ModelPackageGroupName": ...}),
    "a group with a long name": (PACKAGE, group("g" * 63)),
    "a group with double hyphens": (PACKAGE, group("fraud--eu")),
    "a group that could be a model": (PACKAGE, group("fraud")),
    "a pipeline with the longest name": (PIPELINE, execution(LONG)),
    "a pipeline with double hyphens": (PIPELINE, execution("fraud--eu")),
    "a pipeline that could be a model's": (PIPELINE, execution("fraud")),
    "a pipeline without display names": (
        PIPELINE,
        {**execution("fraud"), "pipelineExecutionDisplayName": None},
    ),
    "an endpoint with the longest name": (ENDPOINT, {"EndpointName": "e" * 63}),
    "an endpoint that could be a model's": (ENDPOINT, {"EndpointName": "fraud"}),
    "an endpoint under test": (ENDPOINT, {"EndpointName": "fraud-staging"}),
    "an endpoint on its way": (MOVING, {"EndpointName": "fraud--eu"}),
    "an alarm on an endpoint": (ALARM, metric(EndpointName="fraud", VariantName="A")),
    "an alarm on an endpoint with a long name": (ALARM, metric(EndpointName="e" * 63)),
    "an alarm on no endpoint": (ALARM, metric()),
    "an alarm with any name": (ALARM, {"alarmName": "Ä" * 255, **metric(EndpointName="fraud")}),
    "an alarm of another stack": (
        ALARM,
        {"alarmName": "other-fraud-serving-errors", **metric(EndpointName="fraud")},
    ),
    "a monitoring job that is gone": (MONITOR, {}),
    "a monitoring job with a long name": (
        MONITOR,
        {"ProcessingJobName": "model-monitoring-".ljust(256, "x")},
    ),
}


def foreign(account, sample, changes):
    event = account.event(sample)
    for field, value in changes.items():
        if value is None:
            event["detail"].pop(field, None)
        else:
            event["detail"][field] = None if value is ... else value
    return event


@pytest.fixture(scope="module")
def rules():
    """Each rule's pattern, and the handlers that it calls."""
    found = Template(translated(), yes=False).of("AWS::Events::Rule")
    return [
        (rule["EventPattern"], target["Arn"].rpartition(":everloop-")[2].replace("-", "_"))
        for _, rule in found
        for target in rule["Targets"]
    ]


def reached(rules, event):
    return [handler for pattern, handler in rules if matches(json.dumps(pattern), event)]


def ledger(account):
    return account.client("dynamodb").scan(TableName="everloop-ledger")["Items"]


def test_what_other_teams_have_fails_and_starts_nothing(account, rules):
    account.push()
    account.register(1, "Approved")
    before = ledger(account)
    failed = {}
    for what, (sample, changes) in FOREIGN.items():
        event = foreign(account, sample, changes)
        for handler in reached(rules, event):
            try:
                importlib.import_module(handler).handler(event, account.context)
            except Exception as error:
                failed[what] = error
    assert failed == {}
    assert ledger(account) == before
    for machine in ("train", "evaluate", "deploy", "monitor"):
        assert account.executions(machine) == []


@pytest.mark.parametrize("sample", [PIPELINE, PACKAGE, ENDPOINT, MOVING, ALARM, MONITOR])
@pytest.mark.parametrize(("field", "value"), [("account", "999999999999"), ("region", "eu-west-1")])
def test_what_another_account_forwards_to_the_bus_reaches_no_function(
    account, rules, sample, field, value
):
    event = account.event(sample)
    assert len(reached(rules, event)) == 1
    assert reached(rules, {**event, field: value}) == []


def test_the_samples_are_of_every_rule_that_listens_to_all_of_an_account(account, rules):
    """A rule on the default bus that is bound to no bucket of ours hears other teams as well."""
    heard = {
        handler
        for sample, _ in FOREIGN.values()
        for handler in reached(rules, account.event(sample))
    }
    open_rules = {
        handler
        for pattern, handler in rules
        if pattern["source"] != ["everloop"] and "bucket" not in pattern.get("detail", {})
    }
    assert heard == open_rules


def test_a_monitoring_job_with_any_name_is_read(account):
    event = foreign(account, *FOREIGN["a monitoring job with a long name"])
    assert len(sign_of_trouble(event, Home("123456789012", "us-east-1")).name) == 256
