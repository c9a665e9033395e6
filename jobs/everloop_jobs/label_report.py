"""What the report says of labels: counts in words, and a row for each day and version."""

from collections.abc import Mapping
from typing import Any

HEAD = ("day", "version", "labelled", "share", "what became of it")
_SHOWN = 60  # days: the findings have all


def sentences(labels: Mapping[str, Any]) -> list[str]:
    """Return lines that say what came of label files; none where there were none."""
    if not labels["files"] and not labels["refused_files"]:
        return []
    lines = [
        f"{labels['files']:,} files with {labels['rows']:,} rows: {labels['keys']:,} keys, "
        f"{labels['keys_joined']:,} joined, {labels['keys_without_prediction']:,} without a "
        f"prediction; {labels['corrected']:,} corrected, {labels['bad']:,} bad, "
        f"{labels['empty']:,} without key or value",
        f"{labels['predictions']:,} predictions kept, {labels['predictions_labelled']:,} with a "
        f"label; {labels['predictions_repeated']:,} that a later one replaced, "
        f"{labels['predictions_without_key']:,} of this look without a key",
    ]
    lines += [f"Refused: {each['why']}" for each in labels["refused"]]
    more = labels["refused_files"] - len(labels["refused"])
    return [*lines, f"and {more} more files refused"] if more else lines


def rows(labels: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the newest days, the newest first."""
    return [
        (
            each["day"],
            "between two" if each["version"] is None else str(each["version"]),
            f"{each['labelled']:,} of {each['predictions']:,}",
            f"{each['share']:.0%}",
            _status(each),
        )
        for each in reversed(labels["days"][-_SHOWN:])
    ]


def _status(day: Mapping[str, Any]) -> str:
    judged = day["judged"]
    if not judged:
        return str(day["status"])
    outcome = "violated" if judged["violated"] else "held"
    return f"{day['status']}: {judged['value']:.4f} on {judged['labelled']:,} rows, {outcome}"
