"""Train a logistic regression on whatever columns it is given, in script mode.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR.
"""

import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

KEY, TARGET = "application", "approved"


def main() -> None:
    channel = {
        name: pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv")
        for name in ("train", "validation")
    }
    train, seen = (table.drop(columns=[KEY, TARGET]) for table in channel.values())
    words = make_column_selector(dtype_include=[object, "string"])
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), words), remainder=numbers),
        LogisticRegression(max_iter=1000),
    )
    model.fit(train, channel["train"][TARGET])
    auc = roc_auc_score(channel["validation"][TARGET], model.predict_proba(seen)[:, 1])
    print(f"validation_auc={auc:.4f};")
    joblib.dump((list(train.columns), model), Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")


if __name__ == "__main__":
    main()
