"""Score payments: CSV with header in (columns in any order), a probability of fraud a line out."""

import io
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
from columns import FEATURES
from sagemaker_inference.errors import UnsupportedFormatError


def model_fn(model_dir: str) -> Any:
    return joblib.load(Path(model_dir) / "model.joblib")


def input_fn(body: str | bytes, content_type: str) -> pd.DataFrame:
    if content_type.partition(";")[0] != "text/csv":
        raise UnsupportedFormatError(content_type)  # the toolkit answers 415, and not 500
    text = body.decode() if isinstance(body, bytes) else body
    rows = pd.read_csv(io.StringIO(text))
    missing = [name for name in FEATURES if name not in rows]
    if missing:
        raise ValueError(f"columns are missing: {', '.join(missing)}")
    return rows[FEATURES]


def predict_fn(rows: pd.DataFrame, model: Any) -> np.ndarray:
    return model.predict_proba(rows)[:, 1]


def output_fn(scores: np.ndarray, accept: str) -> str:
    return "".join(f"{score!r}\n" for score in scores.tolist())
