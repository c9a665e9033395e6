"""Predictions kept until their labels come: one file for each day of them and each look.

Columns: `__inference__` (the key, as it was sent), `__time__`, `__version__`, `__score__`; where
bars of fairness wait for labels, `__groups__`; with `[data] learn_from_traffic` what was sent, too.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from capture import BESIDE, INFERENCE, SCORE, TIME
from look import Look

VERSION = "__version__"
_DAY = re.compile(r"\d{4}-\d\d-\d\d(?=T\d\d:\d\d)")
GROUPS = "__groups__"
COLUMNS = [INFERENCE, TIME, VERSION, SCORE]


def keep(
    rows: pd.DataFrame,
    look: Look,
    folder: Path,
    *,
    whole: bool,
    groups: Callable[[pd.DataFrame], list[str]] | None = None,
) -> dict[str, Path]:
    """Write the rows that a label can find, by the day of their predictions; return the files.

    A row without a time of its own is of the day on which the look ended. `whole` keeps what was
    sent as well, `groups` gives what is kept of each row's groups. The same look writes the same
    names, so that it can be had again.
    """
    if rows.empty:
        return {}
    named = rows.dropna(subset=[INFERENCE])
    times = named[TIME].astype(str)
    known = times.str.match(_DAY)
    named = named.assign(**{TIME: times.where(known, look.until)})
    versions = [look.version_at(time) for time in named[TIME]]
    named = named.assign(**{VERSION: pd.array(versions, dtype="Int64")})
    beside = {*BESIDE, *COLUMNS}
    sent = [name for name in rows.columns if name not in beside] if whole else []
    if groups is not None:
        named = named.assign(**{GROUPS: groups(named)})
        sent = [GROUPS, *sent]
    written = {}
    for day, part in named.groupby(named[TIME].str[:10], sort=True):
        path = folder / str(day) / f"{look.id}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        # The same rows give the same bytes: gzip would write the time of day.
        part[[*COLUMNS, *sent]].to_csv(
            path,
            index=False,
            compression={"method": "gzip", "mtime": 1},
            errors="backslashreplace",
        )
        written[str(day)] = path
    return written
