"""Which object versions came to us once: known for as long as the ledger is there."""

from collections.abc import Collection

from everloop.aws import table
from everloop.records import arrival


def among(model: str, ids: Collection[str]) -> set[str]:
    """Return which of these came to us, as far as this memory goes."""
    keys = [arrival.seen_key(model, id) for id in ids]
    return {arrival.id_of(item) for item in table.get_many(keys)}


def in_windows(model: str, last: int) -> set[str]:
    """Return the ids of all arrivals of windows 1 to `last`."""
    return {
        arrival.id_of(item)
        for number in range(1, last + 1)
        for item in table.query(arrival.of_window(model, number))
    }
