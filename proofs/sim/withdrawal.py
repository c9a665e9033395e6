"""The last act of a history: what serves is withdrawn in a stack at rest, and has to be gone in
time, though nobody may hear of it but a look of reconcile, and though its model may be paused.
"""

from dataclasses import dataclass

from proofs.sim.aws.account import Account
from proofs.sim.aws.registry import APPROVED, REJECTED, Package
from proofs.sim.convergence import Convergence
from proofs.sim.judge import Judge
from proofs.sim.model import Model
from proofs.sim.people import People

# What hosting takes at most: 400 s in staging, 1,200 s step by step in production; the rest is for
# tests, clearing up, and functions that wait for their turn.
_DEPLOY = 1800.0
_STEP = 30.0


@dataclass(frozen=True)
class _Withdrawn:
    model: Model
    package: Package
    seconds: float  # within which it must be gone


def withdraw(
    account: Account, judge: Judge, people: People, convergence: Convergence
) -> list[float]:
    """Withdraw what serves of each model; return after how many seconds each was gone.

    Where no other version can take its place it serves on, and people must have been told.
    """
    kernel, dice = account.kernel, account.kernel.chance("withdrawal")
    unheard = account.faults.tick and dice.random() < 0.5
    if account.faults.tick and dice.random() < 0.3:  # reconcile goes on with what a pause held back
        _pause_all(account, people, True)
    serve = [
        (model, serving)
        for model in people.models
        if (serving := _serving(account, model)) and serving.approval == APPROVED
    ]
    began = kernel.now
    account.bus.mute = unheard
    for _, serving in serve:
        people.set(serving, REJECTED)
    account.bus.mute = False
    patience = account.stack.tick if unheard else 0.0
    watched = [
        _Withdrawn(model, serving, patience + _DEPLOY * tries)
        for model, serving in serve
        if (tries := _tries(account, convergence, model, serving))
    ]
    gone_after = _until_gone(account, judge, watched, began)
    if people.paused:
        _pause_all(account, people, False)
    # What brought the others has been cleared up by then. Looked at between two ticks.
    cleared, tick = kernel.now + _DEPLOY, account.stack.tick
    kernel.run(cleared + (tick / 2 - cleared) % tick)
    for left in convergence.open():
        judge.violate("converges after quiet", left)
    for model, serving in serve:
        _told(account, judge, model, serving, since=began)
    return gone_after


def _until_gone(
    account: Account, judge: Judge, watched: list[_Withdrawn], began: float
) -> list[float]:
    """Let time pass until all are gone, or have had their time."""
    kernel, gone_after = account.kernel, list[float]()
    while watched:
        kernel.run(kernel.now + _STEP)
        seconds, staying = kernel.now - began, []
        for each in watched:
            if _serving(account, each.model) is not each.package:
                gone_after.append(seconds)
            elif seconds < each.seconds:
                staying.append(each)
            else:
                name = f"{each.model.name} v{each.package.version}"
                judge.violate("what is withdrawn is gone in time", f"{name}: {seconds:.0f} s")
        watched = staying
    return gone_after


def _told(account: Account, judge: Judge, model: Model, package: Package, *, since: float) -> None:
    """What serves on is told by reconcile."""
    if not account.faults.tick or _serving(account, model) is not package:
        return
    said = f"version {package.version} serves and is {REJECTED}"
    if not any(
        when >= since and subject.startswith(f"{model.name}: it stands still") and said in message
        for when, subject, message in account.telling.mails
    ):
        judge.violate("what serves on is told", f"{model.name} v{package.version}")


def _tries(account: Account, convergence: Convergence, model: Model, serving: Package) -> int:
    """Return how many releases it takes at most until another version serves; 0 if none can."""
    wanted = convergence.wanted(model)
    if wanted is None:
        return 0
    # What is approved in between is tried first: its tests fail, or its seal is broken.
    older = account.registry.groups[model.name][wanted.version - 1 : serving.version - 1]
    return sum(package.approval == APPROVED for package in older)


def _serving(account: Account, model: Model) -> Package | None:
    """Return what is in service in production; the update away from it may be under way."""
    endpoint = account.hosting.endpoints.get(model.name)
    if endpoint is None or endpoint.status not in ("InService", "Updating"):
        return None
    package: Package = account.hosting.package_of(endpoint.config)
    return package


def _pause_all(account: Account, people: People, pause: bool) -> None:
    for model in people.models:
        account.kernel.spawn(lambda m=model: people.pause(m, pause))
    account.kernel.run(account.kernel.now + 2 * _STEP)
