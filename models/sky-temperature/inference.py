"""Forecast: CSV with header in, one temperature a line out; other columns are ignored."""

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from columns import FEATURES


def model_fn(model_dir: str) -> Any:
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:
    if content_type.partition(";")[0] != "text/csv":
        raise ValueError(f"the content type is {content_type}; send text/csv with a header")
    rows = pd.read_csv(io.StringIO(body.decode() if isinstance(body, bytes) else body))
    missing = [name for name in FEATURES if name not in rows]
    if missing:
        raise ValueError(f"columns are missing: {', '.join(missing)}")
    if rows["temp"].isna().any():
        raise ValueError("temp is missing in a row; the forecast starts from it")
    return rows[FEATURES].astype(float)


def predict_fn(rows: pd.DataFrame, model: Any) -> np.ndarray:
    return rows["temp"].to_numpy() + model.predict(rows)


def output_fn(temperatures: np.ndarray, accept: str) -> str:
    return "".join(f"{value!r}\n" for value in temperatures.tolist())
