"""Waivers: a version that broke a bar of fairness is released only where a person waives that.

The waiver is the approval itself, in the registry: its words begin with `waive:` and say why. So
who, when and why are written down with it, as of every approval.
"""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from everloop.decisions.approvals import APPROVED
from everloop.records.approval import Approval
from everloop.records.verdict import Verdict

_WORDS = re.compile(
    r"\s*(?:emergency\s*:\s*)?waive\s*:\s*(?:emergency\s*:\s*)?(\S.*)", re.IGNORECASE | re.DOTALL
)


def reason_in(words: str) -> str:
    """Return why somebody waives, by the words of an approval; empty where they waive nothing."""
    found = _WORDS.fullmatch(words)
    return found[1].strip() if found else ""


def barred(model: str, word: Approval | None, verdict: Verdict | None) -> str:
    """Say why the approval of a version does not count, and what would; empty where it does.

    `word` is what is written down of its approval, and `verdict` what the judge said of it.
    """
    if verdict is None or not verdict.unfair:
        return ""
    broke = f"version {verdict.version} broke its bars of fairness ({verdict.unfair})"
    how = f"everloop approve {model} --version {verdict.version} --waive 'why'"
    if word is None or word.status != APPROVED or not reason_in(word.words):
        stood = word is not None and word.status == APPROVED and reason_in(word.description)
        again = " (the registry had these words before: use others)" if stood else ""
        return f"{broke}, and its approval does not waive them{again}; whoever may: {how}"
    if not may_waive(word.by, verdict.waive_by):
        return (
            f"{broke}, and {word.by} may not waive them: [fairness].waive_by names "
            f"{', '.join(verdict.waive_by)}"
        )
    return ""


def may_waive(who: str, waive_by: Sequence[str]) -> bool:
    """Whether one of these names this person; without any, whoever may approve may waive."""
    return not waive_by or any(
        fnmatchcase(who if ":" in each else name_of(who), each) for each in waive_by
    )


def name_of(who: str) -> str:
    """Return the name that only an administrator gives: of a role, a user, or a user profile.

    The name of a role's session is chosen by whoever takes the role, so it says nothing.
    """
    resource = who.rpartition(":")[2] if who.startswith("arn:") else who
    kind, _, rest = resource.partition("/")
    if kind == "assumed-role":
        return rest.partition("/")[0]
    return resource.rpartition("/")[2]
