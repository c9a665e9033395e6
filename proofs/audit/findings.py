"""What was found, what is accepted with a reason, and what is left to explain."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any


class AuditError(Exception):
    """A tool or a rule could not do its work, or accepted.toml is wrong: not the same as clean."""


@dataclass(frozen=True, order=True)
class Finding:
    tool: str
    rule: str
    where: str  # a resource's logical id, machine/state, or file:function; stable when lines move
    what: str = field(compare=False)


@dataclass(frozen=True)
class Acceptance:
    """A finding that is meant to be: which, where, and why. `*` in `where` stands for anything."""

    tool: str
    rule: str
    where: tuple[str, ...]
    reason: str

    def covers(self, finding: Finding, pattern: str) -> bool:
        same = (finding.tool, finding.rule) == (self.tool, self.rule)
        return same and fnmatchcase(finding.where, pattern)


@dataclass(frozen=True)
class Verdict:
    accepted: tuple[Finding, ...]
    unexplained: tuple[Finding, ...]
    stale: tuple[str, ...]  # acceptances that nothing needs


def read_acceptances(path: Path) -> list[Acceptance]:
    """Read accepted.toml. Raises AuditError naming the entry, the key and the fix."""
    try:
        told: dict[str, Any] = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise AuditError(f"{path.name} is no TOML: {error}") from error
    return [_acceptance(path.name, n, entry) for n, entry in enumerate(told.get("accepted", []), 1)]


def _acceptance(file: str, number: int, entry: dict[str, Any]) -> Acceptance:
    at = f"{file}, entry {number} ({entry.get('rule', '?')})"
    extra = sorted(set(entry) - {"tool", "rule", "where", "reason"})
    if extra:
        raise AuditError(f"{at}: {extra[0]} is no key; there are tool, rule, where and reason")
    for key in ("tool", "rule", "reason"):
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise AuditError(f"{at}: {key} is {entry.get(key)!r}; write a text")
    where = entry.get("where")
    if not isinstance(where, list) or not where or not all(isinstance(w, str) for w in where):
        raise AuditError(f"{at}: where is {where!r}; write a list of places")
    return Acceptance(entry["tool"], entry["rule"], tuple(where), entry["reason"])


def judge(
    findings: Iterable[Finding], acceptances: Iterable[Acceptance], ran: Iterable[str]
) -> Verdict:
    """Sort findings by whether a reason is written down; an acceptance without a finding is stale.

    `ran` names the tools that ran: what another would have found cannot be stale.
    """
    found = sorted(set(findings))
    acceptances, ran = list(acceptances), set(ran)
    accepted = {
        f for f in found for a in acceptances for pattern in a.where if a.covers(f, pattern)
    }
    stale = [
        f"{a.tool} {a.rule} at {pattern}"
        for a in acceptances
        for pattern in a.where
        if a.tool in ran and not any(a.covers(f, pattern) for f in found)
    ]
    return Verdict(
        tuple(f for f in found if f in accepted),
        tuple(f for f in found if f not in accepted),
        tuple(stale),
    )
