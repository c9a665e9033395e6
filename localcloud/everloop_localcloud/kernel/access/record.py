"""What was demanded of roles, kept for proofs.audit: one file per run, a JSON line per new demand.

Whoever judges calls by roles may write one: `{"role", "action", "resource", "context", "allowed"}`.
`role` is a role's name or its logical id in the template; `resource` is null where it is not known.
"""

import json
import os
import threading
from pathlib import Path

from everloop_localcloud.kernel.access.demands import Demand

FOLDER = "EVERLOOP_DEMANDS"  # the variable that names the folder; without it nothing is written


class Record:
    """A run's file, `<run>-<process>.jsonl`. A line is on disk at once: runs are killed."""

    def __init__(self, folder: Path, run: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{run}-{os.getpid()}.jsonl"
        self._known: set[str] = set()
        self._lock = threading.Lock()

    def note(self, role: str, demand: Demand, *, allowed: bool) -> None:
        """Write a demand, unless this run has written it already."""
        line = json.dumps(
            {
                "role": role,
                "action": demand.action,
                "resource": demand.resource,
                "context": demand.context,
                "allowed": allowed,
            }
        )
        with self._lock:
            if line not in self._known:
                self._known.add(line)
                with self._path.open("a") as file:
                    file.write(line + "\n")


def wanted(run: str) -> Record | None:
    """Return a record for this process where one is asked for."""
    folder = os.environ.get(FOLDER)
    return Record(Path(folder), run) if folder else None
