"""What a look makes of labels: keep its predictions, join labels with all that are kept, judge.

Nothing of a join is kept: each look makes it again from the label files and predictions that lie
in S3 then, so that a corrected or deleted label file counts as it is.
"""

import hashlib
import sqlite3
import tempfile
from collections.abc import Container, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

import joining
import keys
import labels
import learning
import predictions
import quality
from capture import INFERENCE
from container import OUTPUT, output
from fairness import late
from formats.dialect import Dialect
from joining import Day
from labels import Labels
from look import Look
from privacy.key import masking
from problems import Problem

_DAY = timedelta(days=1)
_SHOWN = 20  # of what was refused; the log has all


def judge(
    spec: Mapping[str, Any],
    look: Look,
    rows: pd.DataFrame,
    offline_keys: pd.Series,
    evaluations: Mapping[int, Mapping[str, Any]],
    problem: Problem,
) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, str]]]:
    """Return what findings say of labels, the checks of quality and of fairness, and what of
    fairness could not be judged.

    `offline_keys` are the keys of the holdout, `evaluations` of each version.
    """
    data = spec["data"]
    watched = "quality" in spec["monitor"]["watch"] and "quality" in problem.watched
    learn = bool(data.get("learn_from_traffic"))
    names = problem.row_names
    if not names.columns or not (watched or learn):
        return _summary(Labels(), [], rows, look), [], []
    judged = {(each["day"], each["version"]): each for each in _before(look, "days")}
    groups = late.kept(spec, problem) if watched else None
    kept = predictions.keep(rows, look, output("predictions"), whole=learn, groups=groups)
    declared = (data.get("columns") or {}).get(names.columns[0])
    numbers = keys.read_as_numbers(offline_keys, declared)
    with tempfile.TemporaryDirectory(dir=OUTPUT.parent) as folder:
        table = joining.open_table(Path(folder) / "joined.sqlite")
        taken = labels.take(
            table,
            look.labels,
            data["target"],
            problem=problem,
            numbers=numbers,
            dialect=Dialect.of(data),
            hidden=masking(spec, names.columns),
        )
        taken.refused += look.refused
        taken.bad += len(look.refused)
        taken.known = labels.counted(table)
        joined, learned = [], []
        for day, files in _files(look, kept).items() if taken.known else []:
            joined.append(joining.join(table, day, files, numbers=numbers))
            if learn:
                learned += _learn(spec, look, table, joined[-1], files)
            joined[-1].groups = [
                group if watched and quality.may_judge(spec, group, judged) else group.counted()
                for group in joined[-1].groups
            ]
        taken.used = labels.used(table)
        table.close()
    summary = _summary(taken, joined, rows, look)
    before = _before(look, "learned", {each["day"] for each in learned})
    summary["learned"] = [*({**each, "new": False} for each in before), *learned]
    if not watched:
        return summary, [], []
    every = [group for day in joined for group in day.groups]
    checks, summary["days"], not_judged = quality.judge(
        spec, every, evaluations, judged, look.until, problem.own
    )
    return summary, checks, not_judged


def _files(look: Look, kept: Mapping[str, Path]) -> dict[str, list[Path]]:
    """Return each day's files: those of earlier looks, then this one's."""
    by_day = {}
    for day in sorted({*look.predictions, *kept}):
        if day >= look.oldest:
            own = f"{look.id}.csv.gz"
            earlier = [path for path in look.predictions.get(day, []) if path.name != own]
            by_day[day] = [*sorted(earlier), *([kept[day]] if day in kept else [])]
    return by_day


def _before(look: Look, name: str, but: Container[str] = ()) -> list[dict[str, Any]]:
    """Return what the look before recorded of days that still count, but for those named."""
    entries = (look.previous.get("labels") or {}).get(name) or []
    return [each for each in entries if each["day"] >= look.oldest and each["day"] not in but]


def _summary(
    taken: Labels, joined: Sequence[Day], rows: pd.DataFrame, look: Look
) -> dict[str, Any]:
    groups = [group for day in joined for group in day.groups]
    nameless = int(rows[INFERENCE].isna().sum()) if len(rows) else 0
    return {
        "files": taken.files,
        "until": look.until,
        "refused": _refused(taken, look)[:_SHOWN],
        "refused_files": len(taken.refused),
        "rows": taken.rows,
        "bad": taken.bad,
        "empty": taken.empty,
        "corrected": taken.corrected,
        "keys": taken.known,
        "keys_joined": taken.used,
        "keys_without_prediction": taken.known - taken.used,
        "predictions": sum(group.predictions for group in groups),
        "predictions_labelled": sum(group.labelled for group in groups),
        "predictions_repeated": sum(day.repeated for day in joined),
        "predictions_without_key": nameless,
        "unreadable_days": [why for day in joined for why in day.unreadable][:_SHOWN],
        "days": [],
        "learned": [],
    }


def _refused(taken: Labels, look: Look) -> list[dict[str, Any]]:
    """Return the files that cannot be used, those first that the look before did not see."""
    seen = str((look.previous.get("labels") or {}).get("until") or "")
    refused = [
        {"file": name, "came": came, "why": why, "new": came >= seen}
        for name, came, why in taken.refused
    ]
    return sorted(refused, key=lambda each: not each["new"])


def _learn(
    spec: Mapping[str, Any], look: Look, table: sqlite3.Connection, day: Day, files: list[Path]
) -> list[dict[str, Any]]:
    """Write a day's labelled rows as training data, once enough of its labels are new."""
    if not day.groups:
        return []
    name = day.groups[0].day
    old = next((each for each in _before(look, "learned") if each["day"] == name), {})
    digest = hashlib.sha256("".join(group.digest for group in day.groups).encode()).hexdigest()
    fresh = sum(group.fresh(str(old.get("until") or "")) for group in day.groups)
    least = spec["monitor"]["quality"]["min_labelled_rows"]
    last_chance = date.fromisoformat(name) <= date.fromisoformat(look.oldest or name) + _DAY
    if digest == old.get("digest") or not fresh or (fresh < least and not last_chance):
        return []
    made = learning.write(table, files, spec["data"], output("learned") / look.id / f"{name}.csv")
    return [
        {
            "day": name,
            "new": made.rows > 0,
            "key": f"{look.kept}/learned/{look.id}/{name}.csv",
            "rows": made.rows,
            "left_out": made.left_out,
            "why": made.why,
            "until": look.until,
            "digest": digest,
        }
    ]
