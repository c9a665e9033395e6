"""Removing models: what goes, what stays and what that costs, the machine that does it, its end."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from everloop import names
from everloop.aws import (
    account,
    alarms,
    endpoints,
    journal,
    ledger,
    machines,
    pipelines,
    registry,
    removals,
    schedules,
    storage,
)
from everloop.aws.clients import FAULTS
from everloop.aws.settings import settings
from everloop.billing import prices
from everloop.errors import BadInput, EverloopError
from everloop.moments import text
from everloop.records.removal import Removal
from everloop_cli.trouble import Trouble

_MOST = 20_000  # object versions of a prefix; beyond that sizes are shown as "more than"
_SECONDS = 2.0  # between two looks at a removal
_UNSEEN = 30  # looks in a row for which AWS may not know a removal that has begun
_IN_DATA = ("data/{}/", "labels/{}/", "models/{}/")
_IN_ARTEFACTS = ("bundles", "datasets", "runs", "comparisons", "models", "capture", "monitoring")


@dataclass(frozen=True)
class Kept:
    """What stays of a model, and what keeping it costs a month; None where no price is known."""

    versions: int
    objects: int
    bytes: int
    is_all: bool
    decisions: int
    dollars: float | None

    def lines(self, *, with_versions: bool) -> list[str]:
        size = f"{self.bytes / 1e6:,.1f} MB"
        more = "" if self.is_all else "more than "
        if self.dollars is None:
            costs = "prices.json has no price of this region"
        elif self.dollars < 0.005:
            costs = "less than a cent a month" if self.is_all else "cents a month, or more"
        else:
            costs = f"{more}${self.dollars:.2f} a month"
        kept = [
            f"{more}{self.objects:,} object versions in S3, {size}: {costs}",
            f"{self.decisions} decisions in the ledger, and what it knows of data and versions",
            "what AWS keeps of its jobs: their records and lineage, for nothing, and their logs",
        ]
        if not with_versions and self.versions:
            kept.insert(0, f"{self.versions} versions in the registry, for nothing")
        return kept


@dataclass(frozen=True)
class Plan:
    """What a removal takes away of a model, in words, and what it keeps."""

    model: str
    goes: list[str]
    keeps: list[str]
    before: Removal | None

    def document(self) -> dict[str, object]:
        return {"model": self.model, "goes": self.goes, "keeps": self.keeps}

    def over(self) -> str:
        """Say who removed it, where it is not installed and nothing is under way; else nothing."""
        before = self.before
        if before is None or before.ended_at is None or ledger.find_installed(self.model):
            return ""
        return (
            f"{self.model} was removed by {before.by} at {text(before.ended_at)}: {before.reason}"
        )


def plan(model: str, *, with_versions: bool) -> Plan:
    """Look at what there is of a model, with the rights of who asks."""
    versions = len(registry.packages(model))
    goes = list(_goes(model))
    if with_versions:
        goes.append(f"{versions} versions in the registry, and their group")
    keeps = _kept(model, versions).lines(with_versions=with_versions)
    return Plan(model, goes, keeps, removals.find(model))


def _goes(model: str) -> Iterator[str]:
    for endpoint in (model, names.staging_endpoint(model)):
        serving = endpoints.serving(endpoint)
        if serving is not None:
            version = f"serves version {serving.version}" if serving.version else serving.config
            yield f"the endpoint {endpoint}: {serving.status}, {version}"
    configs = [c for c in endpoints.configs_like(f"{model}-v") if names.is_made_for(model, c)]
    made = [m for m in endpoints.models_like(f"{model}-v") if names.is_made_for(model, m)]
    stack = settings().stack
    listed = alarms.beginning(f"{stack}-{model}-")
    watching = [name for name in listed if names.is_alarm_of(stack, model, name)]
    for count, what in (
        (len(configs), "endpoint configs"),
        (len(made), "models in SageMaker"),
        (len(watching), "alarms"),
    ):
        if count:
            yield f"{count} {what}"
    for kind in schedules.KINDS:
        if schedules.state(model, kind) is not None:
            yield f"the schedule of its {kind.what}"
    if pipelines.exists(model):
        running = len(pipelines.running(model))
        yield f"its pipeline{f', of which {running} executions run' if running else ''}"


def _kept(model: str, versions: int) -> Kept:
    data, artefacts = settings().data_bucket, settings().artefact_bucket
    places = [(data, form.format(model)) for form in _IN_DATA]
    places += [(artefacts, f"{kind}/{model}/") for kind in _IN_ARTEFACTS]
    objects, size, is_all = 0, 0, True
    for bucket, prefix in places:
        count, bytes_, whole = storage.size(bucket, prefix, _MOST)
        objects, size, is_all = objects + count, size + bytes_, is_all and whole
    decisions = sum(1 for _ in journal.decisions(model))
    return Kept(versions, objects, size, is_all, decisions, _dollars(size))


def _dollars(size: int) -> float | None:
    try:
        return prices.read(settings().region).cost({"S3 GB, a month": size / 1e9})
    except BadInput:
        return None


def start(model: str | None, *, reason: str, with_versions: bool) -> str:
    """Start the machine that removes a model, or all; return its execution's ARN."""
    try:
        who = account.caller()
        payload = {
            "model": model,
            "actor": who.arn,
            "reason": reason,
            "with_versions": with_versions,
            "answer": None,
        }
        name = names.remove_execution(model, who.at or datetime.now(UTC))
        return machines.start(machines.REMOVE, name, payload).arn
    except (EverloopError, *FAULTS) as error:
        hint = ""
        if "StateMachineDoesNotExist" in str(error):
            hint = ": the stack is of an older template; deploy the newer one first"
        raise Trouble(f"the removal could not be started: {error}{hint}") from error


def follow(execution: str, say: Callable[[str], None]) -> str:
    """Wait for a removal's end; return why it did not get there, or nothing."""
    shown, unseen = "", 0
    while True:
        status, cause = machines.ended(execution)
        if status is None and unseen < _UNSEEN:
            unseen += 1  # it was started a moment ago, and AWS does not know everywhere yet
        elif status != "RUNNING":
            return "" if status == "SUCCEEDED" else cause or str(status)
        left = ", ".join(_progress(removal) for removal in removals.under_way())
        if left and left != shown:
            shown = left
            say(left)
        time.sleep(_SECONDS)


def _progress(removal: Removal) -> str:
    gone = ", ".join(f"{count} {kind}" for kind, count in removal.removed.items() if count)
    return f"{removal.model}: {gone or 'begins'}"
