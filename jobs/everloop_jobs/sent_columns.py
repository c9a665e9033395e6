"""The columns that a model is sent, and the names of a row that comes without any."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = dict[str, Any]


class Unreadable(ValueError):
    """A record cannot be read; the words say why, and nothing of what it holds."""


@dataclass(frozen=True)
class Columns:
    """What is known of the columns that a model is sent, for rows that come without names.

    `orders` are lists of columns that a row without names may consist of, the likelier first.
    """

    known: frozenset[str]
    orders: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls,
        baseline: Mapping[str, Any],
        key: str | None,
        timestamp: str | None,
        target: str,
        declared: Iterable[str] = (),
        looked_up: Iterable[str] = (),
    ) -> "Columns":
        """Read them from statistics.json and what [data.columns] declares.

        An older statistics.json tells of the watched features only; then the key may stand first.
        `looked_up` are columns that a request may lack, since the endpoint finds them itself.
        """
        features = tuple(str(feature["name"]) for feature in baseline["features"])
        train = tuple(str(name) for name in baseline.get("columns") or ())
        orders = []
        found = set(looked_up)
        short = [tuple(n for n in whole if n not in found) for whole in (train, features)]
        for whole in (train, features, tuple(declared), *(short if found else ())):
            for left_out in (
                {target},
                {target, key},
                {target, key, timestamp},
                {target, timestamp},
                set[str | None](),
            ):
                orders.append(tuple(name for name in whole if name not in left_out))
        before = [name for name in (key, timestamp) if name and name not in features]
        orders += [(*before[:count], *features) for count in (1, 2)]
        named = {name for name in (*train, *features, *declared, key, timestamp, target) if name}
        return cls(frozenset(named), tuple(dict.fromkeys(order for order in orders if order)))

    def names(self, width: int) -> tuple[str, ...]:
        """Return the names of a row that has this many values and none for them."""
        for order in self.orders:
            if len(order) == width:
                return order
        widths = " or ".join(str(each) for each in sorted({len(each) for each in self.orders}))
        raise Unreadable(
            f"a row without names has another number of values than the model's ({widths or 0})"
        )


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Return a header's names; one that comes again is called as pandas calls it: name.1."""
    seen: dict[str, None] = {}
    for name in names:
        own, number = name, 0
        while own in seen:
            number += 1
            own = f"{name}.{number}"
        seen[own] = None
    return tuple(seen)
