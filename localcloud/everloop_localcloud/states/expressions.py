"""Judging what stands in a state's fields: JSONata, paths, intrinsic functions, choice rules."""

from collections.abc import Callable
from typing import Any

from everloop_localcloud.states import choice_rules, intrinsics, jsonata, paths, resources, shapes

Wrong = Callable[[str, str], None]

# Fields whose strings are expressions, in JSONata; a whole state is searched but for these.
_STRUCTURE = {"ItemProcessor", "Iterator", "Branches", "Comment", "Type", "Next", "Default"}
_STRUCTURE |= {"Resource", "QueryLanguage", "ErrorEquals"}
_PATHS = {"InputPath", "OutputPath", "ItemsPath", "SecondsPath", "TimestampPath"}
_PATHS |= {"TimeoutSecondsPath", "HeartbeatSecondsPath", "MaxConcurrencyPath"}
_PATHS |= {"ToleratedFailureCountPath", "ToleratedFailurePercentagePath"}
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")


class Expressions:
    """Judges one state's expressions; tells `wrong` what and where."""

    def __init__(self, wrong: Wrong) -> None:
        self._wrong = wrong

    def judge(self, state: dict[str, Any], language: str, location: str) -> None:
        if language == "JSONata":
            self._jsonata(state, location)
        else:
            self._jsonpath(state, location)
        choices = state.get("Choices")
        for index, rule in enumerate(choices if isinstance(choices, list) else []):
            self._choice(rule, language, f"{location}/Choices[{index}]")
        if state.get("Type") == "Task":
            field = "Arguments" if language == "JSONata" else "Parameters"
            self._arguments(state, field, location)

    def _jsonata(self, value: Any, location: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key not in _STRUCTURE or not isinstance(item, str | dict | list):
                    self._jsonata(item, f"{location}/{key}")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._jsonata(item, f"{location}[{index}]")
        elif isinstance(value, str) and (value.startswith("{%") or value.endswith("%}")):
            self._expression(value, location)

    def _expression(self, text: str, location: str) -> None:
        if not (text.startswith("{%") and text.endswith("%}") and len(text) >= 4):
            told = "A JSONata expression must begin with '{%' and end with '%}'"
            self._wrong(told, location)
            return
        try:
            jsonata.compiled(text[2:-2].strip())
        except jsonata.InvalidExpression as error:
            self._wrong(f"The JSONata expression is not valid: {error}", location)

    def _jsonpath(self, state: dict[str, Any], location: str) -> None:
        for field in _PATHS & state.keys():
            if state[field] is not None:
                self._path(state[field], f"{location}/{field}")
        for field in ("ErrorPath", "CausePath"):
            if field in state and not _computes(state[field]):
                told = f"The value for the field '{field}' must be a valid JSONPath or a valid"
                self._wrong(f"{told} intrinsic function call", location)
        places: list[tuple[Any, str]] = [(state, location)]
        catches = state.get("Catch")
        for index, rule in enumerate(catches if isinstance(catches, list) else []):
            places.append((rule, f"{location}/Catch[{index}]"))
        choices = state.get("Choices")
        for index, rule in enumerate(choices if isinstance(choices, list) else []):
            places.append((rule, f"{location}/Choices[{index}]"))
        for place, where in places:
            if not isinstance(place, dict):
                continue
            if place.get("ResultPath") is not None:
                self._reference(place["ResultPath"], f"{where}/ResultPath")
            for field in _TEMPLATES:
                if field in place:
                    self._template(place[field], f"{where}/{field}")

    def _path(self, text: Any, location: str) -> None:
        try:
            paths.parse(text if isinstance(text, str) else "")
        except paths.InvalidPath:
            self._wrong("Value is not a valid JSONPath", location)

    def _reference(self, text: Any, location: str) -> None:
        try:
            path = paths.parse(text if isinstance(text, str) else "")
        except paths.InvalidPath:
            self._wrong("Value is not a Reference Path", location)
            return
        if not path.reference or path.root != "$":
            self._wrong("Value is not a Reference Path", location)

    def _template(self, value: Any, location: str) -> None:
        if isinstance(value, dict):
            for key, item in value.items():
                if key.endswith(".$"):
                    if not _computes(item):
                        self._wrong(
                            f"The value for the field '{key}' must be a valid JSONPath or a valid"
                            " intrinsic function call",
                            location,
                        )
                else:
                    self._template(item, f"{location}/{key}")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                self._template(item, f"{location}[{index}]")

    def _choice(self, rule: Any, language: str, location: str) -> None:
        if not isinstance(rule, dict):
            self._wrong("Expected value of type Object", location)
            return
        wanted = ["Condition", "Next"] if language == "JSONata" else ["Next"]
        missing = [field for field in wanted if field not in rule]
        if missing:
            self._wrong(f"These fields are required: [{', '.join(missing)}]", location)
        known = {"Condition", "Next", "Assign", "Output", "Comment"}
        if language == "JSONata":
            for field in sorted(rule.keys() - known):
                self._wrong(f"Field '{field}' is not supported", f"{location}/{field}")
        else:
            self._rule(rule, location)

    def _rule(self, rule: Any, location: str) -> None:
        if not isinstance(rule, dict):
            self._wrong("Expected value of type Object", location)
            return
        for field in choice_rules.COMBINATIONS:
            if field in rule:
                inner = [rule[field]] if field == "Not" else rule[field]
                for index, one in enumerate(inner if isinstance(inner, list) else [inner]):
                    self._rule(
                        one, f"{location}/{field}" + ("" if field == "Not" else f"[{index}]")
                    )
                return
        if "Variable" not in rule:
            self._wrong("These fields are required: [Variable]", location)
        else:
            self._path(rule["Variable"], f"{location}/Variable")
        operator = choice_rules.comparison(rule)
        if operator is None:
            self._wrong("A choice rule needs exactly one comparison operator", location)
        elif operator.endswith("Path"):
            self._path(rule[operator], f"{location}/{operator}")

    def _arguments(self, state: dict[str, Any], field: str, location: str) -> None:
        """Compare literal arguments with the API that the Resource names."""
        try:
            resource = resources.parse(state.get("Resource", ""))
        except resources.Unknown:
            return
        given = state.get(field)
        if resource.bare_lambda or not isinstance(given, dict):
            return
        shape = shapes.operation(resource.service, resource.operation).input_shape
        members = {shapes.pascal(member): member for member in shape.members} if shape else {}
        names = {key.removesuffix(".$") for key in given}
        for name in sorted(names - members.keys()):
            told = f'The field "{name}" is not supported by Step Functions'
            self._wrong(told, f"{location}/{field}")
        for member in shape.required_members if shape else []:
            if shapes.pascal(member) not in names:
                told = f'The field "{shapes.pascal(member)}" is required but was missing'
                self._wrong(told, f"{location}/{field}")


def _computes(text: Any) -> bool:
    if not isinstance(text, str):
        return False
    try:
        if text.startswith("$"):
            paths.parse(text)
        else:
            intrinsics.parse(text)
    except (paths.InvalidPath, intrinsics.InvalidCall):
        return False
    return True
