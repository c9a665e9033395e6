"""What holds a model's data at a moment, so that nobody may take rows out of it."""

from collections.abc import Mapping
from datetime import datetime

from everloop.moments import text
from everloop.records.installation import Reproduction
from everloop.records.lease import MONITOR, RELEASE, SCORING, TRAINING, Lease

KINDS = {
    TRAINING: "a training",
    RELEASE: "a release",
    MONITOR: "a look of the monitor",
    SCORING: "the scoring of a batch",
}


def held(model: str, leases: Mapping[str, Lease], begun: Reproduction | None, now: datetime) -> str:
    """Say what would write once more what it has read; empty where nothing does."""
    for kind, what in KINDS.items():
        lease = leases[kind]
        if lease.held(now):
            since = f" since {text(lease.since)}" if lease.since else ""
            return f"{what} of {model} is under way{since} ({lease.holder.rpartition(':')[2]})"
    if begun is not None:
        return f"version {begun.version} of {model} is being trained again ({begun.name})"
    return ""
