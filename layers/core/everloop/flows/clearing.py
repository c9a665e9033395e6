"""Clearing up behind a release: what it made, and what serves nothing and is not gone back to."""

from collections.abc import Sequence
from itertools import islice

from everloop import names
from everloop.aws import alarms, endpoints
from everloop.aws.settings import settings
from everloop.decisions.releases import Serving
from everloop.records.installation import Installed
from everloop.records.release import RELEASED, Release
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
    used = [serving] if serving else []
    if policy.deploy(installed.spec).keep_staging:
        staging = endpoints.serving(names.staging_endpoint(model))
        used += [staging] if staging else []
    now = serving.version if serving else None
    before = next((r.version for r in ended if r.outcome == RELEASED and r.version != now), None)
    versions = {each.version for each in used} | {now, before}
    configs = {each.config for each in used}
    unused = (
        config
        for config in endpoints.configs_like(f"{model}-v")
        if names.is_made_for(model, config)
        and config not in configs
        and (names.is_staging_config(config) or names.version_of_config(config) not in versions)
        and endpoints.delete_config(config)
    )
    gone = list(islice(unused, _MOST))
    unneeded = (
        made
        for made in endpoints.models_like(f"{model}-v")
        if names.is_made_for(model, made)
        and names.version_of_config(made) not in versions
        and endpoints.delete_model(made)
    )
    gone += islice(unneeded, _MOST)
    stack = settings().stack
    watching = [
        name
        for name in alarms.beginning(f"{stack}-{model}-v")
        if names.is_release_alarm(stack, model, name)
    ]
    alarms.delete(watching)
    return gone + watching
