"""Counts, per group, how many of the cases recorded from AWS the local cloud answers alike."""

import argparse
import json
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]  # as pytest does

from conformance import (  # noqa: E402
    api_cases,
    state_cases,
    test_event_patterns,
    test_input_transformers,
)

from everloop_localcloud.cloud import Cloud  # noqa: E402
from everloop_localcloud.kernel.errors import AwsError  # noqa: E402

Check = Callable[[dict[str, Any]], str | None]


def _of_test(test: Callable[[dict[str, Any]], None]) -> Check:
    """Return the check that a test makes, where the test itself is all there is."""

    def check(case: dict[str, Any]) -> str | None:
        test(case)
        return None

    return check


def _check_pattern(case: dict[str, Any]) -> str | None:
    test_event_patterns.test_a_pattern_is_judged_as_aws_judges_it(case)
    if case["expect"] != "invalid_event":
        return None
    with tempfile.TemporaryDirectory() as folder:
        cloud = Cloud(Path(folder), services=["events"])
        request = {"EventPattern": case["pattern"], "Event": case["event_text"]}
        if not isinstance(request["EventPattern"], str):
            request["EventPattern"] = json.dumps(case["pattern"])
        try:
            cloud.call("events", "TestEventPattern", request)
        except AwsError as error:
            return None if error.code == "ValidationException" else str(error)
        finally:
            cloud.stop()
    return "the event was taken"


GROUPS: dict[str, Check] = {
    "event_patterns": _check_pattern,
    "input_transformers": _of_test(
        test_input_transformers.test_a_target_receives_what_it_received_from_aws
    ),
    "states_jsonata": state_cases.check,
    "states_invalid": api_cases.check_definition,
    "test_state_jsonata": api_cases.check_test_state,
    "states_jsonpath": state_cases.check,
}


def verdict(check: Check, case: dict[str, Any]) -> str | None:
    """Return what differs in a case; a case that breaks down differs."""
    try:
        return check(case)
    except Exception:
        return traceback.format_exc()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="list the failing cases")
    parser.add_argument("groups", nargs="*", metavar="group", help="only these groups")
    options = parser.parse_args()
    for group, check in GROUPS.items():
        if options.groups and group not in options.groups:
            continue
        cases = state_cases.cases(group)
        failures = {
            case["name"]: why for case in cases if (why := verdict(check, case)) is not None
        }
        print(f"{group} {len(cases) - len(failures)} of {len(cases)}", flush=True)
        if options.verbose:
            for name, why in failures.items():
                print(f"  {name}\n    {why}")


if __name__ == "__main__":
    main()
