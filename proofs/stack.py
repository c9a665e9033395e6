"""The roles of the stack with their policies, names filled in."""

import json
import re
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from everloop_localcloud.kernel.access.evaluation import Statement, listed
from proofs.template import NAME, Json, Template, translated

# The conditions that policies of the template have.
_OPTIONS = ("HasKey", "HasTopics", "HasFeatureGroups", "HasFeatureStores", "HasPushAndKey")


@dataclass(frozen=True)
class Document:
    """A policy's document: the resource of the template that holds it, its name there, its text."""

    holder: str
    name: str
    content: Json
    with_key: bool  # only where the stack has a KMS key of its own, or further topics


class Stack:
    """The resources of a translated template, by default with all its options."""

    def __init__(self, plain: Json, *, yes: bool = True) -> None:
        self._template = Template(plain, yes=yes)
        self._statements: dict[tuple[str, bool], tuple[Statement, ...]] = {}
        self.plain = plain
        self.resources = self._template.raw

    def of(self, kind: str) -> Json:
        """Return the properties of all resources of a type, by logical id."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def role_of(self, handler: str) -> str:
        """Return the logical id of the role of the function whose file is `handler`.py."""
        if handler not in self._role_of:
            raise LookupError(f"template.yaml has no function {handler}")
        return self._role_of[handler]

    @cached_property
    def _role_of(self) -> dict[str, str]:
        return {
            str(properties["Handler"]).removesuffix(".handler"): str(
                properties["Role"]["Fn::GetAtt"][0]
            )
            for properties in self.of("AWS::Lambda::Function").values()
        }

    @cached_property
    def roles(self) -> dict[str, str]:
        """Each role's logical id, by the name that it has in AWS where the template gives one."""
        return {
            str(self.resolved(role.get("RoleName", logical))): logical
            for logical, role in self.of("AWS::IAM::Role").items()
        }

    def role_named(self, name: str) -> str | None:
        """Return the logical id of the role of this name in AWS; None if it is no role of ours.

        CloudFormation makes names up of stack, logical id and random letters.
        """
        made = re.fullmatch(rf"{NAME}-(\w+)-[A-Za-z0-9]+", name)
        found = self.roles.get(name) or (made[1] if made else name)
        return found if found in self.roles.values() else None

    def documents(self, role: str) -> list[Document]:
        """Return every policy of the template's that a role has: its own, and what is attached."""
        properties = self.of("AWS::IAM::Role")[role]
        found = [
            Document(role, policy["PolicyName"], self.resolved(policy["PolicyDocument"]), False)
            for policy in properties.get("Policies", ())
        ]
        for arn in properties.get("ManagedPolicyArns", ()):
            if isinstance(arn, dict) and "Ref" in arn:
                found.append(self._held(arn["Ref"]))
        for holder, policy in self.of("AWS::IAM::Policy").items():
            if {"Ref": role} in policy["Roles"]:
                found.append(self._held(holder))
        return found

    def foreign(self, role: str) -> list[str]:
        """Return the policies of a role that the template does not hold."""
        attached = self.of("AWS::IAM::Role")[role].get("ManagedPolicyArns", ())
        return [str(a) for a in attached if not (isinstance(a, dict) and "Ref" in a)]

    def trust(self, role: str) -> list[Json]:
        """Return the statements that say who may assume a role. Some documents are text."""
        document = self.resolved(self.of("AWS::IAM::Role")[role]["AssumeRolePolicyDocument"])
        found = json.loads(document) if isinstance(document, str) else document
        return [dict(each) for each in listed(found["Statement"])]

    def statements(self, role: str, *, with_key: bool = False) -> tuple[Statement, ...]:
        """Return every statement of a role, in a stack with or without a KMS key of its own."""
        which = role, with_key
        if which not in self._statements:
            self._statements[which] = tuple(
                Statement(document.name, index, content)
                for document in self.documents(role)
                if with_key or not document.with_key
                for index, content in enumerate(listed(document.content["Statement"]))
            )
        return self._statements[which]

    def _held(self, holder: str) -> Document:
        resource = self.resources[holder]
        properties = resource["Properties"]
        condition = resource.get("Condition")
        if condition not in (None, *_OPTIONS):
            raise LookupError(f"{holder} has a condition that is not known here: {condition}")
        content = self.resolved(properties["PolicyDocument"])
        name = properties.get("PolicyName", holder)
        return Document(holder, name, content, condition is not None)

    def resolved(self, value: Any) -> Any:
        """Return a value with its functions answered."""
        return self._template.answer(value)


@cache
def stack() -> Stack:
    """Return the stack of template.yaml."""
    return Stack(translated())
