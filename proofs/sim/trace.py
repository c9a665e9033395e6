"""What happened, twice: as a hash that must come out the same, and as lines a person can read."""

import hashlib
import json
from collections import Counter
from datetime import datetime
from typing import Any

# What botocore fills in at random, each time anew.
_RANDOM = {"ClientRequestToken", "ClientToken"}
_COLOURS = {
    "decided": "36",
    "mail": "35",
    "endpoint": "34",
    "registry": "34",
    "pipeline": "34",
    "person": "33",
    "VIOLATION": "1;31",
    "dead letter": "31",
    "event lost": "31",
}


def _plain(value: Any) -> str:
    """Write what JSON has no form for, by what it holds and never by where it lies in memory."""
    if hasattr(value, "read"):
        value.seek(0)
        value = value.read()
    if isinstance(value, bytes | bytearray):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a trace")


class Trace:
    def __init__(self, *, lines: bool = False, colours: bool = False) -> None:
        self._hash = hashlib.sha256()
        self._lines = lines
        self._colours = colours
        self.calls: Counter[str] = Counter()
        self.notes: list[str] = []

    def call(self, now: float, who: str, service: str, operation: str, params: Any) -> None:
        self.calls[f"{service}.{operation}"] += 1
        told = {k: v for k, v in params.items() if k not in _RANDOM}
        text = json.dumps(told, sort_keys=True, default=_plain)
        self._hash.update(f"{now:.6f} {who} {service}.{operation} {text}\n".encode())

    def note(self, now: float, kind: str, text: str) -> None:
        self._hash.update(f"{now:.6f} {kind} {text}\n".encode())
        if self._lines:
            self.notes.append(self._line(now, kind, text))

    def digest(self) -> str:
        return self._hash.hexdigest()

    def _line(self, now: float, kind: str, text: str) -> str:
        hours, rest = divmod(int(now), 3600)
        clock = f"{hours:02d}:{rest // 60:02d}:{rest % 60:02d}.{int(now * 10) % 10}"
        shown = f"{kind:<14}"
        if self._colours and kind in _COLOURS:
            shown = f"\x1b[{_COLOURS[kind]}m{shown}\x1b[0m"
        return f"{clock}  {shown} {text}"
