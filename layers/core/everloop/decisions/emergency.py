"""Emergencies: a release that neither deploy windows nor a freeze hold back, on a person's word.

The word is the approval itself, in the registry: it begins with `emergency:` and says why. So who,
when and why are written down with it, as of every approval.
"""

import re

from everloop.decisions.approvals import APPROVED
from everloop.records.approval import Approval

_WORDS = re.compile(
    r"\s*(?:waive\s*:\s*)?emergency\s*:\s*(?:waive\s*:\s*)?(\S.*)", re.IGNORECASE | re.DOTALL
)


def reason_in(words: str) -> str:
    """Return why it must be now, by the words of an approval; empty where they do not."""
    found = _WORDS.fullmatch(words)
    return found[1].strip() if found else ""


def reason(word: Approval | None) -> str:
    """Return why somebody wants a version released at once; empty where nobody does."""
    return reason_in(word.words) if word is not None and word.status == APPROVED else ""
