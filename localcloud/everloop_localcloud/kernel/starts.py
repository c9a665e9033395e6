"""How long it takes until jobs and endpoints begin: at once, or as on AWS (starts.json).

The wait is of the cloud's own time, so that a fast cloud shows in seconds where minutes go.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.clock import Signal


@cache
def table() -> Mapping[str, Any]:
    """Return starts.json: seconds by what starts, and where they come from."""
    text = Path(__file__).with_name("starts.json").read_text("utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


class Starts:
    """Waits for what starts; not at all unless `aws`."""

    def __init__(self, *, aws: bool = False) -> None:
        self._aws = aws

    def await_job(self, halt: Signal) -> None:
        """Wait until a job's instances would be there, or until it is halted."""
        self._await(table()["job"]["seconds"], halt)

    def await_fleet(self, instances: Iterable[str], halt: Signal) -> None:
        """Wait until the slowest instances of a fleet would be there, or until it is halted."""
        self._await(max(map(of_instance, instances), default=0), halt)

    def _await(self, seconds: float, halt: Signal) -> None:
        if self._aws:
            halt.wait(seconds)


def of_instance(instance: str) -> float:
    """Return how many seconds AWS takes until an endpoint on an instance type is in service."""
    endpoint = table()["endpoint"]
    return float(endpoint["instances"].get(instance, endpoint["seconds"]))
