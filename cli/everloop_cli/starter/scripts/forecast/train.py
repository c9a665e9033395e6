"""Train boosted trees on how series go on, in script mode. Yours to change.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR. Validation
says how good it is; the model that is kept has learned from both, up to the forecast's origin.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import HORIZON, SERIES, TARGET, TEXTS, TIME, features, known
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error

ORIGINS = 24  # from so many times in the past it learns how series went on


def fitted(rows: pd.DataFrame, given: argparse.Namespace) -> dict:
    """Learn from each stretch of the horizon by what was known before it, as a forecast has to."""
    times = sorted(rows[TIME].unique())
    origins = range(len(times) - HORIZON, HORIZON - 1, -HORIZON)
    parts = []
    for origin in list(origins)[:ORIGINS]:
        before = rows[rows[TIME] < times[origin]]
        own = rows[rows[TIME].isin(times[origin : origin + HORIZON])]
        seen = features(own, known(before))
        parts.append((seen, own[TARGET].to_numpy(dtype=float) - seen["level"].to_numpy()))
    trees = HistGradientBoostingRegressor(
        max_iter=given.max_iter, learning_rate=given.learning_rate, random_state=7
    )
    trees.fit(
        pd.concat([seen for seen, _ in parts]),
        [change for _, changes in parts for change in changes],
    )
    return {"trees": trees, "past": known(rows)}


def answers(model: dict, rows: pd.DataFrame) -> list[float]:
    seen = features(rows, model["past"])
    return (seen["level"].to_numpy() + model["trees"].predict(seen)).tolist()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_iter", type=int, default=100)
    parser.add_argument("--learning_rate", type=float, default=0.06)
    given, _ = parser.parse_known_args()
    train, seen = (
        pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv", dtype=TEXTS)
        for name in ("train", "validation")
    )
    error = mean_absolute_error(seen[TARGET], answers(fitted(train, given), seen[[*SERIES, TIME]]))
    print(f"validation_mae={error:.4f};")
    model = fitted(pd.concat([train, seen]), given)
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
