"""Stacks for tests: made from a few lines of YAML, waited for as any client would."""

from collections.abc import Callable
from typing import Any

import pytest
from waiting import until

CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@pytest.fixture
def settled() -> Callable[[Any, str], dict[str, Any]]:
    """Wait until a stack is in progress no more; gives the stack."""

    def wait(client: Any, stack: str) -> dict[str, Any]:
        found: dict[str, Any] = until(
            lambda: client.describe_stacks(StackName=stack)["Stacks"][0],
            lambda found: not found["StackStatus"].endswith("_IN_PROGRESS"),
            poll=0.02,
        )
        return found

    return wait


@pytest.fixture
def create(settled: Any) -> Callable[..., dict[str, Any]]:
    """Create a stack and wait for its end."""

    def make(client: Any, template: str, stack: str = "demo", **more: Any) -> dict[str, Any]:
        client.create_stack(
            StackName=stack, TemplateBody=template, Capabilities=CAPABILITIES, **more
        )
        return settled(client, stack)

    return make


@pytest.fixture
def update(settled: Any) -> Callable[..., dict[str, Any]]:
    """Update a stack and wait for its end."""

    def change(client: Any, template: str, stack: str = "demo", **more: Any) -> dict[str, Any]:
        client.update_stack(
            StackName=stack, TemplateBody=template, Capabilities=CAPABILITIES, **more
        )
        return settled(client, stack)

    return change


@pytest.fixture
def refs() -> Callable[..., dict[str, str]]:
    """Give a stack's physical ids by logical id."""

    def look(client: Any, stack: str = "demo") -> dict[str, str]:
        found = client.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}

    return look
