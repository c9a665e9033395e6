"""Split observations by time: the newest fifth is the holdout, the fifth before it validates.

Reads the drop's CSV files from --input, writes {train,validation,holdout}/data.csv to --output.
"""

import argparse
from pathlib import Path

import pandas as pd
from columns import TARGET


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    paths = parser.parse_args()
    drops = [pd.read_csv(path) for path in sorted(paths.input.iterdir())]
    hours = pd.concat(drops, ignore_index=True).dropna(subset=[TARGET])
    hours = hours.sort_values(["time_hour", "observation"], kind="stable")
    first, second = len(hours) * 3 // 5, len(hours) * 4 // 5
    parts = {
        "train": hours.iloc[:first],
        "validation": hours.iloc[first:second],
        "holdout": hours.iloc[second:],
    }
    for name, part in parts.items():
        folder = paths.output / name
        folder.mkdir(parents=True, exist_ok=True)
        part.to_csv(folder / "data.csv", index=False)


if __name__ == "__main__":
    main()
