"""Flaws in looks at traffic and labels."""

from proofs.planting import Code
from proofs.sim.mutants.mutant import Mutant

FLAWS = (
    Mutant(
        "pass over labels that come alone",
        Code(
            "decisions.monitoring", "captured_files == 0 and new_labels == 0", "captured_files == 0"
        ),
    ),
    Mutant(
        "keep what a look that is had again sees beside what it saw",
        Code("flows.late_labels", "monitoring.last_look(...)", "until"),
        why="A look must have kept its predictions and then not have been judged, which is "
        "rare: tests/functions/test_late_labels.py sees it",
    ),
    Mutant(
        "give a look no predictions but its own",
        Code(
            "flows.late_labels",
            "kept = _kept(model, oldest, look) if labels.files else []",
            "kept: list[str] = []",
        ),
    ),
)
