"""Split the drop's rows, in order: 60 % train, 20 % validation, 20 % holdout."""

import argparse
import csv
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    paths = parser.parse_args()
    rows: list[dict[str, str]] = []
    for path in sorted(paths.input.rglob("*.csv")):
        with path.open(newline="") as file:
            rows += list(csv.DictReader(file))
    first, second = int(len(rows) * 0.6), int(len(rows) * 0.8)
    parts = {"train": rows[:first], "validation": rows[first:second], "holdout": rows[second:]}
    for name, part in parts.items():
        folder = paths.output / name
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "data.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(part)


if __name__ == "__main__":
    main()
