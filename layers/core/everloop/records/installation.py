"""A model as it was pushed last, and the index of all models."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from everloop.moments import moment, text
from everloop.records.keys import SK, Item, Key, Range, of_model
from everloop.records.writes import EXISTS, Put, Update, set_of

INDEX = Range("MODELS")


@dataclass(frozen=True)
class Reproduction:
    """A version that is trained again, in an execution of a pipeline that releases nothing.

    `execution` is empty until it was started: its name and token come from `name`.
    """

    version: int
    name: str
    started_at: datetime
    by: str
    reason: str
    execution: str = ""


@dataclass(frozen=True)
class Installation:
    """A model as it was pushed last: its spec (JSON) and where its parts lie."""

    model: str
    spec: Mapping[str, Any]
    bundle_digest: str
    bundle_uri: str
    jobs_uri: str
    pipeline_arn: str
    installed_at: datetime
    paused: str = ""  # why nothing new may start; empty while it may
    own_pipeline: bool = False  # a pipeline of the folder's own, which names its instances itself
    # What the pipeline has of other instances than the pushed one: pipelines/plans.py.
    plan: Mapping[str, str] = field(default_factory=dict)
    planned_at: datetime | None = None
    commit: str = ""  # in Git, that the push said it was made from
    # The version that is being trained again, to see whether it comes out the same; at most one.
    reproduction: Reproduction | None = None


def key(model: str) -> Key:
    return of_model(model, "SPEC")


def put(installed: Installation) -> Update:
    """Return an update, so that a push does not end a pause."""
    return set_of(
        key(installed.model),
        {
            "spec": dict(installed.spec),
            "bundle_digest": installed.bundle_digest,
            "bundle_uri": installed.bundle_uri,
            "jobs_uri": installed.jobs_uri,
            "pipeline_arn": installed.pipeline_arn,
            "installed_at": text(installed.installed_at),
            "own_pipeline": installed.own_pipeline,
            "commit": installed.commit,
            "plan": {},
        },
    )


def note_plan(installed: Installation, plan: Mapping[str, str], now: datetime) -> Update:
    """Return what says which instances the pipeline has, unless somebody has pushed since."""
    return set_of(
        key(installed.model),
        {"plan": dict(plan), "planned_at": text(now)},
        "#installed_at = :pushed_at",
        pushed_at=text(installed.installed_at),
    )


def begin(model: str, begun: Reproduction) -> Update:
    """Return what writes down that a version is trained again, unless one is already."""
    values = {**asdict(begun), "started_at": text(begun.started_at)}
    free = f"{EXISTS} AND (attribute_not_exists(#reproduction) OR #reproduction = :none)"
    return set_of(key(model), {"reproduction": values}, free, none={})


def note_begun(model: str, begun: Reproduction, execution: str) -> Update:
    """Return what writes down which execution that is."""
    return Update(
        key(model),
        "SET #reproduction.#execution = :execution",
        "#reproduction.#name = :mine",
        {"execution": execution, "mine": begun.name},
    )


def end(model: str, begun: Reproduction) -> Update:
    """Return what writes down that it has ended, unless another has begun since."""
    return set_of(key(model), {"reproduction": {}}, "#reproduction.#name = :mine", mine=begun.name)


def pause(model: str, why: str) -> Update:
    return set_of(key(model), {"paused": why}, EXISTS)


def of(model: str, item: Item) -> Installation:
    return Installation(
        model=model,
        spec=item["spec"],
        bundle_digest=item["bundle_digest"],
        bundle_uri=item["bundle_uri"],
        jobs_uri=item["jobs_uri"],
        pipeline_arn=item["pipeline_arn"],
        installed_at=moment(item["installed_at"]),
        paused=item.get("paused") or "",
        own_pipeline=bool(item.get("own_pipeline")),
        plan=item.get("plan") or {},
        planned_at=moment(item["planned_at"]) if item.get("planned_at") else None,
        commit=item.get("commit") or "",
        reproduction=_reproduction(item.get("reproduction") or {}),
    )


def _reproduction(values: Mapping[str, Any]) -> Reproduction | None:
    if not values:
        return None
    return Reproduction(
        version=int(values["version"]),
        name=values["name"],
        started_at=moment(values["started_at"]),
        by=values["by"],
        reason=values["reason"],
        execution=values.get("execution") or "",
    )


def listed(installed: Installation) -> Put:
    """Return what puts a model into the index."""
    place = Key(INDEX.pk, installed.model)
    return Put(place, {"installed_at": text(installed.installed_at)})


def model_of(item: Item) -> str:
    """Return which model an item of the index is of."""
    return str(item[SK])
