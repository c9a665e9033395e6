"""Running the recorded state machines, each in a world of its own."""

import json
from pathlib import Path
from typing import Any

from conformance.compare import difference
from conformance.functions import lambda_api, placed
from conformance.virtual_world import START, VirtualWorld

from everloop_localcloud.states.history import History
from everloop_localcloud.states.run import Ending, Run
from everloop_localcloud.states.walk import Machine

_ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:machine-1"


def cases(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((Path(__file__).parent / f"{name}.json").read_text())
    return found


def execute(
    definition: dict[str, Any], value: Any, functions: list[dict[str, Any]]
) -> tuple[Ending, list[dict[str, Any]]]:
    """Run a machine to its end in virtual time; return the ending and the history."""
    world = VirtualWorld(lambda_api(functions, lambda seconds: world.sleep(seconds)))
    events: list[dict[str, Any]] = []
    run = Run(
        machine=Machine(_ARN, "machine-1", "arn:aws:iam::123456789012:role/machine", definition),
        arn=_ARN.replace(":stateMachine:", ":execution:") + ":name",
        name="name",
        value=value,
        started=START,
        world=world,
        history=History(world.now, events.append),
    )
    ending = run.execute()
    assert ending is not None
    return ending, events


def told(events: list[dict[str, Any]]) -> list[list[str]]:
    """Return the history as the cases have it: type, and the state's name where there is one."""
    lines = []
    for event in events:
        details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails")
        lines.append([event["type"], *([details["name"]] if details else [])])
    return lines


def check(case: dict[str, Any]) -> str | None:
    """Run a case; say what differs from AWS, or None."""
    functions = case.get("functions", [])
    definition = case.get("definition")
    if definition is None:
        definition = json.loads(case["definition_text"])
    ending, events = execute(
        placed(definition, functions), placed(case["input"], functions), functions
    )
    expect = case["expect"]
    got: dict[str, Any] = {"status": ending.status}
    if ending.status == "SUCCEEDED":
        got["output"] = ending.output
    if ending.error is not None:
        got["error"] = ending.error
    if ending.cause is not None:
        got["cause"] = ending.cause
    if "history" in expect:
        got["history"] = told(events)
    return difference(expect, got)
