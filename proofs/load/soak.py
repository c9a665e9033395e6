"""Turn the loop of the smallest model many times, and tell what the cloud's memory does."""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from everloop_cli import deliver, review, show
from proofs.bench.ground import Ground, prices

ROOT = Path(__file__).resolve().parents[2]
MODEL = "mean-price"
ROWS = 300
SPEED = 60  # waits of the loop are minutes of the cloud's
WARM = 5  # loops before the slope counts: caches fill, functions come up
_TOLD = 12  # rows of what grew most


def main() -> int:
    parser = argparse.ArgumentParser(prog="proofs.load.soak")
    parser.add_argument("--loops", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ground = Ground(Path(folder), speed=SPEED)
        try:
            run(ground, max(given.loops, WARM + 2))
        finally:
            ground.down()
    return 0


def run(ground: Ground, loops: int) -> None:
    _install(ground)
    sizes = []
    first: dict[str, Any] = {}
    for loop in range(1, loops + 1):
        began = time.monotonic()
        _turn(ground, loop)
        sizes.append(_megabytes(ground))
        show.err.print(
            f"loop {loop}: {time.monotonic() - began:.0f} s, cloud {sizes[-1][0]:.1f} MB, "
            f"children {sizes[-1][1]:.1f} MB in {sizes[-1][2]}",
            style="dim",
        )
        if loop == WARM:
            first = _report(ground)
    last = _report(ground)
    rows = []
    for name, column in (("cloud", 0), ("its children", 1)):
        of = [size[column] for size in sizes]
        rows.append((name, of[0], of[WARM], of[-1], max(of), slope(of[WARM:])))
    columns = ("memory of", "first MB", "warm MB", "last MB", "most MB", "MB per loop")
    show.table(f"{loops} loops of {MODEL}, a release in each", columns, rows)
    _grown("threads", first, last, loops - WARM)
    _grown("objects", first, last, loops - WARM)
    _grown("lines", first, last, loops - WARM)
    for told in (first, last):
        told["bytes of tables"] = {name: size for name, (_, size) in told["tables"].items()}
    _grown("bytes of tables", first, last, loops - WARM)
    show.err.print(
        f"descriptors: {first['descriptors']} after {WARM}, {last['descriptors']} at last"
    )


def slope(values: list[float]) -> float:
    """Return the median of the slopes between all pairs, which no outlier bends (Theil-Sen)."""
    pairs = [
        (values[late] - values[early]) / (late - early)
        for late in range(len(values))
        for early in range(late)
    ]
    return statistics.median(pairs) if pairs else 0.0


def _install(ground: Ground) -> None:
    folder = ground.state.parent / MODEL
    shutil.copytree(ROOT / "tests" / "e2e" / "models" / MODEL, folder)
    spec = (folder / "model.toml").read_text()
    for old, new in (
        ("quiet_minutes = 2", "quiet_minutes = 0"),
        ("cooldown_hours = 0", "cooldown_hours = 0\nper_day = 1000"),
        ('compare = { metric = "rmse", least_gain = 0.0, confidence = 0.9 }\n', ""),
        ("bake_minutes = 2", "bake_minutes = 0"),
        ('strategy = "canary"', 'strategy = "all-at-once"'),
        ("step_percent = 20\n", ""),
    ):
        spec = spec.replace(old, new)
    (folder / "model.toml").write_text(spec)
    deliver.push(folder)
    ground.decided(MODEL, "install")


def _turn(ground: Ground, loop: int) -> None:
    bucket = ground.stack.data_bucket
    body = prices(loop, ROWS)
    ground.client("s3").put_object(Bucket=bucket, Key=f"data/{MODEL}/{loop}.csv", Body=body)
    ground.decided(MODEL, "judge", loop)
    plan = review.plan_word(MODEL, loop, "Approved")
    review.carry_out(plan, "soak")
    ground.decided(MODEL, "serve", loop)


def _megabytes(ground: Ground) -> tuple[float, float, int]:
    """Return the memory of the cloud and of what it started, and how many those are."""
    cloud = int(json.loads((ground.state / "cloud.json").read_text())["pid"])
    below = _below(cloud)
    return _resident(cloud) / 1e6, sum(_resident(each) for each in below) / 1e6, len(below)


def _resident(pid: int) -> int:
    """Return how many bytes of memory a process has in use; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _below(top: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(status.parent.name))
    found, left = [], [top]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


def _report(ground: Ground) -> dict[str, Any]:
    with urllib.request.urlopen(f"{ground.url}/_everloop/memory", timeout=120) as answer:
        told: dict[str, Any] = json.load(answer)
    return told


def _grown(kind: str, first: dict[str, Any], last: dict[str, Any], loops: int) -> None:
    before, after = first.get(kind, {}), last.get(kind, {})
    grown = sorted(((after[name] - before.get(name, 0), name) for name in after), reverse=True)
    rows = [
        (name, before.get(name, 0), after[name], round(more / loops, 1))
        for more, name in grown[:_TOLD]
        if more > 0
    ]
    if rows:
        show.table(f"What grew: {kind}", (kind, "warm", "at last", "per loop"), rows)


if __name__ == "__main__":
    sys.exit(main())
