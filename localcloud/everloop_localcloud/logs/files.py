"""The files of log streams: one line of JSON per event, readable while it grows."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

Event = dict[str, Any]  # timestamp, ingestionTime (both milliseconds), message


class LogFiles:
    """Append-only files of one folder. Not locked: its owner is."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mended: set[Path] = set()

    def path(self, group: str, stream: str) -> Path:
        return self._folder / _file_name(group) / f"{_file_name(stream)}.jsonl"

    def append(self, group: str, stream: str, events: list[Event]) -> int:
        """Add events; return how many bytes that took."""
        path = self.path(group, stream)
        if path not in self._mended:
            path.parent.mkdir(parents=True, exist_ok=True)
            _mend(path)
            self._mended.add(path)
        data = b"".join(
            json.dumps(event, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
            for event in events
        )
        with open(path, "ab", buffering=0) as file:
            file.write(data)
        return len(data)

    def read(self, group: str, stream: str) -> list[Event]:
        """Return all events of a stream, in the order in which they came."""
        path = self.path(group, stream)
        if not path.exists():
            return []
        lines = path.read_bytes().split(b"\n")[:-1]  # what follows the last line end is torn
        return [json.loads(line) for line in lines]

    def delete(self, group: str, stream: str) -> None:
        path = self.path(group, stream)
        path.unlink(missing_ok=True)
        self._mended.discard(path)


def _mend(path: Path) -> None:
    """Cut off a last line that a kill left unfinished."""
    if path.exists():
        data = path.read_bytes()
        if data and not data.endswith(b"\n"):
            path.write_bytes(data[: data.rfind(b"\n") + 1])


def _file_name(name: str) -> str:
    """Return a readable file name that no other name has."""
    readable = re.sub(r"[^A-Za-z0-9._=-]+", "_", name).strip("._")[:120]
    if readable == name:
        return name
    return f"{readable}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
