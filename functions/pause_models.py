"""Pause models, or let them go on. Called by people: `everloop pause` and `everloop resume`.

While a model is paused nothing new is trained and nothing new is released; what runs goes to its
end, arrivals are kept, and a version whose approval is withdrawn still leaves production. Resumed,
`reconcile` starts what has waited, and what was held since AWS lacked a quota or capacity for it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import ledger
from everloop.errors import BadInput
from everloop.flows import report, shortages
from everloop.flows.report import logger
from everloop.moments import text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    pause: bool
    reason: str
    actor: str
    time: datetime
    model: str | None = None  # every model that is installed


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return the names of the models that changed. Raises BadInput for a model nobody pushed."""
    request = requests.read(Request, event)
    if not request.reason.strip():
        raise BadInput("reason: empty; say why, for those who find the models paused")
    names = ledger.models() if request.model is None else [request.model]
    changed = [name for name in names if _set(name, request)]
    logger.info("set pause", pause=request.pause, models=changed)
    return {"models": changed}


def _set(model: str, request: Request) -> bool:
    before = ledger.installed(model).paused
    held = [] if request.pause else shortages.resume(model, request.time)
    if bool(before) == request.pause and not held:
        return False
    since = text(request.time)
    ledger.pause(
        model,
        f"paused by {request.actor} since {since}: {request.reason}" if request.pause else "",
    )
    report.decided(
        "pause" if request.pause else "resume",
        id=f"{model}:{since}",
        model=model,
        time=request.time,
        go=True,
        reason=request.reason,
        facts={} if request.pause else {"was": before, "held": held},
        actor=request.actor,
    )
    return True
