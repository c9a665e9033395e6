"""Splits flights.csv of the input `raw` into train.csv and test.csv."""

import argparse
from pathlib import Path

import pandas as pd
from sklearn.model_selection import train_test_split

ROOT = Path("/opt/ml/processing")

parser = argparse.ArgumentParser()
parser.add_argument("--share", type=float, required=True)
share = parser.parse_args().share
table = pd.read_csv(ROOT / "input" / "raw" / "flights.csv")
train, test = train_test_split(table, test_size=share, random_state=0)
train.to_csv(ROOT / "train" / "train.csv", index=False)
test.to_csv(ROOT / "test" / "test.csv", index=False)
print(f"{len(train)} rows to train on, {len(test)} to test with")
