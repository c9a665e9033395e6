"""Reproducing: a version is trained again from what it was made of, and compared with its seal.

The pipeline that does it registers nothing, so that nothing can judge, approve or release what
comes out. One version of a model at a time; the ledger says which, until it has been compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from everloop import names
from everloop.aws import ledger, objects, pipelines, registry, storage
from everloop.aws.settings import settings
from everloop.contents import Contents
from everloop.decisions import Decision
from everloop.decisions.reproductions import (
    Circumstances,
    compared,
    failed,
    gone,
    may_begin,
    metrics_of,
)
from everloop.errors import BadInput, Conflict, NoCapacity, NotReady
from everloop.flows import report, scoring, sealing
from everloop.flows.reinstalling import DEFINITION
from everloop.pipelines.plans import with_plan
from everloop.pipelines.reproduction import Again, again, resolved
from everloop.records.installation import Installation, Reproduction
from everloop.records.object_state import WITHDRAWN
from everloop.records.seal import Seal

_PARAMETERS = {"DatasetUri": "dataset-uri", "DatasetDigest": "dataset-digest", "Cause": "cause"}


@dataclass(frozen=True)
class _Version:
    """What a version was made of: its seal, and the definition that trains it again."""

    seal: Seal
    steps: Again
    how: Circumstances

    @property
    def parameters(self) -> dict[str, str]:
        """What the pipeline is given, as it was the first time."""
        metadata = self.seal.metadata
        return {name: metadata[key] for name, key in _PARAMETERS.items() if metadata.get(key)}


def begin(installed: Installation, asked: Reproduction) -> tuple[Decision, str]:
    """Train a version again if all that it was made of is there; return the execution as well.

    Raises BadInput for a version that nobody knows.
    """
    model, running = installed.model, installed.reproduction
    again_asked = running is not None and running.name == asked.name  # this call, once more
    seal = _seal(model, asked.version, asked.started_at)
    found, lost = None, list[str]()
    try:
        found = _version(seal)
    except BadInput as error:
        lost.append(str(error))
    decision = may_begin(
        asked.version,
        installed.paused,
        None if again_asked else running,
        [*lost, *_lost(model, seal)],
    )
    execution = ""
    if decision.go and found is not None:
        try:
            if not again_asked:
                ledger.begin_reproduction(model, asked)
        except Conflict:
            raise NotReady(f"another version of {model} began to be trained again") from None
        try:
            execution = _start(model, asked, found)
        except (BadInput, NoCapacity) as refused:  # whoever asked hears of it, and may ask again
            ledger.end_reproduction(model, asked)
            decision = failed(asked.version, str(refused))
    report.decided(
        "reproduce",
        id=f"{asked.name}:start",
        model=model,
        time=asked.started_at,
        go=decision.go,
        reason=f"{asked.reason}: {decision.reason}",
        facts={**decision.facts, **({"execution": execution} if execution else {})},
        actor=asked.by,
    )
    return decision, execution


def conclude(installed: Installation, now: datetime) -> str:
    """Compare what came out, once its execution has ended; return what was found."""
    begun = installed.reproduction
    if begun is None:
        return f"no version of {installed.model} is being trained again"
    try:
        if not begun.execution:  # whoever began it died before it was started, or just after
            found = _version(_seal(installed.model, begun.version, now))
            begun = replace(begun, execution=_start(installed.model, begun, found))
        execution = pipelines.describe(begun.execution)
        if not execution.ended:
            return f"{begun.execution} is {execution.status}"
        scoring.clear_models(execution.arn)
        decision = _outcome(installed.model, begun, execution, now)
    except pipelines.ExecutionGone:
        decision = failed(begun.version, "its execution was deleted")
    except (BadInput, NoCapacity) as error:  # looking once more would find the same
        decision = failed(begun.version, str(error))
    return _ended(installed, begun, decision, now)


def _outcome(
    model: str, begun: Reproduction, execution: pipelines.Execution, now: datetime
) -> Decision:
    if execution.status == "Succeeded":
        return _compared(model, begun, now)
    ending = pipelines.ending(execution.arn)
    reason = ending.reason or execution.failure_reason or "its steps give no reason"
    step = f"step {ending.failed_step}: " if ending.failed_step else ""
    return failed(begun.version, f"its execution is {execution.status}: {step}{reason}")


def _seal(model: str, version: int, now: datetime) -> Seal:
    """Return a version's seal with all that its package said; an old one is completed."""
    seal = ledger.seal(model, version)
    if seal is not None and seal.complete:
        return seal
    arn = next((each.arn for each in registry.packages(model) if each.version == version), "")
    if not arn:
        raise BadInput(f"version: {model!r} has no version {version}, or nothing is left of it")
    described = registry.describe(arn)
    return sealing.completed(seal, described) if seal else sealing.sealed(described, now)


def _version(seal: Seal) -> _Version:
    """Return what trains a version again. Raises BadInput where nothing can."""
    definition = pipelines.definition(seal.metadata.get("run", "")) if _run(seal) else None
    of_push = definition is None
    if definition is None:
        definition = _of_push(seal)
    if definition is None:
        raise BadInput("its pipeline's definition is gone, and that of its push as well")
    steps = again(definition, {seal.image: seal.image_digest} if seal.image_digest else {})
    how = Circumstances(
        image=steps.image,
        tuned=steps.tuned,
        features="features-uri" in seal.metadata,
        instances=steps.instances,
        definition_of_push=of_push,
    )
    return _Version(seal, steps, how)


def _run(seal: Seal) -> bool:
    return ":pipeline/" in seal.metadata.get("run", "")


def _of_push(seal: Seal) -> str | None:
    """Return the definition that lies beside the version's bundle, with its run's instances."""
    folder = seal.bundle_uri.rpartition("/")[0]
    model = folder.rpartition("/")[0].rpartition("/")[2]
    found = storage.find_json(f"{folder}/{DEFINITION}")
    if found is None:
        return None
    dataset, code = seal.metadata.get("dataset-digest"), seal.bundle_digest
    mine = [
        run
        for run in ledger.runs(model)
        if (run.dataset_digest, run.bundle_digest) == (dataset, code)
    ]
    plan = max(mine, key=lambda run: run.started_at).plan if mine else {}
    return with_plan(names.canonical(found).decode(), plan)


def _lost(model: str, seal: Seal) -> list[str]:
    """Say what of a version's data and code is gone; nothing where all of it is there."""
    lost = []
    code = storage.measured(seal.bundle_uri)
    if code is None or code[0] != seal.bundle_digest:
        what = "is gone" if code is None else "was changed"
        lost.append(f"its code {what}: {seal.bundle_uri}, sha256 {seal.bundle_digest[:12]}")
    uri = seal.metadata.get("dataset-uri", "")
    manifest = storage.find_json(uri) if uri else None
    if manifest is None:
        return [*lost, f"its dataset's manifest is gone: {uri or 'nobody knows where it lay'}"]
    listed: list[Mapping[str, Any]] = manifest.get("objects") or []
    states = objects.states(model).values()
    withdrawn = {f"{s.key} {s.version_id}": s.at for s in states if s.state == WITHDRAWN}
    keys = {str(each["key"]) for each in listed}
    versions = storage.versions_among(settings().data_bucket, f"data/{model}/", keys)
    there = set()
    for key, of_key in versions.items():
        there |= {f"{key} {each.version_id}" for each in of_key if not each.marker}
        hidden = next((each for each in of_key if each.latest and each.marker), None)
        if hidden is not None:
            ids = (f"{key} {each.version_id}" for each in of_key if not each.marker)
            withdrawn |= dict.fromkeys(ids, hidden.modified) | withdrawn
    words = gone(listed, withdrawn, there)
    return [*lost, words] if words else lost


def _start(model: str, asked: Reproduction, found: _Version) -> str:
    """Start what trains the version again, once for its name, and write down which that is."""
    pipeline = names.reproduction_pipeline(model)
    why = f"Trains versions of {model} again, to compare them; it registers nothing."
    pipelines.upsert(pipeline, found.steps.definition, settings().sagemaker_role, why)
    execution = pipelines.start(
        pipeline,
        found.parameters,
        asked.name,
        names.digest([asked.name, found.steps.definition]),
        f"version {asked.version} of {model} once more, to compare it",
    )
    ledger.note_reproduction(model, asked, execution)
    return execution


def _compared(model: str, begun: Reproduction, now: datetime) -> Decision:
    seal = _seal(model, begun.version, now)
    found = _version(seal)
    uri = pipelines.trained(begun.execution, found.steps.model_step)
    second = storage.contents(uri)
    if second is None:
        return failed(begun.version, f"its model is gone: {uri}")
    first = _first(seal, second[0])
    if first is None:
        return failed(begun.version, f"what was sealed of it is gone: {seal.model_uri}")
    place = resolved(
        found.steps.evaluation,
        found.steps.definition,
        begun.execution.rpartition("/")[2],
        found.parameters,
    )
    before = seal.metadata.get("evaluation-uri", "")
    metrics = metrics_of(
        storage.find_json(before) if before.startswith("s3://") else None,
        storage.find_json(place) if place.startswith("s3://") else None,
    )
    return compared(begun.version, first, second[0], metrics, found.how)


def _first(seal: Seal, second: Contents) -> Contents | None:
    """Return what the version's own archive holds; it is read only where its digest differs."""
    if seal.contents_digest and seal.contents_digest == second.digest:
        return second
    found = storage.contents(seal.model_uri)
    return found[0] if found else None


def _ended(installed: Installation, begun: Reproduction, decision: Decision, now: datetime) -> str:
    report.decided(
        "reproduce",
        id=f"{begun.name}:end",
        model=installed.model,
        time=now,
        go=decision.go,
        reason=decision.reason,
        facts={**decision.facts, "execution": begun.execution},
        actor=begun.by,
    )
    ledger.end_reproduction(installed.model, begun)
    return decision.reason
