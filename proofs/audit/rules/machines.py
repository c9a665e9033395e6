"""Rules about state machines: no step fails without a word, waits for ever, or leads nowhere."""

from collections.abc import Iterator
from typing import Any, Final

from proofs.audit.documents import many
from proofs.audit.rules import Found, Rule
from proofs.template import Json, Template

Machines = dict[str, Json]


def task_without_retry(machines: Machines) -> Found:
    """A hiccup of a service ends the execution."""
    for where, state in _states(machines):
        if state["Type"] == "Task" and not state.get("Retry"):
            yield where, "no Retry"


def task_without_catch(machines: Machines) -> Found:
    """A failure ends the execution before anybody is told and the lease is given back."""
    for where, state in _states(machines):
        catches = [name for c in state.get("Catch", []) for name in many(c.get("ErrorEquals"))]
        if state["Type"] == "Task" and "States.ALL" not in catches:
            yield where, "no Catch of States.ALL"


def retry_of_everything(machines: Machines) -> Found:
    """What cannot succeed is tried again, as if it could."""
    for where, state in _states(machines):
        for retry in state.get("Retry", []):
            if "States.ALL" in many(retry.get("ErrorEquals")):
                yield where, "Retry of States.ALL; name the errors that pass"


def machine_without_timeout(machines: Machines) -> Found:
    """An execution that hangs runs for a year."""
    for name, machine in machines.items():
        if "TimeoutSeconds" not in machine:
            yield name, "no TimeoutSeconds"


def callback_without_timeout(machines: Machines) -> Found:
    """A lost callback is waited for until the execution times out."""
    for where, state in _states(machines):
        waits = str(state.get("Resource", "")).endswith(".waitForTaskToken")
        if waits and "TimeoutSeconds" not in state:
            yield where, "waits for a token and has no TimeoutSeconds"


def next_to_nothing(machines: Machines) -> Found:
    """A state leads to one that is not there."""
    for _, where, target, states in _steps(machines):
        if target not in states:
            yield where, f"leads to {target!r}, which is no state"


def never_reached(machines: Machines) -> Found:
    """A state that nothing leads to: it was forgotten, or the way to it was."""
    reached = {f"{place}/{target}" for place, _, target, _ in _steps(machines)}
    for where, _ in _states(machines):
        if where not in reached:
            yield where, "nothing leads to it"


def machine_unlogged(stack: Template) -> Found:
    """An execution that fails leaves no log."""
    for logical, machine in stack.of("AWS::StepFunctions::StateMachine"):
        logging = machine.get("LoggingConfiguration", {})
        if logging.get("Level", "OFF") == "OFF" or not logging.get("Destinations"):
            yield logical, "no LoggingConfiguration with a level and a destination"


def machine_untraced(stack: Template) -> Found:
    """Nobody sees where an execution's time goes."""
    for logical, machine in stack.of("AWS::StepFunctions::StateMachine"):
        if not machine.get("TracingConfiguration", {}).get("Enabled"):
            yield logical, "tracing is off"


def machine_express(stack: Template) -> Found:
    """Express executions run at least once: a release could be made twice."""
    for logical, machine in stack.of("AWS::StepFunctions::StateMachine"):
        if machine.get("StateMachineType") == "EXPRESS":
            yield logical, "is EXPRESS; a name runs once only in STANDARD"


def _scopes(machine: Json, name: str) -> Iterator[tuple[str, Json]]:
    """Yield every set of states: the machine's, and those inside of Map and Parallel."""
    yield name, machine
    for state_name, state in machine.get("States", {}).items():
        inner: list[Any] = [*state.get("Branches", []), state.get("ItemProcessor")]
        for scope in filter(None, inner):
            yield from _scopes(scope, f"{name}/{state_name}")


def _states(machines: Machines) -> Iterator[tuple[str, Json]]:
    for name, machine in machines.items():
        for place, scope in _scopes(machine, name):
            for state_name, state in scope.get("States", {}).items():
                yield f"{place}/{state_name}", state


def _steps(machines: Machines) -> Iterator[tuple[str, str, str, Json]]:
    """Yield every step: the set of states it lies in, where from, where to, and those states."""
    for name, machine in machines.items():
        for place, scope in _scopes(machine, name):
            states = scope.get("States", {})
            yield place, place, scope.get("StartAt", ""), states
            for state_name, state in states.items():
                ways = [state, *state.get("Catch", []), *state.get("Choices", [])]
                targets = [way.get("Next") for way in ways] + [state.get("Default")]
                for target in filter(None, targets):
                    yield place, f"{place}/{state_name}", target, states


OF_DEFINITIONS: Final[tuple[Rule, ...]] = (
    task_without_retry,
    task_without_catch,
    retry_of_everything,
    machine_without_timeout,
    callback_without_timeout,
    next_to_nothing,
    never_reached,
)
OF_STACKS: Final[tuple[Rule, ...]] = (machine_unlogged, machine_untraced, machine_express)
