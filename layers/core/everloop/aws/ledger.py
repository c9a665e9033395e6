"""The ledger: models, leases, task tokens, runs, seals, releases."""

from collections.abc import Mapping
from datetime import datetime

from everloop.aws import table
from everloop.errors import BadInput
from everloop.records import installation, tick
from everloop.records import lease as leases
from everloop.records import release as ended
from everloop.records import run as trainings
from everloop.records import seal as seals
from everloop.records import token as tokens
from everloop.records.installation import Installation, Reproduction
from everloop.records.lease import Lease
from everloop.records.release import Release
from everloop.records.run import Run
from everloop.records.seal import Seal
from everloop.records.token import Token
from everloop.records.writes import Write


def install(installed: Installation) -> None:
    """Write a model's spec and its place in the index."""
    writes: list[Write] = [installation.put(installed), installation.listed(installed)]
    table.transact(writes, f"installation of {installed.model}")


def find_installed(model: str) -> Installation | None:
    item = table.get(installation.key(model))
    return installation.of(model, item) if item else None


def note_plan(installed: Installation, plan: Mapping[str, str], now: datetime) -> None:
    """Write down which instances a pipeline has. Raises Conflict where somebody pushed since."""
    table.write(installation.note_plan(installed, plan, now))


def pause(model: str, why: str) -> None:
    """Let nothing new start for a model, and say why; an empty `why` lets it start again."""
    table.write(installation.pause(model, why))


def begin_reproduction(model: str, begun: Reproduction) -> None:
    """Write down that a version is trained again. Raises Conflict while another one is."""
    table.write(installation.begin(model, begun))


def note_reproduction(model: str, begun: Reproduction, execution: str) -> None:
    """Write down which execution trains a version again."""
    table.written(installation.note_begun(model, begun, execution))


def end_reproduction(model: str, begun: Reproduction) -> None:
    table.written(installation.end(model, begun))


def installed(model: str) -> Installation:
    """Return a model's installation. Raises BadInput for a model nobody pushed."""
    installation = find_installed(model)
    if installation is None:
        raise BadInput(f"model: {model!r} is not installed; push its folder first")
    return installation


def models() -> list[str]:
    return [installation.model_of(item) for item in table.query(installation.INDEX)]


def last_of_tick() -> str:
    """Return the model that the last tick of reconcile ended with, where one was not enough."""
    return tick.of(table.get(tick.KEY) or {})


def note_last_of_tick(model: str) -> None:
    table.write(tick.put(model))


def lease(model: str, kind: str) -> Lease:
    return leases.of(table.get(leases.key(model, kind)) or {})


def take_lease(
    model: str, kind: str, holder: str, epoch: int | None, now: datetime, until: datetime
) -> None:
    """Take a lease, or keep one's own. Raises Conflict while somebody else holds it.

    An epoch, where one is given, only grows: whoever comes with an older one than the lease has
    seen comes too late.
    """
    table.write(leases.take(model, kind, holder, epoch, now, until))


def note_wait(model: str, kind: str, holder: str, subject: str) -> None:
    """Write down what the holder's machine sleeps on, for reconcile to look at."""
    table.write(leases.wait(model, kind, holder, subject))


def free_lease(model: str, kind: str, holder: str) -> bool:
    """Give a lease back; False if somebody else holds it (then there is nothing to give back)."""
    return table.written(leases.free(model, kind, holder))


def take_lease_away(model: str, kind: str, seen: Lease) -> bool:
    """Free the lease of a holder that died; False if it has moved since it was seen."""
    return table.written(leases.take_away(model, kind, seen))


def note_left_behind(model: str, kind: str, left: bool) -> None:
    """Write down whether a holder left something behind, for reconcile to clear up."""
    table.write(leases.leave_behind(model, kind, left))


def raise_epoch(model: str, kind: str, least: int) -> None:
    """See to it that the next holder's epoch is above `least`."""
    table.written(leases.raise_epoch(model, kind, least))


def put_token(token: Token, now: datetime) -> None:
    table.write(tokens.put(token, now))


def token(subject: str) -> Token | None:
    item = table.get(tokens.key(subject))
    return tokens.of(subject, item) if item else None


def drop_token(token: Token) -> None:
    """Forget a token that was used, unless another has taken its place."""
    table.written(tokens.drop(token))


def put_run(model: str, run: Run) -> None:
    """Write a run down, whole: started, and again when it has ended."""
    table.write(trainings.put(model, run))


def runs(model: str) -> list[Run]:
    return [trainings.of(item) for item in table.query(trainings.all_of(model))]


def put_seal(model: str, seal: Seal) -> None:
    """Write a version's seal down, for good. Raises Conflict if it has one."""
    table.write(seals.put(model, seal))


def seal(model: str, version: int) -> Seal | None:
    item = table.get(seals.key(model, version))
    return seals.of(item) if item else None


def complete_seal(model: str, seal: Seal) -> None:
    """Add to a seal of before what it did not keep; what it says already stays as it is."""
    table.written(seals.complete(model, seal))


def note_seal_versions(model: str, seal: Seal) -> None:
    """Write down in which versions a seal's bytes were found."""
    table.written(seals.note_versions(model, seal))


def put_release(model: str, release: Release, report_uri: str) -> None:
    """Write down how a release ended; `report_uri` is its tests' report, empty if it had none.

    What another release of the same epoch has written stays: this one takes the next epoch that
    is free. That happens only where the lease was deleted while a release was under way.
    """
    epoch = release.epoch
    while not table.written(ended.put(model, release, epoch, report_uri)):
        epoch = max(epoch, last_epoch(model)) + 1


def last_epoch(model: str) -> int:
    """Return the highest epoch of which a release was written down; a lease may be deleted."""
    item = table.newest(ended.all_of(model))
    return ended.of(item).epoch if item else 0


def releases(model: str, newest: int = 50) -> list[Release]:
    """Return a model's newest releases, the last first."""
    items = table.query(ended.all_of(model), newest_first=True, limit=newest)
    return [ended.of(item) for item in items]
