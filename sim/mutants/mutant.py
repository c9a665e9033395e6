"""A flaw to plant: one change of text in one file of the product."""

from dataclasses import dataclass

CORE = "layers/core/everloop"


@dataclass(frozen=True)
class Mutant:
    """`why` is there for one that no history can tell from the product: what it would take."""

    name: str
    file: str
    before: str
    after: str
    why: str = ""
