"""Split flights by time: the newest fifth is the holdout, the fifth before it validates.

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
    flights = pd.concat(months, ignore_index=True).dropna(subset=[TARGET])
    flights = flights.sort_values(["time_hour", "flight_id"], kind="stable")
    first, second = len(flights) * 3 // 5, len(flights) * 4 // 5
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
