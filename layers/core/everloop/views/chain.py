"""A model's chain of decisions as an auditor is shown it: whole, with what verifying it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from everloop.chain import Anchor, verify
from everloop.records.decision import Head


@dataclass(frozen=True)
class Chain:
    """All that it takes to verify the chain without Everloop, and what we found.

    `all` are the decisions as the ledger keeps them, whose hashes these are.
    """

    decisions: int
    head: Mapping[str, Any] | None
    anchors: Sequence[Mapping[str, Any]]
    problems: Sequence[str]
    all: Sequence[Mapping[str, Any]]


def chain(
    head: Head | None, decisions: Sequence[dict[str, Any]], anchors: Sequence[Anchor]
) -> Chain:
    """Verify decisions against a head that was read before them, and against what was anchored."""
    named = {"seq": head.seq, "hash": head.hash} if head else None
    problems = list(verify(list(decisions), named, list(anchors)))
    if named is None and decisions:
        newest = decisions[-1]["seq"]
        problems.insert(0, f"the chain's head is missing; the newest decision found is {newest}")
    return Chain(
        decisions=len(decisions),
        head=named,
        anchors=[anchor.as_dict() for anchor in anchors],
        problems=problems,
        all=list(decisions),
    )
