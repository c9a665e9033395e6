"""Start a model's pipeline on a frozen dataset, unless the governor refuses.

Called by statemachines/train.asl.yaml with a task token. The token lies in the ledger before the
pipeline is started; `wake` completes it when the pipeline ends, or this function does at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from everloop import names, policy, requests
from everloop.aws import arrivals, ledger, pipelines
from everloop.aws.ledger import TRAINING, Token
from everloop.decisions.governor import RUNNING, Run, may_train
from everloop.errors import Conflict
from everloop.flows import report, waking
from everloop.flows.report import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_LEASE = timedelta(days=6)  # as long as the machine waits


@dataclass(frozen=True)
class Request:
    model: str
    window: int
    cause: str
    dataset_uri: str
    dataset_digest: str
    execution: str
    token: str
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Start the run and leave the machine asleep, or wake it with the refusal."""
    request = requests.read(Request, event)
    name = request.execution.rpartition(":")[2]
    installed = ledger.installed(request.model)
    runs = ledger.runs(request.model)
    allowed = may_train(
        request.cause,
        runs,
        policy.retrain(installed.spec),
        request.time,
        fingerprint=(request.dataset_digest, installed.bundle_digest),
        execution=name,
        paused=installed.paused,
    )
    if not allowed.go:
        return _refuse(request, name, allowed.reason, dict(allowed.facts))
    try:
        ledger.take_lease(
            request.model,
            TRAINING,
            request.execution,
            request.window,
            request.time,
            request.time + _LEASE,
        )
    except Conflict:
        reason = "another training of this model runs; its end starts this one"
        return _refuse(request, name, reason, {"later": True})
    subject = waking.run_subject(request.model, name)
    ledger.put_token(
        Token(subject, request.token, request.model, request.execution, "", True), request.time
    )
    arn = pipelines.start(
        request.model,
        {
            "DatasetUri": request.dataset_uri,
            "DatasetDigest": request.dataset_digest,
            "Cause": request.cause,
        },
        name,
        names.run_token(
            request.model, request.dataset_digest, installed.bundle_digest, request.execution
        ),
        f"window {request.window} of {request.model}, because of {request.cause}",
    )
    ledger.note_wait(request.model, TRAINING, request.execution, arn)
    closed = arrivals.closed(request.model, request.window)
    if not any(run.execution == name for run in runs):
        ledger.put_run(
            request.model,
            Run(
                name,
                request.dataset_digest,
                installed.bundle_digest,
                request.cause,
                request.time,
                RUNNING,
                dataset_bytes=closed.bytes if closed else 0,
            ),
        )
    report.decided(
        "train",
        id=name,
        model=request.model,
        time=request.time,
        go=True,
        reason=allowed.reason,
        facts={
            "cause": request.cause,
            "window": request.window,
            "dataset_digest": request.dataset_digest,
            "bundle_digest": installed.bundle_digest,
        },
        subject=arn,
    )
    # If it ended before its token was written, its event found nobody to wake.
    logger.info("looked at run", found=waking.look_at_run(arn))
    return {"started": True, "run": arn}


def _refuse(request: Request, name: str, reason: str, facts: dict[str, Any]) -> dict[str, Any]:
    report.decided(
        "train",
        id=name,
        model=request.model,
        time=request.time,
        go=False,
        reason=reason,
        facts={**facts, "cause": request.cause, "window": request.window},
        subject=request.dataset_uri,
    )
    waking.refuse(request.token, reason, later=bool(facts.get("later")))
    return {"started": False, "reason": reason}
