"""Forecast: CSV with a header in, a number a line out; other columns are ignored."""

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from columns import SERIES, TEXTS, TIME, features


def model_fn(model_dir: str) -> Any:
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:
    if content_type.partition(";")[0] != "text/csv":
        raise ValueError(f"the content type is {content_type}; send text/csv with a header")
    text = body.decode() if isinstance(body, bytes) else body
    rows = pd.read_csv(io.StringIO(text), dtype=TEXTS)
    missing = [name for name in (*SERIES, TIME) if name not in rows]
    if missing:
        raise ValueError(f"columns are missing: {', '.join(missing)}")
    return rows


def predict_fn(rows: pd.DataFrame, model: Any) -> np.ndarray:
    seen = features(rows, model["past"])
    return seen["level"].to_numpy() + model["trees"].predict(seen)


def output_fn(scores: np.ndarray, accept: str) -> str:
    return "".join(f"{score!r}\n" for score in scores.tolist())
