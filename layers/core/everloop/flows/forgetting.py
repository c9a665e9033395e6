"""Forgetting: the ledger keeps that somebody was forgotten, and not who.

The command deletes in S3, with the person's own rights. Before it does, this writes a tombstone for
each version of an object that goes: its key in S3, its version, and when.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from everloop.aws import ledger, objects
from everloop.decisions.holding import KINDS, held
from everloop.errors import BadInput
from everloop.flows import report
from everloop.moments import text
from everloop.names import digest
from everloop.records.object_state import WITHDRAWN, ObjectState

_SUBJECT = re.compile(r"[0-9a-f]{32}")
_SHOWN = 10  # objects in a decision; the ledger has them all


def note(
    model: str,
    versions: Mapping[str, str],
    subject: str,
    rows: int,
    reason: str,
    actor: str,
    now: datetime,
) -> None:
    """Write down that rows of a person go, with a tombstone for each version of a drop.

    Raises BadInput while something holds the data. `subject` is a digest that nobody can make
    without the stack's key.
    """
    if not _SUBJECT.fullmatch(subject):
        raise BadInput("subject: no digest of 32 digits; never the key itself")
    installed = ledger.find_installed(model)
    begun = installed.reproduction if installed else None
    if busy := held(model, {kind: ledger.lease(model, kind) for kind in KINDS}, begun, now):
        raise BadInput(
            f"model: {busy}, and what it read it would write once more; try again when it has ended"
        )
    for key, version in versions.items():
        why = "rows of a person who was forgotten were in it"
        objects.put(model, ObjectState(key, version, WITHDRAWN, why, now, actor, forgotten=True))
    listed = sorted(versions.items())
    report.decided(
        "forget",
        id=f"{subject}:{digest(listed)}:{text(now)}",
        model=model,
        time=now,
        go=True,
        reason=reason,
        facts={
            "subject": subject,
            "rows": rows,
            "objects": len(listed),
            "versions": [list(each) for each in listed[:_SHOWN]],
        },
        actor=actor,
    )
