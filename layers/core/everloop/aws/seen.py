"""Which object versions came to us once: known for as long as the ledger is there.

What was written down before has an `expires` and is forgotten after 30 days; then the arrivals
of the windows, which stay, say it.
"""

from collections.abc import Collection
from typing import Any

from everloop.aws import table
from everloop.aws.items import Item


def item(model: str, id: str, window: int) -> dict[str, Any]:
    return {"pk": _pk(model), "sk": id, "window": window}


def among(model: str, ids: Collection[str]) -> set[str]:
    """Return which of these came to us, as far as this memory goes."""
    return {found["sk"] for found in table.get_many(_pk(model), ids)}


def in_windows(model: str, last: int) -> set[str]:
    """Return the ids of all arrivals of windows 1 to `last`."""
    found: set[str] = set()
    for number in range(1, last + 1):
        items: list[Item] = list(table.query(f"ARRIVAL#{model}#{number}"))
        found |= {each["sk"] for each in items}
    return found


def _pk(model: str) -> str:
    return f"SEEN#{model}"
