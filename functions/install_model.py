"""Install a pushed model: bundle, pipeline, package group, schedule, ledger. Called by S3's events.

The newest bundle is installed, whichever push the event is about. A bundle or spec that is wrong
changes nothing: the ledger says what is wrong with it, and people are notified.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from everloop.aws import ledger, people, pipelines, registry, removals, schedules, storage
from everloop.aws.settings import settings
from everloop.bundle import MAX_PACKED_BYTES, Bundle, open_bundle
from everloop.errors import BadInput, NoCapacity, shown
from everloop.facts import ObjectCreated, is_model_name, object_created
from everloop.flows import changing_form, feature_groups, report, shortages, training
from everloop.flows.reinstalling import DEFINITION
from everloop.flows.report import logger
from everloop.messages import Message
from everloop.moments import text
from everloop.pipelines.own import SOURCE
from everloop.records.installation import Installation
from everloop.spec import policy

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

BUNDLE = "bundle.tar.gz"


@dataclass(frozen=True)
class CheckedPush:
    """A push that nothing is wrong with: what is to be made of it."""

    bundle: Bundle
    bundle_key: str
    document: dict[str, Any]
    description: str
    definition: str
    scripts: Mapping[str, bytes]
    jobs_digest: str


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Install the model, or record why it cannot be."""
    fact = object_created(event, settings().home)
    parts = fact.key.split("/")
    if fact.bucket != settings().data_bucket or parts[0] != "models":
        raise BadInput(f"detail.object: s3://{fact.bucket}/{fact.key} is no push to this stack")
    if len(parts) != 3 or parts[2] != BUNDLE or not is_model_name(parts[1]):
        return _no_push(fact, parts)
    model = parts[1]
    pushed = storage.read_latest(fact.bucket, fact.key, MAX_PACKED_BYTES + 1)
    data, version = pushed.data, pushed.version_id
    try:
        _check_name(model)
        checked = _check(model, data)
        changing_form.check(model, checked.document)
        commit = _commit(pushed.metadata).get("commit", "")
        installed = _install(model, data, checked, fact, commit)
    except BadInput as error:
        return _refuse(model, version, fact, error)
    except NoCapacity as error:
        before = ledger.find_installed(model)
        spec = before.spec if before else None
        shortages.notify_push(model, version, spec, error, fact.time)
        raise
    shortages.push_ended(model, fact.time)
    report.decided(
        "install",
        id=f"{model}:{version}",
        model=model,
        time=fact.time,
        go=True,
        reason=f"{len(checked.bundle.files)} files, bundle {checked.bundle.digest[:12]}",
        facts={
            "bundle_digest": checked.bundle.digest,
            "pipeline_arn": installed.pipeline_arn,
            **({"note": note} if (note := policy.rollout_note(installed.spec)) else {}),
            **_commit(pushed.metadata),
            **_pushed_by(pushed.metadata),
        },
        subject=installed.bundle_uri,
    )
    people.notify(_installed(model, version, checked.bundle), installed.spec, fact.time)
    # Data that came before its model, or failed with other code, has waited for this. Read again:
    # a pause outlives a push.
    installed = ledger.installed(model)
    started = training.start_after_push(installed, fact.time)
    logger.info(
        "looked at training", model=model, go=started.decision.go, why=started.decision.reason
    )
    return {"go": True, "reason": f"installed {checked.bundle.digest}"}


def _check_name(model: str) -> None:
    """Refuse the name of a model whose versions were removed: they would be counted from 1 again,
    and the ledger would tell two stories of each.
    """
    removal = removals.find(model)
    if removal is not None and removal.versions and ledger.find_installed(model) is None:
        raise BadInput(
            f"model: {model!r} was removed with its versions by {removal.by} at "
            f"{text(removal.since)}, and the ledger keeps what they were; push the folder by "
            f"another name, such as {model[:28]}-two"
        )


def _check(model: str, data: bytes) -> CheckedPush:
    """Read what was pushed. Raises BadInput for whatever is wrong with it."""
    scripts = _scripts()
    try:
        return _checked(model, data, scripts)
    except BadInput:
        raise
    except Exception as error:  # nothing but what was pushed can be its cause: it stays as it is
        what = f"{type(error).__name__}: {error}"[:500]
        raise BadInput(f"the bundle cannot be read ({what}); push another") from error


def _checked(model: str, data: bytes, scripts: Mapping[str, bytes]) -> CheckedPush:
    # The validator costs as much to import as all the rest, and most events here are no pushes.
    from everloop.pipelines.own import own_definition
    from everloop.pipelines.standard import BundleRef, Site, render
    from everloop.spec import model_images, personal
    from everloop.spec.model_spec import load_spec

    stack = settings()
    bundle = open_bundle(data)
    spec = load_spec(bundle.text("model.toml"), name=model)
    bundle.require(spec.scripts)
    _check_topic(spec.notify.topic)
    model_images.check(policy.document(spec), stack.region)
    jobs_digest = hashlib.sha256(
        b"".join(name.encode() + b"\0" + content for name, content in sorted(scripts.items()))
    ).hexdigest()
    jobs_uri = f"s3://{stack.artefact_bucket}/jobs/{jobs_digest}"
    bundle_key = f"bundles/{model}/{bundle.digest}/{BUNDLE}"
    site = Site(stack.artefact_bucket, stack.region, stack.sagemaker_role, jobs_uri, stack.kms_key)
    ref = BundleRef(f"s3://{stack.artefact_bucket}/{bundle_key}", bundle.digest)
    definition = own_definition(bundle, spec, site, ref) or render(spec, site, ref)
    return CheckedPush(
        bundle,
        bundle_key,
        personal.with_key(policy.document(spec), stack.masking_key),
        spec.description,
        definition,
        scripts,
        jobs_digest,
    )


def _install(
    model: str, data: bytes, checked: CheckedPush, fact: ObjectCreated, commit: str
) -> Installation:
    """Make everything that a push asks for; the ledger, which all others read, comes last."""
    stack, bundle, document = settings(), checked.bundle, checked.document
    storage.write_once(stack.artefact_bucket, checked.bundle_key, data, "application/gzip")
    storage.write(
        stack.artefact_bucket,
        f"bundles/{model}/{bundle.digest}/spec.json",  # what the jobs read
        json.dumps(document, indent=1).encode(),
        "application/json",
    )
    storage.write(
        stack.artefact_bucket,
        f"bundles/{model}/{bundle.digest}/{DEFINITION}",  # to make the pipeline again
        checked.definition.encode(),
        "application/json",
    )
    place = f"jobs/{checked.jobs_digest}/"  # most pushes find all of them there
    there = {key for key, _ in storage.listed(stack.artefact_bucket, place)}
    for name, content in checked.scripts.items():
        if f"{place}{name}" not in there:
            storage.write_once(stack.artefact_bucket, f"{place}{name}", content, "text/x-python")
    before = ledger.find_installed(model)
    registry.ensure_group(model)
    feature_groups.ensure(model, document)
    try:
        _schedule(model, document, before)
        pipeline_arn = pipelines.upsert(
            model,
            checked.definition,
            stack.sagemaker_role,
            checked.description,
            again=text(fact.time) if removals.find(model) else "",
        )
    except BadInput:
        _schedule(model, before.spec if before else None, before)
        raise
    installed = Installation(
        model,
        document,
        bundle.digest,
        f"s3://{stack.artefact_bucket}/{checked.bundle_key}",
        f"s3://{stack.artefact_bucket}/jobs/{checked.jobs_digest}",
        pipeline_arn,
        fact.time,
        own_pipeline=SOURCE in bundle.files,
        commit=commit,
    )
    ledger.install(installed)
    return installed


def _schedule(model: str, spec: Mapping[str, Any] | None, before: Installation | None) -> None:
    """Let the clock look at a model, train it and score, as its spec says; without one, not at all.

    `before` is what was installed: what it had goes, where the spec of now has it no more.
    """
    schedules.ensure(model, schedules.MONITOR, policy.monitor_schedule(spec) if spec else None)
    schedules.ensure(model, schedules.TRAIN, policy.training_schedule(spec) if spec else None)
    scored_before = policy.scoring_schedule(before.spec) if before else None
    scored = policy.scoring_schedule(spec) if spec else None
    if scored or scored_before:
        schedules.ensure(model, schedules.SCORE, scored)


def _commit(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Return which commit a push says that it was made from; nothing where it says none."""
    commit, changed = metadata.get("git-commit", ""), metadata.get("git-changed", "")
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        return {}
    return {"commit": commit, "changed_files": int(changed) if changed.isdecimal() else 0}


def _pushed_by(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return whose push it says that it is; nothing where it does not."""
    by = metadata.get("pushed-by", "")
    return {"pushed_by": by} if re.fullmatch(r"arn:[\w+=,.@:/-]{1,600}", by) else {}


def _check_topic(topic: str | None) -> None:
    """Refuse a topic that the stack may not publish to: nobody would hear of the model."""
    allowed = (settings().notification_topic, *settings().notification_topics)
    if topic is not None and topic not in allowed:
        raise BadInput(
            f"model.toml: notify.topic is {topic!r}, which this stack may not publish to; leave it "
            f"out, give one of {', '.join(allowed)}, or have it added to the stack's parameter "
            "NotificationTopics"
        )


def _scripts() -> Mapping[str, bytes]:
    """Return the job scripts by their path. They lie in a layer and are never imported here."""
    jobs = find_spec("everloop_jobs")
    if jobs is None or not jobs.submodule_search_locations:
        raise RuntimeError("the jobs layer is missing: no package everloop_jobs is to be found")
    folder = Path(next(iter(jobs.submodule_search_locations)))
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*.py"))
    }


def _installed(model: str, version: str, bundle: Bundle) -> Message:
    return Message(
        kind="model-installed",
        model=model,
        happened="was installed",
        why=f"{len(bundle.files)} files were pushed, as bundle {bundle.digest[:12]}",
        id=f"{model}:{version}",
        to_do=("Bring data, and it is trained:", f"  everloop drop {model} FILES"),
    )


def _no_push(fact: ObjectCreated, parts: list[str]) -> dict[str, Any]:
    """Say of what looks like a push why it is none; other objects below models/ are no matter."""
    tried = parts[-1] == "model.toml" or parts[-1].endswith((".tar.gz", ".tgz", ".tar", ".zip"))
    if len(parts) == 3 and parts[2] == BUNDLE:
        why = (
            f"{shown(parts[1])} is no model's name; letters, digits and single hyphens, at most 32"
        )
    else:
        why = f"{shown(fact.key)} is not models/<model>/{BUNDLE}"
    if tried:
        model = parts[1] if len(parts) > 2 and is_model_name(parts[1]) else "a push"
        people.notify(
            Message(
                kind="push-refused",
                model=model,
                happened="was not installed",
                why=f"{why}. Nothing was changed.",
                id=f"{fact.key}:{fact.version_id}",
                to_do=("Push the model's folder, which packs it:", "  everloop push models/NAME"),
            ),
            None,
            fact.time,
        )
    return {"go": False, "reason": why}


def _refuse(model: str, version: str, fact: ObjectCreated, error: BadInput) -> dict[str, Any]:
    report.decided(
        "install",
        id=f"{model}:{version}",
        model=model,
        time=fact.time,
        go=False,
        reason=str(error),
        subject=f"s3://{fact.bucket}/{fact.key}",
    )
    shortages.push_ended(model, fact.time)
    before = ledger.find_installed(model)
    still = "what was installed before still is" if before else "it is still not installed"
    people.notify(
        Message(
            kind="push-refused",
            model=model,
            happened="was not installed",
            why=f"{error}\n\nNothing was changed: {still}.",
            id=f"{model}:{version}",
            to_do=(
                "Repair what is named above, then push the folder again:",
                f"  everloop push models/{model}",
            ),
        ),
        before.spec if before else None,
        fact.time,
    )
    return {"go": False, "reason": str(error)}
