"""The policies that lie in a template, wherever they lie."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from proofs.template import ACCOUNT, Json, Template


@dataclass(frozen=True)
class Document:
    """One policy: where it is written, and what it is for."""

    place: str  # the resource's logical id, then the policy's own name if it has one
    trust: bool  # says who may take a role
    text: str  # JSON

    @property
    def statements(self) -> list[Json]:
        return many(json.loads(self.text)["Statement"])

    @property
    def on_resource(self) -> bool:
        """Whether it lies on a resource and says who may use it."""
        return not self.trust and any(
            "Principal" in s or "NotPrincipal" in s for s in self.statements
        )


def documents(template: Template) -> list[Document]:
    """Return every policy of a stack, wherever it lies in a resource."""
    found = []
    for logical, resource in template.resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Events::EventBusPolicy" and "Statement" not in properties:
            said = {
                k: properties[k] for k in ("Action", "Principal", "Condition") if k in properties
            }
            found.append(
                _document(logical, {"Effect": "Allow", "Resource": "*", **said}, trust=False)
            )
        found += list(_documents_in(properties, logical, trust=False))
    return found


def _documents_in(value: Any, place: str, *, trust: bool) -> Iterator[Document]:
    if isinstance(value, list):
        for item in value:
            yield from _documents_in(item, place, trust=trust)
    elif isinstance(value, dict):
        if isinstance(value.get("PolicyName"), str):
            place = f"{place.partition('/')[0]}/{value['PolicyName']}"
        said = value.get("Statement")
        if isinstance(said, dict | list):
            yield _document(place, said, trust=trust)
        for key, inner in value.items():
            if key == "AssumeRolePolicyDocument" and isinstance(inner, str):
                inner = json.loads(inner)
            if key != "Statement":
                yield from _documents_in(inner, place, trust=key == "AssumeRolePolicyDocument")


def _document(place: str, said: Any, *, trust: bool) -> Document:
    statements = many(said)
    if trust:  # a role is its own resource; tools ask for one
        statements = [{"Resource": f"arn:aws:iam::{ACCOUNT}:role/{place}", **s} for s in statements]
    return Document(place, trust, json.dumps({"Version": "2012-10-17", "Statement": statements}))


def many(value: Any) -> list[Any]:
    """Return a value that may be one or a list as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
