"""Instance hours of jobs by the machines' own word: what Step Functions says of one that ended."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

_MILLISECONDS = 3_600_000
_KINDS = (
    ("ProcessingStartTime", "ProcessingEndTime"),
    ("TransformStartTime", "TransformEndTime"),
)


def used(ran: Iterable[Any] | None, error: Mapping[str, Any] | None = None) -> dict[str, float]:
    """Return the instance hours of jobs that ended, and of the one that an error tells of.

    Each job is {on, from, until}: its cluster, and when AWS began and ended to bill it. What is
    not told, as of a job that never began, is no hours.
    """
    hours: Counter[str] = Counter()
    for job in [*(ran or ()), *_failed(error)]:
        cluster, start, end = (_member(job, name) for name in ("on", "from", "until"))
        if isinstance(cluster, Mapping) and _is_time(start) and _is_time(end) and end > start:
            count = int(cluster.get("InstanceCount") or 1)
            hours[f"{cluster.get('InstanceType')} hour"] += count * (end - start) / _MILLISECONDS
    return dict(hours)


def _failed(error: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Return the job whose description is an error's cause, as Step Functions gives it."""
    try:
        described = json.loads(str((error or {}).get("Cause")))
    except (ValueError, RecursionError):
        return []
    if not isinstance(described, dict):
        return []
    resources = _member(described.get("ProcessingResources"), "ClusterConfig")
    cluster = resources or described.get("TransformResources")
    return [
        {"on": cluster, "from": described[start], "until": described.get(end)}
        for start, end in _KINDS
        if start in described
    ]


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, Mapping) else None


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
