"""Flaws in looks at traffic and labels."""

from proofs.sim.mutants.mutant import CORE, Mutant

FLAWS = (
    Mutant(
        "pass over labels that come alone",
        f"{CORE}/decisions/monitoring.py",
        "captured_files == 0 and new_labels == 0",
        "captured_files == 0",
    ),
    Mutant(
        "keep what a look that is had again sees beside what it saw",
        f"{CORE}/flows/late_labels.py",
        "look = late_labels.look_id(monitoring.last_look(model))",
        "look = late_labels.look_id(until)",
        why="A look must have kept its predictions and then not have been judged, which is rare: "
        "tests/functions/test_late_labels.py sees it",
    ),
    Mutant(
        "give a look no predictions but its own",
        f"{CORE}/flows/late_labels.py",
        "kept = _kept(model, oldest, look) if labels.files else []",
        "kept: list[str] = []",
    ),
)
