"""Train boosted trees on payments, in script mode; the rare class counts as much as the other.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import FEATURES, TARGET
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import average_precision_score


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_iter", type=int, default=150)
    parser.add_argument("--learning_rate", type=float, default=0.06)
    given, _ = parser.parse_known_args()
    channel = {
        name: pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv")
        for name in ("train", "validation")
    }
    trees = HistGradientBoostingClassifier(
        max_iter=given.max_iter,
        learning_rate=given.learning_rate,
        class_weight="balanced",
        random_state=7,
    )
    trees.fit(channel["train"][FEATURES], channel["train"][TARGET])
    seen = channel["validation"]
    scores = trees.predict_proba(seen[FEATURES])[:, 1]
    print(f"validation_average_precision={average_precision_score(seen[TARGET], scores):.4f};")
    joblib.dump(trees, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
