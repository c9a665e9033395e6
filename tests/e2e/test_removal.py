"""Six releases and a removal later every list of AWS's is as it was before the model came; and
the stack's end takes its models with it where its parameter says so.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import Laptop, prices, variant

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(900)]
MODEL = "short-lived"
# What AWS keeps of jobs for ever, for nothing, and the logs of all jobs of an account; `everloop
# remove` says that they stay. Versions stay unless somebody says otherwise.
STAYS = {
    *("ListTrainingJobs", "ListProcessingJobs", "ListArtifacts", "ListAssociations"),
    *("ListActions", "ListContexts", "ListTrialComponents", "ListModelPackages"),
    *("ListModelPackageGroups", "ListLineageGroups", "ListModelCards"),
}
LOGS = {"/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs"}
OTHERS = [
    ("scheduler", "list_schedules", "Schedules", "Name"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("stepfunctions", "list_state_machines", "stateMachines", "name"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("events", "list_rules", "Rules", "Name"),
    ("sqs", "list_queues", "QueueUrls", None),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("sns", "list_subscriptions", "Subscriptions", "SubscriptionArn"),
    ("dynamodb", "list_tables", "TableNames", None),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_policies", "Policies", "PolicyName"),
]


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    state = tmp_path_factory.mktemp("laptop") / "state"
    options = ("--parameter", "OnDelete=remove")
    with Laptop(state, speed=600, options=options, minutes=60) as started:
        yield started
        assert started.denied() == []


def listed(laptop: Laptop) -> dict[str, set[str]]:
    """Return what every list call of SageMaker that needs no argument tells, and of the others."""
    client = laptop.client("sagemaker")
    found: dict[str, set[str]] = {}
    for operation in client.meta.service_model.operation_names:
        shape = client.meta.service_model.operation_model(operation).input_shape
        if not operation.startswith("List") or (shape is not None and shape.required_members):
            continue
        name = next(
            key for key, value in client.meta.method_to_api_mapping.items() if value == operation
        )
        try:
            pages = (
                list(client.get_paginator(name).paginate())
                if client.can_paginate(name)
                else [getattr(client, name)()]
            )
        except client.exceptions.ClientError:
            continue  # what this cloud does not have nobody can leave behind
        rows = [
            row
            for page in pages
            for value in page.values()
            if isinstance(value, list)
            for row in value
        ]
        found[operation] = {json.dumps(_names(row), default=str) for row in rows}
    for service, name, member, key in OTHERS:
        other = laptop.client(service)
        own = {"Scope": "Local"} if name == "list_policies" else {}  # not AWS's thousand
        pages = (
            list(other.get_paginator(name).paginate(**own))
            if other.can_paginate(name)
            else [getattr(other, name)()]
        )
        rows = [row for page in pages for row in page.get(member, [])]
        found[f"{service}.{name}"] = {row if key is None else row[key] for row in rows}
    return found


def _names(row: Any) -> Any:
    if not isinstance(row, dict):
        return row
    return {key: value for key, value in row.items() if key.endswith(("Name", "Arn"))}


def left(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    found = {call: after[call] - before[call] - LOGS for call in after if call not in STAYS}
    return {call: rows for call, rows in found.items() if rows}


def test_a_removed_model_leaves_nothing_behind(laptop: Laptop, tmp_path: Path) -> None:
    before = listed(laptop)
    assert len(before) > 30
    folder = variant(tmp_path, MODEL, {})
    laptop.everloop("push", str(folder))
    laptop.decided(MODEL, "install")
    laptop.put(f"data/{MODEL}/one.csv", prices(1, 300))
    laptop.decided(MODEL, "judge")
    laptop.approve(MODEL, 1)
    laptop.decided(MODEL, "serve")
    laptop.put(f"data/{MODEL}/two.csv", prices(3, 1500, shift=6))
    laptop.decided(MODEL, "judge", 2)
    for number in range(1, 6):  # version 2 comes and goes
        laptop.approve(MODEL, 2, "Approved" if number % 2 else "Rejected")
        laptop.decided(MODEL, "serve", number + 1)
    serving = laptop.client("sagemaker")
    configs = serving.list_endpoint_configs(NameContains=f"{MODEL}-v")["EndpointConfigs"]
    assert len(configs) <= 3  # what serves, what served before, and the release's own staging
    assert "ListEndpoints" in left(before, listed(laptop))

    told = laptop.everloop("remove", MODEL, "--yes", "--reason", "its product ended")
    assert "removed; what stays is listed above" in told
    assert left(before, listed(laptop)) == {}
    assert laptop.decisions(MODEL, "remove")[-1]["reason"] == "its product ended"

    # Ticks of reconcile later it is not back; a push brings it back, and what was approved.
    tick = laptop.client("lambda")
    tick.invoke(
        FunctionName="everloop-reconcile", Payload=json.dumps({"time": "2030-01-01T00:00:00Z"})
    )
    assert left(before, listed(laptop)) == {}
    laptop.everloop("push", str(folder))
    laptop.decided(MODEL, "install", 2)
    laptop.decided(MODEL, "serve", 7)

    # The stack's end takes it along.
    cloudformation = laptop.client("cloudformation")
    stack = cloudformation.describe_stacks(StackName="everloop")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="everloop")
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack, WaiterConfig={"Delay": 1, "MaxAttempts": 300}
    )
    gone = left(before, listed(laptop))
    assert gone == {}, gone
    removed = laptop.decisions(MODEL, "remove")[-1]
    assert (removed["go"], removed["actor"]) == (True, "CloudFormation")
