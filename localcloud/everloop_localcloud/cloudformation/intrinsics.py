"""Intrinsic functions and conditions of a template, resolved to plain values."""

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

from everloop_localcloud.cloudformation.errors import invalid

_VARIABLE = re.compile(r"\$\{(!?)([^}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9_.:]+")
_REFUSED = (
    "Fn::ImportValue",
    "Fn::Transform",
    "Fn::Cidr",
    "Fn::Length",
    "Fn::ToJsonString",
    "Fn::GetStackOutput",
)
_LOGIC = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition")
NO_VALUE = object()

Lookup = Callable[[str, str | None], Any]


class Resolver:
    """Resolves values of one template.

    `references` has what `Ref` gives for parameters and pseudo parameters. `lookup(id, attribute)`
    gives a resource's Ref (attribute None) or attribute, and raises AwsError for what is not there.
    """

    def __init__(
        self, template: dict[str, Any], references: dict[str, Any], lookup: Lookup
    ) -> None:
        self._template = template
        self._references = references
        self._lookup = lookup
        self._conditions: dict[str, bool] = {}

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            declared = self._template.get("Conditions") or {}
            if name not in declared:
                raise invalid(f"Template error: there is no condition {name!r}")
            self._conditions[name] = self._holds(declared[name])
        return self._conditions[name]

    def value(self, given: Any) -> Any:
        """Return a value with everything in it resolved; what is AWS::NoValue is left out."""
        found = self._value(given)
        return None if found is NO_VALUE else found

    def _value(self, given: Any) -> Any:
        if isinstance(given, list):
            items = [self._value(item) for item in given]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(given, dict):
            if isinstance(given, str) and "{{resolve:" in given:
                raise invalid(f"the local cloud does not resolve dynamic references: {given!r}")
            return given
        if len(given) == 1:
            name, argument = next(iter(given.items()))
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        resolved = {key: self._value(item) for key, item in given.items()}
        return {key: item for key, item in resolved.items() if item is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._references:
            return self._references[name]
        return self._lookup(name, None)

    def _function(self, name: str, argument: Any) -> Any:  # noqa: C901 # a branch for each intrinsic
        if name in _REFUSED:
            raise invalid(f"the local cloud does not support {name}")
        if name == "Fn::GetAtt":
            parts = argument.split(".", 1) if isinstance(argument, str) else argument
            return self._lookup(parts[0], self._value(parts[1]))
        if name == "Fn::Sub":
            return self._sub(argument)
        if name == "Fn::If":
            condition, yes, no = self._arguments(name, argument, 3)
            return self._value(yes if self.condition(condition) else no)
        if name in _LOGIC:
            return self._holds({name: argument})
        if name == "Fn::Join":
            separator, items = self._arguments(name, argument, 2)
            resolved = self._value(items)
            if not isinstance(resolved, list):
                raise invalid(f"Template error: every Fn::Join needs a list, not {resolved!r}")
            return str(separator).join(_text(item) for item in resolved)
        if name == "Fn::Split":
            separator, text = self._arguments(name, argument, 2)
            return str(self._value(text)).split(separator)
        if name == "Fn::Select":
            index, items = self._arguments(name, argument, 2)
            resolved, number = self._value(items), int(self._value(index))
            if not isinstance(resolved, list) or not 0 <= number < len(resolved):
                raise invalid(f"Template error: Fn::Select cannot select {number} of {resolved!r}")
            return resolved[number]
        if name == "Fn::FindInMap":
            return self._find_in_map(argument)
        if name == "Fn::Base64":
            return base64.b64encode(_text(self._value(argument)).encode()).decode()
        if name == "Fn::GetAZs":
            region = self._value(argument) or self._references["AWS::Region"]
            return [f"{region}{letter}" for letter in "abc"]
        raise invalid(f"Template error: there is no intrinsic function {name}")

    @staticmethod
    def _arguments(name: str, argument: Any, count: int) -> list[Any]:
        if not isinstance(argument, list) or len(argument) != count:
            raise invalid(f"Template error: {name} needs a list of {count}, not {argument!r}")
        return argument

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})
        if not isinstance(text, str):
            raise invalid(f"Template error: Fn::Sub needs text, not {text!r}")

        def replaced(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return "${" + name + "}"
            name = name.strip()
            if not _NAME.fullmatch(name):
                raise invalid(
                    "Template error: variable names in Fn::Sub syntax must contain only "
                    f"alphanumeric characters, underscores, periods, and colons, not {name!r}"
                )
            if name in own:
                return _text(self._value(own[name]))
            if name in self._references:
                return _text(self._references[name])
            logical, _, attribute = name.partition(".")
            return _text(self._lookup(logical, attribute or None))

        return _VARIABLE.sub(replaced, text)

    def _find_in_map(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            raise invalid(f"Template error: Fn::FindInMap needs three values, not {argument!r}")
        name, first, second = (self._value(part) for part in argument[:3])
        try:
            return self._value((self._template.get("Mappings") or {})[name][first][second])
        except KeyError as error:
            if len(argument) == 4 and "DefaultValue" in argument[3]:
                return self._value(argument[3]["DefaultValue"])
            raise invalid(
                f"Template error: Unable to get mapping for {name}::{first}::{second}"
            ) from error

    def _holds(self, given: Any) -> bool:
        if not isinstance(given, dict) or len(given) != 1:
            raise invalid(f"Template error: {given!r} is no condition")
        name, argument = next(iter(given.items()))
        if name == "Condition":
            return self.condition(argument)
        if name == "Fn::Equals":
            left, right = self._arguments(name, argument, 2)
            return _text(self._value(left)) == _text(self._value(right))
        if name == "Fn::Not":
            return not self._holds(self._arguments(name, argument, 1)[0])
        if name == "Fn::And":
            return all([self._holds(item) for item in argument])
        if name == "Fn::Or":
            return any([self._holds(item) for item in argument])
        raise invalid(f"Template error: {name} is no condition function")


def names_in(given: Any) -> Iterator[str]:
    """Yield every name that a value refers to: parameters and resources alike."""
    if isinstance(given, list):
        for item in given:
            yield from names_in(item)
    elif isinstance(given, dict):
        for key, item in given.items():
            if key == "Ref" and isinstance(item, str):
                yield item
            elif key == "Fn::GetAtt":
                yield item.split(".", 1)[0] if isinstance(item, str) else item[0]
            elif key == "Fn::Sub":
                text, own = item if isinstance(item, list) else (item, {})
                for literal, name in _VARIABLE.findall(str(text)):
                    if not literal and name.strip() not in own:
                        yield name.strip().partition(".")[0]
                yield from names_in(own)
            else:
                yield from names_in(item)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
