"""Instances: what a model takes of its list, and what it takes next where AWS refuses that.

A list of one is no list: nothing is read or written for it, and it waits as ever.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from everloop.aws import refusals
from everloop.decisions import instances as decide
from everloop.decisions.instances import Taken
from everloop.decisions.waits import Retry
from everloop.flows import report, shortages
from everloop.moments import text
from everloop.pipelines.needs import PROCESSING, TRANSFORM
from everloop.records.installation import Installation
from everloop.records.refusal import Refusal
from everloop.records.shortage import Trouble
from everloop.spec.instances import Choice

_AT_ONCE = 1  # seconds until the next instance is tried: a machine waits for nothing less


def taken(installed: Installation, preferred: Sequence[Choice], now: datetime) -> Taken:
    """Return what a model takes of a list now."""
    known = refusals.of(installed.model) if len(preferred) > 1 else []
    return decide.take(preferred, decide.counting(known, now, installed.installed_at))


def requested(resources: Mapping[str, Any] | None) -> tuple[Choice, ...]:
    """Return what a machine's job was requested on; nothing where none is known.

    A processing job has a cluster; a transform job names its instance at once.
    """
    given = resources or {}
    use = PROCESSING if "ClusterConfig" in given else TRANSFORM
    instance = (given.get("ClusterConfig") or given).get("InstanceType")
    return (Choice(str(instance), use),) if instance else ()


def after(
    installed: Installation,
    activity: str,
    preferred: Sequence[Choice],
    tried: Sequence[Choice],
    trouble: Trouble,
    now: datetime,
) -> Taken | None:
    """Write down what AWS refused, and return what is taken next; None where no other would help.

    `tried` is what was requested, as the machine or its record knows it: what would be taken now
    may be another by now. `now` is when the step began: the step that is tried again refuses the
    same once. Where nothing is left to take, `usable` of the answer is empty.
    """
    if len(preferred) < 2 or not tried:
        return None
    listed = {choice.quota for choice in preferred}
    known = decide.counting(refusals.of(installed.model), now, installed.installed_at)
    refused = [each for each in known.values() if each.at == now and each.quota in listed]
    if not refused:
        named = decide.refused_of(preferred, tried, trouble)
        if not set(named) & set(tried):  # the one that was tried is no worse than before
            return None
        refused = [Refusal(installed.model, each.quota, trouble, now) for each in named]
    if not refused:
        return None
    for each in refused:
        refusals.put(each)
        known[each.quota] = each
    following = decide.take(preferred, known)
    if following.usable:
        report.decided(
            "instance",
            id=f"{installed.model}:{activity}:{refused[0].quota}:{text(now)}",
            model=installed.model,
            time=now,
            go=True,
            reason=following.reason,
            facts={"activity": activity, **following.facts},
            subject=refused[0].quota,
        )
    return following


def retry(
    installed: Installation,
    activity: str,
    subject: str,
    met: Trouble,
    following: Taken | None,
    now: datetime,
) -> Retry:
    """Say when the same is tried again: at once on the instance that follows, or after a wait."""
    if following is not None and following.usable:
        return Retry(_AT_ONCE, "", following.reason)
    return shortages.meet(installed, activity, subject, trouble_of(following, met), now)


def trouble_of(following: Taken | None, met: Trouble) -> Trouble:
    """Return what is waited for: of the instance that is tried again, where all were refused."""
    if following is None:
        return met
    mine = (each for each in following.refused if each.quota == following.choice.quota)
    return next((each.trouble for each in mine), met)
