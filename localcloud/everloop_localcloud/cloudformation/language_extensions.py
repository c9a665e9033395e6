"""The transform AWS::LanguageExtensions: loops unrolled, functions as names in Ref and Fn::GetAtt.

AWS replaces a loop's identifier in the keys of its fragment (`${Name}`, and `&{Name}` without what
is no letter or digit), in the text of Fn::Sub (`${Name}` only) and as `Ref: Name`; any other text
keeps it. AWS's documentation promises more; this is what an account does, and its words
(https://github.com/ministackorg/ministack/pull/1739 measured both).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.intrinsics import Resolver
from everloop_localcloud.kernel.errors import AwsError

EXTENSIONS = "AWS::LanguageExtensions"
LOOP = "Fn::ForEach::"

_SECTIONS = ("Conditions", "Resources", "Outputs")
_DEEPEST = 5  # loops in loops
_MOST = 10_000  # entries of all loops together; AWS allows 500 resources
_PLACEHOLDER = re.compile(r"([$&])\{([^!{}][^{}]*)\}")
_OTHER = re.compile(r"[^A-Za-z0-9]")
_LISTS = ("CommaDelimitedList", "List<")

Items = Mapping[str, str]  # what the identifiers of the loops around a value stand for


def failed(message: str) -> AwsError:
    return invalid(f"Transform {EXTENSIONS} failed with: {message}")


def unrolled(template: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return a template without loops. Raises AwsError in AWS's words.

    `parameters` has what Ref gives for each; one that is missing takes its default.
    """
    for section, given in template.items():
        if section not in _SECTIONS and (found := next(_loops(given), None)):
            raise failed(
                f"{found} stands in {section}; Fn::ForEach is supported in Resources, "
                "Conditions and Outputs only"
            )
    _check_names(template)
    transform = _Transform(template, {**_defaults(template), **parameters})
    sections = {name: template[name] for name in _SECTIONS if name in template}
    return {**template, **{name: transform.section(given) for name, given in sections.items()}}


def bodies(resources: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the resources as they are written, each once, those in loops too."""
    for name, given in resources.items():
        if name.startswith(LOOP):
            if isinstance(given, list) and len(given) == 3 and isinstance(given[2], dict):
                yield from bodies(given[2])
        elif isinstance(given, dict) and isinstance(given.get("Type"), str):
            yield given


def _defaults(template: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, declared in (template.get("Parameters") or {}).items():
        if "Default" in declared:
            text = str(declared["Default"])
            several = str(declared.get("Type", "")).startswith(_LISTS)
            found[name] = [part.strip() for part in text.split(",")] if several else text
    return found


def _loops(given: Any) -> Iterator[str]:
    """Yield the key of each loop in a value."""
    if isinstance(given, list):
        for item in given:
            yield from _loops(item)
    elif isinstance(given, dict):
        for key, item in given.items():
            if str(key).startswith(LOOP):
                yield key
            yield from _loops(item)


def _check_names(template: dict[str, Any]) -> None:
    seen: set[str] = set()
    for section in _SECTIONS:
        for key in _loops(template.get(section)):
            name = key.removeprefix(LOOP)
            if name in seen or name in template["Resources"]:
                raise failed(f"the name of {key} is not unique among loops and resources")
            if not name.isalnum() or not name.isascii():
                raise failed(f"the name of {key} should be alphanumeric")
            seen.add(name)


class _Transform:
    def __init__(self, template: dict[str, Any], references: dict[str, Any]) -> None:
        self._parameters = template.get("Parameters") or {}
        self._resolver = Resolver(template, references, self._unknown)
        self._made = 0

    @staticmethod
    def _unknown(name: str, attribute: str | None) -> Any:
        raise invalid(f"{name} is not known before the stack is there")

    def section(self, given: Any) -> Any:
        return self._mapping(given, {}, names=True) if isinstance(given, dict) else given

    def _mapping(
        self, given: dict[str, Any], items: Items, *, names: bool = False
    ) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for key, value in given.items():
            if str(key).startswith(LOOP):
                made = self._loop(value, items, names, 1, key)
            else:
                made = iter([(key, self._value(value, items))])
            for name, one in made:
                if name in merged:
                    raise failed(
                        f"Duplicate key '{name}' when merging keys to parent object in Fn::ForEach"
                    )
                merged[name] = one
        return merged

    def _loop(
        self, given: Any, items: Items, names: bool, depth: int, key: str
    ) -> Iterator[tuple[str, Any]]:
        if depth > _DEEPEST:
            raise failed(f"{key} is nested deeper than the {_DEEPEST} loops that AWS allows")
        if not isinstance(given, list) or len(given) != 3:
            raise failed("Fn::ForEach layout is incorrect")
        identifier, collection, fragment = given
        if not isinstance(identifier, str) or not identifier or not isinstance(fragment, dict):
            raise failed("Fn::ForEach layout is incorrect")
        if identifier in self._parameters or identifier in items:
            other = (
                "parameter name" if identifier in self._parameters else "another loop identifier"
            )
            raise failed(f"{key}: identifier '{identifier}' conflicts with {other}")
        for item in self._collection(collection, items):
            scope = {**items, identifier: item}
            for name, body in fragment.items():
                if name.startswith(LOOP):
                    yield from self._loop(body, scope, names, depth + 1, name)
                    continue
                placed = _placed(name, scope, "$&")
                if names and _OTHER.search(placed):
                    raise failed(f"OutputKey '{placed}' should be alphanumeric")
                self._made += 1
                if self._made > _MOST:
                    raise failed(f"{key} and other loops make more than {_MOST} entries")
                yield placed, self._value(body, scope)

    def _collection(self, given: Any, items: Items) -> list[str]:
        if isinstance(given, str):
            raise failed("Fn::ForEach layout is incorrect")
        found = self._known(self._value(given, items))
        if not isinstance(found, list) or not all(isinstance(one, str | int) for one in found):
            raise failed("Could not find a collection or could not be resolved for Fn::ForEach")
        return [str(one).lower() if isinstance(one, bool) else str(one) for one in found]

    def _known(self, given: Any) -> Any:
        """Return a value that the template alone gives; None for any other."""
        try:
            return self._resolver.value(given)
        except (AwsError, TypeError, ValueError, AttributeError):  # not known yet, or malformed
            return None

    def _value(self, given: Any, items: Items) -> Any:
        if isinstance(given, list):
            return [self._value(one, items) for one in given]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            name, argument = next(iter(given.items()))
            if name == "Ref" and isinstance(argument, str):
                return items.get(argument, given)
            if name == "Ref":
                return {name: self._name(name, argument, items)}
            if name == "Fn::GetAtt" and isinstance(argument, list):
                return {name: [self._name(name, part, items) for part in argument]}
            if name == "Fn::Sub":
                text = self._sub(argument, items)
                return text if isinstance(text, str) and "${" not in text else {name: text}
            if name == "Fn::FindInMap":
                parts = {name: self._value(argument, items)}
                found = self._known(parts)
                return parts if found is None else found
        return self._mapping(given, items)

    def _name(self, function: str, given: Any, items: Items) -> str:
        found = given if isinstance(given, str) else self._known(self._value(given, items))
        if not isinstance(found, str):
            raise failed(f"{function} names no resource: {given!r} could not be resolved")
        return found

    def _sub(self, argument: Any, items: Items) -> Any:
        if isinstance(argument, str):
            return _placed(argument, items, "$")
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
            text, own = argument  # where both have a name, the loop's item comes first
            return [_placed(str(text), items, "$"), self._mapping(own, items)]
        return argument


def _placed(text: str, items: Items, forms: str) -> str:
    """Return a text with the items in their places, where those have one of the forms."""

    def item(found: re.Match[str]) -> str:
        form, name = found.groups()
        if form not in forms or name not in items:
            return found[0]
        return _OTHER.sub("", items[name]) if form == "&" else items[name]

    return _PLACEHOLDER.sub(item, text)
