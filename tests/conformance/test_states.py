"""State machines and definitions as AWS ran and judged them."""

from typing import Any

import pytest
from conformance import api_cases, state_cases

# Cases that are known to fail, and why. A listed case that passes fails its test.
KNOWN = {
    # The recording describes both functions as echoing their event, but the output shows that
    # they returned a text of their own.
    "stepfunctions/v2/services/test_lambda_task.py::TestTaskLambda::test_invoke_pipe",
}


def _judge(case: dict[str, Any], difference: str | None) -> None:
    if case["name"] in KNOWN:
        assert difference is not None, "it passes now: take it off the list"
    else:
        assert difference is None


def _all(group: str) -> Any:
    cases = state_cases.cases(group)
    return pytest.mark.parametrize("case", cases, ids=[case["name"] for case in cases])


@_all("states_jsonata")
def test_a_machine_in_jsonata_runs_as_on_aws(case: dict[str, Any]) -> None:
    _judge(case, state_cases.check(case))


@_all("states_jsonpath")
def test_a_machine_in_jsonpath_runs_as_on_aws(case: dict[str, Any]) -> None:
    _judge(case, state_cases.check(case))


@_all("states_invalid")
def test_a_definition_is_judged_as_aws_judges_it(case: dict[str, Any]) -> None:
    _judge(case, api_cases.check_definition(case))


@_all("test_state_jsonata")
def test_a_state_is_tested_as_aws_tests_it(case: dict[str, Any]) -> None:
    _judge(case, api_cases.check_test_state(case))


@pytest.mark.parametrize("group", ["states_jsonata", "states_jsonpath"])
def test_every_machine_that_aws_ran_is_found_valid(group: str) -> None:
    for case in state_cases.cases(group):
        judged = api_cases.found_wrong(case)
        assert judged == [], case["name"]
