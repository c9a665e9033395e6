"""Checks of state machines that no linter makes: SDK arguments, JSONata functions, variables.

Each returns findings in words. What cannot be checked is reported as unchecked, never as passed.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from jsonata import jsonata

State = Mapping[str, Any]
Machine = Mapping[str, Any]

_EXPRESSION = re.compile(r"^\{%(.*)%\}$", re.DOTALL)
_PARAMETERS_OF_STATES = {"Arguments", "Output", "Assign", "Condition", "Error", "Cause"}
_PARAMETERS_OF_STATES |= {"TimeoutSeconds", "HeartbeatSeconds", "Items", "Seconds", "Timestamp"}
_OWN_FUNCTIONS = {"partition", "range", "hash", "random", "uuid", "parse"}
_SESSION = botocore.session.Session()
# An API that is idempotent only by a token, or by a name that is derived.
_NAMED = {"ClientRequestToken", "ClientToken"}


def walk(machine: Machine) -> Iterator[tuple[str, State]]:
    """Yield every state with its name, those of Map and Parallel as well."""
    for name, state in machine["States"].items():
        yield name, state
        for branch in [*state.get("Branches", ()), state.get("ItemProcessor")]:
            if branch:
                yield from walk(branch)


def expressions(value: Any) -> Iterator[str]:
    """Yield the text of each JSONata expression in a value."""
    if isinstance(value, str):
        found = _EXPRESSION.match(value.strip())
        if found:
            yield found[1]
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)


def arguments(machine: Machine) -> tuple[list[str], list[str]]:
    """Check each integration's Arguments against botocore's model: (wrong, unchecked)."""
    wrong: list[str] = []
    unchecked: list[str] = []
    for name, state in walk(machine):
        if state.get("Type") != "Task" or ":::" not in state["Resource"]:
            continue
        found = _operation(state["Resource"])
        if found is None:
            wrong.append(f"{name}: no API behind {state['Resource']}")
            continue
        given = state.get("Arguments", {})
        if isinstance(given, str):
            unchecked.append(f"{name}: Arguments is one expression")
            continue
        bad, open_ = _members(found.input_shape, given, name)
        wrong += bad
        unchecked += open_
    return wrong, unchecked


@cache
def _services() -> dict[str, str]:
    services = {}
    for service in _SESSION.get_available_services():
        if service in ("stepfunctions", "events", "logs", "lambda", "dynamodb", "sagemaker", "sns"):
            model = _SESSION.get_service_model(service)
            services[model.service_id.replace(" ", "").lower()] = service
    return {**services, "states": "stepfunctions", "events": "events"}


def _operation(resource: str) -> Any:
    path = resource.partition(":::")[2].removeprefix("aws-sdk:")
    service, _, action = path.partition(":")
    action = action.split(".")[0].split(":")[0]
    known = _services().get(service)
    if known is None or not action:
        return None
    model = _SESSION.get_service_model(known)
    operation = action[0].upper() + action[1:]
    if operation not in model.operation_names:
        return None
    return model.operation_model(operation)


def _members(shape: Any, given: Mapping[str, Any], where: str) -> tuple[list[str], list[str]]:
    wrong, unchecked = [], []
    members = {name[0].upper() + name[1:]: name for name in shape.members}
    for key, value in given.items():
        if key not in members:
            wrong.append(f"{where}: unknown argument {key}")
            continue
        bad, open_ = _value(shape.members[members[key]], value, f"{where}.{key}")
        wrong += bad
        unchecked += open_
    for name in shape.required_members:
        if name[0].upper() + name[1:] not in given:
            wrong.append(f"{where}: missing argument {name}")
    return wrong, unchecked


def _value(shape: Any, value: Any, where: str) -> tuple[list[str], list[str]]:
    if isinstance(value, str) and _EXPRESSION.match(value.strip()):
        complex_ = shape.type_name in ("structure", "list", "map")
        return [], [f"{where}: {shape.type_name} is an expression"] if complex_ else []
    if shape.type_name == "structure" and isinstance(value, Mapping):
        return _members(shape, value, where)
    if shape.type_name == "map" and isinstance(value, Mapping):
        pairs = [_value(shape.value, inner, f"{where}.{key}") for key, inner in value.items()]
        return [b for bad, _ in pairs for b in bad], [u for _, open_ in pairs for u in open_]
    if shape.type_name == "list" and isinstance(value, list):
        items = [_value(shape.member, inner, f"{where}[]") for inner in value]
        return [b for bad, _ in items for b in bad], [u for _, open_ in items for u in open_]
    if shape.type_name == "blob":
        return [], []  # lambda:invoke takes JSON for its payload
    plain = {"string": str, "integer": int, "long": int, "boolean": bool, "double": (int, float)}
    expected = plain.get(shape.type_name)
    if expected is None or not isinstance(value, expected):
        return [f"{where}: {value!r} where {shape.type_name} belongs"], []
    allowed = getattr(shape, "enum", [])
    if allowed and value not in allowed:
        return [f"{where}: {value!r} is none of {allowed}"], []
    return [], []


def functions(machine: Machine) -> list[str]:
    """Find calls of functions that neither JSONata nor Step Functions has."""
    known = set(jsonata.Jsonata.static_frame.bindings) | _OWN_FUNCTIONS
    wrong = []
    for name, state in walk(machine):
        for text in _all_expressions(state):
            for called in re.findall(r"\$([A-Za-z_]\w*)\s*\(", text):
                if called == "eval":
                    wrong.append(f"{name}: $eval is refused by Step Functions")
                elif called not in known and f"${called} :=" not in text:
                    wrong.append(f"{name}: no function ${called}")
    return wrong


def variables(machine: Machine) -> list[str]:
    """Find variables that some path reaches before anything assigned them."""
    wrong: list[str] = []
    known: dict[str, set[str]] = {}
    todo: list[tuple[str, frozenset[str]]] = [(machine["StartAt"], frozenset())]
    while todo:
        name, assigned = todo.pop()
        before = known.get(name)
        now = set(assigned) if before is None else before & assigned
        if before == now:
            continue
        known[name] = now
        state = machine["States"][name]
        for target, added in _edges(state):
            todo.append((target, frozenset(now | added)))
    for name, assigned_here in known.items():
        for text in _all_expressions(machine["States"][name]):
            local = set(re.findall(r"\$([A-Za-z_]\w*)\s*:=", text))
            for parameters in re.findall(r"function\(([^)]*)\)", text):
                local |= set(re.findall(r"\$(\w+)", parameters))
            without_calls = re.sub(r"\$[A-Za-z_]\w*\s*\(", "(", text)
            for used in re.findall(r"\$([A-Za-z_]\w*)", without_calls):
                if used != "states" and used not in assigned_here | local:
                    wrong.append(f"{name}: ${used} is not assigned on every path before")
    return sorted(set(wrong))


def reachability(machine: Machine) -> list[str]:
    """Find states that nothing leads to, and targets that are not there."""
    states = machine["States"]
    reached, todo, wrong = set(), [machine.get("StartAt", "")], []
    while todo:
        name = todo.pop()
        if name in reached:
            continue
        reached.add(name)
        if name not in states:
            wrong.append(f"{name!r} is no state")
            continue
        todo += [target for target, _ in _edges(states[name])]
    return wrong + [f"{name}: nothing leads to it" for name in states if name not in reached]


def _edges(state: State) -> Iterator[tuple[str, set[str]]]:
    """Yield where a state leads, with the variables that are new on that way."""
    own = set(state.get("Assign", {}))
    for key in ("Next", "Default"):
        if key in state:
            yield state[key], own
    for choice in state.get("Choices", ()):
        yield choice["Next"], own | set(choice.get("Assign", {}))
    for catch in state.get("Catch", ()):
        yield catch["Next"], set(catch.get("Assign", {}))


def _all_expressions(state: State) -> Iterator[str]:
    for key in _PARAMETERS_OF_STATES & set(state):
        yield from expressions(state[key])
    for part in (*state.get("Choices", ()), *state.get("Catch", ())):
        for key in _PARAMETERS_OF_STATES & set(part):
            yield from expressions(part[key])


def syntax(machine: Machine) -> list[str]:
    """Find expressions that JSONata cannot read, and ones whose bracket is not closed."""
    wrong = []
    for name, state in walk(machine):
        for text in _all_expressions(state):
            try:
                jsonata.Jsonata(text)
            except Exception as error:  # the library raises several kinds, none of them documented
                wrong.append(f"{name}: {error}")
        for text in _strings(state):
            if text.strip().startswith("{%") != text.strip().endswith("%}"):
                wrong.append(f"{name}: {{% and %}} do not match in {text!r}")
    return wrong


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner)


def everything(machine: Machine) -> list[str]:
    """Return all findings of all checks, but what is merely unchecked."""
    found = reachability(machine)
    if found:
        return found
    return arguments(machine)[0] + functions(machine) + variables(machine) + syntax(machine)
