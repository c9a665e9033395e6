"""An endpoint as people are shown it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from everloop.decisions.releases import Serving
from everloop.views.timeline import Outcome

_OUTCOMES: Final[dict[str, Outcome]] = {
    "InService": "good",
    "Failed": "bad",
    "OutOfService": "bad",
    "UpdateRollbackFailed": "bad",
}


@dataclass(frozen=True)
class Endpoint:
    """What an endpoint says of itself; `version` is None for a config that is not Everloop's.

    `pending` is the config that comes, while it changes; `failure` AWS's words where it failed.
    """

    endpoint: str
    status: str
    outcome: Outcome
    config: str
    version: int | None
    pending: str
    since: datetime | None
    failure: str


def endpoint(serving: Serving | None) -> Endpoint | None:
    if serving is None:
        return None
    return Endpoint(
        endpoint=serving.endpoint,
        status=serving.status,
        outcome=_OUTCOMES.get(serving.status, "waiting"),
        config=serving.config,
        version=serving.version,
        pending=serving.pending_config or "",
        since=serving.changed_at,
        failure=serving.failure_reason,
    )
