"""Why a resource is a wildcard, as template.yaml says it: in a comment beside the wildcard.

A reason is looked for on the resource's own line, in the lines directly above it, on the line of
`Resource:`, on the statement's first line, and in the lines directly above the statement.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

_COMMENT = re.compile(r"(?:^|\s)#\s*(.+)$")
Key = tuple[str, str, int, int]  # holder, policy's name, statement, resource


def reasons(template: Path) -> dict[Key, str]:
    """Return the reason of each resource of each statement that has one."""
    text = template.read_text()
    lines = text.splitlines()
    found = {}
    for holder, resource in _members(_member(yaml.compose(text, yaml.SafeLoader), "Resources")):
        if not isinstance(resource, yaml.MappingNode):
            continue  # a loop: a wildcard in it has no reason here, and so is told of
        for name, document in _documents(holder, resource):
            statements = _member(document, "Statement").value
            for index, statement in enumerate(statements):
                for place, lookup in enumerate(_lookups(statement)):
                    reason = _reason(lines, *lookup)
                    if reason:
                        found[holder, name, index, place] = reason
    return found


def _documents(holder: str, resource: Any) -> Iterator[tuple[str, Any]]:
    """Yield the policies that a resource of the template holds, each with its name."""
    kind = _member(resource, "Type").value
    if kind not in ("AWS::IAM::Role", "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        return
    properties = _member(resource, "Properties")
    if kind == "AWS::IAM::Role":
        policies = _member(properties, "Policies")
        for policy in policies.value if policies is not None else ():
            yield _member(policy, "PolicyName").value, _member(policy, "PolicyDocument")
        return
    name = _member(properties, "PolicyName")
    yield name.value if name is not None else holder, _member(properties, "PolicyDocument")


def _lookups(statement: Any) -> Iterator[tuple[int, int, int]]:
    """Yield for each resource: its line, that of `Resource:`, that of the statement."""
    key, value = next((k, v) for k, v in statement.value if k.value == "Resource")
    items = value.value if isinstance(value, yaml.SequenceNode) else [value]
    for item in items:
        yield item.start_mark.line, key.start_mark.line, statement.start_mark.line


def _reason(lines: list[str], own: int, key: int, statement: int) -> str | None:
    for line in dict.fromkeys((own, key, statement)):
        found = _COMMENT.search(lines[line]) or _above(lines, line)
        if found:
            return found if isinstance(found, str) else found[1].strip()
    return None


def _above(lines: list[str], line: int) -> str:
    """Return the comment that fills the lines directly above a line."""
    first = line
    while lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return " ".join(text.lstrip("# ").rstrip() for text in map(str.strip, lines[first:line]))


def _member(node: Any, name: str) -> Any:
    return next((value for key, value in node.value if key.value == name), None)


def _members(node: Any) -> Iterator[tuple[str, Any]]:
    for key, value in node.value:
        yield key.value, value
