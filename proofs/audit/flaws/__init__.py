"""Flaws to plant into a copy of the product, each with the rule that has to find it.

A flaw is an edit of the real files: what it breaks is what really guards the product. An edit that
finds nothing to change raises, so that a flaw cannot go missing when the product moves on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from proofs.audit.findings import AuditError

Plant = Callable[[Path], None]


@dataclass(frozen=True)
class Flaw:
    says: str
    plant: Plant
    tool: str  # the auditor, its rule and the place that have to be found
    rule: str
    where: str


def change(file: str, old: str, new: str, *, after: str = "") -> Plant:
    """Replace a text, the first one behind another text."""

    def plant(root: Path) -> None:
        path = root / file
        text = path.read_text()
        start = text.find(after)
        at = text.find(old, start) if start >= 0 else -1
        if at < 0:
            raise AuditError(f"a flaw has no place in {file}: no {old!r} behind {after!r}")
        path.write_text(text[:at] + new + text[at + len(old) :])

    return plant


def drop(file: str, old: str, *, after: str = "") -> Plant:
    return change(file, old, "", after=after)


def append(file: str, text: str) -> Plant:
    def plant(root: Path) -> None:
        with (root / file).open("a") as opened:
            opened.write(text)

    return plant


def add(file: str, content: bytes) -> Plant:
    def plant(root: Path) -> None:
        (root / file).write_bytes(content)

    return plant


def resource(text: str) -> Plant:
    """Add a resource to the template."""
    return change("template.yaml", "\nOutputs:\n", f"\n{text}\nOutputs:\n")


def statement(function: str, text: str) -> Plant:
    """Add a statement to the policy of a function's role in the template."""
    opening = '            Version: "2012-10-17"\n            Statement:\n'
    return change("template.yaml", opening, f"{opening}  {text}", after=f"\n  {function}Role:\n")
