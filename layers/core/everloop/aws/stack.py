"""The deployed stack as CloudFormation knows it: how a program that is no part of it finds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from everloop.aws.clients import cloudformation, code_of, translated


@dataclass(frozen=True)
class Deployed:
    """A stack as it is now."""

    name: str
    status: str
    outputs: Mapping[str, str] = field(default_factory=dict)


def find(name: str) -> Deployed | None:
    """Return a stack; None where there is none of this name in this account and region."""
    try:
        with translated(f"stack {name}"):
            stack = cloudformation().describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if code_of(error) == "ValidationError":
            return None
        raise
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    return Deployed(name, stack["StackStatus"], outputs)


def functions(name: str) -> list[str]:
    """Return the names of the functions that a stack made, whether they are there or not."""
    with translated(f"resources of stack {name}"):
        pages = cloudformation().get_paginator("list_stack_resources").paginate(StackName=name)
        return [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::Lambda::Function"
        ]
