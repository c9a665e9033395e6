"""Labels that come after the prediction, and the captured rows they belong to."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from capture import INFERENCE, SCORE
from tables import problems_of


def dropped_labels(folder: Path, key: str, target: str) -> tuple[pd.DataFrame, int]:
    """Return the labels (columns key, as text, and target) and how many cannot be used.

    The file whose name sorts last wins. One bad file or value must not blind the monitor: what is
    wrong is counted, and said in the log.
    """
    tables, bad = [], 0
    for path in sorted(folder.rglob("*.csv")) if folder.exists() else []:
        wrong = problems_of(path, path.name, {}, [key, target])
        if wrong:
            print(f"bad labels: {'; '.join(wrong)}", file=sys.stderr)
            bad += 1
            continue
        frame = pd.read_csv(path, dtype={key: str}, encoding="utf-8-sig")
        frame = frame[[key, target]].dropna()
        values = pd.to_numeric(frame[target], errors="coerce").astype(float)
        frame = frame.assign(**{target: values})[np.isfinite(values)]
        words = len(values) - len(frame)
        if words:
            print(f"bad labels: {path.name}: {words} are no numbers", file=sys.stderr)
        bad += words
        tables.append(frame)
    if not tables:
        return pd.DataFrame({key: pd.Series(dtype=str), target: pd.Series(dtype=float)}), bad
    return pd.concat(tables, ignore_index=True).drop_duplicates(key, keep="last"), bad


def labelled(
    rows: pd.DataFrame, folder: Path, key: str | None, target: str
) -> tuple[pd.DataFrame, int]:
    """Return target and score of every captured row that has a label, and how many labels are bad.

    A row that was sent several times counts once, with its latest score.
    """
    if key is None:
        return pd.DataFrame({"target": [], "score": []}), 0
    known, bad = dropped_labels(folder, key, target)
    if rows.empty:
        return pd.DataFrame({"target": [], "score": []}), bad
    named = rows[[INFERENCE, SCORE]].dropna(subset=[INFERENCE])
    named = named.drop_duplicates(INFERENCE, keep="last")
    targets = named[INFERENCE].map(known.set_index(key)[target])
    joined = pd.DataFrame({"target": targets, "score": named[SCORE]}).dropna(subset=["target"])
    return joined.astype(float), bad
