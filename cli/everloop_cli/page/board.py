"""What the first page knows of all models: rows that were read, and what needs attention.

Reading a thousand models takes long, and asks AWS much. So a page takes what is there after a short
patience; the rest comes while it is open. What has changed is found by the heads of the ledger's
chains, a hundred in a call, and only of those models anything is read again.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from everloop.aws import journal
from everloop.aws.clients import FAULTS
from everloop.aws.settings import Settings
from everloop.errors import EverloopError
from everloop.reading import home, models
from everloop.records.run import RUNNING, WAITING
from everloop.views.attention import Attention
from everloop.views.home import Row
from everloop_cli import doctor, model_findings
from everloop_cli.page.clock import Clock
from everloop_cli.trouble import Trouble

_AT_ONCE: Final = 6  # readers
ENDED: Final = -1  # in place of a ledger's height: the page ends
_LOOK_S: Final = 1.5  # between two looks at the heads, while somebody has a page open
_IDLE_S: Final = 90.0  # without a request: nobody has
_OLD_S: Final = 20.0  # a row of an endpoint that changes, or a run under way, is read again
_STACK_S: Final = 120.0
_NAMES_S: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass
class _Entry:
    row: Row | None = None
    error: str = ""
    seq: int = -1  # of the chain, when it was read
    read_at: float = 0.0
    reading: Future[None] | None = None
    troubles: Sequence[Attention] | None = None
    troubled_seq: int = -1


@dataclass
class Board:
    """Rows by model; listeners hear of models whose ledger has grown."""

    here: Settings
    clock: Clock
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _heads: dict[str, int] = field(default_factory=dict)
    _names: tuple[float, list[str]] = (0.0, [])
    _asked: float = 0.0
    _stack: Sequence[doctor.Finding] | None = None
    _stack_at: float = 0.0
    _listeners: set[Callable[[str, int], None]] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._pool = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="board")

        self._worker = threading.Thread(target=self._work, name="board", daemon=True)

    def start(self) -> None:
        self._worker.start()

    def stop(self, *, wait: bool = False) -> None:
        """End what reads; with `wait`, when it has ended."""
        self._ended.set()
        self._pool.shutdown(wait=wait, cancel_futures=True)
        if wait and self._worker.is_alive():
            self._worker.join()

    def names(self) -> list[str]:
        """Return the models there are; read a moment ago is read now."""
        self._asked = time.monotonic()
        at, known = self._names
        if not at or time.monotonic() - at > _NAMES_S:
            known = sorted(models.names())
            self._names = (time.monotonic(), known)
        return known

    def rows(self, names: Iterable[str], patience: float) -> dict[str, Row | str | None]:
        """Return the rows of models after at most so many seconds: a text says why one cannot be
        read, and None that it is still being read."""
        self._asked = time.monotonic()
        chosen = list(names)
        readings = [reading for name in chosen if (reading := self._refresh(name)) is not None]
        wait(readings, timeout=patience)
        found: dict[str, Row | str | None] = {}
        for name in chosen:
            entry = self._entry(name)
            found[name] = entry.row or entry.error or None
        return found

    def troubles(self) -> tuple[Mapping[str, Sequence[Attention]], int]:
        """Return what needs attention by model, as far as it was read, and of how many it was."""
        with self._lock:
            known = {
                name: entry.troubles
                for name, entry in self._entries.items()
                if entry.troubles is not None
            }
        return {name: found for name, found in known.items() if found}, len(known)

    def stack(self) -> Sequence[doctor.Finding] | None:
        """Return what is not good of the stack itself; None until it was looked at."""
        return self._stack

    def listen(self, listener: Callable[[str, int], None]) -> Callable[[], None]:
        """Let a listener hear of each model whose ledger grows, of no model where the stack
        changed, and of ENDED at the page's end. Returns what ends that.
        """
        with self._lock:
            self._listeners.add(listener)
        self._asked = time.monotonic()
        return lambda: self._listeners.discard(listener)

    def end_streams(self) -> None:
        """Tell who listens that the page ends."""
        for listener in list(self._listeners):
            listener("", ENDED)

    def _entry(self, name: str) -> _Entry:
        with self._lock:
            return self._entries.setdefault(name, _Entry())

    def _refresh(self, name: str) -> "Future[None] | None":
        """Begin to read a row that is not known, or may have changed; None where it is new."""
        entry = self._entry(name)
        with self._lock:
            if entry.reading is not None and not entry.reading.done():
                return entry.reading if entry.row is None else None
            if entry.row is not None and not self._is_old(name, entry):
                return None
            if self._ended.is_set():
                return None
            entry.reading = self._pool.submit(self._read, name, entry)
            # What is known is shown at once; what is new comes by itself.
            return entry.reading if entry.row is None else None

    def _is_old(self, name: str, entry: _Entry) -> bool:
        if self._heads.get(name, entry.seq) != entry.seq:
            return True
        shown = entry.row.model if entry.row is not None else None
        moves = shown is not None and (
            shown.endpoint not in ("InService", "none")
            or (shown.run is not None and shown.run.status in (RUNNING, WAITING))
        )
        patience = 2.0 if moves else _OLD_S
        return time.monotonic() - entry.read_at > patience

    def _read(self, name: str, entry: _Entry) -> None:
        try:
            row = home.row(name)
            seq = row.model.last.seq if row.model.last else 0
            changed = entry.row != row
            entry.row, entry.error, entry.seq = row, "", seq
        except (*FAULTS, EverloopError, Trouble) as error:
            changed, entry.error = True, str(error)
        entry.read_at = time.monotonic()
        if changed:
            self._tell(name, entry.seq)

    def _tell(self, name: str, seq: int) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener(name, seq)

    def _work(self) -> None:
        while not self._ended.wait(_LOOK_S):
            if time.monotonic() - self._asked > _IDLE_S and not self._listeners:
                continue
            try:
                self.clock.read()
                self._look()
                self._examine()
            except (*FAULTS, EverloopError, Trouble) as error:
                logger.warning("the page's look at the ledger failed: %s", error)
            except Exception:  # a flaw must not end the looks of all that follow
                logger.exception("the page's look at the ledger failed")

    def _look(self) -> None:
        """Find which chains have grown, and read those models' rows again."""
        names = self.names() if self._listeners else self._names[1]
        heads = {name: head.seq for name, head in journal.heads(names).items()}
        before, self._heads = self._heads, heads
        for name, seq in heads.items():
            if before and before.get(name) != seq:
                self._tell(name, seq)
                if self._entry(name).row is not None:
                    self._refresh(name)

    def _examine(self) -> None:
        """Look at the stack now and then, and at models whose ledger has grown, some at a time."""
        if self._stack is None or time.monotonic() - self._stack_at > _STACK_S:
            found = [each for each in doctor.of_stack(self.here) if each.state != doctor.GOOD]
            if found != self._stack:
                self._stack = found
                self._tell("", 0)
            self._stack_at = time.monotonic()
        until = time.monotonic() + _LOOK_S  # the ledger is looked at in between
        for name in self._names[1]:
            entry, seq = self._entry(name), self._heads.get(name, 0)
            if entry.troubles is not None and entry.troubled_seq == seq:
                continue
            if self._ended.is_set():
                return
            try:
                entry.troubles = model_findings.of(self.here.stack, name).troubles
            except (*FAULTS, EverloopError, Trouble) as error:
                entry.troubles = [Attention("bad", f"it cannot be read: {error}")]
            entry.troubled_seq = seq
            self._tell("", 0)
            if time.monotonic() > until:
                return
