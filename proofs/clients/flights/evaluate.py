"""Scores the model of the input `model` on test.csv of the input `test`."""

import json
import tarfile
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import mean_squared_error

ROOT = Path("/opt/ml/processing")

with tarfile.open(ROOT / "input" / "model" / "model.tar.gz") as archive:
    archive.extractall(ROOT / "unpacked", filter="data")
model = joblib.load(ROOT / "unpacked" / "model.joblib")
test = pd.read_csv(ROOT / "input" / "test" / "test.csv")
mse = mean_squared_error(test["delay"], model.predict(test[["distance", "hour"]]))
(ROOT / "report" / "evaluation.json").write_text(json.dumps({"regression": {"mse": mse}}))
