"""Trains a ridge regression on train.csv of the channel `train`; prints its error on `test`."""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import NUMBERS, TARGET
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--alpha", type=float, default=1.0)
parser.add_argument("--degree", type=int, default=1)
given, _ = parser.parse_known_args()

train = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.csv")
test = pd.read_csv(Path(os.environ["SM_CHANNEL_TEST"]) / "test.csv")
model = make_pipeline(StandardScaler(), PolynomialFeatures(given.degree), Ridge(alpha=given.alpha))
model.fit(train[NUMBERS], train[TARGET])
error = mean_squared_error(test[TARGET], model.predict(test[NUMBERS]))
print(f"alpha={given.alpha} degree={given.degree} test:mse={error:.6f};")
joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")
