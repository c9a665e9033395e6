"""Flaws to plant into a copy of the product, each with the rule that has to find it.

A flaw is an edit of the real files: what it breaks is what really guards the product.
"""

from dataclasses import dataclass

from proofs.planting import Entry, Plant

TEMPLATE = "template.yaml"


@dataclass(frozen=True)
class Flaw:
    says: str
    plant: Plant
    tool: str  # the auditor, its rule and the place that have to be found
    rule: str
    where: str


def resource(path: str, value: str) -> Plant:
    """Add or change a resource of the template, or something of it."""
    return Entry(TEMPLATE, f"Resources/{path}", value)


def without(path: str) -> Plant:
    """Take something of a resource of the template away."""
    return Entry(TEMPLATE, f"Resources/{path}")


def statement(function: str, value: str) -> Plant:
    """Add a statement to the policy of a function's role in the template."""
    return resource(f"{function}Role/Properties/Policies/0/PolicyDocument/Statement/+", value)
