"""Fits a linear model epoch by epoch, and prints its error on `test` after each."""

import argparse
import os
import time
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import SGDRegressor
from sklearn.metrics import mean_squared_error

parser = argparse.ArgumentParser()
parser.add_argument("--eta", type=float, default=0.01)
parser.add_argument("--epochs", type=int, default=9)
given, _ = parser.parse_known_args()

train = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.csv")
test = pd.read_csv(Path(os.environ["SM_CHANNEL_TEST"]) / "test.csv")
model = SGDRegressor(learning_rate="constant", eta0=given.eta, random_state=0)
for epoch in range(given.epochs):
    model.partial_fit(train[["x", "z"]], train["y"])
    error = mean_squared_error(test["y"], model.predict(test[["x", "z"]]))
    print(f"epoch={epoch} test:mse={error:.6f};", flush=True)
    time.sleep(0.2)  # where a real epoch would take its time
joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")
