"""How soon the page's first page is there: 10 models, and 1,000 that have 10,000 decisions.

A person waits for `everloop ui` once, for its first page then, and for each that follows. All three
are measured against a cloud that does nothing else, with the process that people start.
"""

import json
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from everloop.aws import ledger, table
from everloop.billing.estimates import default_spec
from everloop.chain import GENESIS, Entry, linked
from everloop.moments import text
from everloop.records import decision as decisions
from everloop.records.installation import Installation
from everloop_cli import show
from proofs.bench.ground import Ground

SIZES = (10, 1000)
DECISIONS = 10  # of each model
ROUNDS = 20
Row = tuple[str, float, float, float, float, int]


def run(folder: Path) -> None:
    """Measure and print; each size in turn, with starts of the page in between."""
    ground = Ground(folder)
    try:
        rows: list[Row] = []
        for size in SIZES:
            _fill(len(ground.models()), size)
            rows.append(_measured(size))
        columns = ("models, decisions", "start, s", "first page, s", "later ones: median, s")
        show.table("The first page", (*columns, "slowest, s", "kB"), rows)
        few, many = rows
        first, later = round(many[2] / few[2], 2), round(many[3] / few[3], 2)
        line = f"{SIZES[1]:,} beside {SIZES[0]} models: first page {first}, later ones {later}"
        show.out.print(line)
    finally:
        ground.down()


def _fill(there: int, wanted: int) -> None:
    """Install models with a spec and a chain of decisions, as pushes and looks leave them."""
    spec, now = default_spec(), datetime.now(UTC)
    for number in range(there, wanted):
        model = f"model-{number:04d}"
        ledger.install(Installation(model, spec, "d" * 64, "s3://b", "s3://j", "arn", now))
        kept, previous, writes = 0, GENESIS, []
        for hour in range(DECISIONS):
            entry = Entry(
                id=f"look-{hour}",
                model=model,
                time=text(now - timedelta(hours=DECISIONS - hour)),
                kind="monitor",
                go=False,
                reason="61 checks on 2000 rows, 2000 with labels: nothing is violated",
                facts={"judged": 61, "rows": 2000, "drift": {"data": 0.1 + hour / 20}},
            )
            decision = linked(entry, kept + 1, previous)
            kept, previous = decision["seq"], decision["hash"]
            writes.append(decisions.put(model, decision))
        writes.append(decisions.move_head(model, decision, 0))  # type: ignore[arg-type]
        table.transact(writes, model)


def _measured(models: int) -> Row:
    began = time.perf_counter()
    with _page() as (load, started):
        start = started - began
        first, size = load()
        later = [load()[0] for _ in range(ROUNDS)]
    name = f"{models:,}, {models * DECISIONS:,}"
    spread = (round(statistics.median(later), 3), round(max(later), 3))
    return name, round(start, 2), round(first, 3), *spread, round(size / 1000)


@contextmanager
def _page() -> Iterator[tuple[Callable[[], tuple[float, int]], float]]:
    """Start the page; gives what loads it and says how long that took, and when it had started."""
    words = [sys.executable, "-P", "-m", "everloop_cli.main", "ui", "--no-open", "--json"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        address = json.loads(process.stdout.readline())["address"]
        started = time.perf_counter()
        browser: Any = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())

        def load() -> tuple[float, int]:
            began = time.perf_counter()
            with browser.open(address, timeout=60) as answer:
                size = len(answer.read())
            return time.perf_counter() - began, size

        yield load, started
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
