"""Train boosted trees on flights, in script mode: channels and hyperparameters as SageMaker gives.

Reads data.csv of the channels train and validation, writes model.joblib to SM_MODEL_DIR, and
history.csv beside it: the AUC of both after some of the rounds.
"""

import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from columns import CATEGORIES, FEATURES, NUMBERS, TARGET
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder


def model(max_iter: int, learning_rate: float, max_leaf_nodes: int) -> Pipeline:
    """Return the untrained model: codes for categories (unknown: missing), boosted trees."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=float("nan"))
    columns = make_column_transformer((codes, CATEGORIES), ("passthrough", NUMBERS))
    trees = HistGradientBoostingClassifier(
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=max_leaf_nodes,
        categorical_features=list(range(len(CATEGORIES))),
        early_stopping=False,
        random_state=7,
    )
    return make_pipeline(columns, trees)


def learning(trained: Pipeline, rows: pd.DataFrame, every: int = 5) -> pd.Series:
    """Return the AUC after each few rounds of boosting, by the number of the round."""
    prepared = trained[:-1].transform(rows[FEATURES])
    rounds = enumerate(trained[-1].staged_predict_proba(prepared), start=1)
    return pd.Series(
        {at: roc_auc_score(rows[TARGET], said[:, 1]) for at, said in rounds if at % every == 0}
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_iter", type=int, default=150)
    parser.add_argument("--learning_rate", type=float, default=0.08)
    parser.add_argument("--max_leaf_nodes", type=int, default=31)
    given, _ = parser.parse_known_args()
    channel = {
        name: pd.read_csv(Path(os.environ[f"SM_CHANNEL_{name.upper()}"]) / "data.csv")
        for name in ("train", "validation")
    }
    trained = model(given.max_iter, given.learning_rate, given.max_leaf_nodes)
    trained.fit(channel["train"][FEATURES], channel["train"][TARGET])
    seen = channel["validation"]
    auc = roc_auc_score(seen[TARGET], trained.predict_proba(seen[FEATURES])[:, 1])
    print(f"validation_auc={auc:.4f};")
    some = channel["train"].sample(min(len(seen), len(channel["train"])), random_state=7)
    curves = {"train_auc": learning(trained, some), "validation_auc": learning(trained, seen)}
    history = pd.DataFrame(curves).rename_axis("round")
    history.to_csv(Path(os.environ["SM_MODEL_DIR"]) / "history.csv", float_format="%.5f")
    joblib.dump(trained, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib", compress=3)


if __name__ == "__main__":
    main()
