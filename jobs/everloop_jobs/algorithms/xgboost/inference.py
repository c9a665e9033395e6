"""Score with what SageMaker's built-in XGBoost trained, as its container does."""

import io
import pickle
from pathlib import Path
from typing import Any

import pandas as pd
import xgboost as xgb


def model_fn(folder: str) -> xgb.Booster:
    path = next(path for path in sorted(Path(folder).iterdir()) if path.is_file())
    try:
        booster = xgb.Booster()
        booster.load_model(path)
    except xgb.core.XGBoostError:
        with path.open("rb") as file:  # as containers before 1.3 wrote it
            booster = pickle.load(file)
    return booster


def input_fn(body: str, content_type: str) -> Any:
    return pd.read_csv(io.StringIO(body), dtype=float).to_numpy()


def predict_fn(rows: Any, booster: xgb.Booster) -> Any:
    best = booster.attributes().get("best_iteration")
    rounds = (0, int(best) + 1) if best else (0, 0)
    return booster.predict(xgb.DMatrix(rows), iteration_range=rounds, validate_features=False)


def output_fn(scores: Any, accept: str) -> str:
    lines = (score if isinstance(score, list) else [score] for score in scores.tolist())
    return "".join(f"{','.join(map(str, line))}\n" for line in lines)
