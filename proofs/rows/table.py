"""A table of as many rows as are asked for, written piece by piece: the same rows each time."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_PIECE = 100_000
_CITIES = ["Bonn", "Köln", "Trier", "Ulm", "Jena", "Celle", "Gera"]


def write(path: Path, rows: int, form: str) -> None:
    """Write a table in a format of drops; `csv.gz` is CSV that is compressed."""
    writers = {"csv": _csv, "csv.gz": _packed, "jsonl": _jsonl, "parquet": _parquet}
    writers[form](path, _pieces(rows))


def _pieces(rows: int) -> Iterator[pd.DataFrame]:
    for first in range(0, rows, _PIECE):
        count = min(_PIECE, rows - first)
        chance = np.random.default_rng(first)
        age, city = chance.normal(40, 12, count), chance.integers(0, len(_CITIES), count)
        yield pd.DataFrame(
            {
                "id": [f"k{n:09}" for n in range(first, first + count)],
                "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(
                    np.arange(first, first + count) // 1000, unit="min"
                ),
                "age": age.round(1),
                "income": chance.lognormal(8, 1, count).round(2),
                "city": np.array(_CITIES, dtype=object)[city],
                "visits": chance.poisson(3, count),
                "score": chance.random(count).round(6),
                "late": (chance.random(count) < 0.2 + 0.1 * (age > 40)).astype(int),
            }
        )  # fmt: skip


def _csv(path: Path, pieces: Iterator[pd.DataFrame], opener: Any = open) -> None:
    with opener(path, "wt", encoding="utf-8", newline="") as file:
        for number, piece in enumerate(pieces):
            piece.to_csv(file, index=False, header=not number)


def _packed(path: Path, pieces: Iterator[pd.DataFrame]) -> None:
    _csv(path, pieces, gzip.open)


def _jsonl(path: Path, pieces: Iterator[pd.DataFrame]) -> None:
    with path.open("w", encoding="utf-8") as file:
        for piece in pieces:
            file.write(piece.to_json(orient="records", lines=True, date_format="iso"))


def _parquet(path: Path, pieces: Iterator[pd.DataFrame]) -> None:
    import pyarrow
    import pyarrow.parquet

    writer = None
    for piece in pieces:
        table = pyarrow.Table.from_pandas(piece, preserve_index=False)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
