"""Serves coefficients.json: CSV rows of features in, one weighted sum per row out."""

import csv
import io
import json
import os


def model_fn(model_dir):
    with open(os.path.join(model_dir, "coefficients.json")) as file:
        return json.load(file)


def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    return [[float(cell) for cell in row] for row in csv.reader(io.StringIO(text))]


def predict_fn(rows, coefficients):
    return [sum(a * b for a, b in zip(row, coefficients, strict=True)) for row in rows]


def output_fn(sums, accept):
    return "\n".join(f"{one:g}" for one in sums)
