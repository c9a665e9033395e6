"""Split images by their keys: an image stays in its part, however many drops follow.

Reads the drop's CSV files from --input, writes {train,validation,holdout}/data.csv to --output.
"""

import argparse
import zlib
from pathlib import Path

import pandas as pd


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    paths = parser.parse_args()
    drops = [pd.read_csv(path, dtype={"image": str}) for path in sorted(paths.input.iterdir())]
    images = pd.concat(drops, ignore_index=True).drop_duplicates("image", keep="last")
    sixth = images["image"].map(lambda key: zlib.crc32(key.encode()) % 6)
    parts = {
        "train": images[sixth < 4],
        "validation": images[sixth == 4],
        "holdout": images[sixth == 5],
    }
    for name, part in parts.items():
        folder = paths.output / name
        folder.mkdir(parents=True, exist_ok=True)
        part.to_csv(folder / "data.csv", index=False)


if __name__ == "__main__":
    main()
