"""Each flaw that the simulator plants has its place in the product as it is."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from proofs.sim.mutants import MUTANTS
from proofs.sim.mutation import copied
from proofs.template import ROOT

RUFF = str(Path(sys.executable).with_name("ruff"))


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("product"))


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_flaw_has_its_place_in_the_product(product, mutant) -> None:
    before = {path: path.stat().st_mtime_ns for path in product.rglob("*.*")}
    mutant.plant(product)
    changed = [path for path, stamp in before.items() if path.stat().st_mtime_ns != stamp]
    python = [str(path) for path in changed if path.suffix == ".py"]
    if python:
        # A flaw that fails for a name that is nowhere would be caught for its own mistake.
        words = [RUFF, "check", "--isolated", "--select", "F821", "--quiet", *python]
        undefined = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        assert not undefined
    for path in changed:
        shutil.copyfile(ROOT / path.relative_to(product), path)
    assert changed
