"""Train a logistic regression on images of digits, in script mode.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import FEATURES, TARGET
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--strength", type=float, default=0.1)
    given, _ = parser.parse_known_args()
    channel = {
        name: pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv")
        for name in ("train", "validation")
    }
    classes = LogisticRegression(C=given.strength, max_iter=500, random_state=7)
    trained = make_pipeline(StandardScaler(), classes)
    trained.fit(channel["train"][FEATURES], channel["train"][TARGET])
    seen = channel["validation"]
    accuracy = accuracy_score(seen[TARGET], trained.predict(seen[FEATURES]))
    print(f"validation_accuracy={accuracy:.4f};")
    joblib.dump(trained, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
