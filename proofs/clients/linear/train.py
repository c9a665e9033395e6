"""Fits coefficients by gradient descent to rows whose last column is the target."""

import argparse
import csv
import json
import os
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--rate", type=float, default=0.1)
parser.add_argument("--steps", type=int, default=100)
given = parser.parse_args()

with open(Path(os.environ["SM_CHANNEL_TRAIN"]) / "rows.csv") as file:
    rows = [[float(cell) for cell in row] for row in csv.reader(file)]
coefficients = [0.0] * (len(rows[0]) - 1)
for _ in range(given.steps):
    errors = [sum(a * b for a, b in zip(coefficients, row, strict=False)) - row[-1] for row in rows]
    slopes = [
        sum(error * row[at] for error, row in zip(errors, rows, strict=True)) / len(rows)
        for at in range(len(coefficients))
    ]
    coefficients = [a - given.rate * slope for a, slope in zip(coefficients, slopes, strict=True)]
print(f"loss={sum(error**2 for error in errors) / len(rows):.6f};")
with open(Path(os.environ["SM_MODEL_DIR"]) / "coefficients.json", "w") as file:
    json.dump(coefficients, file)
