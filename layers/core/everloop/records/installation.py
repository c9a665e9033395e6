"""A model as it was pushed last, and the index of all models."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.moments import moment, text
from everloop.records.keys import SK, Item, Key, Range, of_model
from everloop.records.writes import EXISTS, Put, Update, set_of

INDEX = Range("MODELS")


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
        },
    )


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
    )


def listed(installed: Installation) -> Put:
    """Return what puts a model into the index."""
    place = Key(INDEX.pk, installed.model)
    return Put(place, {"installed_at": text(installed.installed_at)})


def model_of(item: Item) -> str:
    """Return which model an item of the index is of."""
    return str(item[SK])
