"""Runs the simulator as people do: in a process of its own, with its own hash seed."""

import subprocess
import sys

from proofs.template import ROOT


def sim(*words: str, module: str = "proofs.sim") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
