"""Removing a model: whatever events made for it goes, but for what people gave and decided.

A removal begins with one transaction that takes the model out of the ledger's index. From then on
nothing is started for it. Its passes delete what AWS lets go at the time, and say what is left.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from everloop import names
from everloop.aws import (
    alarms,
    endpoints,
    incidents,
    ledger,
    logs,
    machines,
    model_cards,
    monitoring,
    people,
    pipelines,
    production,
    registry,
    removals,
    scaling,
    schedules,
)
from everloop.aws.settings import settings
from everloop.errors import BadInput, NotReady
from everloop.flows import report
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.records.lease import MONITOR, RELEASE, SCORING, TRAINING
from everloop.records.removal import Removal
from everloop.records.run import STOPPED

_MOST = 100  # deletions of a kind in one pass, some 0.2 s each


@dataclass
class _Pass:
    """What one pass over a model deletes, and what it has to leave for the next."""

    removal: Removal
    removed: Counter[str] = field(default_factory=Counter)
    left: list[str] = field(default_factory=list)

    def note(self, kind: str, gone: bool) -> None:
        self.removed[kind] += gone


def begin(
    model: str, *, id: str, by: str, reason: str, now: datetime, versions: bool
) -> Removal | None:
    """Begin a model's removal, or join the one under way; None where nothing is left to remove.

    Raises BadInput for a model that nobody ever pushed.
    """
    before = removals.find(model)
    installed = ledger.find_installed(model)
    if installed is None and before is None:
        raise BadInput(f"model: {model!r} is not installed, and never was")
    if installed is None and before is not None and (before.versions or not versions):
        if before.ended_at is not None:
            return None
        removal = before
    elif installed is None and before is not None and before.ended_at is None:
        removal = replace(before, versions=True)  # somebody says now that they go, too
        removals.begin(removal)
    else:
        notify = (installed.spec.get("notify") or {}) if installed else before and before.notify
        removal = Removal(model, id, by, reason, now, versions, notify or {})
        removals.begin(removal)
    report.decided(
        "remove",
        id=f"{model}:{removal.id}",
        model=model,
        time=now,
        go=False,
        reason=f"its removal begins: {removal.reason}",
        facts={"with_versions": removal.versions},
        actor=removal.by,
    )
    return removal


def stop_executions(models: Sequence[str]) -> Mapping[str, int]:
    """Stop the machines that work for these models; return how many ran, by model."""
    ran, removed = Counter[str](), set(models)
    for machine in machines.OF_MODELS:
        for arn in machines.running(machine):
            model = names.model_of_execution(arn.rpartition(":")[2])
            if model in removed:
                machines.stop(arn, f"{model} is being removed")
                ran[str(model)] += 1
    return ran


def go_on(removal: Removal, ran: int, now: datetime) -> list[str]:
    """Delete what AWS lets go now; return what is left, in words. None left ends the removal.

    `ran` are the machines that were stopped just now: what they may still do is looked at again.
    """
    if ledger.find_installed(removal.model) is not None:
        _end(removal, now, "somebody pushed the model again meanwhile; what is there stays")
        return []
    this = _Pass(removal)
    this.removed["execution"] += ran
    if ran:
        this.left.append(f"{ran} executions that are being stopped")
    for kind in schedules.KINDS:
        this.note("schedule", schedules.remove(removal.model, kind))
    _pipeline(this, removal.model)
    _pipeline(this, names.reproduction_pipeline(removal.model))
    _hosting(this)
    if removal.versions:
        _versions(this)
    counts = Counter(removal.removed) + this.removed
    following = replace(removal, removed=dict(counts), passes=removal.passes + 1)
    if this.left:
        removals.note_pass(following)
    else:
        _end(following, now, removal.reason)
    logger.info("removing", model=removal.model, removed=this.removed, left=this.left)
    return this.left


def _pipeline(this: _Pass, pipeline: str) -> None:
    if not pipelines.exists(pipeline):
        return
    moving = [
        execution
        for execution in pipelines.newest(pipeline)
        if execution.status in (pipelines.EXECUTING, pipelines.STOPPING)
    ]
    for execution in moving:
        if execution.status == pipelines.EXECUTING:
            pipelines.stop(execution.arn, this.removal.id)
            this.note("pipeline execution", True)
    if moving:
        this.left.append(f"pipeline {pipeline}: {len(moving)} of its executions are being stopped")
        return
    try:
        this.note("pipeline", pipelines.delete(pipeline, this.removal.id))
    except NotReady as busy:
        this.left.append(f"pipeline {pipeline}: {busy}")


def _hosting(this: _Pass) -> None:
    """Delete endpoints; once they are gone, all that they were made of and watched by."""
    model = this.removal.model
    served = [model, names.staging_endpoint(model)]
    there = [each for each in served if not _is_gone(this, each)]
    stack = settings().stack
    watching = [
        name
        for name in alarms.beginning(f"{stack}-{model}-")
        if names.is_alarm_of(stack, model, name)
    ]
    alarms.delete(watching)
    this.removed["alarm"] += len(watching)
    this.note("production", production.clear(model))
    if there:
        return
    for config in _made_for(model, list(endpoints.configs_like(f"{model}-v")), this):
        this.note("endpoint config", endpoints.delete_config(config))
    for made in _made_for(model, list(endpoints.models_like(f"{model}-v")), this):
        this.note("model in SageMaker", endpoints.delete_model(made))
    for endpoint in served:
        this.note("log group", logs.delete_of_endpoint(endpoint))


def _is_gone(this: _Pass, endpoint: str) -> bool:
    serving = endpoints.serving(endpoint)
    if serving is None:
        return True
    if serving.status != "Deleting":
        this.note("scaling", endpoint == this.removal.model and scaling.release(endpoint))
        try:
            endpoints.delete(endpoint)
            this.note("endpoint", True)
        except NotReady:
            this.left.append(
                f"endpoint {endpoint} is {serving.status}: AWS deletes none that moves"
            )
            return False
    this.left.append(f"endpoint {endpoint} is being deleted")
    return False


def _made_for(model: str, listed: Sequence[str], this: _Pass) -> list[str]:
    ours = [name for name in listed if names.is_made_for(model, name)]
    if len(ours) > _MOST:
        this.left.append(f"{len(ours) - _MOST} names like {ours[-1]}")
    return ours[:_MOST]


def _versions(this: _Pass) -> None:
    model = this.removal.model
    packages = registry.packages(model)
    for package in packages[:_MOST]:
        this.note("version", registry.delete_version(package.arn))
        this.note("model card", model_cards.delete(names.model_card(model, package.version)))
    if len(packages) > _MOST:
        this.left.append(f"{len(packages) - _MOST} versions")
        return
    try:
        this.note("package group", registry.delete_group(model))
    except NotReady as busy:
        this.left.append(f"package group {model}: {busy}")


def _end(removal: Removal, now: datetime, reason: str) -> None:
    """Tell people, and write down that nothing is left; then nobody looks at it again.

    Where somebody pushed the model again meanwhile, what is there is not the removal's any more.
    """
    model = removal.model
    gone = ledger.find_installed(model) is None
    if gone:
        people.notify(_removed(removal, reason), {"notify": removal.notify}, now)
        _forget(model, now)
    report.decided(
        "remove",
        id=f"{model}:{removal.id}:ended",
        model=model,
        time=now,
        go=gone,
        reason=reason,
        facts={"removed": dict(sorted(removal.removed.items())), "with_versions": removal.versions},
        actor=removal.by,
    )
    removals.end(removal, now)


def _forget(model: str, now: datetime) -> None:
    """Forget what is only true of a model that is installed: turns, incidents, a monitor's rhythm.

    What was decided and what its records say of versions, windows and runs stays.
    """
    for kind in (TRAINING, RELEASE, MONITOR, SCORING):
        lease = ledger.lease(model, kind)
        if lease.holder:
            ledger.free_lease(model, kind, lease.holder)
    for run in ledger.runs(model):
        if run.ended_at is None:  # its execution is gone with the pipeline
            ledger.put_run(model, replace(run, outcome=STOPPED, ended_at=now))
    for incident in incidents.standing(model):
        incidents.close(model, incident)
    monitoring.forget_rhythm(model)


def _removed(removal: Removal, reason: str) -> Message:
    kept = "its data, its decisions and its artefacts in S3 stay"
    if not removal.versions:
        kept = f"its versions in the registry, {kept}"
    return Message(
        kind="model-removed",
        model=removal.model,
        happened="was removed",
        why=f"{removal.by}: {reason}",
        id=f"{removal.model}:{removal.id}",
        numbers=dict(sorted(removal.removed.items())),
        to_do=(
            f"Nothing that bills by the hour is left; {kept}.",
            "Who removed it and when is in the ledger:",
            f"  everloop why {removal.model}",
        ),
    )
