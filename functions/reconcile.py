"""Start whatever an event should have started and did not. Called on a schedule, for every model.

The same steps as the events' own, so that what is on its way is not started twice.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import ledger
from everloop.errors import EverloopError
from everloop.flows import mending, report
from everloop.flows.report import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return how many things were mended, by model. One model's trouble keeps none from another."""
    request = requests.read(Request, event)
    mended: dict[str, int] = {}
    troubled: list[str] = []
    for model in ledger.models():
        try:
            mended[model] = _reconcile(model, request.time)
        except EverloopError as error:
            logger.error("could not reconcile", model=model, why=str(error))
            troubled.append(f"{model}: {error}")
    if troubled:
        raise EverloopError("; ".join(troubled))
    return {"mended": mended}


def _reconcile(model: str, now: datetime) -> int:
    installed = ledger.find_installed(model)
    if installed is None:
        return 0
    count = 0
    for mend in mending.mends(installed, now):
        count += 1
        report.decided(
            "reconcile",
            id=f"{model}:{mend.subject}:{now.isoformat()}",
            model=model,
            time=now,
            go=True,
            reason=mend.reason,
            subject=mend.subject,
        )
    return count
