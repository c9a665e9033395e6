"""Serve what XGBoost trained as the built-in algorithm: the answers of AWS's container.

Run by the model server, outside the cloud's own packages: the handlers of the inference toolkit.
"""

import json
import os
import pickle
import warnings
from http import HTTPStatus
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from sagemaker_inference.errors import BaseInferenceToolkitError

warnings.filterwarnings("ignore", category=UserWarning)  # the model's file has no ending
_LIBSVM = ("text/libsvm", "text/x-libsvm")


def _refused(status: HTTPStatus, message: str) -> BaseInferenceToolkitError:
    return BaseInferenceToolkitError(status.value, message, status.phrase)


def model_fn(folder: str) -> xgb.Booster:
    files = sorted(path for path in Path(folder).iterdir() if path.is_file())
    if not files:
        raise RuntimeError("Unable to load model: there is no file in the model's folder")
    try:
        booster = xgb.Booster()
        booster.load_model(files[0])
    except xgb.core.XGBoostError:
        with files[0].open("rb") as file:  # of AWS's containers before 1.3, and of many scripts
            booster = pickle.load(file)
    booster.set_param({"nthread": 1})
    return booster


def input_fn(body: Any, content_type: str) -> tuple[Any, str]:
    kind = (content_type or "text/csv").partition(";")[0].strip().lower()
    text = body if isinstance(body, str) else bytes(body).decode("utf-8", "replace")
    if not text:
        raise _refused(HTTPStatus.NO_CONTENT, "")
    if kind != "text/csv" and kind not in _LIBSVM:
        raise _refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Content-type {kind} not supported. Supported content-type is text/csv, text/libsvm",
        )
    try:
        return (_csv(text) if kind == "text/csv" else _libsvm(text)), kind
    except (ValueError, OverflowError) as error:
        raise _refused(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"Loading {kind.rpartition('/')[2]} data failed with Exception, please ensure data is "
            f"in {kind.rpartition('/')[2]} format:\n {type(error)}\n {error}",
        ) from error


def _csv(text: str) -> Any:
    lines = text.strip().splitlines()
    separator = next((mark for mark in ",;\t" if mark in lines[0]), ",")
    rows = [[float(cell) if cell.strip() else np.nan for cell in line.split(separator)]
            for line in lines]  # fmt: skip
    if len({len(row) for row in rows}) > 1:
        raise ValueError("rows have different numbers of values")
    return np.array(rows)


def _libsvm(text: str) -> Any:
    rows = []
    for line in text.strip().splitlines():
        cells = [cell.split(":") for cell in line.split() if ":" in cell]
        rows.append({int(column): float(value) for column, value in cells})
    width = 1 + max((column for row in rows for column in row), default=0)
    table = np.full((len(rows), width), np.nan)
    for number, row in enumerate(rows):
        for column, value in row.items():
            table[number, column] = value
    return table


def predict_fn(given: tuple[Any, str], booster: xgb.Booster) -> Any:
    table, kind = given
    width = booster.num_features()
    if kind in _LIBSVM and table.shape[1] < width:
        table = np.pad(table, ((0, 0), (0, width - table.shape[1])), constant_values=np.nan)
    if table.shape[1] != width:
        raise _refused(
            HTTPStatus.BAD_REQUEST,
            f"Feature size of {kind.rpartition('/')[2]} inference data {table.shape[1]} is not "
            f"consistent with feature size of trained model {width}.",
        )
    best = booster.attributes().get("best_iteration")
    rounds = (0, int(best) + 1) if best else (0, 0)
    return booster.predict(xgb.DMatrix(table), iteration_range=rounds, validate_features=False)


def output_fn(scores: Any, accept: str) -> tuple[str, str]:
    kind = (accept or "text/csv").partition(";")[0].strip().lower()
    if kind in ("text/csv", "csv"):
        # Of several rows AWS's container answers one line, except in a transform job.
        batch = os.environ.get("SAGEMAKER_BATCH")
        text = "\n".join(map(str, scores.tolist())) + "\n" if batch else ",".join(
            map(str, scores.tolist()))  # fmt: skip
        return text, "text/csv"
    if kind in ("application/json", "json"):
        return json.dumps(scores.tolist()), "application/json"
    raise _refused(
        HTTPStatus.NOT_ACCEPTABLE,
        f"{accept} is not an accepted Accept type. Please choose one of the following: "
        "['text/csv', 'application/json'].",
    )
