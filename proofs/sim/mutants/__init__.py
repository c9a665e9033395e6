"""Flaws to plant in the product, one at a time: does the judge see them?"""

from proofs.sim.mutants import calls, datasets, judging, releasing, repairing, training, watching
from proofs.sim.mutants.mutant import Mutant

MUTANTS = (
    *datasets.FLAWS,
    *training.FLAWS,
    *judging.FLAWS,
    *releasing.FLAWS,
    *repairing.FLAWS,
    *watching.FLAWS,
    *calls.FLAWS,
)

__all__ = ["MUTANTS", "Mutant"]
