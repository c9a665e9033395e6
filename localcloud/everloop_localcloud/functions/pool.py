"""Warm environments: as many as run at once, within the function's limit and the machine's."""

import os
import shutil
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from everloop_localcloud.functions.environment import Environment, Plan
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

_IDLE_SECONDS = 300.0  # real seconds after which an unused environment ends
_LOOK_SECONDS = 15.0


class Pool:
    """Lends environments. At the function's own limit it throttles; at the machine's it waits."""

    def __init__(self, cloud: Account, work: Path, busy: int | None = None) -> None:
        cores = os.cpu_count() or 2
        self.limit = busy or max(6, 3 * cores)
        self._kept = 2 * self.limit + 8  # more live processes than that only fill the memory
        self._cloud = cloud
        self._work = work
        shutil.rmtree(work, ignore_errors=True)  # of a cloud that was killed
        self._slots = threading.Semaphore(self.limit)
        self._lock = threading.Lock()
        self._idle: list[Environment] = []  # the last used one last
        self._busy: set[Environment] = set()
        self._counts: dict[str, int] = defaultdict(int)
        self._stopped = threading.Event()
        threading.Thread(target=self._tidy, name="environments", daemon=True).start()

    def concurrency(self, function: str) -> int:
        with self._lock:
            return self._counts[function]

    def acquire(
        self,
        function: str,
        reserved: int | None,
        revision: Callable[[], str],
        plan: Callable[[], Plan],
    ) -> Environment:
        """Return an environment for one invocation; waits for the machine.

        Raises AwsError TooManyRequestsException at the function's reserved concurrency.
        """
        with self._lock:
            if reserved is not None and self._counts[function] >= reserved:
                raise AwsError(
                    "TooManyRequestsException",
                    "Rate Exceeded.",
                    429,
                    Reason="ReservedFunctionConcurrentInvocationLimitExceeded",
                    Type="User",
                )
            self._counts[function] += 1
        self._slots.acquire()
        try:
            # Only now: the code may have changed while we waited.
            environment = self._warm(function, revision())
            if environment is None:
                environment = Environment(self._cloud, plan(), self._work)
        except BaseException:
            self._free(function)
            raise
        with self._lock:
            self._busy.add(environment)
        return environment

    def release(self, environment: Environment, usable: bool) -> None:
        """Take an environment back; one that failed, or is of old code, ends."""
        keep = usable and not self._stopped.is_set()
        surplus: list[Environment] = []
        with self._lock:
            self._busy.discard(environment)
            if keep and environment.plan.revision:
                self._idle.append(environment)
                while len(self._idle) + len(self._busy) > self._kept and self._idle:
                    surplus.append(self._idle.pop(0))
            else:
                surplus.append(environment)
        self._free(environment.plan.function)
        for unwanted in surplus:
            unwanted.close()

    def replace(self, function: str) -> None:
        """End the environments of a function that was changed or deleted."""
        with self._lock:
            old = [one for one in self._idle if one.plan.function == function]
            self._idle = [one for one in self._idle if one.plan.function != function]
            for one in self._busy:
                if one.plan.function == function:
                    one.plan.revision = ""  # it ends when it comes back
        for one in old:
            one.close()

    def close(self) -> None:
        self._stopped.set()
        with self._lock:
            everything = [*self._idle, *self._busy]
            self._idle.clear()
        for one in everything:
            one.close()

    def _warm(self, function: str, revision: str) -> Environment | None:
        dead: list[Environment] = []
        found: Environment | None = None
        with self._lock:
            for one in reversed(self._idle):
                if one.plan.function != function:
                    continue
                if one.alive and one.plan.revision == revision:
                    found = one
                    break
                dead.append(one)
            gone = {id(one) for one in [*dead, *([found] if found else [])]}
            self._idle = [one for one in self._idle if id(one) not in gone]
        for one in dead:
            one.close()
        return found

    def _free(self, function: str) -> None:
        with self._lock:
            self._counts[function] -= 1
        self._slots.release()

    def _tidy(self) -> None:
        while not self._stopped.wait(_LOOK_SECONDS):
            oldest = time.monotonic() - _IDLE_SECONDS
            with self._lock:
                tired = [one for one in self._idle if one.used < oldest or not one.alive]
                self._idle = [one for one in self._idle if one not in tired]
            for one in tired:
                one.close()
