"""Prices: of one region, from the file beside this one or from a file of the same form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from everloop.errors import BadInput

FILE = Path(__file__).with_name("prices.json")


@dataclass(frozen=True)
class Prices:
    """What one unit of each item costs in a region. `as_of` is the month of the figures."""

    region: str
    as_of: str
    currency: str
    items: Mapping[str, float]

    def cost(self, used: Mapping[str, float]) -> float:
        """Return what so much of each item costs. Raises BadInput for an item without a price."""
        missing = sorted(name for name in used if name not in self.items)
        if missing:
            raise BadInput(
                f"there is no price of {missing[0]!r} in {self.region}: add it to a copy of"
                " prices.json, and give that with --prices"
            )
        return sum(self.items[name] * amount for name, amount in used.items())


def read(region: str, file: Path = FILE) -> Prices:
    """Read a region's prices. Raises BadInput, also for a region that the file does not have."""
    try:
        document = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{file}: no prices can be read: {error}") from error
    regions = document.get("regions") if isinstance(document, dict) else None
    if not isinstance(regions, dict):
        raise BadInput(f"{file}: regions is missing; prices.json shows the form")
    if region not in regions:
        raise BadInput(
            f"{file.name} has no prices of {region}, only of {', '.join(sorted(regions))}: put the"
            " region's into a copy, and give that with --prices"
        )
    items = regions[region]
    if not isinstance(items, dict):
        raise BadInput(f"{file}: {region}: its prices are no table of items")
    wrong = sorted(n for n, price in items.items() if not _is_price(price))
    if wrong:
        raise BadInput(f"{file}: {region}: {wrong[0]!r}: {items[wrong[0]]!r} is no price")
    when, currency = str(document.get("as_of", "")), str(document.get("currency", ""))
    return Prices(region, when, currency, items)


def known(region: str) -> Prices | None:
    """Return a region's prices; None where the file has none."""
    try:
        return read(region)
    except BadInput:
        return None


def _is_price(price: Any) -> bool:
    number = isinstance(price, int | float) and not isinstance(price, bool)
    return number and 0 <= price < float("inf")
