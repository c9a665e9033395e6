"""Learn the mean price per colour. Reads data.csv of the train channel, writes means.json."""

import csv
import json
import os
from collections import defaultdict
from pathlib import Path


def main() -> None:
    prices: dict[str, list[float]] = defaultdict(list)
    with (Path(os.environ["SM_CHANNEL_TRAIN"]) / "data.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            prices[row["colour"]].append(float(row["price"]))
    means = {colour: sum(values) / len(values) for colour, values in prices.items()}
    (Path(os.environ["SM_MODEL_DIR"]) / "means.json").write_text(json.dumps(means))


if __name__ == "__main__":
    main()
