"""Train boosted trees on tables, in script mode. Yours to change.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import CATEGORIES, FEATURES, NUMBERS, TARGET, TEXTS
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_iter", type=int, default=200)
    parser.add_argument("--learning_rate", type=float, default=0.08)
    given, _ = parser.parse_known_args()
    channel = {
        name: pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv", dtype=TEXTS)
        for name in ("train", "validation")
    }
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer((codes, CATEGORIES), ("passthrough", NUMBERS))
    trees = HistGradientBoostingRegressor(
        max_iter=given.max_iter, learning_rate=given.learning_rate, random_state=7
    )
    model = make_pipeline(columns, trees)
    model.fit(channel["train"][FEATURES], channel["train"][TARGET])
    seen = channel["validation"]
    error = root_mean_squared_error(seen[TARGET], model.predict(seen[FEATURES]))
    print(f"validation_rmse={error:.4f};")
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
