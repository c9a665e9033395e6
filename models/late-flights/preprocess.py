"""Join what is known ahead, schedule and calendar, and the weather, which is known afterwards.

Reads {train,validation,holdout}/data.csv and the tables from --input, writes the same to --output.
"""

import argparse
from pathlib import Path

import pandas as pd


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    paths = parser.parse_args()
    tables = {}
    for name, keys in (
        ("schedule", ["origin", "carrier", "day"]),
        ("calendar", ["day"]),
        ("weather", ["origin", "day"]),
    ):
        files = [pd.read_csv(path) for path in sorted((paths.input / name).iterdir())]
        tables[name] = pd.concat(files).drop_duplicates(keys, keep="last"), keys
    for part in ("train", "validation", "holdout"):
        rows = pd.read_csv(paths.input / part / "data.csv")
        for table, keys in tables.values():
            rows = rows.merge(table, on=keys, how="left")
        (paths.output / part).mkdir(parents=True, exist_ok=True)
        rows.to_csv(paths.output / part / "data.csv", index=False)


if __name__ == "__main__":
    main()
