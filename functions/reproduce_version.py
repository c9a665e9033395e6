"""Train a version again, and say whether it comes out the same. Registers and releases nothing.

Called by people (`everloop reproduce`), when the execution that trains it has ended, and by
reconcile, where no event told of that.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import names, requests
from everloop.aws import ledger
from everloop.aws.settings import settings
from everloop.errors import BadInput
from everloop.facts import reproduction_ended
from everloop.flows import reproducing
from everloop.flows.report import logger
from everloop.records.installation import Reproduction

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    """A person's, with the version; reconcile's has none, and looks at what is under way."""

    model: str
    time: datetime
    version: int | None = None
    reason: str = ""
    actor: str = ""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {go, reason, execution} to a person, {found} to events and to reconcile."""
    if "detail-type" in event:
        ended = reproduction_ended(event, settings().home)
        return _conclude(ended.model, ended.time) if ended else {"found": "somebody else's"}
    request = requests.read(Request, event)
    if request.version is None:
        return _conclude(request.model, request.time)
    if not request.reason.strip():
        raise BadInput("reason: empty; say why, for those who read the ledger")
    installed = ledger.installed(request.model)
    asked = Reproduction(
        version=request.version,
        name=names.reproduction(request.model, request.version, request.time),
        started_at=request.time,
        by=request.actor or "everloop",
        reason=request.reason.strip(),
    )
    decision, execution = reproducing.begin(installed, asked)
    return {"go": decision.go, "reason": decision.reason, "execution": execution}


def _conclude(model: str, now: datetime) -> dict[str, Any]:
    installed = ledger.find_installed(model)
    if installed is None:
        return {"found": f"{model} is not installed"}
    found = reproducing.conclude(installed, now)
    logger.info("looked at reproduction", found=found)
    return {"found": found}
