"""Running state machines in virtual time, and on clouds."""

from collections.abc import Callable
from typing import Any

import pytest
from conformance.virtual_world import START, VirtualWorld

from everloop_localcloud.states.history import History
from everloop_localcloud.states.run import Ending, Run
from everloop_localcloud.states.walk import Machine

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:machine"


class Bench:
    """One execution in virtual time. `api` answers the calls that its tasks make."""

    def __init__(self, definition: dict[str, Any], value: Any, api: Callable[..., Any]) -> None:
        def call(service: str, operation: str, request: dict[str, Any], role: str) -> Any:
            return api(self, service, operation, request)

        self.world = VirtualWorld(call)
        self.events: list[dict[str, Any]] = []
        self.run = Run(
            machine=Machine(ARN, "machine", "arn:aws:iam::123456789012:role/machine", definition),
            arn=ARN.replace("stateMachine", "execution") + ":one",
            name="one",
            value=value,
            started=START,
            world=self.world,
            history=History(self.world.now, self.events.append),
        )

    def execute(self) -> Ending:
        ending = self.run.execute()
        assert ending is not None
        return ending

    @property
    def seconds(self) -> float:
        return (self.world.now() - START).total_seconds()

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def _no_api(bench: Bench, service: str, operation: str, request: dict[str, Any]) -> Any:
    raise AssertionError(f"nobody was to call {service} {operation}")


@pytest.fixture
def bench() -> Callable[..., Bench]:
    """Make a bench from states (the first is where it starts) or from a whole machine."""

    def make(states: dict[str, Any], value: Any = None, api: Any = _no_api, **top: Any) -> Bench:
        definition = {
            "QueryLanguage": "JSONata",
            "StartAt": next(iter(states)),
            "States": states,
            **top,
        }
        return Bench(definition, {} if value is None else value, api)

    return make
