"""The sweep over the data bucket: how far a tick goes, and what the last pass cannot have seen."""

from dataclasses import replace
from datetime import datetime, timedelta

from everloop.records.sweep import Sweep

# 10 million keys are 10,000 pages of a thousand; a whole pass is to take less than a day.
_PAGES_A_DAY = 12_000
_FIRST, _MOST = 40, 300  # pages of a tick; a page takes some 0.2 s, and reconcile has minutes
# What the ledger says is there is held against S3 so often: a version that is gone for good leaves
# no trace to be listed. Each such pass reads one manifest a model.
_THOROUGH_EVERY = timedelta(hours=12)
# An event takes seconds, a batch of arrivals a few more; what is younger may be on its way.
PATIENCE = timedelta(minutes=15)
# S3's times are whole seconds, a large upload's is its beginning: it appears up to days after that,
# until the bucket's rule on unfinished uploads ends it.
_MARGIN, _LONG_MARGIN = timedelta(hours=1), timedelta(days=7)


def started(sweep: Sweep, now: datetime) -> Sweep:
    """Return the sweep at a tick; between two passes, at the beginning of the next."""
    if sweep.began_at is not None:
        return replace(sweep, looked_at=now)
    due = sweep.thorough_at is None or now - sweep.thorough_at >= _THOROUGH_EVERY
    return replace(
        sweep,
        after="",
        began_at=now,
        thorough=due,
        thorough_at=now if due else sweep.thorough_at,
        looked_at=now,
    )


def advanced(sweep: Sweep, after: str) -> Sweep:
    """Return the sweep behind a page; an empty key says that it was the last."""
    if after:
        return replace(sweep, after=after)
    return replace(sweep, after="", began_at=None, last_began=sweep.began_at)


def is_new(sweep: Sweep, modified: datetime) -> bool:
    """Whether the last whole pass cannot have seen what was written, or deleted, then."""
    margin = _LONG_MARGIN if sweep.thorough else _MARGIN
    return sweep.last_began is None or modified >= sweep.last_began - margin


def pages_due(sweep: Sweep, now: datetime) -> int:
    """Return how many pages a tick looks at, so that a whole pass takes less than a day."""
    if sweep.looked_at is None:
        return _FIRST
    share = (now - sweep.looked_at) / timedelta(days=1)
    return max(1, min(_MOST, round(share * _PAGES_A_DAY)))


def overlaps(prefix: str, after: str, upto: str) -> bool:
    """Whether keys below a prefix may lie behind `after` and not behind `upto` (empty: the end)."""
    return f"{prefix}\U0010ffff" > after and (not upto or prefix <= upto)
