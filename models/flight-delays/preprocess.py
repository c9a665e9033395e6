"""Split flights by time: the newest sixth is the holdout, the sixth before it validates.

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
    months = [pd.read_csv(path) for path in sorted(paths.input.iterdir())]
    flights = pd.concat(months, ignore_index=True)
    flights = flights.dropna(subset=[TARGET]).sort_values("time_hour", kind="stable")
    first, second = len(flights) * 4 // 6, len(flights) * 5 // 6
    parts = {
        "train": flights.iloc[:first],
        "validation": flights.iloc[first:second],
        "holdout": flights.iloc[second:],
    }
    for name, part in parts.items():
        folder = paths.output / name
        folder.mkdir(parents=True, exist_ok=True)
        part.to_csv(folder / "data.csv", index=False)


if __name__ == "__main__":
    main()
