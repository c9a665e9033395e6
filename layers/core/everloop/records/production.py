"""Production of a model without an endpoint: the pointer at the version that scores what comes."""

from dataclasses import dataclass
from datetime import datetime

from everloop.moments import moment, text
from everloop.records.keys import Item, Key, of_model
from everloop.records.writes import Put, Update


@dataclass(frozen=True)
class Production:
    """Which version scores, from which SageMaker model, and since when."""

    version: int
    sagemaker_model: str
    image: str
    epoch: int  # of the release that brought it
    since: datetime


def key(model: str) -> Key:
    return of_model(model, "PRODUCTION")


def put(model: str, production: Production) -> Put:
    """Return what moves the pointer, unless a later release has moved it."""
    return Put(
        key(model),
        {
            "version": production.version,
            "sagemaker_model": production.sagemaker_model,
            "image": production.image,
            "epoch": production.epoch,
            "since": text(production.since),
        },
        "attribute_not_exists(#epoch) OR #epoch <= :last",
        {"last": production.epoch},
    )


def clear(model: str) -> Update:
    """Return what lets the pointer point at nothing, where there is one."""
    return Update(key(model), "REMOVE #version", "attribute_exists(#version)")


def of(item: Item) -> Production | None:
    if not item.get("version"):
        return None
    return Production(
        version=int(item["version"]),
        sagemaker_model=str(item["sagemaker_model"]),
        image=str(item.get("image") or ""),
        epoch=int(item["epoch"]),
        since=moment(item["since"]),
    )
