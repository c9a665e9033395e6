"""Features as they were known: each row gets the newest record that is not later than itself."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from container import JobError
from feature_store import moments
from feature_store.group import Group
from feature_store.history import History
from feature_store.offline import ids

_CELLS = 2_000_000  # read at a time, as text


@dataclass
class Joined:
    """How many rows there were, and how many got nothing: unknown then, or known too long ago."""

    rows: int = 0
    unknown: int = 0
    too_old: int = 0

    def record(self) -> dict[str, int]:
        return {"rows": self.rows, "unknown": self.unknown, "too_old": self.too_old}


def join_file(path: Path, group: Group, history: History) -> Joined:
    """Give every row of a table its features, in new columns. Raises JobError."""
    where = f"{path.parent.name}/{path.name}"
    head = list(pd.read_csv(path, nrows=0).columns)
    for key, column in (("on", group.on), ("as_of", group.as_of)):
        if column not in head:
            raise JobError(
                f"{where} has no column {column!r}, the {key} of [features.{group.name}]; "
                "preprocess.py must keep it"
            )
    both = [column for column in group.columns if column in head]
    if both:
        raise JobError(
            f"{where} has a column {both[0]!r}, which is a feature of [features.{group.name}], "
            "too; rename one, or leave it out in preprocess.py"
        )
    done, made, first = Joined(), path.with_suffix(".joined"), 0
    size = max(1000, _CELLS // (len(head) + len(group.columns)))
    with (
        made.open("w", encoding="utf-8", newline="") as file,
        pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=size) as chunks,
    ):
        for rows in chunks:
            features = looked_up(rows, rows[group.as_of], group, history, done, where, first)
            whole = pd.concat([rows, features], axis=1)
            whole.to_csv(file, index=False, header=not first, lineterminator="\n")
            first += len(rows)
    made.replace(path)
    return done


def looked_up(
    rows: pd.DataFrame,
    times: Any,
    group: Group,
    history: History,
    done: Joined,
    where: str,
    first: int = 0,
) -> pd.DataFrame:
    """Return the features of rows at their times, as text; what is not known is empty."""
    try:
        at = moments.of(times).tolist()
    except moments.NoTime as error:
        raise JobError(
            f"{where}: column {group.as_of!r} holds {error} (row {first + error.row})"
        ) from error
    lacking = [""] * len(group.columns)
    cells = []
    for id, moment in zip(ids(rows[group.on], group.id_kind), at, strict=True):
        known = history.at(id, moment)
        if known is None:
            done.unknown += 1
        elif group.max_age is not None and moment - known.at > group.max_age:
            done.too_old += 1
            known = None
        cells.append(lacking if known is None else ["" if v is None else v for v in known.values])
    done.rows += len(cells)
    return pd.DataFrame(cells, columns=group.columns, index=rows.index, dtype=object)
