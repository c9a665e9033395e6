"""What a look gets besides traffic: which labels came when, and what earlier looks left.

plan_monitoring writes it as look.json; a look that was planned before there was such a file has
what its environment says.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from container import INPUT, JobError, read_json

LATE = "late"  # the input with look.json and all that it names


@dataclass(frozen=True)
class Look:
    """`id` names where the look begins: one that is had again has the same, and writes over."""

    id: str
    until: str
    oldest: str = ""  # day of the oldest predictions that labels may still come for
    # From when on which version served; None while it was being replaced.
    served: list[tuple[str, int | None]] = field(default_factory=list)
    labels: list[tuple[Path, str, str]] = field(default_factory=list)  # file, name, arrived
    refused: list[tuple[str, str, str]] = field(default_factory=list)  # name, arrived, why
    predictions: dict[str, list[Path]] = field(default_factory=dict)  # of earlier looks, by day
    evaluations: dict[int, dict[str, Any]] = field(default_factory=dict)  # of versions before
    previous: dict[str, Any] = field(default_factory=dict)  # findings of the look before
    kept: str = ""  # below which key what this look keeps comes to lie

    def version_at(self, time: str) -> int | None:
        """Return which version answered at a time; only one can have, or None."""
        place = bisect_right(self.served, time[:19], key=lambda each: each[0][:19])
        return self.served[max(0, place - 1)][1]


_LOOKS = 60  # that the findings keep in short


def history(previous: Mapping[str, Any], findings: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the looks before in short, as far as they are known, and this one behind them."""
    before = previous.get("history")
    if before is None:  # of before, or there was none
        before = [_in_short(previous)] if previous.get("checks") is not None else []
    return [*before, _in_short(findings)][-_LOOKS:]


def _in_short(findings: Mapping[str, Any]) -> dict[str, Any]:
    drift: dict[str, float] = {}
    for check in findings["checks"]:
        value, threshold, monitor = check["value"], check["threshold"], check["monitor"]
        if monitor in ("data", "prediction") and value == value and value is not None and threshold:
            drift[monitor] = max(drift.get(monitor, 0.0), value / threshold)
    return {
        "until": findings["to"],
        "version": findings["serving_version"],
        "violated": sum(bool(check["violated"]) for check in findings["checks"]),
        "drift": drift,
    }


def read(version: int, since: str, until: str) -> Look:
    """Read the job's look. Raises JobError for a look.json of another shape."""
    paths = sorted((INPUT / LATE).rglob("look.json")) if (INPUT / LATE).exists() else []
    folder = INPUT / "labels"
    if not paths:
        files = sorted(folder.rglob("*.csv")) if folder.exists() else []
        named = [(path, path.relative_to(folder).as_posix(), since) for path in files]
        id = re.sub(r"[^0-9A-Za-z]", "", since)
        return Look(id, until, served=[("", version)], labels=named)
    document = read_json(paths[0])
    try:
        days: dict[str, list[Path]] = {}
        for key in document["predictions"]:
            days.setdefault(key.split("/")[-2], []).append(INPUT / LATE / key)
        previous = document.get("previous")
        return Look(
            id=str(document["look"]),
            kept=str(document.get("kept") or ""),
            until=str(document["until"]),
            oldest=str(document["oldest"]),
            served=[(str(time), number) for time, number in document["served"]] or [("", version)],
            labels=[
                (folder / key, key, str(arrived)) for key, arrived in document["labels"]["files"]
            ],
            refused=[
                (str(name), str(came), str(why))
                for name, came, why in document["labels"]["refused"]
            ],
            predictions=days,
            evaluations={
                int(number): json.loads((INPUT / LATE / key).read_text())
                for number, key in document["evaluations"].items()
            },
            previous=json.loads((INPUT / LATE / previous).read_text()) if previous else {},
        )
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OSError) as error:
        raise JobError(f"look.json is not what plan_monitoring writes: {error!r}") from error
