"""A burst of objects for one model: each in exactly one frozen dataset, at a flat cost."""

import json
import shutil
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from everloop_cli import deliver, show
from proofs.bench.ground import Ground, prices
from proofs.load import meter

_FOLDER = Path(__file__).resolve().parents[2] / "tests" / "e2e" / "models" / "mean-price"
_UPLOADERS = 8


def run(ground: Ground, folder: Path, sizes: tuple[int, ...]) -> None:
    """Drop bursts of these sizes, each for a model of its own. Raises AssertionError on a loss."""
    rows, costs = [], []
    for size in sizes:
        row, cost = _burst(ground, folder, size)
        rows.append(row)
        costs.append((size, cost))
    columns = ("objects", "in a manifest", "lost", "twice", "datasets", "put/s", "frozen/s", "s")
    show.table("A burst of objects for one model", columns, rows)
    meter.table("object", costs)


def _burst(ground: Ground, folder: Path, size: int) -> tuple[tuple[Any, ...], meter.Cost]:
    model = f"burst-{size}"
    made = folder / model
    shutil.copytree(_FOLDER, made)
    spec = made / "model.toml"
    spec.write_text(spec.read_text().replace("quiet_minutes = 2", "quiet_minutes = 0.5"))
    deliver.push(made)
    ground.decided(model, "install")
    before = meter.read(ground)
    keys = [f"data/{model}/{number // 100:03d}/part-{number:05d}.csv" for number in range(size)]
    bucket = ground.stack.data_bucket
    began = time.monotonic()

    def put(item: tuple[int, str]) -> None:
        number, key = item
        ground.client("s3").put_object(Bucket=bucket, Key=key, Body=prices(number, 2))

    with ThreadPoolExecutor(max_workers=_UPLOADERS) as pool:
        for number, _ in enumerate(pool.map(put, enumerate(keys)), 1):
            if number % 1000 == 0:
                show.err.print(f"{number} of {size} objects put", style="dim")
    put_seconds = time.monotonic() - began
    windows = _frozen(ground, model, size)
    seconds = time.monotonic() - began
    ground.decided(model, "train-end", len(windows))
    cost = meter.read(ground) - before
    counted = Counter(key for window in windows for key in window)
    lost = [key for key in keys if counted[key] == 0]
    twice = [key for key in keys if counted[key] > 1]
    assert not lost, f"{len(lost)} lost, such as {lost[:5]}"
    assert not twice, f"{len(twice)} in two datasets, such as {twice[:5]}"
    assert len(counted) == size, "a manifest holds what nobody dropped"
    dead = meter.dead_letters(ground)
    assert not dead, f"dead letters: {dead}"
    figures = (size, sum(counted.values()), len(lost), len(twice), len(windows))
    return (*figures, round(size / put_seconds), round(size / seconds), round(seconds)), cost


def _frozen(ground: Ground, model: str, size: int) -> list[list[str]]:
    """Wait until as many objects are frozen as were dropped; return each dataset's new keys."""

    def probe() -> list[list[str]] | None:
        frozen = [d for d in ground.decisions(model) if d["kind"] == "freeze"]
        if sum(decision["facts"]["new_objects"] for decision in frozen) < size:
            return None
        return [_new_keys(ground, str(decision["subject"])) for decision in frozen]

    return ground.wait(f"{size} objects in datasets of {model}", probe, limit=1800)


def _new_keys(ground: Ground, uri: str) -> list[str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    manifest = json.loads(ground.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
    new = manifest["new_windows"]
    return [entry["key"] for entry in manifest["objects"] if entry["window"] in new]
