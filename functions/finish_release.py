"""Record how a release ended, by what the endpoint says it serves; clean up; start the next.

Called by statemachines/deploy.asl.yaml.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import names, notices, requests
from everloop.aws import (
    anchors,
    approvals,
    configs,
    endpoints,
    ledger,
    people,
    production,
    registry,
)
from everloop.decisions import release_ends
from everloop.decisions.approvals import UNKNOWN
from everloop.decisions.infrastructure import description
from everloop.decisions.instances import Taken
from everloop.decisions.releases import Serving, gives_up
from everloop.decisions.waits import Retry
from everloop.errors import NotReady
from everloop.flows import (
    cards,
    clearing,
    instances,
    making,
    releasing,
    report,
    resuming,
    scaling,
    shortages,
)
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.pipelines.needs import ENDPOINT
from everloop.records.approval import Approval
from everloop.records.config import ServingConfig
from everloop.records.installation import Installation
from everloop.records.lease import RELEASE
from everloop.records.release import ERROR, RELEASED, WITHDRAWN, Release
from everloop.records.shortage import Trouble
from everloop.spec import forms, policy
from everloop.spec.instances import Choice, of_batch, of_endpoint

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    model: str
    epoch: int
    version: int
    package_arn: str
    cause: str
    execution: str
    time: datetime
    tests: Mapping[str, Any] | None = None
    rollout: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {outcome, ok, reason, wait_seconds}.

    Where there are seconds to wait, the machine does, and tries the same again.
    """
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    ended = _recorded(request)
    mine = ledger.lease(request.model, RELEASE).holder == request.execution
    if ended is not None and not mine:
        # An earlier try gave the lease back already: what there is now is another's.
        return _start_next(request, installed, ended.outcome, ended.reason)
    serving = production.serving(installed)
    waits = request.error is None and not release_ends.arrived(request.rollout)
    if serving is not None and not serving.settled and waits:
        raise NotReady(f"endpoint {request.model} is {serving.status}")
    outcome, reason = release_ends.outcome(
        request.version,
        serving,
        tests=request.tests,
        rollout=request.rollout,
        error=request.error,
    )
    lacked = release_ends.lacked(outcome, request.rollout, request.error)
    if lacked is not None:
        return _wait(request, installed, lacked, mine=mine)
    word = approvals.all_of(request.model).get(request.version)
    by = word.by if word else UNKNOWN
    before = [r for r in ledger.releases(request.model) if r.epoch < request.epoch]
    release = Release(
        ended.epoch if ended else request.epoch,
        request.version,
        outcome,
        reason,
        _approved_at(request, word),
        request.time,
        next((r.version for r in before if r.outcome == RELEASED), None),
        request.execution,
    )
    _decided(request, installed, release, by, serving)
    if outcome not in (ERROR, WITHDRAWN):
        shortages.over(installed, RELEASE, request.time)
    message = _outcome(request, release, by, [release, *before], serving)
    people.notify(message, installed.spec, request.time)
    if mine and not policy.deploy(installed.spec).keep_staging:
        endpoints.delete(names.staging_endpoint(request.model))
    # Nobody looks again at what is written down: so people are notified before.
    ledger.put_release(request.model, release, _report_uri(request))
    ledger.raise_epoch(request.model, RELEASE, request.epoch)
    cards.follow(request.package_arn)
    try:
        anchors.anchor(request.model, request.time)
    except Exception:  # no reason to hold a lease for: reconcile anchors each day, and rings
        logger.exception("could not anchor", model=request.model)
    if mine:  # while the lease is held no other release can begin
        scaling.resume(installed, serving)
        _clear(installed, serving, [release, *before])
    ledger.free_lease(request.model, RELEASE, request.execution)
    return _start_next(request, installed, outcome, reason)


def _approved_at(request: Request, word: Approval | None) -> datetime:
    """Return when the version was approved, as far as that is known."""
    if word is not None:
        return word.at
    described = registry.find(request.package_arn)  # it may be deleted by now
    return described.package.modified_at if described else request.time


def _decided(
    request: Request, installed: Installation, release: Release, by: str, serving: Serving | None
) -> None:
    released = release.outcome == RELEASED
    made = configs.get(request.model, serving.config) if serving else None
    report.decided(
        "serve" if released else "rollback",
        id=request.execution.rpartition(":")[2],
        model=request.model,
        time=request.time,
        go=released,
        reason=release.reason,
        facts={
            "outcome": release.outcome,
            "version": request.version,
            "from_version": release.from_version,
            "serving": serving.version if serving else None,
            "config": serving.config if serving else None,
            "instances": list((serving and serving.instances) or (made and made.instances) or ()),
            "epoch": request.epoch,
            "cause": request.cause,
            "form": forms.of(installed.spec).name,
            "hourly": _hourly(serving, made),
        },
        subject=request.package_arn,
        actor=by,
    )


def _hourly(serving: Serving | None, made: ServingConfig | None) -> dict[str, float] | None:
    """Return what serves uses in an hour; None where nothing, or no config of ours, does."""
    if serving is None or made is None:
        return None
    return made.hourly((serving.instances or ("",))[0], serving.count)


def _wait(
    request: Request, installed: Installation, lacked: Trouble, *, mine: bool
) -> dict[str, Any]:
    """Keep the lease for the next try; where none will come, clean up and give it back.

    Where an earlier try gave it back already, and died of it, it is no verdict now, either.
    """
    if not mine:
        releasing.start_wanted(installed, "the release before it is held", request.time)
        return shortages.answer(Retry(None, "", f"{description(lacked)}; it is held"))
    following = _next_instance(request, installed, lacked)
    decided = instances.retry(
        installed, RELEASE, request.package_arn, lacked, following, request.time
    )
    if decided.held:
        if not policy.deploy(installed.spec).keep_staging:
            endpoints.delete(names.staging_endpoint(request.model))
        ledger.free_lease(request.model, RELEASE, request.execution)
        releasing.start_wanted(installed, "the release before it is held", request.time)
    return shortages.answer(decided)


def _next_instance(request: Request, installed: Installation, lacked: Trouble) -> Taken | None:
    """Return what the stage that AWS refused runs on next; None where nothing else would help."""
    stage = making.PRODUCTION if (request.tests or {}).get("passed") else making.STAGING
    has_endpoint = forms.of(installed.spec).has_endpoint
    preferred = of_endpoint(installed.spec, stage) if has_endpoint else of_batch(installed.spec)
    if not preferred:
        return None
    made = configs.get(request.model, _config(request, stage))
    if made is not None:
        tried = tuple(Choice(instance, ENDPOINT) for instance in made.instances)
    else:  # AWS refused what an endpoint is made of, before any was requested
        taken = instances.taken(installed, preferred, request.time)
        tried = taken.usable or (taken.choice,)
    return instances.after(installed, f"{RELEASE}-{stage}", preferred, tried, lacked, request.time)


def _config(request: Request, stage: str) -> str:
    """Return the endpoint config that was requested last; empty where it did not come to that."""
    if request.error is None:
        return str((request.rollout or {}).get("config") or "")
    staging = stage == making.STAGING
    endpoint = names.staging_endpoint(request.model) if staging else request.model
    token = ledger.token(resuming.endpoint_subject(endpoint))
    mine = token is not None and token.execution == request.execution
    return token.config if token is not None and mine else ""


def _outcome(
    request: Request,
    release: Release,
    by: str,
    ended: Sequence[Release],
    serving: Serving | None,
) -> Message:
    name = request.execution.rpartition(":")[2]
    if release.outcome == RELEASED:
        return notices.released(
            request.model,
            request.version,
            release.from_version,
            name=name,
            reason=release.reason,
            by=by,
            cause=request.cause,
        )
    return notices.not_released(
        request.model,
        release,
        final=gives_up(release, ended),
        serves=serving.version if serving else None,
        report_uri=_report_uri(request),
    )


def _clear(installed: Installation, serving: Serving | None, ended: Sequence[Release]) -> None:
    more = True
    try:
        cleared = clearing.clear(installed, serving, ended)
        more = cleared.more
        logger.info("cleared up", model=installed.model, deleted=cleared.deleted, more=more)
    except Exception:  # reconcile does; this release has ended all the same
        logger.exception("could not clear up", model=installed.model)
    if more:
        ledger.note_left_behind(installed.model, RELEASE, True)


def _report_uri(request: Request) -> str:
    return str((request.tests or {}).get("report_uri") or "")


def _recorded(request: Request) -> Release | None:
    releases = ledger.releases(request.model)
    for release in releases:
        if release.execution == request.execution:
            return release
        if not release.execution and release.epoch == request.epoch:
            return release
    return None


def _start_next(
    request: Request, installed: Installation, outcome: str, reason: str
) -> dict[str, Any]:
    following = releasing.start_wanted(installed, "the release before it ended", request.time)
    logger.info("looked for another release", go=following.go, why=following.reason)
    ok = outcome == RELEASED
    return {"outcome": outcome, "ok": ok, "reason": reason, "wait_seconds": 0}
