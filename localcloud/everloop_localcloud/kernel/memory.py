"""What holds this process's memory: for `/_everloop/memory`, and so for `make soak`."""

import gc
import os
import sys
import threading
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.store import Store

_TYPES = 25
_LINES = 25


def report(store: Store) -> dict[str, Any]:
    """Return sizes in bytes, threads, descriptors, rows of the state's tables, objects by type.

    Where Python traces its allocations (LOCALCLOUD_TRACE=1), also the lines that hold most.
    """
    gc.collect()
    kinds = Counter(type(each).__name__ for each in gc.get_objects())
    threads = Counter(each.name.rstrip("0123456789-") for each in threading.enumerate())
    told: dict[str, Any] = {
        "rss": resident(os.getpid()),
        "blocks": sys.getallocatedblocks(),
        "descriptors": _descriptors(),
        "threads": dict(threads.most_common(_TYPES)),
        "tables": store.sizes(),
        "objects": dict(kinds.most_common(_TYPES)),
    }
    if tracemalloc.is_tracing():
        found = tracemalloc.take_snapshot().statistics("lineno")[:_LINES]
        told["lines"] = {str(each.traceback): each.size for each in found}
    return told


def resident(pid: int) -> int:
    """Return how much memory a process has in use, in bytes; 0 where that is not to be had."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _descriptors() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0
