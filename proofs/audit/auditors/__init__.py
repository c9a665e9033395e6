"""The auditors: each takes a subject and returns what it looked at and what it found.

One that could not look raises AuditError; one that found nothing to look at does, too.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proofs.audit.findings import AuditError, Finding


@dataclass(frozen=True)
class Report:
    looked_at: str  # such as "2 templates"; what an auditor did not see it cannot find
    findings: list[Finding]


def ran(tool: str, arguments: Sequence[str | Path], *, at: Path, ok: Sequence[int]) -> str:
    """Run a tool of this environment in a folder; return what it wrote to standard output.

    Raises AuditError for an exit code that is not in `ok`: the tool failed, whatever it found.
    """
    program = Path(sys.executable).parent / tool
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "PYTHON"))}
    clean["AWS_DEFAULT_REGION"] = "us-east-1"
    done = subprocess.run(
        [program, *arguments],
        cwd=at,
        env=clean,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode not in ok:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise AuditError(f"{tool} failed with exit code {done.returncode}: {' / '.join(last)}")
    return done.stdout


def parsed(tool: str, text: str) -> Any:
    """Parse a tool's JSON. Raises AuditError where it is none: the tool did not do its work."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise AuditError(f"{tool} wrote no JSON but {text[:200]!r}") from error
