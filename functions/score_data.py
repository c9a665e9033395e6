"""Score what came below score/. Called by statemachines/score.asl.yaml, by schedules and people.

A step of the machine plans a window's jobs, or writes down how they ended. A schedule, or an event
of the owner's, names only the model: what has come is scored without waiting for quiet.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import ledger
from everloop.billing import jobs
from everloop.errors import BadInput
from everloop.flows import batch_ends, batch_runs, batches
from everloop.flows.report import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

PLAN, FINISH = "plan", "finish"


@dataclass(frozen=True)
class Tick:
    model: str
    scheduled_at: datetime


@dataclass(frozen=True)
class Request:
    step: str
    model: str
    window: int
    execution: str
    time: datetime
    asked: bool = False
    batch: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None
    ran: list[Any] | None = None  # jobs, as billing.jobs reads them


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return what the machine needs of its next step; of a tick, whether something is scored."""
    if "step" not in event:
        return _ask(requests.read(Tick, event))
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    if request.step == PLAN:
        planned = batch_runs.plan(
            installed, request.window, request.execution, request.time, asked=request.asked
        )
        logger.info("planned a batch", go=planned["go"], why=planned["reason"])
        return planned
    if request.step != FINISH:
        raise BadInput(f"step: {request.step!r}; {PLAN} or {FINISH} belongs there")
    return batch_ends.finish(
        installed,
        request.window,
        request.execution,
        request.time,
        request.batch,
        request.error,
        jobs.used(request.ran, request.error),
    )


def _ask(tick: Tick) -> dict[str, Any]:
    installed = ledger.find_installed(tick.model)
    if installed is None:
        return {"go": False, "reason": f"{tick.model} is not installed"}
    decision = batches.start(installed, tick.scheduled_at, asked=True)
    logger.info("was asked to score", model=tick.model, go=decision.go, why=decision.reason)
    return {"go": decision.go, "reason": decision.reason}
