"""Start a model's pipeline on a frozen dataset, unless the governor refuses.

Called by statemachines/train.asl.yaml with a task token. The token lies in the ledger before the
pipeline is started; `resume_execution` completes it when the pipeline ends, or this
function does at once.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from everloop import names, requests
from everloop.aws import arrivals, ledger, pipelines
from everloop.decisions import Decision
from everloop.decisions.governor import may_train
from everloop.errors import Conflict
from everloop.flows import planning, report, resuming, training
from everloop.flows.report import logger
from everloop.records.installation import Installation
from everloop.records.lease import TRAINING
from everloop.records.run import BELOW_BARS, REGISTERED, RUNNING, WAITING, Run
from everloop.records.token import Token
from everloop.spec import policy

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
    installed = ledger.installed(request.model)
    fingerprint = (request.dataset_digest, installed.bundle_digest)
    closed = arrivals.closed_window(request.model, request.window)
    again = closed.again if closed is not None else 0
    name = names.training_run(request.model, request.window, *fingerprint, again)
    runs = ledger.runs(request.model)
    allowed = may_train(
        request.cause,
        runs,
        policy.retrain(installed.spec),
        request.time,
        fingerprint=None if again else fingerprint,  # a person wants the same once more
        name=name,
        paused=installed.paused,
    )
    if not allowed.go:
        return _refuse(request, name, allowed.reason, allowed.facts, later=allowed.later)
    if closed is not None and closed.digest not in (None, request.dataset_digest):
        reason = "something was taken out of its dataset since: the window was frozen anew"
        facts = {"later": True, "frozen": closed.digest}
        return _refuse(request, name, reason, facts, later=True)
    later = training.trained_since(installed, request.window)
    if later is not None:
        reason = f"its data is in the dataset of window {later}, which was trained on since"
        return _refuse(request, name, reason, {"trained_with": later})
    try:
        ledger.take_lease(
            request.model,
            TRAINING,
            request.execution,
            None,  # what was left over is older than what was trained last
            request.time,
            request.time + _LEASE,
        )
    except Conflict:
        reason = "another training of this model runs; its end starts this one"
        return _refuse(request, name, reason, {"later": True}, later=True)
    run = _record(request, name, fingerprint, installed, runs, allowed)
    turn = names.run_turn(name, run.turn)
    subject = resuming.run_subject(request.model, turn)
    ledger.put_token(
        Token(subject, request.token, request.model, request.execution, "", True), request.time
    )
    # A run whose machine died and whose data or code has changed since has nobody left to judge it.
    for other in pipelines.running(request.model):
        if names.is_training_run(request.model, other.display_name, but=turn):
            pipelines.stop(other.arn, "another training of this model takes its place")
    arn = pipelines.start(
        request.model,
        {
            "DatasetUri": request.dataset_uri,
            "DatasetDigest": request.dataset_digest,
            "Cause": request.cause,
        },
        turn,
        names.run_token(request.model, request.window, *fingerprint, again, run.turn),
        f"window {request.window} of {request.model}, because of {request.cause}",
    )
    ledger.note_wait(request.model, TRAINING, request.execution, arn)
    waits = ledger.token(subject)
    # An event of its last end, come late or again, may have woken this machine a moment ago.
    if waits is not None and waits.token == request.token and any(r.name == name for r in runs):
        training.take_up(installed, arn)
    # If it ended before its token was written, its event found nobody to wake.
    logger.info("looked at run", outcome=resuming.resume_after_run(arn))
    return {"started": True, "run": arn}


def _record(
    request: Request,
    name: str,
    fingerprint: tuple[str, str],
    installed: Installation,
    runs: list[Run],
    allowed: Decision,
) -> Run:
    """Write down what is about to be started: nothing runs that the ledger does not know.

    First the pipeline has its plan: where a push came between, this is tried again as another run,
    and nothing was written of one that will not be. A run that goes on keeps its instances: others
    are another execution.
    """
    known = next((run for run in runs if run.name == name), None)
    closed = arrivals.closed_window(request.model, request.window)
    run = known or Run(
        name,
        *fingerprint,
        request.cause,
        request.time,
        RUNNING,
        dataset_bytes=closed.bytes if closed else 0,
        plan=planning.plan(installed, request.time),
    )
    if run.outcome == WAITING:
        run = dataclasses.replace(run, started_at=request.time)
    if run.outcome not in (REGISTERED, BELOW_BARS):  # else this start finds the run that has ended
        run = dataclasses.replace(run, outcome=RUNNING, ended_at=None)
    machine = request.execution.rpartition(":")[2]
    run = dataclasses.replace(run, execution=machine)
    planning.apply(installed, run.plan, request.time)
    ledger.put_run(request.model, run)
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
            "bundle_digest": fingerprint[1],
            "instances": planning.taken(installed, run.plan),
        },
        subject=request.dataset_uri,
    )
    return run


def _refuse(
    request: Request, name: str, reason: str, facts: Mapping[str, Any], *, later: bool = False
) -> dict[str, Any]:
    """Wake the machine with the refusal; `later` says that it may be allowed another time."""
    report.decided(
        "train",
        id=f"{name}:{request.execution.rpartition(':')[2]}",
        model=request.model,
        time=request.time,
        go=False,
        reason=reason,
        facts={**facts, "cause": request.cause, "window": request.window},
        subject=request.dataset_uri,
    )
    resuming.refuse(request.token, reason, later=later)
    return {"started": False, "reason": reason}
