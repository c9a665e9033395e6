"""Learn which share of an airline's flights leaves late. Script mode, as SageMaker runs it.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR. Validation
says how good it is; the model that is kept has learned from both, up to the forecast's origin.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import AHEAD, SERIES, features
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import mean_absolute_error

LATELY = 28  # days


def known(rows: pd.DataFrame) -> pd.DataFrame:
    """Return of each series its share of late flights, ever and lately."""
    days = sorted(rows["day"].unique())[-LATELY:]
    ever, late = (
        part.groupby(SERIES)[["late", "flights"]].sum()
        for part in (rows, rows[rows["day"].isin(days)])
    )
    return pd.DataFrame(
        {"share": ever["late"] / ever["flights"], "lately": late["late"] / late["flights"]}
    ).reset_index()


def fitted(rows: pd.DataFrame, max_iter: int) -> dict:
    """Learn from each month's days by what was known before it, as a forecast will have to."""
    month = rows["day"].str[:7]
    parts = []
    for name in sorted(month.unique())[1:]:
        own = rows[month == name]
        parts.append((features(own, known(rows[month < name])), own))
    columns = pd.concat([made for made, _ in parts])
    seen = pd.concat([own for _, own in parts])
    trees = HistGradientBoostingRegressor(
        loss="poisson", max_iter=max_iter, learning_rate=0.06, max_leaf_nodes=8, random_state=7
    )
    flights = seen["flights"].clip(lower=1)
    trees.fit(columns, seen["late"] / flights, sample_weight=flights)
    return {"trees": trees, "past": known(rows)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_iter", type=int, default=80)
    given, _ = parser.parse_known_args()
    train, seen = (
        pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv")
        for name in ("train", "validation")
    )
    model = fitted(train, given.max_iter)
    late = (
        model["trees"].predict(features(seen[[*SERIES, *AHEAD]], model["past"])) * seen["flights"]
    )
    print(f"validation_mae={mean_absolute_error(seen['late'], late):.4f};")
    model = fitted(pd.concat([train, seen]), given.max_iter)
    joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
