"""Forecast: CSV with header in, a number of late flights a line out; other columns are ignored."""

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from columns import AHEAD, SERIES, features


def model_fn(model_dir: str) -> Any:
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:
    if content_type.partition(";")[0] != "text/csv":
        raise ValueError(f"the content type is {content_type}; send text/csv with a header")
    rows = pd.read_csv(io.StringIO(body.decode() if isinstance(body, bytes) else body))
    missing = [name for name in (*SERIES, *AHEAD) if name not in rows]
    if missing:
        raise ValueError(f"columns are missing: {', '.join(missing)}")
    return rows


def predict_fn(rows: pd.DataFrame, model: Any) -> np.ndarray:
    share = model["trees"].predict(features(rows, model["past"]))
    return share * rows["flights"].to_numpy()


def output_fn(late: np.ndarray, accept: str) -> str:
    return "".join(f"{value!r}\n" for value in late.tolist())
