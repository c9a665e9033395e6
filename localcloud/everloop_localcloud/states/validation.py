"""Judging a definition before it runs, as CreateStateMachine and its validation API do."""

import json
import re
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.states import fields, json_text, resources, rules, timestamps
from everloop_localcloud.states.expressions import Expressions

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TRANSITION = "MISSING_TRANSITION_TARGET"
_LONGEST_NAME = 80
_WORD = re.compile(r"[A-Za-z0-9_$]+")
_LANGUAGES = ("JSONPath", "JSONata")


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong with a definition, and where."""

    code: str
    message: str
    location: str

    def text(self) -> str:
        return f"{self.code}: {self.message} at {self.location}"


def validate(text: str, kind: str = "STANDARD") -> list[Diagnostic]:
    """Return everything that is wrong with a definition's text; nothing means it may run."""
    try:
        definition = json_text.loads(text)
        if not isinstance(definition, dict):
            return [Diagnostic(SCHEMA, "Expected value of type Object", "/")]
        return _Judge(definition, kind).judge()
    except ValueError as error:
        return [_not_json(text, error)]
    except RecursionError:
        return [Diagnostic("INVALID_JSON_DESCRIPTION", "It is nested too deeply", "/")]


def validate_state(state: dict[str, Any], kind: str = "STANDARD") -> list[Diagnostic]:
    """Judge a state that stands alone, as TestState takes it: its Next may lead anywhere."""
    judge = _Judge({"States": {}}, kind)
    judge.state("StateName", state, "")
    return judge.found


def _not_json(text: str, error: ValueError) -> Diagnostic:
    """Word and place the error as the JSON reader of the service does."""
    if not text.strip():
        location = f'[Source: (String)"{text}"; line: 1, column: 0]'
        message = "No content to map due to end-of-input"
        return Diagnostic("INVALID_JSON_DESCRIPTION", message, location)
    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
    word = _WORD.match(text, at)
    if word is not None:
        at = word.end()
        message = (
            f"Unrecognized token '{word[0]}': was expecting (JSON String, Number, Array, Object"
            " or token 'null', 'true' or 'false')"
        )
    else:
        message = str(error).partition(": line")[0]
    line, column = text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1
    location = f'[Source: (String)"{text[:500]}"; line: {line}, column: {column}]'
    return Diagnostic("INVALID_JSON_DESCRIPTION", message, location)


class _Judge:
    def __init__(self, definition: dict[str, Any], kind: str) -> None:
        self._definition = definition
        self._express = kind == "EXPRESS"
        self.found: list[Diagnostic] = []
        self._expressions = Expressions(self._wrong)
        language = definition.get("QueryLanguage", "JSONPath")
        self._language = language if language in _LANGUAGES else "JSONPath"
        self._names: set[str] = set()

    def judge(self) -> list[Diagnostic]:
        definition = self._definition
        self._one_of(definition, "QueryLanguage", _LANGUAGES, "/QueryLanguage")
        timeout = definition.get("TimeoutSeconds")
        if "TimeoutSeconds" in definition and not _whole(timeout, 1):
            self._wrong("Expected value of type positive Integer", "/TimeoutSeconds")
        self._unknown(definition, fields.TOP, "")
        self._machine(definition, "")
        return self.found

    def _wrong(self, message: str, location: str, code: str = SCHEMA) -> None:
        self.found.append(Diagnostic(code, message, location))

    def _one_of(self, where: dict[str, Any], field: str, known: Any, location: str) -> None:
        if field in where and where[field] not in known:
            self._wrong(f"Value is not one of the supported values: {list(known)}", location)

    def _required(self, where: dict[str, Any], names: list[str], location: str) -> bool:
        missing = [name for name in names if name not in where]
        if missing:
            self._wrong(f"These fields are required: [{', '.join(missing)}]", location or "/")
        return not missing

    def _unknown(self, where: dict[str, Any], known: set[str], location: str) -> None:
        for field in where:
            if field not in known:
                self._wrong(f"Field '{field}' is not supported", f"{location}/{field}")

    def _machine(self, machine: Any, location: str) -> None:
        """Judge a set of states: the whole machine, a branch, or an item processor."""
        if not isinstance(machine, dict):
            self._wrong("Expected value of type Object", location)
            return
        if not self._required(machine, ["States", "StartAt"], location):
            return
        states, start = machine["States"], machine["StartAt"]
        if not isinstance(states, dict) or not states:
            self._wrong("Expected a non-empty Object of states", f"{location}/States")
            return
        if not isinstance(start, str):
            self._wrong("Expected value of type String", f"{location}/StartAt")
            return
        if start not in states:
            message = f"Missing 'StartAt' target: {start}"
            self._wrong(message, f"{location}/StartAt", TRANSITION)
        for name, state in states.items():
            if name in self._names:
                self._wrong(f"Duplicate state name: {name}", f"{location}/States/{name}",
                            "DUPLICATE_STATE_NAME")  # fmt: skip
            self._names.add(name)
            if len(name) > _LONGEST_NAME:
                message = f"State name exceeds {_LONGEST_NAME} characters"
                self._wrong(message, f"{location}/States/{name}")
            self.state(name, state, f"{location}/States/{name}", states)
        if start in states:
            self._reachable(states, start, location)

    def _reachable(self, states: dict[str, Any], start: str, location: str) -> None:
        seen, left = set(), [start]
        while left:
            name = left.pop()
            if name in seen or not isinstance(states.get(name), dict):
                continue
            seen.add(name)
            left += [target for target, _ in _targets(states[name]) if isinstance(target, str)]
        for name in states:
            if name not in seen:
                message = f'State "{name}" is not reachable.'
                self._wrong(message, f"{location}/States/{name}", TRANSITION)
        ends = any(
            state.get("End") is True or state.get("Type") in ("Succeed", "Fail")
            for state in states.values()
            if isinstance(state, dict)
        )
        if not ends:
            self._wrong("No terminal state", f"{location}/States", "MISSING_END_STATE")

    def state(
        self, name: str, state: Any, location: str, states: dict[str, Any] | None = None
    ) -> None:
        """Judge one state; without `states` its transitions may lead anywhere."""
        if not isinstance(state, dict):
            self._wrong("Expected value of type Object", location)
            return
        if not self._required(state, ["Type"], location):
            return
        kind = state["Type"]
        if not isinstance(kind, str) or kind not in fields.TYPES:
            self._wrong(
                f"Value is not one of the supported values: {list(fields.TYPES)}",
                f"{location}/Type",
            )
            return
        language = state.get("QueryLanguage", self._language)
        self._one_of(state, "QueryLanguage", _LANGUAGES, f"{location}/QueryLanguage")
        if language not in _LANGUAGES:
            return
        if language == "JSONPath" and self._language == "JSONata":
            self._wrong(
                "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
                location,
            )
            return
        self._fields_of(state, kind, language, location)
        self._kinds(state, language, location)
        self._transitions(state, kind, location, states)
        self._particular(state, kind, language, location)
        self._expressions.judge(state, language, location)

    def _fields_of(self, state: dict[str, Any], kind: str, language: str, location: str) -> None:
        allowed = fields.allowed(kind, language)
        other = fields.of_other_language(kind, language)
        for field in state:
            if field in other:
                self._wrong(
                    f"The QueryLanguage is set to '{language}', but field '{field}' is only"
                    f" supported for the '{'JSONPath' if language == 'JSONata' else 'JSONata'}'"
                    " QueryLanguage",
                    f"{location}/{field}",
                )
            elif field not in allowed:
                self._wrong(f"Field '{field}' is not supported", f"{location}/{field}")
        self._required(state, fields.REQUIRED.get(kind, []), location)
        for pair in fields.EXCLUSIVE:
            if all(field in state for field in pair):
                self._wrong(f"Only one of these fields is allowed: [{', '.join(pair)}]", location)

    def _kinds(self, where: dict[str, Any], language: str, location: str) -> None:
        for names, kind, word in ((fields.OBJECTS, dict, "Object"), (fields.TEXTS, str, "String")):
            for name in names:
                if name in where and not isinstance(where[name], kind):
                    self._wrong(f"Expected value of type {word}", f"{location}/{name}")
        for name, value in where.items():
            if name.endswith("Path") and not isinstance(value, str):
                if value is not None or name not in fields.MAY_BE_NULL:
                    self._wrong("Expected value of type String", f"{location}/{name}")
            elif name in fields.NUMBERS and not _number(value):
                if language == "JSONPath" or not isinstance(value, str):
                    self._wrong("Expected value of type Integer", f"{location}/{name}")
            elif name in fields.LISTS:
                self._list(value, f"{location}/{name}")

    def _list(self, value: Any, location: str) -> None:
        if not isinstance(value, list):
            self._wrong("Expected value of type Array", location)
            return
        for index, each in enumerate(value):
            if not isinstance(each, dict):
                self._wrong("Expected value of type Object", f"{location}[{index}]")
            elif not isinstance(each.get("Assign", {}), dict):
                self._wrong("Expected value of type Object", f"{location}[{index}]/Assign")

    def _transitions(
        self, state: dict[str, Any], kind: str, location: str, states: dict[str, Any] | None
    ) -> None:
        if kind not in ("Choice", "Succeed", "Fail"):
            if "Next" not in state and "End" not in state:
                self._wrong("These fields are required: [Next or End]", location)
            elif "Next" in state and state.get("End"):
                self._wrong("Only one of these fields is allowed: [End, Next]", location)
            elif "Next" not in state and state["End"] is not True:
                self._wrong("Expected value 'true'", f"{location}/End")
        if states is None:
            return
        for target, where in _targets(state):
            if not isinstance(target, str):
                self._wrong("Expected value of type String", f"{location}/{where}")
            elif target not in states:
                field = where.rpartition("/")[2]
                message = f"Missing '{field}' target: {target}"
                self._wrong(message, f"{location}/{where}", TRANSITION)

    def _particular(self, state: dict[str, Any], kind: str, language: str, location: str) -> None:
        if kind == "Task" and isinstance(state.get("Resource"), str):
            self._resource(state["Resource"], f"{location}/Resource")
        elif kind == "Wait":
            self._wait(state, language, location)
        elif kind == "Parallel":
            branches = state.get("Branches")
            if isinstance(branches, list):
                for index, branch in enumerate(branches):
                    self._inner(branch, f"{location}/Branches[{index}]")
        elif kind == "Map":
            processors = [name for name in ("ItemProcessor", "Iterator") if name in state]
            if len(processors) != 1:
                self._wrong("These fields are required: [ItemProcessor]", location)
            for name in processors:
                self._inner(state[name], f"{location}/{name}")
        elif kind == "Choice" and isinstance(state.get("Choices"), list) and not state["Choices"]:
            self._wrong("Expected a non-empty Array", f"{location}/Choices")
        rules.judge(state, location, self._wrong)

    def _inner(self, machine: Any, location: str) -> None:
        if isinstance(machine, dict):
            self._unknown(machine, fields.INNER, location)
            self._kinds(machine, self._language, location)
        self._machine(machine, location)

    def _resource(self, arn: str, location: str) -> None:
        try:
            resource = resources.parse(arn)
        except resources.Unknown as error:
            message = (
                f"The resource provided {arn} is not recognized. The value is not a valid resource"
                " ARN, or the resource is not available in this region."
            )
            self._wrong(str(error) if error.recognised else message, location)
            return
        if self._express and resource.waits_for_job:
            told = f"Express state machine does not support '.{resource.pattern}' service"
            self._wrong(f"{told} integration", location)
        elif self._express and resource.waits_for_token:
            # The second space is the service's own.
            told = f"Express state machine does not support '.{resource.pattern}' service"
            self._wrong(f"{told} integration ", location)

    def _wait(self, state: dict[str, Any], language: str, location: str) -> None:
        ways = ["Seconds", "Timestamp", "SecondsPath", "TimestampPath"]
        if len([way for way in ways if way in state]) != 1:
            known = ways if language == "JSONPath" else ways[:2]
            self._wrong(f"Exactly one of these fields is required: [{', '.join(known)}]", location)
            return
        computed = language == "JSONata"
        if "Seconds" in state and not _whole(state["Seconds"], 0):
            if not (computed and isinstance(state["Seconds"], str)):
                self._wrong("Expected value of type Integer", f"{location}/Seconds")
        elif "Timestamp" in state:
            text = state["Timestamp"]
            if computed and isinstance(text, str) and text.startswith("{%"):
                return
            try:
                timestamps.parse(text if isinstance(text, str) else "")
            except ValueError:
                self._wrong("String does not match RFC3339 timestamp", f"{location}/Timestamp")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def _whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _targets(state: dict[str, Any]) -> list[tuple[Any, str]]:
    """Return where a state may lead, and the field that says so."""
    found: list[tuple[Any, str]] = []
    found += [(state[field], field) for field in ("Next", "Default") if field in state]
    for field in ("Choices", "Catch"):
        rules = state.get(field)
        for index, rule in enumerate(rules if isinstance(rules, list) else []):
            if isinstance(rule, dict) and "Next" in rule:
                found.append((rule["Next"], f"{field}[{index}]/Next"))
    return found
