"""What a built-in algorithm is trained on and sent: numbers, no header, and the label first.

Features are the columns of train/data.csv but target, key and timestamp, in their order.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import problems
from container import JobError, output
from feature_store.named import keys_of
from scoring import target_of

_CELLS = 2_000_000  # read at a time, as text
_PARTS = ("train", "validation")
_TAKE_MISSING = ("xgboost",)
OUTPUT = "algorithm"


def written(made: Path, spec: dict[str, Any]) -> None:
    """Write the channels of the model's algorithm, if it has one. Raises JobError."""
    name = spec["train"].get("algorithm")
    if not name:
        return
    for part in _PARTS:
        if not (made / part / "data.csv").is_file():
            raise JobError(f"preprocess.py wrote no {part}/data.csv, on which {name} is trained")
    names = sent(spec, made)
    if not names:
        raise JobError("train/data.csv has no columns but target, key and timestamp to learn from")
    for part in _PARTS:
        folder = output(OUTPUT) / part
        folder.mkdir(exist_ok=True)
        shares = shares_of(spec, part)
        with ExitStack() as stack:
            files = [
                stack.enter_context(path.open("w", newline="")) for path in _files(folder, shares)
            ]
            for rows in _rows(made / part / "data.csv", part, names, spec, name):
                for number, file in enumerate(files):
                    share = rows[rows.index % shares == number]
                    share.to_csv(file, header=False, index=False, na_rep="nan")
    for _ in _rows(made / "holdout" / "data.csv", "holdout", names, spec, name):
        pass  # read to its end: what would be refused there is said before anything trains


def shares_of(spec: Mapping[str, Any], channel: str) -> int:
    """Return how many machines share a channel, of which each gets whole files."""
    train = spec["train"]
    return int(train.get("count") or 1) if channel in (train.get("shard") or ()) else 1


def _files(folder: Path, shares: int) -> list[Path]:
    if shares == 1:
        return [folder / "data.csv"]
    return [folder / f"data-{number}.csv" for number in range(shares)]


def sent(spec: Mapping[str, Any], made: Path) -> list[str] | None:
    """Return the columns that the model's algorithm is sent; None for models of scripts."""
    if not spec["train"].get("algorithm"):
        return None
    return features(spec, list(pd.read_csv(made / "train" / "data.csv", nrows=0).columns))


def features(spec: Mapping[str, Any], columns: Sequence[str]) -> list[str]:
    """Return which columns of a table the algorithm is given."""
    data = spec["data"]
    others = {data["target"], data["key"], data["timestamp"], *keys_of(spec)}
    return [str(name) for name in columns if name not in others]


def _rows(
    path: Path, part: str, names: list[str], spec: dict[str, Any], algorithm: str
) -> Iterator[pd.DataFrame]:
    """Yield label and features as numbers, some rows at a time. Raises JobError."""
    target, first = spec["data"]["target"], 0
    size = max(1000, _CELLS // (len(names) + 1))
    with pd.read_csv(path, dtype=str, keep_default_na=False, chunksize=size) as chunks:
        for chunk in chunks:
            label = target_of(chunk, target, problems.of(spec), f"{part}/data.csv", first)
            made = {name: _numbers(chunk[name], part, algorithm, first) for name in names}
            yield pd.DataFrame({target: label, **made})
            first += len(chunk)


def _numbers(column: pd.Series, part: str, algorithm: str, first: int) -> pd.Series:
    text = column.str.strip()
    if algorithm not in _TAKE_MISSING:
        _whole(text, part, algorithm, first)
    numbers = pd.to_numeric(text.where(text != "", "nan"), errors="coerce")
    bad = (numbers.isna() & ~text.str.lower().isin(("", "nan"))) | np.isinf(numbers)
    if bad.any():
        at = int(np.argmax(bad.to_numpy()))
        raise JobError(
            f"{part}/data.csv: column {column.name!r} holds {str(column.iloc[at])[:40]!r} in row "
            f"{first + at}; {algorithm} takes numbers only: encode it in preprocess.py, or leave "
            "it out"
        )
    return numbers


def _whole(text: pd.Series, part: str, algorithm: str, first: int) -> None:
    """Refuse what is missing, where an algorithm cannot do without."""
    missing = text.str.lower().isin(("", "nan"))
    if missing.any():
        raise JobError(
            f"{part}/data.csv: column {text.name!r} is empty in row "
            f"{first + int(np.argmax(missing.to_numpy()))}; {algorithm} takes no missing values: "
            "fill them in preprocess.py"
        )
