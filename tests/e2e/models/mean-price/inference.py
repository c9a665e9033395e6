"""Serve the mean price per colour: CSV with header in, one price per line out."""

import csv
import io
import json
from pathlib import Path

from sagemaker_inference.errors import UnsupportedFormatError


def model_fn(model_dir: str) -> dict[str, float]:
    means: dict[str, float] = json.loads((Path(model_dir) / "means.json").read_text())
    return means


def input_fn(body: str | bytes, content_type: str) -> list[dict[str, str]]:
    if content_type.partition(";")[0] != "text/csv":
        raise UnsupportedFormatError(content_type)  # the toolkit answers 415, and not 500
    text = body.decode() if isinstance(body, bytes) else body
    return list(csv.DictReader(io.StringIO(text)))


def predict_fn(rows: list[dict[str, str]], means: dict[str, float]) -> list[float]:
    usual = sum(means.values()) / len(means)
    return [means.get(row["colour"], usual) for row in rows]


def output_fn(prices: list[float], accept: str) -> str:
    return "".join(f"{price!r}\n" for price in prices)
