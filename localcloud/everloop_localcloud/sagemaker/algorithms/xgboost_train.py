"""Train XGBoost as SageMaker's built-in algorithm does: hyperparameters and channels in, model out.

Run by path, outside the cloud's own packages, in a job's folder as /opt/ml. What it accepts, prints
and writes is what AWS's container accepts, prints and writes (aws/sagemaker-xgboost-container).
"""

import csv
import json
import math
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn import metrics as scores
from sklearn.datasets import load_svmlight_file

ROOT = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
Values = dict[str, Any]


class UserError(Exception):
    """What was given cannot be trained with; the words say what, and what belongs there."""


def _number(kind: type, least: float, most: float, *, above: bool = False) -> Any:
    def read(text: str) -> Any:
        value = kind(text)
        if not math.isfinite(value) or value < least or value > most or (above and value == least):
            raise ValueError
        return value

    low = f"above {least:g}" if above else f"from {least:g}"
    span = low if most == math.inf else f"{low} to {most:g}"
    return read, f"{'a whole number' if kind is int else 'a number'} {span}"


def _one_of(*words: str) -> Any:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError
        return text

    return read, f"one of {', '.join(words)}"


def _json(text: str) -> Any:
    return json.loads(text.replace("(", "[").replace(")", "]"))


_SHARE = _number(float, 0, 1)
_PART = _number(float, 0, 1, above=True)
_POSITIVE = _number(float, 0, math.inf)
_COUNT = _number(int, 1, math.inf)
_SWITCH = _number(int, 0, 1)
_WHOLE = _number(int, 0, math.inf)
_LIST = (lambda text: [each.strip() for each in text.split(",") if each.strip()], "a list")
_PARAMETERS: Mapping[str, Any] = {
    **dict.fromkeys(("num_round", "early_stopping_rounds", "nthread", "num_parallel_tree"), _COUNT),
    **dict.fromkeys(("max_depth", "max_leaves", "max_bin"), _WHOLE),
    **dict.fromkeys(
        ("csv_weights", "refresh_leaf", "one_drop", "deterministic_histogram"), _SWITCH
    ),
    **dict.fromkeys(("eta", "rate_drop", "skip_drop", "lambda_bias"), _SHARE),
    **dict.fromkeys(
        ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode"), _PART
    ),
    **dict.fromkeys(("gamma", "min_child_weight", "max_delta_step", "lambda", "alpha"), _POSITIVE),
    "base_score": _POSITIVE,
    "scale_pos_weight": _number(float, 0, math.inf, above=True),
    "sketch_eps": _PART,
    "tweedie_variance_power": _number(float, 1, 2, above=True),
    "huber_slope": _number(float, 0, math.inf),
    "num_class": _number(int, 2, math.inf),
    "seed": _number(int, -(2**31), 2**31 - 1),
    "verbosity": _number(int, 0, 3),
    "booster": _one_of("gbtree", "gblinear", "dart"),
    "tree_method": _one_of("auto", "exact", "approx", "hist", "gpu_hist"),
    "process_type": _one_of("default", "update"),
    "grow_policy": _one_of("depthwise", "lossguide"),
    "sample_type": _one_of("uniform", "weighted"),
    "normalize_type": _one_of("tree", "forest"),
    "dsplit": _one_of("row", "col"),
    "predictor": _one_of("auto", "cpu_predictor", "gpu_predictor"),
    "sampling_method": _one_of("uniform", "gradient_based"),
    "save_model_on_termination": _one_of("true", "false"),
    "objective": _one_of(
        *("binary:logistic", "binary:logitraw", "binary:hinge", "count:poisson", "multi:softmax"),
        *("multi:softprob", "rank:pairwise", "rank:ndcg", "rank:map", "reg:linear"),
        *("reg:squarederror", "reg:logistic", "reg:gamma", "reg:pseudohubererror"),
        *("reg:squaredlogerror", "reg:absoluteerror", "reg:tweedie", "survival:aft"),
        "survival:cox",
    ),
    "updater": (str, "a list"),
    "monotone_constraints": (_json, "a tuple, such as (1, 0, -1)"),
    "interaction_constraints": (_json, "a list of lists"),
    "eval_metric": _LIST,
    "_tuning_objective_metric": (str, "a metric"),
}
_OURS = frozenset(
    (
        *("num_round", "early_stopping_rounds", "csv_weights", "eval_metric", "dsplit"),
        *("predictor", "_tuning_objective_metric", "save_model_on_termination", "sketch_eps"),
        "lambda_bias",
    )
)
# Metrics that XGBoost itself has not, by the names that AWS's container gives them.
_CUSTOM: Mapping[str, Callable[[Any, Any], float]] = {
    "accuracy": scores.accuracy_score,
    "balanced_accuracy": scores.balanced_accuracy_score,
    "f1": lambda truth, made: scores.f1_score(truth, made, average="macro"),
    "f1_macro": lambda truth, made: scores.f1_score(truth, made, average="macro"),
    "f1_binary": scores.f1_score,
    "precision": lambda truth, made: scores.precision_score(truth, made, zero_division=0),
    "recall": lambda truth, made: scores.recall_score(truth, made, zero_division=0),
    "mse": scores.mean_squared_error,
    "r2": scores.r2_score,
}
_OF_NUMBERS = frozenset(("mse", "r2"))


def parameters(given: Mapping[str, str]) -> Values:
    """Return the hyperparameters as XGBoost takes them. Raises UserError for each that is wrong."""
    made: Values = {}
    wrong = []
    for name, text in given.items():
        if name.startswith("sagemaker_"):
            continue
        if name not in _PARAMETERS:
            wrong.append(f"Extraneous hyperparameter found: {name}")
            continue
        read, rule = _PARAMETERS[name]
        try:
            made[name] = read(str(text))
        except (ValueError, OverflowError):
            wrong.append(f"Hyperparameter {name}: could not parse value {text!r}; it is {rule}")
    if "num_round" not in given:
        wrong.append("Missing required hyperparameter: num_round")
    objective = str(made.get("objective", ""))
    if objective.startswith("multi:") and "num_class" not in made:
        wrong.append("Require input for parameter 'num_class' for multi-classification")
    if "auc" in made.get("eval_metric", ()) and objective[:6] not in ("binary", "rank:p", "rank:n"):
        wrong.append("Metric 'auc' can only be applied for classification and ranking problems.")
    if wrong:
        raise UserError("; ".join(wrong))
    return made


def content_type(told: str) -> str:
    """Return csv or libsvm, which is what no content type means. Raises UserError."""
    kind, *options = [part.strip().lower() for part in (told or "libsvm").split(";")]
    for option in options:
        if option.startswith("label_size") and option.partition("=")[2].strip() != "1":
            raise UserError(f"{told} is not an accepted csv ContentType. Optional parameter "
                            "label_size must be equal to 1")  # fmt: skip
    if kind in ("csv", "text/csv"):
        return "csv"
    if kind in ("libsvm", "text/libsvm", "text/x-libsvm"):
        return "libsvm"
    raise UserError(f"{told} is not an accepted ContentType: csv, libsvm, text/csv, text/libsvm.")


def matrix(channel: Path, kind: str, *, weights: bool = False) -> xgb.DMatrix | None:
    """Read a channel's files; None where there are none. Raises UserError."""
    files = sorted(
        path
        for path in channel.rglob("*")
        if path.is_file() and not path.name.startswith((".", "_"))
    )
    tables = [(_csv if kind == "csv" else _libsvm)(path) for path in files if path.stat().st_size]
    if not tables:
        return None
    width = max(table.shape[1] for table, _ in tables)
    if kind == "csv" and any(table.shape[1] != width for table, _ in tables):
        raise UserError(f"Failed to load csv data: files of {channel.name} differ in their columns")
    padded = [np.pad(table, ((0, 0), (0, width - table.shape[1])), constant_values=np.nan)
              for table, _ in tables]  # fmt: skip
    features = np.vstack(padded)
    labels = np.concatenate([label for _, label in tables])
    weight = None
    if weights:
        weight, features = features[:, 0], features[:, 1:]
    return xgb.DMatrix(features, label=labels, weight=weight)


def _csv(path: Path) -> tuple[Any, Any]:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        first = file.readline()
    try:
        delimiter = csv.Sniffer().sniff(first).delimiter if first.strip() else ","
    except csv.Error as error:
        raise UserError(f"Could not determine delimiter on line {first[:50]}:\n{error}") from error
    try:
        table = pd.read_csv(path, header=None, sep=delimiter, dtype=float).to_numpy()
    except (ValueError, OverflowError) as error:
        raise UserError(
            f"Failed to load csv data with exception:\n{error}; the label comes first, there is no "
            "header, and all are numbers"
        ) from error
    if not np.isfinite(table[:, 0]).all():
        raise UserError("Failed to load csv data with exception:\nlabels must be finite numbers")
    return table[:, 1:], table[:, 0]


def _libsvm(path: Path) -> tuple[Any, Any]:
    try:
        sparse, labels = load_svmlight_file(str(path), zero_based=True)
    except (ValueError, OverflowError) as error:
        line = path.read_text(errors="replace").partition("\n")[0]
        raise UserError(
            f"First line '{line[:50]}...' of file '{path.name}' is not 'LIBSVM' format. Please "
            f"ensure the file is in 'LIBSVM' format. ({error})"
        ) from error
    dense = np.full(sparse.shape, np.nan)  # what a line leaves out is missing, and no 0
    told = sparse.tocoo()
    dense[told.row, told.col] = told.data
    return dense, labels


def train(given: Values, channels: Mapping[str, Mapping[str, str]], root: Path) -> xgb.Booster:
    """Train and print each round's metrics as AWS's container prints them."""
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    kind = content_type(channels["train"].get("ContentType", ""))
    data = root / "input" / "data"
    weights = given.get("csv_weights") == 1
    trained = matrix(data / "train", kind, weights=weights)
    if trained is None:
        raise UserError(f"No data in training channel path {data / 'train'}")
    watched = [(trained, "train")]
    if "validation" in channels:
        validation = matrix(data / "validation", kind)
        if validation is None:
            raise UserError(f"No data in validation channel path {data / 'validation'}")
        watched.append((validation, "validation"))
    native, custom = _measures(given)
    settings = {name: value for name, value in given.items() if name not in _OURS}
    if settings.get("objective") == "reg:linear":
        settings["objective"] = "reg:squarederror"
    if native:
        settings["eval_metric"] = native
    print(f"[INFO] Train matrix has {trained.num_row()} rows and {trained.num_col()} columns")
    if len(watched) > 1:
        print(f"[INFO] Validation matrix has {watched[1][0].num_row()} rows")
    try:
        return xgb.train(
            settings,
            trained,
            num_boost_round=given["num_round"],
            evals=watched,
            custom_metric=custom,
            early_stopping_rounds=given.get("early_stopping_rounds"),
            verbose_eval=False,
            callbacks=[_Told()],
        )
    except xgb.core.XGBoostError as error:
        said = next((line for line in str(error).splitlines() if line.strip()), "")
        raise UserError(re.sub(r"^\[[^]]*\]\s*\S+:\d+:\s*", "", said)) from error


def _measures(given: Values) -> tuple[list[str], Callable[..., Any] | None]:
    asked = list(given.get("eval_metric", ()))
    if objective := str(given.get("_tuning_objective_metric", "")).partition(":")[2]:
        asked += [objective] if objective not in asked else []
    own = [name for name in asked if name in _CUSTOM]
    native = [name for name in asked if name not in _CUSTOM]
    if not own:
        return native, None

    def measured(made: Any, table: xgb.DMatrix) -> list[tuple[str, float]]:
        truth = table.get_label()
        if made.ndim > 1:
            classes = made.argmax(axis=1)
        elif str(given.get("objective", "")).startswith("binary"):
            classes = (made > (0 if given["objective"] == "binary:logitraw" else 0.5)).astype(int)
        else:
            classes = np.round(made)
        return [(name, float(_CUSTOM[name](truth, made if name in _OF_NUMBERS else classes)))
                for name in own]  # fmt: skip

    return native, measured


class _Told(xgb.callback.TrainingCallback):
    """Prints a round's metrics; a tabulator reaches CloudWatch as #011."""

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        told = [
            f"{data}-{name}:{values[-1]:.5f}"
            for data, named in evals_log.items()
            for name, values in named.items()
        ]
        print("#011".join([f"[{epoch}]", *told]), flush=True)
        return False


def main() -> int:
    warnings.filterwarnings("ignore", category=UserWarning)  # the model's file has no ending
    config = ROOT / "input" / "config"
    try:
        given = parameters(json.loads((config / "hyperparameters.json").read_text()))
        channels = json.loads((config / "inputdataconfig.json").read_text())
        train(given, channels, ROOT).save_model(ROOT / "model" / "xgboost-model")
    except UserError as error:
        (ROOT / "output" / "failure").write_text(f"Customer Error: {error}")
        print(f"[ERROR] Customer Error: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        (ROOT / "output" / "failure").write_text(f"Algorithm Error: {error!r}")
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
