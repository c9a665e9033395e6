"""Task tokens: who waits, and what was answered. An accepted answer survives a kill."""

import threading
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.task_tokens import execution_of
from everloop_localcloud.states.world import Waiting


class Tokens:
    """The tokens of all executions."""

    def __init__(self, cloud: Account) -> None:
        self._clock = cloud.clock
        self._table = cloud.store.table("stepfunctions.tokens")
        self._lock = threading.Lock()
        self._waiting: dict[str, Waiting] = {}
        self._over: set[str] = set()

    def expect(self, token: str, execution_arn: str) -> Waiting:
        """Begin to wait for a token, or go on waiting after a restart."""
        with self._lock:
            waiting = self._waiting.setdefault(token, Waiting(self._clock.signal()))
            row = self._table.get(token)
            if row is None:
                self._table[token] = {"execution": execution_arn}
            elif "outcome" in row:
                waiting.outcome = row["outcome"]
            return waiting

    def forget(self, token: str) -> None:
        """Nobody waits any more. The answer is kept until `sweep`, as a kill may come before."""
        with self._lock:
            self._waiting.pop(token, None)
            self._over.add(token)

    def sweep(self, execution_arn: str, keep: str | None = None) -> None:
        """Delete the execution's tokens that are over: it has been saved in a later state."""
        with self._lock:
            for token in [token for token in self._over if token != keep]:
                if self._table.get(token, {}).get("execution") == execution_arn:
                    del self._table[token]
                    self._over.discard(token)

    def clear(self, execution_arn: str, keep: str | None = None) -> None:
        """Delete every token of an execution but one."""
        with self._lock:
            for token, row in list(self._table.items()):
                if row["execution"] == execution_arn and token != keep:
                    del self._table[token]
                    self._over.discard(token)
                    self._waiting.pop(token, None)

    def answer(self, token: str, outcome: dict[str, Any]) -> None:
        """Take an answer. Raises AwsError InvalidToken or TaskTimedOut."""
        with self._lock:
            row = self._known(token)
            self._table[token] = {**row, "outcome": outcome}
            waiting = self._waiting.get(token)
            if waiting is not None:
                waiting.outcome = outcome
                waiting.signal.set()

    def beat(self, token: str) -> None:
        """Take a sign of life. Raises AwsError InvalidToken or TaskTimedOut."""
        with self._lock:
            self._known(token)
            waiting = self._waiting.get(token)
            if waiting is not None:
                waiting.beat = self._clock.now()
                before, waiting.signal = waiting.signal, self._clock.signal()
                before.set()

    def _known(self, token: str) -> dict[str, Any]:
        if execution_of(token) is None:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        row = self._table.get(token)
        if row is None or "outcome" in row or token in self._over:
            told = "Task Timed Out: 'Provided task does not exist anymore'"
            raise AwsError("TaskTimedOut", told)
        return row
