"""Serves the trained pipeline: CSV rows without a header in, one delay per row out."""

import io
import json
import os

import joblib
import pandas as pd
from columns import NUMBERS


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))


def input_fn(body, content_type):
    if content_type == "application/json":
        return pd.DataFrame(json.loads(body), columns=NUMBERS)
    text = body.decode() if isinstance(body, bytes) else body
    return pd.read_csv(io.StringIO(text), header=None, names=NUMBERS)


def predict_fn(rows, model):
    return model.predict(rows)


def output_fn(delays, accept):
    if accept == "application/json":
        return json.dumps([float(delay) for delay in delays])
    return "".join(f"{delay:.4f}\n" for delay in delays)
