"""Keys of the ledger's table: a partition and a place in it, both strings."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

PK: Final = "pk"
SK: Final = "sk"
EXPIRES: Final = "expires"  # the table's TTL attribute, in epoch seconds

Item = Mapping[str, Any]  # an item as it is read: its key's attributes, and its own


@dataclass(frozen=True)
class Key:
    """Where one item lies."""

    pk: str
    sk: str

    def __str__(self) -> str:
        return f"{self.pk} {self.sk}"

    @property
    def attributes(self) -> dict[str, str]:
        return {PK: self.pk, SK: self.sk}


@dataclass(frozen=True)
class Range:
    """The items of a partition whose place in it begins with a text; with none, all of them.

    With `first`, which begins with that text, too, only those from there on.
    """

    pk: str
    prefix: str = ""
    first: str = ""

    def __str__(self) -> str:
        return f"{self.pk} {self.prefix}"


_OF_MODEL: Final = "MODEL#"


def partition(model: str) -> str:
    """Return where most records of a model lie."""
    return f"{_OF_MODEL}{model}"


def model_of_partition(pk: str) -> str:
    return pk.removeprefix(_OF_MODEL)


def of_model(model: str, sk: str) -> Key:
    return Key(partition(model), sk)


def among(model: str, prefix: str) -> Range:
    return Range(partition(model), prefix)


def own(item: Item) -> dict[str, Any]:
    """Return an item without its key."""
    return {name: value for name, value in item.items() if name not in (PK, SK)}
