"""Checking definitions, and calls of TestState, against what AWS answered."""

import json
from typing import Any

from conformance.compare import difference
from conformance.functions import lambda_api, placed
from conformance.virtual_world import VirtualWorld

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.states.state_test import StateTest, invalid_definition
from everloop_localcloud.states.validation import validate

_ACCOUNT, _REGION = "123456789012", "us-east-1"


def check_definition(case: dict[str, Any]) -> str | None:
    """Judge a definition; say what differs from AWS, or None."""
    text = case.get("definition_text") or json.dumps(case["definition"])
    found = validate(text, case.get("type", "STANDARD"))
    expect = case["expect"]
    if "create_error" in expect:
        error = invalid_definition(found)
        got: dict[str, Any] = {"code": error.code, "message": error.message} if found else {}
        return difference(expect["create_error"], got)
    judged = {
        "result": "FAIL" if found else "OK",
        "codes": [one.code for one in found],
        "locations": [one.location for one in found],
    }
    return difference(expect["validate"], judged)


def check_test_state(case: dict[str, Any]) -> str | None:
    """Make a call of TestState; say what differs from AWS, or None."""
    functions = case.get("functions", [])
    text = case.get("definition_text") or json.dumps(placed(case["definition"], functions))
    request = {"definition": text, **placed(case["request"], functions)}
    if "mock" not in request:
        request.setdefault("roleArn", f"arn:aws:iam::{_ACCOUNT}:role/tester")
    world = VirtualWorld(lambda_api(functions, lambda seconds: world.sleep(seconds)))
    expect = case["expect"]
    try:
        got = StateTest(request, world, _ACCOUNT, _REGION).answer()
    except AwsError as error:
        got = {"error_response": {"code": error.code, "message": error.message}}
    return difference(expect, got)


def found_wrong(case: dict[str, Any]) -> list[str]:
    """Return what our validation finds wrong with a machine that AWS ran."""
    functions = case.get("functions", [])
    text = case.get("definition_text") or json.dumps(placed(case["definition"], functions))
    return [one.text() for one in validate(text, case.get("type", "STANDARD"))]
