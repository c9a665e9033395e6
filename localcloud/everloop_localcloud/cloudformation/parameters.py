"""A template's parameters: what was given, checked against what the template says."""

import re
from typing import Any

from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

_SSM = re.compile(r"^AWS::SSM::Parameter::Value<(?P<inner>.+)>$")
_LISTS = ("CommaDelimitedList", "List<Number>", "List<String>")
_KNOWN = ("String", "Number", *_LISTS)


def chosen(
    declared: dict[str, Any], given: list[dict[str, Any]], previous: dict[str, str]
) -> dict[str, str]:
    """Return each parameter's text: given, previous or default. Raises AwsError naming it."""
    values: dict[str, str] = {}
    for parameter in given:
        name = parameter["ParameterKey"]
        if name not in declared:
            raise invalid(f"Parameters: [{name}] do not exist in the template")
        if parameter.get("UsePreviousValue"):
            if name not in previous:
                raise invalid(f"Parameter {name} has no previous value to use")
            values[name] = previous[name]
        elif "ParameterValue" in parameter:
            values[name] = parameter["ParameterValue"]
    missing = []
    for name, declaration in declared.items():
        if name not in values:
            if "Default" not in declaration:
                missing.append(name)
                continue
            values[name] = _text(declaration["Default"])
        _check(name, declaration, values[name])
    if missing:
        raise invalid(f"Parameters: [{', '.join(sorted(missing))}] must have values")
    return values


def typed(cloud: Account, declared: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    """Return what `Ref` gives for each parameter: text, or a list of texts."""
    values: dict[str, Any] = {}
    for name, text in texts.items():
        kind = declared[name]["Type"]
        value = text
        found = _SSM.match(kind)
        if found:
            kind = found["inner"]
            try:
                value = cloud.call("ssm", "GetParameter", {"Name": text})["Parameter"]["Value"]
            except AwsError as error:
                raise invalid(f"Parameter {name}: no SSM parameter {text!r}") from error
        if kind in _LISTS:
            values[name] = [part.strip() for part in value.split(",")] if value else []
        else:
            values[name] = value
    return values


def described(declared: dict[str, Any], texts: dict[str, str]) -> list[dict[str, str]]:
    """Return parameters as DescribeStacks shows them; what is NoEcho is masked."""
    return [
        {
            "ParameterKey": name,
            "ParameterValue": "****" if _is_true(declared[name].get("NoEcho")) else text,
        }
        for name, text in texts.items()
        if name in declared
    ]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    return str(value)


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


def _check(name: str, declaration: dict[str, Any], text: str) -> None:  # noqa: C901 # a branch for each constraint
    kind = declaration.get("Type")
    if kind not in _KNOWN and not _SSM.match(str(kind)):
        raise invalid(f"the local cloud does not know the type {kind!r} of parameter {name}")
    if kind is not None and _SSM.match(kind):
        return
    items = [part.strip() for part in text.split(",")] if kind in _LISTS else [text]
    said = declaration.get("ConstraintDescription")

    def failed(why: str) -> AwsError:
        return invalid(f"Parameter '{name}' {said or why}")

    if kind in ("Number", "List<Number>"):
        for item in items:
            try:
                float(item)
            except ValueError as error:
                raise invalid(f"Parameter '{name}' must be a number, not {item!r}") from error
    allowed = declaration.get("AllowedValues")
    if allowed is not None:
        texts = [_text(value) for value in allowed]
        if any(item not in texts for item in items):
            raise failed(f"must be one of AllowedValues [{', '.join(texts)}], not {text!r}")
    pattern = declaration.get("AllowedPattern")
    if pattern is not None and any(not re.fullmatch(str(pattern), item) for item in items):
        raise failed(f"must match pattern {pattern}, and {text!r} does not")
    for limit, low in (("MinLength", True), ("MaxLength", False)):
        if limit in declaration and (
            len(text) < int(declaration[limit]) if low else len(text) > int(declaration[limit])
        ):
            raise failed(f"must have {limit} {declaration[limit]} and has length {len(text)}")
    for limit, low in (("MinValue", True), ("MaxValue", False)):
        if limit in declaration and (
            float(text) < float(declaration[limit])
            if low
            else float(text) > float(declaration[limit])
        ):
            raise failed(f"must have {limit} {declaration[limit]} and is {text}")
