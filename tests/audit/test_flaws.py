"""Each flaw that the self-test of the audit plants has its place in the product as it is."""

import shutil
from pathlib import Path

from audit.flaws import code, functions, machines, policies, stack
from audit.subject import Subject

ROOT = Path(__file__).parents[2]


def test_every_flaw_can_be_planted(tmp_path: Path) -> None:
    subject = Subject(ROOT)
    for path in subject.files():
        target = tmp_path / subject.name(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    flaws = [f for part in (code, functions, machines, policies, stack) for f in part.FLAWS]
    for flaw in flaws:  # raises where there is nothing to change
        flaw.plant(tmp_path)
    assert len(flaws) > 80
