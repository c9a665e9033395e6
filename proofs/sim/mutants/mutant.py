"""A flaw to plant in the product."""

from dataclasses import dataclass

from proofs.planting import Plant


@dataclass(frozen=True)
class Mutant:
    """`why` is there for one that hardly any history can tell from the product: what it would take.

    A seed in it showed the flaw once; its history is another since people and faults have changed.
    """

    name: str
    plant: Plant
    why: str = ""
