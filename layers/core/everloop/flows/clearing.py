"""Clearing up behind a release: what it made, and what serves nothing and is not gone back to."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from everloop import names
from everloop.aws import alarms, configs, endpoints, ledger, production
from everloop.aws.settings import settings
from everloop.decisions.release_ends import Kept, needed
from everloop.decisions.releases import Serving
from everloop.errors import Conflict
from everloop.records.installation import Installation
from everloop.records.lease import RELEASE
from everloop.records.release import Release
from everloop.spec import forms, policy

_MOST = 50  # deletions of a kind at once, some 0.2 s each; the rest comes later
_LEASE = timedelta(minutes=15)  # as long as a function may run at most


@dataclass
class Cleared:
    """What was deleted, and whether there may be `more`: too much for once, or nobody can know."""

    deleted: list[str] = field(default_factory=list)
    more: bool = False


def clear(installed: Installation, serving: Serving | None, ended: Sequence[Release]) -> Cleared:
    """Delete alarms of releases, and configs and SageMaker models that nothing needs.

    To be called while no other release of the model can begin, where `serving` is settled. What
    serves stays, and what served before it: an operator may bring it back by hand. Whatever is
    missing later is made again by its name.
    """
    if serving is not None and (not serving.settled or serving.pending_config):
        return Cleared(more=True)
    model, cleared = installed.model, Cleared()
    staging = None
    if policy.deploy(installed.spec).keep_staging:
        staging = endpoints.serving(names.staging_endpoint(model))
    kept = needed(serving, staging, ended)
    stay = _configs(model, kept, cleared)
    _models(installed, kept, stay, cleared)
    cleared.deleted += _alarms(model)
    return cleared


def clear_left_behind(installed: Installation, now: datetime) -> list[str]:
    """Clear up what a release could not, while none runs; return what was deleted."""
    model, holder = installed.model, f"clearing:{installed.model}"
    try:
        ledger.take_lease(model, RELEASE, holder, None, now, now + _LEASE)
    except Conflict:
        return []  # a release has just begun, and clears up when it ends
    try:
        cleared = clear(installed, production.serving(installed), ledger.releases(model))
        if not cleared.more:
            ledger.note_left_behind(model, RELEASE, False)
    finally:
        ledger.free_lease(model, RELEASE, holder)
    return cleared.deleted


def _configs(model: str, kept: Kept, cleared: Cleared) -> list[str]:
    """Delete the configs that nothing needs; return those that stay.

    Of the version that served before, the newest is enough: those before it are of other specs.
    """
    stay: list[str] = []
    unused: list[str] = []
    of_before = False
    for config in endpoints.configs_like(f"{model}-v"):
        if not names.is_made_for(model, config):
            continue
        is_before = kept.is_before(config)
        if config in kept.configs or (is_before and not of_before):
            stay.append(config)
            of_before = of_before or is_before
        else:
            unused.append(config)
    _delete(iter(unused), endpoints.delete_config, cleared)
    return stay


def _models(installed: Installation, kept: Kept, stay: Sequence[str], cleared: Cleared) -> None:
    model = installed.model
    pointed = not forms.of(installed.spec).has_endpoint  # production names its model, and no config
    made = [configs.get(model, config) for config in stay]
    known = {each.sagemaker_model for each in made if each is not None}
    unknown = kept.versions if None in made else frozenset()  # made before records were kept
    unused = (
        name
        for name in endpoints.models_like(f"{model}-v")
        if names.is_made_for(model, name)
        and name not in known
        and names.version_of_config(name) not in unknown
        and not (pointed and (name in kept.configs or kept.is_before(name)))
    )
    _delete(unused, endpoints.delete_model, cleared)


def _delete(candidates: Iterator[str], delete: Callable[[str], bool], cleared: Cleared) -> None:
    gone = list(islice((name for name in candidates if delete(name)), _MOST))
    cleared.deleted += gone
    cleared.more = cleared.more or len(gone) == _MOST


def _alarms(model: str) -> list[str]:
    stack = settings().stack
    watching = [
        name
        for name in alarms.beginning(f"{stack}-{model}-v")
        if names.is_release_alarm(stack, model, name)
    ]
    alarms.delete(watching)
    return watching
