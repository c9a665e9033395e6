"""Features of captured rows: what the online store knew when they were answered.

A request may come without features, and the endpoint looks them up. What it found is not captured:
the offline store has the same records, so that rows get the newest one of their time.
"""

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from capture import TIME, Traffic
from feature_store import as_of, offline
from feature_store.group import Group, groups_of
from feature_store.history import History


def with_features(spec: Mapping[str, Any], traffic: Traffic, until: str) -> Traffic:
    """Return traffic whose rows have the features that they were sent without.

    `until` is the time of rows that tell none. Raises JobError.
    """
    if not spec.get("features") or not len(traffic.rows):
        return traffic
    rows = traffic.rows.copy()
    for group in groups_of(spec):
        if group.on not in rows.columns or not spec["features"][group.name]["online"]:
            continue
        lacking = rows[group.on].notna() & _lacking(rows, group.columns).any(axis=1)
        if not lacking.any():
            continue
        with tempfile.TemporaryDirectory() as folder:
            history = History(Path(folder) / "records.db")
            try:
                offline.read(group, history, set(offline.ids(rows[group.on], group.id_kind)))
                fill(rows, lacking, group, history, until)
            finally:
                history.close()
    return replace(traffic, rows=rows)


def fill(rows: Any, some: Any, group: Group, history: History, until: str) -> None:
    """Give some rows what was known of them, in columns that they came without.

    A null that was sent stays one: the endpoint looks up no column that is there.
    """
    asked = rows[some]
    times = asked[TIME].where(asked[TIME] != "", until)
    found = as_of.looked_up(asked, times, group, history, as_of.Joined(), "captured traffic")
    lacking = _lacking(rows, group.columns)
    for column in group.columns:
        mine = found[column].where(found[column] != "", None).reindex(rows.index)
        mine = mine.astype(object).where(mine.notna(), None)
        there = rows[column] if column in rows.columns else mine
        rows[column] = there.where(~lacking[column], mine)


def _lacking(rows: Any, columns: Sequence[str]) -> pd.DataFrame:
    """Say which cells were not sent: those alone are NaN, and a null that was sent is None."""
    there = rows.reindex(columns=columns).astype(object)
    return there.map(lambda cell: isinstance(cell, float) and math.isnan(cell))
