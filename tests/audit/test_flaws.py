"""Each flaw that the self-test of the audit plants has its place in the product as it is."""

from pathlib import Path

import pytest

from proofs.audit.flaws import Flaw
from proofs.audit.flaws.every import FLAWS
from proofs.audit.subject import Subject

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product that all flaws are planted into, one after another."""
    folder = tmp_path_factory.mktemp("product")
    Subject(ROOT).copy_to(folder)
    return folder


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.says)
def test_a_flaw_can_be_planted(copy: Path, flaw: Flaw) -> None:
    flaw.plant(copy)  # raises where there is nothing to change
