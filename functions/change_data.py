"""Take objects out of later datasets, or bring them back, on a person's word.

Called by people: `everloop data undrop` and `everloop data restore`, which delete and undelete in
S3 themselves, with the person's own rights. What S3 has is the truth; this writes down who it was.
`everloop forget` tells what it is about to delete of a person's rows, and is refused while somebody
holds them.
`everloop data list` only looks at what the next dataset would be.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import ledger
from everloop.decisions.objects import Deletion
from everloop.errors import BadInput
from everloop.facts import model_name
from everloop.flows import collecting, forgetting, freezing, withdrawing
from everloop.flows.report import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

UNDROP, RESTORE, LOOK, FORGET = "undrop", "restore", "look", "forget"
_MOST = 500  # keys of one call; each is a question to S3


@dataclass(frozen=True)
class Request:
    """`keys` names the delete marker of each: that was made (undrop), or taken away (restore).

    To forget they name the version of each that goes; `subject` is a digest of who it is, and
    `rows` how many rows go.
    """

    action: str
    model: str
    keys: Mapping[str, Any]
    reason: str
    actor: str
    time: datetime
    subject: str = ""
    rows: int = 0


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return the keys that changed, why others did not, and what the next dataset would be."""
    request = requests.read(Request, event)
    model, keys = model_name(request.model, "model"), _keys(request)
    installed = ledger.find_installed(model)
    words, undrop = request.reason.strip(), request.action == UNDROP
    deletions = {
        key: Deletion(marker, undrop, False, request.actor, request.time, words)
        for key, marker in keys.items()
    }
    if request.action == LOOK:
        changed, left = set[str](), dict[str, str]()
    elif request.action == FORGET:
        forgetting.note(
            model, keys, request.subject, request.rows, words, request.actor, request.time
        )
        changed, left = set(keys), {}
    elif undrop:
        settlement = withdrawing.settle(
            model, list(deletions.items()), request.time, "everloop data undrop"
        )
        changed = {state.key for state in settlement.changed}
        left = {
            key: "S3 shows no delete marker above it, or it is written down already"
            for key in keys
            if key not in changed
        }
    else:
        changed, left = withdrawing.restore(model, deletions, request.time)
        if changed:
            collecting.collect(model, installed, [], request.time)
    logger.info("changed data", model=model, action=request.action, objects=len(changed))
    following = freezing.next_dataset(installed, request.time) if installed else None
    return {"changed": sorted(changed), "left": left, "next_dataset": following}


def _keys(request: Request) -> dict[str, str]:
    if request.action == LOOK:
        return {}
    if request.action not in (UNDROP, RESTORE, FORGET):
        known = f"{UNDROP!r}, {RESTORE!r}, {FORGET!r} or {LOOK!r}"
        raise BadInput(f"action: {request.action!r}; {known} belongs there")
    if not request.reason.strip():
        raise BadInput("reason: empty; say why, for those who read the ledger")
    if request.action == FORGET and not request.keys:
        return {}  # rows may lie outside of drops alone
    if not 0 < len(request.keys) <= _MOST:
        raise BadInput(f"keys: {len(request.keys)} of them; 1 to {_MOST} belong there")
    prefix = f"data/{request.model}/"
    for key, marker in request.keys.items():
        if not isinstance(key, str) or not key.startswith(prefix) or not _is_text(key):
            raise BadInput(f"keys: {key!r:.200} is no key below {prefix}")
        if not isinstance(marker, str) or len(marker) > 1024 or not _is_text(marker):
            raise BadInput(f"keys: {marker!r:.200} is no version's id")
    return dict(request.keys)


def _is_text(value: str) -> bool:
    try:
        return len(value.encode()) <= 1024
    except UnicodeEncodeError:
        return False
