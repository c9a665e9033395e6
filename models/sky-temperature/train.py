"""Learn how much the temperature changes in six hours. Script mode, as SageMaker runs it.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import FEATURES, TARGET
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_iter", type=int, default=60)
    parser.add_argument("--learning_rate", type=float, default=0.08)
    given, _ = parser.parse_known_args()
    channel = {
        name: pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv")
        for name in ("train", "validation")
    }
    trees = HistGradientBoostingRegressor(
        max_iter=given.max_iter,
        learning_rate=given.learning_rate,
        max_leaf_nodes=8,
        min_samples_leaf=50,
        early_stopping=False,
        random_state=7,
    )
    # The change, not the temperature: trees cannot answer with warmer than what they have seen.
    train, seen = (part.dropna(subset=["temp"]) for part in channel.values())
    trees.fit(train[FEATURES], train[TARGET] - train["temp"])
    rmse = root_mean_squared_error(seen[TARGET], seen["temp"] + trees.predict(seen[FEATURES]))
    print(f"validation_rmse={rmse:.4f};")
    joblib.dump(trees, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
