"""Labels that come late: which files count, how long predictions wait, who answered when."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from everloop.errors import BadInput
from everloop.moments import text
from everloop.pipelines.rollouts import Steps
from everloop.records.release import ERROR, INTERRUPTED, RELEASED, ROLLED_BACK, Release

# Lifecycle rules of the stack expire what lies below predictions/<n>d/ after n days.
KEPT_DAYS = (7, 30, 90, 365)
# A fleet starts before traffic moves, and the old one goes after it.
_STARTING = timedelta(minutes=20)
# Labels may be dropped before the traffic they are for is seen.
_EARLY = timedelta(days=1)
# How releases end that may have moved traffic.
_MOVED = (RELEASED, ROLLED_BACK, INTERRUPTED, ERROR)
_KEPT = re.compile(r"/(\d{4}-\d\d-\d\d)/([0-9A-Za-z-]+)\.csv\.gz$")
# The format is told by the name: labels need not be written as drops are.
ENDINGS = (".csv", ".jsonl", ".ndjson", ".parquet", ".pq")
COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")  # around text; Parquet is compressed inside


@dataclass(frozen=True)
class LabelFiles:
    """Label files that a look takes into account, in the order in which they came.

    `files` are names below the model's prefix and when they came; `refused` has reasons as well;
    `new` is how many of both came since the last look.
    """

    files: list[tuple[str, datetime]] = field(default_factory=list)
    refused: list[tuple[str, datetime, str]] = field(default_factory=list)
    new: int = 0


def label_files(
    arrived: Iterable[tuple[str, datetime]], since: datetime, until: datetime, within: timedelta
) -> LabelFiles:
    """Return the label files that may be for predictions that are still kept.

    Of two that came in the same second the one whose name sorts last came last.
    """
    files, refused, new = [], [], 0
    for name, came in arrived:
        if came >= until or came < until - within - _EARLY or no_labels(name):
            continue
        new += came >= since
        why = wrong_name(name)
        if why:
            refused.append((name, came, why))
        else:
            files.append((name, came))
    return LabelFiles(sorted(files, key=lambda each: (each[1], each[0])), refused, new)


def no_labels(name: str) -> bool:
    """Whether a name is one that systems leave behind, and nobody meant as labels."""
    last = name.rpartition("/")[2]
    return not last or last.startswith((".", "_", "~$")) or last in ("Thumbs.db", "desktop.ini")


def wrong_name(name: str) -> str:
    """Return why a file cannot be one of labels, by its name; nothing if it can."""
    if label_ending(name):
        return ""
    last = name.rpartition("/")[2]
    ends = "in .csv, .jsonl or .parquet"
    if label_ending(last.lower()):
        why = "its name ends in capital letters"
    elif last.endswith(COMPRESSED):
        why = f"it is compressed, and what is in it does not end {ends}"
    else:
        why = f"its name does not end {ends}"
    return f"labels/…/{name}: {why}; upload it under a name that ends {ends} (text also with .gz)"


def label_ending(name: str) -> str:
    """Return how a name of labels ends, .csv.gz; nothing where it is none."""
    packed = next((each for each in COMPRESSED if name.endswith(each)), "")
    plain = name.removesuffix(packed)
    ending = next((each for each in ENDINGS if plain.endswith(each)), "")
    return "" if packed and ending in (".parquet", ".pq") else ending and ending + packed


def label_records(findings: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return a list of what findings say of labels; looks of before say nothing.

    Raises BadInput for findings.json of another shape.
    """
    labels = findings.get("labels") or {}
    records = (labels.get(name) or []) if isinstance(labels, Mapping) else None
    if not isinstance(records, list) or not all(isinstance(each, Mapping) for each in records):
        raise BadInput(f"findings.labels.{name}: {repr(labels)[:200]} is no list of objects")
    return records


def label_counts(findings: Mapping[str, Any]) -> dict[str, int]:
    """Return the numbers of what came of labels; nothing where no labels have come."""
    labels = findings.get("labels")
    if not isinstance(labels, Mapping) or not (labels.get("files") or labels.get("refused_files")):
        return {}
    counts = {name: labels.get(name) for name in _COUNTS}
    return {name: count for name, count in counts.items() if isinstance(count, int)}


_COUNTS = (
    *("files", "refused_files", "keys", "keys_joined", "keys_without_prediction", "corrected"),
    *("bad", "predictions", "predictions_labelled", "predictions_without_key"),
)


def kept_days(within: timedelta) -> int:
    """Return for how many days predictions are kept that labels may follow within this time."""
    return next((days for days in KEPT_DAYS if within <= timedelta(days=days)), KEPT_DAYS[-1])


def kept_files(keys: Iterable[str], oldest: str, but: str) -> list[str]:
    """Return which of these hold predictions of a day that still counts, and of another look."""
    kept = []
    for key in keys:
        place = _KEPT.search(key)
        if place and place[1] >= oldest and place[2] != but:
            kept.append(key)
    return kept


def look_id(last: datetime | None) -> str:
    """Name a look by where it begins: one that fails and is had again writes over what it wrote."""
    return f"{last:%Y%m%dT%H%M%S}" if last else "first"


def served(
    releases: Sequence[Release], version: int, changed_at: datetime | None, steps: Steps
) -> list[tuple[str, int | None]]:
    """Return from when on which version answered; None while two versions may have.

    `releases` are those that ended; `version` is what serves by the endpoint's own word, and
    `changed_at` when it last changed.
    """
    rollout = _STARTING + timedelta(seconds=steps.longest_seconds)
    changes: list[tuple[str, int | None]] = []
    now: int | None = None
    last: datetime | None = None
    for release in sorted(releases, key=lambda each: each.epoch):
        if release.outcome not in _MOVED:
            continue
        if now is None:
            now = release.from_version
        if now is not None:
            changes += [] if changes else [("", now)]
            began = release.ended_at - rollout
            changes.append((text(max(began, last) if last else began), None))
        now = release.version if release.outcome == RELEASED else now
        last = release.ended_at
        changes.append((text(last), now))
    if now != version and changed_at is not None:
        changes.append((text(changed_at), version))  # somebody brought it by hand
    return changes or [("", version)]
