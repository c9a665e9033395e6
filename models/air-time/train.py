"""Train boosted trees on flights, in script mode: channels and hyperparameters as SageMaker gives.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR. The line
`validation_rmse=…;` is what tuning looks for.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import CATEGORIES, FEATURES, NUMBERS, TARGET
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def model(learning_rate: float, max_leaf_nodes: int) -> Pipeline:
    """Return the untrained model: codes for categories (unknown: missing), boosted trees."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
    columns = make_column_transformer((codes, CATEGORIES), ("passthrough", NUMBERS))
    trees = HistGradientBoostingRegressor(
        max_iter=80,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        min_samples_leaf=10,
        early_stopping=False,
        random_state=7,
    )
    return make_pipeline(columns, trees)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--max_leaf_nodes", type=int, default=8)
    given, _ = parser.parse_known_args()
    channel = {
        name: pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv")
        for name in ("train", "validation")
    }
    trained = model(given.learning_rate, given.max_leaf_nodes)
    trained.fit(channel["train"][FEATURES], channel["train"][TARGET])
    seen = channel["validation"]
    rmse = root_mean_squared_error(seen[TARGET], trained.predict(seen[FEATURES]))
    print(f"validation_rmse={rmse:.4f};")
    joblib.dump(trained, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
