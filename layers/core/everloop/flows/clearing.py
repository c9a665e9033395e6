"""Clearing up behind a release: what it made, and what serves nothing and is not gone back to."""

from collections.abc import Sequence
from itertools import islice

from everloop import names
from everloop.aws import alarms, endpoints
from everloop.aws.settings import settings
from everloop.decisions.release_ends import Needed, needed
from everloop.decisions.releases import Serving
from everloop.records.installation import Installed
from everloop.records.release import Release
from everloop.spec import policy

_MOST = 50  # deletions of a kind at once, some 0.2 s each; the next release does the rest


def clear(installed: Installed, serving: Serving | None, ended: Sequence[Release]) -> list[str]:
    """Delete alarms of releases, and configs and SageMaker models that nothing needs; return them.

    To be called while no other release of the model can begin, where `serving` is settled. What
    serves stays, and what served before it: an operator may bring it back by hand. Whatever is
    missing later is made again by its name.
    """
    if serving is not None and (not serving.settled or serving.pending_config):
        return []
    model = installed.model
    staging = None
    if policy.deploy(installed.spec).keep_staging:
        staging = endpoints.serving(names.staging_endpoint(model))
    kept = needed(serving, staging, ended)
    return [*_configs(model, kept), *_models(model, kept), *_alarms(model)]


def _configs(model: str, kept: Needed) -> list[str]:
    unused = (
        config
        for config in endpoints.configs_like(f"{model}-v")
        if names.is_made_for(model, config)
        and not kept.config(config)
        and endpoints.delete_config(config)
    )
    return list(islice(unused, _MOST))


def _models(model: str, kept: Needed) -> list[str]:
    unused = (
        made
        for made in endpoints.models_like(f"{model}-v")
        if names.is_made_for(model, made)
        and names.version_of_config(made) not in kept.versions
        and endpoints.delete_model(made)
    )
    return list(islice(unused, _MOST))


def _alarms(model: str) -> list[str]:
    stack = settings().stack
    watching = [
        name
        for name in alarms.beginning(f"{stack}-{model}-v")
        if names.is_release_alarm(stack, model, name)
    ]
    alarms.delete(watching)
    return watching
