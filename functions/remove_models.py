"""Remove models: a person's word in; all that events made for them gone. Called by the machine
remove, which comes back until nothing is left, or until its patience is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import ledger, removals
from everloop.errors import BadInput, NotReady
from everloop.flows import removing
from everloop.flows.report import logger
from everloop.moments import text

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# An endpoint that moves is not deleted, and a deployment may take eight hours. CloudFormation
# waits for an hour, no longer.
_PATIENCE, _OF_CLOUDFORMATION = timedelta(hours=12), timedelta(minutes=50)
# Of passes in a row that leave nothing but errors, such as a permission that lacks: a throttle ends
# by itself, and waiting alone does not change the others.
_OF_ERRORS = timedelta(minutes=30)
_SOON, _OFTEN, _SELDOM = timedelta(minutes=30), 15, 120
_ENOUGH_MS = 120_000  # of a function's time, for one more model
_SHOWN = 20  # models that a pass tells of


@dataclass(frozen=True)
class Request:
    """`step` is `begin`, once, or `go on`. Without a model every one is meant.

    `stuck_since` is when the first pass of those began that left nothing but errors.
    """

    step: str
    actor: str
    reason: str
    execution: str
    began: datetime
    time: datetime
    model: str | None = None
    with_versions: bool | None = None
    answer: Mapping[str, Any] | None = None
    stuck_since: datetime | None = None


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {models} of what begins, or what is left when a pass has ended."""
    request = requests.read(Request, event)
    if request.step == "begin":
        return {"models": _begin(request)}
    if request.step != "go on":
        raise BadInput(f"step: {request.step!r}; 'begin' or 'go on' belongs there")
    left, stuck = _go_on(request, context)
    age = request.time - request.began
    patience = _OF_CLOUDFORMATION if request.answer else _PATIENCE
    stuck_since = (request.stuck_since or request.time) if stuck == left.keys() else None
    for_good = stuck_since is not None and request.time - stuck_since >= _OF_ERRORS
    shown = {model: left[model] for model in sorted(left)[:_SHOWN]}
    summary = "; ".join(f"{model}: {', '.join(what)}" for model, what in shown.items())
    return {
        "done": not left,
        "given_up": bool(left) and (age >= patience or for_good),
        "stuck_since": text(stuck_since) if stuck_since else None,
        "left": shown,
        "models": len(left),
        "wait_seconds": _OFTEN if age < _SOON else _SELDOM,
        "reason": f"{len(left)} models are not gone: {summary}" if left else "nothing is left",
    }


def _begin(request: Request) -> list[str]:
    if not request.reason.strip():
        raise BadInput("reason: empty; say why, for those who read the ledger")
    models = ledger.models() if request.model is None else [request.model]
    begun = [
        removing.begin(
            model,
            id=request.execution.rpartition(":")[2],
            by=request.actor,
            reason=request.reason.strip(),
            now=request.time,
            versions=bool(request.with_versions),
        )
        for model in models
    ]
    return [removal.model for removal in begun if removal is not None]


def _go_on(request: Request, context: "LambdaContext") -> tuple[dict[str, list[str]], set[str]]:
    """Take one step with each removal; return what is left, by model, and where a step failed."""
    under_way = [r for r in removals.under_way() if request.model in (None, r.model)]
    ran = removing.stop_executions([removal.model for removal in under_way])
    left: dict[str, list[str]] = {}
    stuck: set[str] = set()
    for removal in under_way:
        if context.get_remaining_time_in_millis() < _ENOUGH_MS:
            left[removal.model] = ["it waits for its turn"]
            continue
        try:
            remaining = removing.go_on(removal, ran.get(removal.model, 0), request.time)
        except NotReady as busy:
            remaining = [f"AWS is busy: {busy}"]
        except Exception as error:  # one model's trouble keeps none of the others
            logger.exception("could not remove", model=removal.model)
            remaining = [f"{type(error).__name__}: {error}"[:300]]
            stuck.add(removal.model)
        if remaining:
            left[removal.model] = remaining
    return left, stuck
