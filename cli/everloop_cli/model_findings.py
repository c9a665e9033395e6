"""What doctor finds of one model: what needs attention, and what serves, was trained and looked."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from everloop import names
from everloop.aws import alarms, ledger, monitoring, objects, production, registry
from everloop.decisions.releases import Package, Serving
from everloop.moments import text
from everloop.reading import attention, story
from everloop.records.object_state import SET_ASIDE
from everloop.records.window import BAD_FILES
from everloop.spec import forms
from everloop.views.attention import Attention
from everloop.views.look import looks
from everloop.views.timeline import TimelineEntry, timeline
from everloop_cli import clock, idle_endpoints

_RELEASES = 1000  # more than anybody reads


@dataclass(frozen=True)
class ModelFindings:
    """What is to be reported of a model; the summary where nothing is."""

    troubles: Sequence[Attention]
    summary: str


def of(stack: str, model: str) -> ModelFindings:
    chain = story.chain(model)
    decided = timeline(chain.all)
    packages = sorted(registry.packages(model), key=lambda each: each.version, reverse=True)
    serving = production.of_model(model)
    troubles: list[Attention] = []
    if chain.problems:
        problem = f"the ledger's chain is broken: {chain.problems[0]}"
        troubles.append(_wrong(problem, f"everloop why {model}"))
    installed = ledger.find_installed(model)
    if installed is not None and installed.paused:
        troubles.append(_note(installed.paused, f"everloop resume {model}"))
    troubles += _of_versions(model, packages, serving)
    troubles += _of_data(model, packages, serving.version if serving else None)
    troubles += _last_training(model, decided)
    troubles += _standing_still(model, decided)
    troubles += _last_look(model, decided)
    if serving is not None and (installed is None or forms.of(installed.spec).has_endpoint):
        troubles += _alarm(stack, model)
    if serving is not None and installed is not None:
        troubles += idle_endpoints.find(model, installed.spec, decided, clock.now())
    released = ledger.releases(model, newest=_RELEASES)
    troubles += attention.of_model(model, packages, decided, released)
    serves = f"version {serving.version} serves" if serving else "nothing serves yet"
    return ModelFindings(troubles, f"{serves}; its chain of {chain.decisions} decisions is whole")


def _wrong(problem: str, command: str) -> Attention:
    return Attention("bad", problem, command)


def _note(problem: str, command: str) -> Attention:
    return Attention("waiting", problem, command)


def _of_versions(
    model: str, packages: Sequence[Package], serving: Serving | None
) -> Iterator[Attention]:
    if serving and serving.status in ("Failed", "OutOfService", "UpdateRollbackFailed"):
        why = f"{serving.status}: {serving.failure_reason or 'no reason given'}"
        yield _wrong(f"its endpoint is {why}", f"everloop why {model}")
    approval = {package.version: package.approval for package in packages}
    version = serving.version if serving else None
    if version is not None and approval.get(version) != "Approved":
        problem = f"version {version} serves and is {approval.get(version, 'gone')}"
        command = f"everloop approve {model} --version {version} --reason 'it may serve'"
        if version not in approval:
            problem += (
                " from the registry; the ledger's seal keeps it going until a push or a drop "
            )
            problem += "brings a version in its place"
            command = f"everloop why {model} --version {version}"
        yield _wrong(problem, command)
    waiting = [number for number, status in approval.items() if status == "PendingManualApproval"]
    if waiting:
        yield _note(f"version {max(waiting)} waits for approval", f"everloop approve {model}")


def _of_data(model: str, packages: Sequence[Package], serves: int | None) -> Iterator[Attention]:
    """Tell of files set aside, and of what serves and was trained on what was withdrawn since."""
    aside = [each for each in objects.states(model).values() if each.state == SET_ASIDE]
    if aside:
        problem = f"{len(aside)} files are set aside, and in no dataset: {aside[0].reason}"
        yield _note(problem, f"everloop data list {model}")
    live = [package for package in packages if package.version == serves]
    for each in story.trained_on(model, live).versions:
        problem = (
            f"version {each.version} serves, and was trained on {each.objects} objects that "
            f"were withdrawn since: {', '.join(each.keys[:3])}"
        )
        problem += "; the version that is trained after the next drop is without them"
        yield _note(problem, f"everloop drop {model} FILES")


def _last_training(model: str, decided: Sequence[TimelineEntry]) -> Iterator[Attention]:
    ends = [each for each in decided if each.kind == "train-end"]
    if ends and ends[-1].facts.get("outcome") == BAD_FILES:
        problem = f"nothing was trained of the last drop, for its files: {ends[-1].reason}"
        yield _note(problem, _take_out(model, ends[-1]))
    elif ends and not ends[-1].go:
        problem = f"the last training failed: {ends[-1].reason}"
        yield _note(problem, f"everloop push models/{model}")


def _take_out(model: str, ended: TimelineEntry) -> str:
    """Return what helps against bad files: a refused one fails every run until it is taken out."""
    refused = (ended.facts.get("files") or {}).get("refused")
    named = re.search(rf"data/{re.escape(model)}/.+?(?=: )", ended.reason)
    if refused and named:
        return f"everloop data undrop {model} {shlex.quote(named[0])}"
    return f"everloop data list {model}"


def _standing_still(model: str, decided: Sequence[TimelineEntry]) -> Iterator[Attention]:
    """Tell what reconcile could not fix, and what has not gone on since."""
    requested_at = monitoring.last_request(model)
    for number, each in enumerate(decided):
        if each.kind != "reconcile" or each.go or each.subject.startswith("endpoint/"):
            continue  # what serves was looked at itself
        later = {one.kind for one in decided[number + 1 :]}
        if each.subject == "monitor":
            goes_on = requested_at is not None and text(requested_at) > each.time
            command = f"everloop push models/{model}"
        elif each.subject.startswith("arn:"):
            goes_on, command = bool(later & {"judge", "approve"}), f"everloop approve {model}"
        else:
            goes_on, command = "train" in later, f"everloop push models/{model}"
        if not goes_on:
            yield _wrong(each.reason, command)


def _last_look(model: str, decided: Sequence[TimelineEntry]) -> Iterator[Attention]:
    """Tell where the last look at a model's traffic could not judge, and why.

    After several such looks people are notified, and that is an incident as well.
    """
    last = next(iter(looks(decided)), None)
    if last is None or last.violated or last.judged_all:
        return
    problem = f"the last look, at {last.time}: {last.reason}"
    yield _note(
        problem, f"aws s3 cp {last.report} ." if last.report else f"everloop status {model}"
    )


def _alarm(stack: str, model: str) -> Iterator[Attention]:
    """Tell of an endpoint that nothing watches; what rings is an incident."""
    name = names.serving_alarm(stack, model, names.ERRORS)
    alarm = alarms.find(name)
    if alarm is None:
        problem = f"nothing rings when its endpoint answers errors: there is no alarm {name}"
        yield _note(f"{problem}; the next tick of reconcile makes it", "")
    elif not alarm.tells:
        problem = f"{name} tells nobody: its actions are disabled"
        yield _wrong(problem, f"aws cloudwatch enable-alarm-actions --alarm-names {name}")
