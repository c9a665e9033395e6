"""The hash chain of a model's decisions: nothing can be changed or left out unseen."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from everloop.names import digest

GENESIS = "0" * 64

_KINDS = """install collect freeze train train-end seal judge approve release test serve rollback
monitor violation retrain reconcile pause resume withdraw forget set-aside restore pin wait
instance remove request reproduce score"""
KINDS = frozenset(_KINDS.split())


@dataclass(frozen=True)
class Entry:
    """A decision before it has its place in the chain. `id` comes from the fact decided upon."""

    id: str
    model: str
    time: str
    kind: str
    go: bool
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    subject: str = ""
    actor: str = "everloop"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"{self.kind!r} is no kind of decision: {sorted(KINDS)}")


def linked(entry: Entry, seq: int, previous: str) -> dict[str, Any]:
    """Return the decision as it stands in the ledger, with its place and its hash."""
    decision: dict[str, Any] = {
        "id": entry.id,
        "seq": seq,
        "time": entry.time,
        "model": entry.model,
        "kind": entry.kind,
        "go": entry.go,
        "reason": entry.reason,
        "facts": settled(dict(entry.facts)),
        "subject": entry.subject,
        "actor": entry.actor,
        "previous": previous,
    }
    return {**decision, "hash": digest(decision)}


def settled(value: Any) -> Any:
    """Return a value as it comes back from any store: 1.0 and 1 are one number, NaN is none.

    Without this the hash of what was written would not be that of what is read.
    """
    if isinstance(value, Mapping):
        return {str(key): settled(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [settled(inner) for inner in value]
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return None
        return int(value) if value.is_integer() else value
    return value


@dataclass(frozen=True)
class Anchor:
    """A head of a chain that was written down elsewhere, where nobody can change it."""

    model: str
    seq: int
    hash: str
    time: str = ""

    @property
    def key(self) -> str:
        return f"chains/{self.model}/{self.seq:010d}-{self.hash}.json"

    def as_dict(self) -> dict[str, Any]:
        return {"model": self.model, "seq": self.seq, "hash": self.hash, "time": self.time}


_ANCHOR = re.compile(r"chains/([^/]+)/(\d{10})-([0-9a-f]{64})\.json")


def anchor_of(key: str, time: str) -> Anchor | None:
    """Read an anchor from its key, which says all; None for any other object."""
    match = _ANCHOR.fullmatch(key)
    return Anchor(match[1], int(match[2]), match[3], time) if match else None


def verify(
    decisions: Iterable[Mapping[str, Any]],
    head: Mapping[str, Any] | None = None,
    anchors: Iterable[Anchor] = (),
) -> list[str]:
    """Return what is wrong with a model's decisions, in words; nothing if the chain holds.

    They must be all of them, in the order of `seq`, from the first, and read after the head: by
    themselves they do not tell that the newest are missing. The head does, and so do anchors, where
    the head was changed, too.
    """
    problems = []
    previous, expected = GENESIS, 1
    hashes: dict[int, str] = {}
    for decision in decisions:
        seq = decision.get("seq")
        if seq != expected:
            problems.append(f"decision {expected} is missing: found {seq} in its place")
        if decision.get("previous") != previous:
            problems.append(f"decision {seq} does not follow the one before it")
        rest = {key: value for key, value in decision.items() if key != "hash"}
        if decision.get("hash") != digest(rest):
            problems.append(f"decision {seq} was changed after it was written")
        previous = str(decision.get("hash"))
        expected = (seq if isinstance(seq, int) else expected) + 1
        if isinstance(seq, int):
            hashes[seq] = previous
    last = max(hashes, default=0)
    if head is not None:
        problems += _differs(hashes, last, int(head["seq"]), str(head["hash"]), "the chain's head")
    for anchor in sorted(anchors, key=lambda anchor: anchor.seq):
        name = f"the anchor of {anchor.time or 'before'}"
        problems += _differs(hashes, last, anchor.seq, anchor.hash, name)
    return problems


def _differs(hashes: Mapping[int, str], last: int, seq: int, hash: str, whose: str) -> list[str]:
    actual = hashes.get(seq)
    if actual is None and seq > last:
        missing = f"decision {seq}" if seq == last + 1 else f"decisions {last + 1} to {seq}"
        return [f"{missing} at the end are missing: {whose} names decision {seq}"]
    if actual != hash:
        return [
            f"decision {seq} is not the one that {whose} names: {str(actual)[:12]}, {hash[:12]}"
        ]
    return []
