"""Forgetting a person: their rows leave drops, labels and all that was made of them.

The person who forgets does it with their own rights in S3: no role of the stack can delete for good
what customers brought. The model is paused meanwhile, so that nothing is made of the rows while
they go.
"""

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from everloop.aws import account, ledger, masking, registry
from everloop.aws.settings import settings
from everloop.decisions.holding import KINDS, held
from everloop.errors import EverloopError
from everloop.reading import story
from everloop.records.installation import Installation
from everloop.spec import policy
from everloop.views.withdrawn import Affected as Learned
from everloop_cli.calling import call
from everloop_cli.forgetting import features, objects
from everloop_cli.forgetting.objects import Affected, Found
from everloop_cli.forgetting.subject import Subject
from everloop_cli.pausing import set_pause
from everloop_cli.trouble import Trouble
from everloop_jobs.formats.dialect import Dialect
from everloop_jobs.privacy.masking import Masking, message

_PER_CALL = 500  # what change_data takes
_SWEEPS = 3  # what an endpoint captured meanwhile comes late
_WHY = "somebody is being forgotten"


@dataclass(frozen=True)
class Forgotten:
    """What went, what nobody could look into, and which versions have learned from it."""

    subject: str
    rows: int
    objects: int
    looked_at: int
    unread: Mapping[str, str]
    features: Sequence[str]
    learned: Sequence[Learned]
    training: str = ""


def forget(model: str, key: str, column: str | None, reason: str, *, retrain: bool) -> Forgotten:
    """Take a person's rows out of everything. Raises Trouble, with nothing changed, for a key that
    is nowhere and while something holds the data.
    """
    installed = ledger.find_installed(model)
    if installed is None:
        raise Trouble(f"no model {model!r} is installed here")
    if not key.strip():
        raise Trouble("--key is empty: say whose rows are to go")
    if key.strip() in reason:
        raise Trouble("--reason names the key, and the ledger would keep it; leave it out")
    column = column or policy.data(installed.spec).key
    if column is None:
        raise Trouble(f"{model} has no [data] key; name the column: --column NAME")
    subject, digest = _subject(installed, column, key)
    _check_free(model)
    was_paused = installed.paused
    if not was_paused:
        set_pause(model, pause=True, reason=_WHY)
    try:
        _check_free(model)
        done = _forgotten(installed, subject, digest, reason)
    except EverloopError as error:
        raise Trouble(
            f"{error}. What went before it is gone; everloop forget once more goes on"
        ) from error
    finally:
        if not was_paused or _WHY in was_paused:
            set_pause(model, pause=False, reason="nobody is being forgotten any more")
    if not retrain:
        return done
    answer = call("request-training", {"model": model, "reason": reason, "again": False})
    return replace(done, training=str(answer["reason"]))


def _subject(installed: Installation, column: str, key: str) -> tuple[Subject, str]:
    """Return whom we look for, and what the ledger calls them."""
    try:
        secret = masking.key(settings().masking_key, message(installed.model))
    except EverloopError as error:
        raise Trouble(f"the key of tokens cannot be used: {error}") from error
    declared = installed.spec["data"].get("columns") or {}
    hidden = Masking(installed.spec, policy.named(installed.spec), secret)
    subject = Subject(column, key, declared.get(column) == "number", hidden)
    called = hmac.new(secret, b"forgotten: " + key.strip().encode(), hashlib.sha256)
    return subject, called.hexdigest()[:32]


def _check_free(model: str) -> None:
    installed = ledger.installed(model)
    leases = {kind: ledger.lease(model, kind) for kind in KINDS}
    if busy := held(model, leases, installed.reproduction, _now()):
        raise Trouble(
            f"{busy}, and what it read it would write once more. Nothing was changed. Wait for its "
            f"end (everloop watch {model}), then forget again"
        )


def _now() -> datetime:
    return account.caller().at or datetime.now(UTC)


def _forgotten(installed: Installation, subject: Subject, digest: str, reason: str) -> Forgotten:
    whole = _sweep(installed, subject)
    groups = features.of(installed.spec, subject)
    if not whole.affected and not any(each.there for each in groups):
        raise Trouble(
            f"no row of {installed.model} has this {subject.column}: {whole.looked_at} objects "
            f"were looked at, with all their versions{_unread(whole)}. Nothing was changed"
        )
    rows, changed = 0, 0
    found = whole
    for _ in range(_SWEEPS):
        rows += sum(each.rows for each in found.affected)
        changed += len(found.affected)
        _note(installed.model, found.affected, digest, reason)
        objects.end(found.affected)
        found = _sweep(installed, subject)
        if not found.affected:
            break
    told = [each.forget(subject.key, _now()) for each in groups]
    packages = registry.packages(installed.model)
    learned = story.trained_on(installed.model, packages).versions
    return Forgotten(
        digest, rows, changed, whole.looked_at, whole.unread, [t for t in told if t], learned
    )


def _sweep(installed: Installation, subject: Subject) -> Found:
    """Look for rows in all that S3 has of the model. What is known of the person is found first."""
    model, stack = installed.model, settings()
    dialect = Dialect.of(installed.spec["data"])
    found = Found()
    for part in (
        objects.dropped(stack.data_bucket, f"data/{model}/", subject, dialect),
        objects.dropped(stack.data_bucket, f"labels/{model}/", subject, dialect),
        objects.dropped(stack.data_bucket, f"score/{model}/", subject, dialect),
        objects.made(stack.artefact_bucket, model, subject),
    ):
        found.affected += part.affected
        found.looked_at += part.looked_at
        found.unread |= part.unread
    return found


def _unread(found: Found) -> str:
    return f", but for {len(found.unread)} that nobody can look into" if found.unread else ""


def _note(model: str, affected: Sequence[Affected], digest: str, reason: str) -> None:
    """Tell the ledger what is about to go: a version of each object in a call, before it does."""
    drops = [each for each in affected if each.key.startswith(f"data/{model}/")]
    pairs = [(each.key, version) for each in drops for version in each.gone]
    rows = sum(each.rows for each in affected)
    while True:
        some: dict[str, str] = {}
        for key, version in pairs:
            if key not in some and len(some) < _PER_CALL:
                some[key] = version
        pairs = [(key, version) for key, version in pairs if some.get(key) != version]
        request: dict[str, Any] = {"action": "forget", "model": model, "keys": some}
        call("change-data", {**request, "reason": reason, "subject": digest, "rows": rows})
        if not pairs:
            return
