"""The order in which visible messages leave a queue: any order, or first in first out per group."""

import heapq
from collections import deque
from typing import Any, Protocol

Rows = dict[str, dict[str, Any]]


class Line(Protocol):
    """Visible messages of one queue; `rows` are the queue's messages, deleted ones are skipped."""

    def add(self, key: str) -> None:
        """Let a message wait in line."""

    def take(self, most: int) -> list[str]:
        """Take up to `most` messages out of the line."""

    def occupy(self, row: dict[str, Any]) -> None:
        """A message is in flight already, since before a restart."""

    def release(self, row: dict[str, Any]) -> None:
        """A taken message was deleted, or is about to be added again."""

    def __bool__(self) -> bool: ...


class StandardLine:
    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._keys: deque[str] = deque()

    def add(self, key: str) -> None:
        self._keys.append(key)

    def take(self, most: int) -> list[str]:
        taken: list[str] = []
        while self._keys and len(taken) < most:
            key = self._keys.popleft()
            if key in self._rows:
                taken.append(key)
        return taken

    def occupy(self, row: dict[str, Any]) -> None:
        """Nothing waits for a message of a standard queue."""

    def release(self, row: dict[str, Any]) -> None:
        """Nothing waits for a message of a standard queue."""

    def __bool__(self) -> bool:
        while self._keys and self._keys[0] not in self._rows:
            self._keys.popleft()
        return bool(self._keys)


class FifoLine:
    """A group with a message in flight waits until that one is deleted or visible again."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._groups: dict[str, list[tuple[int, str]]] = {}
        self._flying: dict[str, int] = {}
        self._free: dict[str, None] = {}  # an ordered set

    def add(self, key: str) -> None:
        row = self._rows[key]
        group = row["group"]
        heapq.heappush(self._groups.setdefault(group, []), (row["order"], key))
        if not self._flying.get(group):
            self._free[group] = None

    def take(self, most: int) -> list[str]:
        taken: list[str] = []
        while self._free and len(taken) < most:
            group = next(iter(self._free))
            del self._free[group]
            waiting = self._groups[group]
            while waiting and len(taken) < most:
                key = heapq.heappop(waiting)[1]
                if key in self._rows:
                    taken.append(key)
                    self._flying[group] = self._flying.get(group, 0) + 1
            if not waiting:
                del self._groups[group]
        return taken

    def occupy(self, row: dict[str, Any]) -> None:
        self._flying[row["group"]] = self._flying.get(row["group"], 0) + 1
        self._free.pop(row["group"], None)

    def release(self, row: dict[str, Any]) -> None:
        group = row["group"]
        left = self._flying.get(group, 0) - 1
        if left > 0:
            self._flying[group] = left
            return
        self._flying.pop(group, None)
        if self._groups.get(group):
            self._free[group] = None

    def __bool__(self) -> bool:
        return bool(self._free)
