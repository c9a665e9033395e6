"""Recorded cases through the API itself, with boto3 as the client."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from conformance import state_cases
from conformance.compare import difference

from everloop_localcloud.cloud import Cloud, started

ROLE = "arn:aws:iam::123456789012:role/machine"
# Those that call functions run against recorded behaviour in virtual time: test_states.py.
MACHINES = [
    case
    for group in ("states_jsonata", "states_jsonpath")
    for case in state_cases.cases(group)
    if not case.get("functions") and "definition" in case and case.get("type") != "EXPRESS"
][::4]
TESTED = [case for case in state_cases.cases("test_state_jsonata") if "mock" in case["request"]][
    ::3
]


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder: Path = tmp_path_factory.mktemp("cloud")
    cloud, front = started(folder, services=["events", "stepfunctions"], strict=True, speed=1000)
    yield cloud
    cloud.stop()
    front.stop()


@pytest.fixture(scope="module")
def states(cloud: Cloud) -> Any:
    return boto3.client(
        "stepfunctions",
        endpoint_url=cloud.url,
        region_name="us-east-1",
        aws_access_key_id="tester",
        aws_secret_access_key="secret",
        config=boto3.session.Config(inject_host_prefix=False),
    )


@pytest.mark.parametrize("case", MACHINES, ids=[case["name"] for case in MACHINES])
def test_a_machine_runs_as_on_aws(case: dict[str, Any], cloud: Cloud, states: Any) -> None:
    machine = states.create_state_machine(
        name=f"machine-{MACHINES.index(case)}",
        definition=json.dumps(case["definition"]),
        roleArn=ROLE,
    )["stateMachineArn"]
    started = states.start_execution(stateMachineArn=machine, input=json.dumps(case["input"]))
    arn = started["executionArn"]
    while (found := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
        cloud.clock.sleep(5)
    got = {key: found[key] for key in ("status", "error", "cause") if key in found}
    if "output" in found:
        got["output"] = json.loads(found["output"])
    if "history" in case["expect"]:
        events = states.get_execution_history(executionArn=arn)["events"]
        got["history"] = state_cases.told(events)
    assert difference(case["expect"], got) is None


@pytest.mark.parametrize("case", TESTED, ids=[case["name"] for case in TESTED])
def test_a_state_is_tested_as_on_aws(case: dict[str, Any], states: Any) -> None:
    try:
        got = states.test_state(definition=json.dumps(case["definition"]), **case["request"])
        del got["ResponseMetadata"]
    except ClientError as error:
        told = error.response["Error"]
        got = {"error_response": {"code": told["Code"], "message": told["Message"]}}
    assert difference(case["expect"], got) is None
