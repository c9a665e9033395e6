"""The pin that was seen last: a hint where to look, never the truth, which the registry keeps."""

from everloop.records.keys import Item, Key, of_model
from everloop.records.writes import Put


def key(model: str) -> Key:
    return of_model(model, "PIN")


def put(model: str, version: int | None, stamp: str) -> Put:
    return Put(key(model), {"version": version, "stamp": stamp})


def of(item: Item) -> tuple[int, str] | None:
    """Return the pinned version and its stamp; None where none is pinned."""
    if item.get("version") is None:
        return None
    return int(item["version"]), str(item["stamp"])
