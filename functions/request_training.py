"""Start a training that somebody asks for. Called by people (`everloop train`) and by schedules.

[retrain] says which of arrivals, violations and a schedule train by themselves; a person may always
ask. The governor's budget and a pause hold for all of them.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import ledger
from everloop.errors import BadInput
from everloop.flows import report, requesting
from everloop.flows.report import logger
from everloop.moments import text
from everloop.names import digest
from everloop.records.run import REQUEST, SCHEDULE
from everloop.spec import policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    """`scheduled_at` is a schedule's; the others but `model` are a person's."""

    model: str
    scheduled_at: datetime | None = None
    time: datetime | None = None
    reason: str = ""
    actor: str = ""
    again: bool = False


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {go, reason, execution}. Raises BadInput for a model nobody pushed."""
    request = requests.read(Request, event)
    now = request.scheduled_at or request.time
    if now is None:
        raise BadInput("time: missing; a person's request says when it was made")
    scheduled = request.scheduled_at is not None
    if not scheduled and not request.reason.strip():
        raise BadInput("reason: empty; say why, for those who wonder what this version came from")
    installed = ledger.find_installed(request.model)
    if installed is None and scheduled:
        return {"go": False, "reason": f"{request.model} is not installed", "execution": ""}
    installed = installed or ledger.installed(request.model)
    cause = SCHEDULE if scheduled else REQUEST
    if scheduled and cause not in policy.retrain(installed.spec).causes:
        return {"go": False, "reason": "[retrain] has no schedule any more", "execution": ""}
    fact, why = _fact(request, cause, now), request.reason.strip()
    decided = report.decision("request", id=fact, model=request.model)
    if decided is not None:
        planned = requesting.of(decided)
    else:
        planned = requesting.plan(installed, cause, now, again=request.again)
        said = planned.decision.reason
        report.decided(
            "request",
            id=fact,
            model=request.model,
            time=now,
            go=planned.decision.go,
            reason=f"{why}: {said}" if why else said,
            facts={
                **planned.facts,
                "cause": cause,
                "execution": planned.execution(request.model),
            },
            **({"actor": request.actor} if request.actor else {}),
        )
    started = requesting.begin(installed, planned)
    return {
        "go": started.decision.go,
        "reason": started.decision.reason.removeprefix(f"{why}: "),
        "execution": started.execution,
    }


def _fact(request: Request, cause: str, now: datetime) -> str:
    """Name a request: two people may ask at the same time, and a tick comes more than once."""
    if cause == SCHEDULE:
        return f"{cause}:{text(now)}"
    asked = [request.actor, request.reason, request.again]
    return f"{cause}:{text(now)}:{digest(asked)[:8]}"
