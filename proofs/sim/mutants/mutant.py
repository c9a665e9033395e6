"""A flaw to plant: one change of text in one file of the product."""

from dataclasses import dataclass

CORE = "layers/core/everloop"


@dataclass(frozen=True)
class Mutant:
    """`why` is there for one that hardly any history can tell from the product: what it would take.

    A seed in it showed the flaw once; its history is another since people and faults have changed.
    """

    name: str
    file: str
    before: str
    after: str
    why: str = ""
