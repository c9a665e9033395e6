"""Record how a training ended, give the lease back, and start what was left over.

Called by statemachines/train.asl.yaml, with the run that ended or the error that ended it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import policy, requests
from everloop.aws import arrivals, ledger, people, registry, storage
from everloop.aws.ledger import TRAINING, Installed
from everloop.decisions.governor import (
    BELOW_BARS,
    FAILED,
    REGISTERED,
    STOPPED,
    Run,
    useless_in_a_row,
)
from everloop.decisions.windows import REFUSED
from everloop.errors import said
from everloop.flows import report, training
from everloop.flows.report import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_FOR_GOOD = ("BadInput", "States.Runtime", "States.QueryEvaluationError")  # another attempt ends so
_BELOW_BARS_STEP = "BelowBars"


@dataclass(frozen=True)
class Request:
    model: str
    window: int
    cause: str
    execution: str
    time: datetime
    run: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {outcome, ok, reason}; ok is False only where somebody should look."""
    request = requests.read(Request, event)
    name = request.execution.rpartition(":")[2]
    installed = ledger.installed(request.model)
    outcome, reason = _outcome(request)
    # What the machine did not live to see goes on: reconcile's next attempt finds the same run. And
    # what waits for its turn, or for its budget, is trained later.
    died = request.error is not None and request.error.get("Error") not in _FOR_GOOD
    ended = next((r for r in ledger.runs(request.model) if r.execution == name), None)
    if ended is not None and not died:
        rows = (
            _rows_trained(str((request.run or {})["package_arn"]))
            if outcome == REGISTERED
            else None
        )
        ledger.put_run(
            request.model,
            dataclasses.replace(ended, outcome=outcome, ended_at=request.time, rows=rows),
        )
    if not died and not (request.run or {}).get("later"):
        arrivals.note_outcome(request.model, request.window, outcome)
    ledger.free_lease(request.model, TRAINING, request.execution)
    if outcome != REFUSED:
        report.decided(
            "train-end",
            id=name,
            model=request.model,
            time=request.time,
            go=outcome == REGISTERED,
            reason=reason,
            facts={
                "outcome": outcome,
                "cause": request.cause,
                "window": request.window,
                "package_arn": (request.run or {}).get("package_arn") or None,
            },
            subject=str((request.run or {}).get("run") or ""),
        )
        _tell(installed, ledger.runs(request.model), outcome, reason, name)
    left = training.start_left_over(installed, request.time, but=request.window)
    logger.info("looked for more", go=left.decision.go, why=left.decision.reason)
    return {"outcome": outcome, "ok": outcome not in (FAILED, STOPPED), "reason": reason}


def _outcome(request: Request) -> tuple[str, str]:
    """Return how the training ended, and why, from the run or from the error that ended it."""
    if request.error is not None:
        return FAILED, f"the machine failed: {request.error.get('Error')}: {said(request.error)}"
    run = request.run or {}
    reason = str(run.get("reason") or "")
    if not run.get("started"):
        return REFUSED, reason
    status, package = run.get("status"), run.get("package_arn")
    if status == "Succeeded" and package:
        return REGISTERED, f"registered {package}"
    if run.get("failed_step") == _BELOW_BARS_STEP:
        return BELOW_BARS, f"the candidate missed its bars: {reason}"
    if status == "Succeeded":
        return FAILED, "the pipeline succeeded and registered no package"
    if status == "Stopped":
        return STOPPED, "somebody stopped the pipeline"
    step = f"step {run['failed_step']}: " if run.get("failed_step") else ""
    return FAILED, f"the pipeline ended {status}: {step}{reason}"


def _rows_trained(package_arn: str) -> int | None:
    """Return how many rows the version was trained on: the governor estimates new ones by it."""
    baseline = registry.describe(package_arn).uri("baseline-uri").rstrip("/")
    dataset = storage.read_json(f"{baseline}/statistics.json").get("dataset")
    count = dataset.get("item_count") if isinstance(dataset, Mapping) else None
    return int(count) if isinstance(count, int | float) else None


def _tell(installed: Installed, runs: list[Run], outcome: str, reason: str, name: str) -> None:
    """Tell people of a failure, and of the breaker once it holds violations off."""
    if outcome == REGISTERED:
        return
    useless = useless_in_a_row(runs)
    limit = policy.retrain(installed.spec).stop_after_failures
    message = f"{name}: {reason}\n\nRuns in a row without a new version: {useless}."
    if useless >= limit:
        message += (
            f"\nViolations start no further training until a run brings a version ({limit} is the "
            "limit in [retrain]). New data or a new push of the model's folder still do."
        )
    people.tell(f"{installed.model}: training {outcome}", message)
