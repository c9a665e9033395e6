"""Sweeping: some pages of the data bucket at each tick, for what no event reported.

Only events report arrivals and deletions; a rule that was off, a queue that was purged or a
bucket whose notifications were replaced loses them for good. S3 has them.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from everloop.aws import arrivals, ledger, objects, seen, storage
from everloop.aws import sweep as cursor
from everloop.aws.settings import settings
from everloop.decisions.objects import ListedVersion, below_markers
from everloop.decisions.sweeping import PATIENCE, advanced, is_new, overlaps, pages_due, started
from everloop.facts import is_model_name
from everloop.flows import collecting, pushes, report, unscored, withdrawing
from everloop.flows.report import logger
from everloop.moments import moment
from everloop.names import digest
from everloop.records.installation import Installation
from everloop.records.object_state import WITHDRAWN, ObjectState, object_id
from everloop.records.sweep import Sweep
from everloop.spec.policy import data as data_policy

_PREFIX = "data/"


def sweep(now: datetime, models: Sequence[str], *, scores: bool = False) -> list[str]:
    """Look at the next pages; return what kept a model from being looked at.

    `models` are the installed ones, and `scores` whether any of them may score what comes.
    """
    position = cursor.read()
    pages, sweep = pages_due(position, now), started(position, now)
    known = {model: _Model(model, now) for model in models}
    troubled: list[str] = []
    for _ in range(pages):
        to_score = sweep.after.startswith(unscored.PREFIX)
        prefix = unscored.PREFIX if to_score else _PREFIX
        begun = "" if sweep.after == prefix else sweep.after
        page, after = storage.versions_after(settings().data_bucket, prefix, begun)
        if to_score:
            troubled += unscored.look(page, sweep, now)
        else:
            troubled += _look(page, sweep, after, known, now)
            if not after and scores:
                after = unscored.PREFIX  # the pass goes on with what is to be scored
        if not after:
            pushes.find(sweep, now)
        sweep = advanced(sweep, after)
        cursor.write(sweep)
        if sweep.began_at is None:
            break
    return troubled


class _Model:
    """What the ledger knows of a model's objects; read when it is first needed."""

    def __init__(self, name: str, now: datetime) -> None:
        self.name = name
        self._now = now

    @cached_property
    def installed(self) -> Installation | None:
        return ledger.find_installed(self.name)

    @cached_property
    def states(self) -> dict[str, ObjectState]:
        return objects.states(self.name)

    @cached_property
    def _came(self) -> set[str]:
        """The ids of all that ever came: as the windows have it, and as the newest manifest has."""
        last = arrivals.open_window(self.name).number
        listed = self.manifest["objects"] if self.manifest else []
        return seen.in_windows(self.name, last) | {
            object_id(each["key"], each["version_id"]) for each in listed
        }

    @cached_property
    def manifest(self) -> Mapping[str, Any] | None:
        """The newest manifest that the ledger names, or else the newest that lies there."""
        closed = [each.uri for each in arrivals.newest_closed(self.name) if each.uri]
        uri = closed[0] if closed else self._newest_manifest()
        return storage.find_json(uri) if uri else None

    @cached_property
    def _entries(self) -> list[Mapping[str, Any]]:
        listed = self.manifest["objects"] if self.manifest else []
        return sorted(listed, key=_key)

    def entries(self, after: str, upto: str) -> list[Mapping[str, Any]]:
        """Return the newest manifest's entries behind a key and up to another, or to the end."""
        begin = bisect_right(self._entries, after, key=_key)
        end = bisect_right(self._entries, upto, key=_key) if upto else None
        return self._entries[begin:end]

    def _newest_manifest(self) -> str:
        bucket, prefix = settings().artefact_bucket, f"datasets/{self.name}/"
        newest = max(storage.listed(bucket, prefix), key=lambda each: each[1], default=None)
        return f"s3://{bucket}/{newest[0]}" if newest else ""

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return which of these came to us; what was seen long ago the arrivals themselves say."""
        distinct = set(ids)
        came = seen.among(self.name, distinct)
        return came if came == distinct else came | (distinct & self._came)


def _key(entry: Mapping[str, Any]) -> str:
    return str(entry["key"])


def _look(
    page: Sequence[ListedVersion], sweep: Sweep, upto: str, known: dict[str, _Model], now: datetime
) -> list[str]:
    """Look at a page, model by model; one model's trouble keeps none from another."""
    by_model: dict[str, dict[str, list[ListedVersion]]] = defaultdict(lambda: defaultdict(list))
    for version in page:
        parts = version.key.split("/", 2)
        if len(parts) == 3 and is_model_name(parts[1]):
            by_model[parts[1]][version.key].append(version)
    names = set(by_model)
    if sweep.thorough:  # also those of which nothing is left
        names |= {name for name in known if overlaps(f"{_PREFIX}{name}/", sweep.after, upto)}
    troubled = []
    for name in sorted(names):
        model = known.setdefault(name, _Model(name, now))
        try:
            _arrivals(model, by_model[name], sweep, now)
            _deletions(model, by_model[name], sweep, upto, now)
        except Exception as error:  # the tick says so, once it has done what it can
            logger.exception("could not sweep", model=name)
            troubled.append(f"{name}: {type(error).__name__}: {error}")
    return troubled


def _arrivals(
    model: _Model, versions: Mapping[str, Sequence[ListedVersion]], sweep: Sweep, now: datetime
) -> None:
    """Collect what is current and never came to us."""
    fresh = {
        one.id: one
        for listed in versions.values()
        for one in listed
        if one.latest
        and not one.marker
        and is_new(sweep, one.modified)
        and now - one.modified > PATIENCE
        and not (one.key.endswith("/") and one.size == 0)
    }
    if not fresh:
        return
    marker = data_policy(model.installed.spec).marker if model.installed else None
    data = {id for id, one in fresh.items() if not collecting.is_marker(one.key, marker)}
    came = [fresh[id] for id in sorted(data - model.known(data))]
    if not came:
        return
    shown = withdrawing.shown([one.key for one in came])
    report.decided(
        "reconcile",
        id=f"{model.name}:{digest(sorted(one.id for one in came))}",
        model=model.name,
        time=now,
        go=True,
        reason=f"{len(came)} objects lay in S3 that no event reported: {shown}",
        subject="data",
    )
    collecting.collect(model.name, model.installed, [withdrawing.arrived(one) for one in came], now)


def _deletions(
    model: _Model,
    versions: Mapping[str, Sequence[ListedVersion]],
    sweep: Sweep,
    upto: str,
    now: datetime,
) -> None:
    """Remember what was deleted, or undeleted, and no event reported."""
    hidden = {
        version.id: version.key
        for listed in versions.values()
        for version, marker in below_markers(listed)
        if marker is not None
        and is_new(sweep, marker.modified)
        and now - marker.modified > PATIENCE
    }
    keys = set()
    if hidden:
        untold = {id for id in hidden if not _is_withdrawn(model, id)}
        keys = {hidden[id] for id in (model.known(untold) if untold else ())}
    if sweep.thorough:
        shown = {
            version.id: version.key
            for listed in versions.values()
            for version, marker in below_markers(listed)
            if marker is None
        }
        keys |= {key for id, key in shown.items() if _is_withdrawn(model, id)}
        _gone(model, versions, sweep.after, upto, now)
    if keys:
        how = "reconcile found it in S3; no event reported it"
        settlement = withdrawing.settle(model.name, [(key, None) for key in sorted(keys)], now, how)
        if any(state.state != WITHDRAWN for state in settlement.changed):
            collecting.collect(model.name, model.installed, [], now)


def _is_withdrawn(model: _Model, id: str) -> bool:
    return id in model.states and model.states[id].state == WITHDRAWN


def _gone(
    model: _Model,
    versions: Mapping[str, Sequence[ListedVersion]],
    after: str,
    upto: str,
    now: datetime,
) -> None:
    """Remember what the newest dataset has and S3 has no more: it was deleted for good.

    Where the key holds something newer, the lifecycle rule on old versions took it: that is no
    withdrawal.
    """
    manifest = model.manifest
    if manifest is None:
        return
    frozen_at = moment(manifest["frozen_at"], field="frozen_at")
    changed = []
    for entry in model.entries(after, upto):
        key, id = entry["key"], object_id(entry["key"], entry["version_id"])
        if id in model.states:
            continue
        listed = versions.get(key, ())
        current = next((one for one in listed if one.latest and not one.marker), None)
        if any(one.id == id for one in listed) or (current and current.modified >= frozen_at):
            continue
        why = "S3 has this version no more: it was deleted for good"
        changed.append(ObjectState(key, entry["version_id"], WITHDRAWN, why, now))
    how = "reconcile held the newest dataset against S3; no event reported it"
    withdrawing.record(model.name, changed, now, how)
    for state in changed:
        objects.put(model.name, state)
