"""Counts, per group, how many of the cases recorded from AWS the local cloud answers alike."""

import argparse
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from conformance import api_cases, state_cases  # noqa: E402 the path is made above

Check = Callable[[dict[str, Any]], str | None]
GROUPS: dict[str, Check] = {
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
