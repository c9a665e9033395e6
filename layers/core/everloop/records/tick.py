"""The model that the last tick of reconcile ended with, where one was not enough for all."""

from everloop.records.keys import Item, Key
from everloop.records.writes import Put

KEY = Key("RECONCILE", "LAST")


def put(model: str) -> Put:
    return Put(KEY, {"model": model})


def of(item: Item) -> str:
    return str(item.get("model") or "")
