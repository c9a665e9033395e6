"""A laptop's cloud of the benchmark's own."""

import json
import os
import random
import socket
import statistics
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import boto3

from everloop.aws import journal, ledger
from everloop_cli import laptop, show
from everloop_cli.door import open_stack

T = TypeVar("T")


class Ground:
    """Starts a cloud with the stack, at real time unless told, in a folder that goes afterwards."""

    def __init__(
        self, folder: Path, speed: float = 1, options: Mapping[str, Any] | None = None
    ) -> None:
        self.state = folder / "state"
        self._speed = speed
        self._options = options or {}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        began = time.monotonic()
        running = self._up(port)
        first = time.monotonic() - began
        laptop.down(self.state, wipe=False, say=lambda text: None)
        began = time.monotonic()
        running = self._up(port)
        second = time.monotonic() - began
        rows = [("first, with building", first), ("again, with state", second)]
        show.table("Start of the laptop's cloud, stack deployed", ("", "seconds"), rows)
        self.url = str(running["url"])
        os.environ.update(laptop.variables(self.url, self.state))
        self.stack = open_stack()

    def client(self, service: Any) -> Any:
        return boto3.client(service, region_name=self.stack.region)

    def models(self) -> list[str]:
        return ledger.models()

    def decisions(self, model: str) -> list[dict[str, Any]]:
        return list(journal.decisions(model))

    def _up(self, port: int) -> dict[str, Any]:
        return laptop.up(
            self.state,
            port=port,
            speed=self._speed,
            stack="everloop",
            say=lambda text: None,
            **self._options,
        )

    def down(self) -> None:
        laptop.down(self.state, wipe=True, say=lambda text: None)

    def decided(self, model: str, kind: str, count: int = 1) -> dict[str, Any]:
        def probe() -> dict[str, Any] | None:
            found = [d for d in self.decisions(model) if d["kind"] == kind]
            return found[count - 1] if len(found) >= count else None

        return self.wait(f"{kind} of {model}", probe)

    def wait(self, what: str, probe: Callable[[], T | None], limit: float = 240) -> T:
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            found = probe()
            if found is not None:
                return found
            time.sleep(0.05)
        raise TimeoutError(f"waited {limit:.0f} s in vain for {what}")

    def calls(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.url}/_everloop/calls", timeout=10) as answer:
            told: list[dict[str, Any]] = json.load(answer)
        return told


def prices(seed: int, rows: int, mean: float = 20.0) -> bytes:
    """Return a drop for the tests' tiny model."""
    draw = random.Random(seed)
    lines = ["id,colour,price"]
    for row in range(rows):
        lines.append(f"{seed}-{row},{draw.choice(['red', 'blue'])},{draw.gauss(mean, 2):.3f}")
    return ("\n".join(lines) + "\n").encode()


def percentile(values: Sequence[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[int(share * 100) - 1]
