"""Many models in one stack: each installed once, at a flat cost, and reconciled in time."""

import json
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from everloop.bundle import pack
from everloop.decisions.repairs import MOST_PER_TICK
from everloop_cli import show
from proofs.bench.ground import Ground
from proofs.load import meter

_FOLDER = Path(__file__).resolve().parents[2] / "tests" / "e2e" / "models" / "mean-price"
_UPLOADERS = 8


def run(ground: Ground, sizes: tuple[int, ...]) -> None:
    """Push models until there are as many as each size says; reconcile them all at each size."""
    installs, reconciles, costs = [], [], []
    there: list[str] = []
    for size in sizes:
        new = [f"crowd-{number:04d}" for number in range(len(there), size)]
        row, cost = _pushed(ground, new)
        there += new
        installs.append((size, *row))
        costs.append((len(new), cost))
        reconciles.append((size, *_reconciled(ground)))
    columns = ("models", "pushed", "installed", "lost", "twice", "models/s", "s")
    show.table("Models pushed at once into one stack", columns, installs)
    meter.table("model", costs)
    columns = (
        "models",
        "ticks",
        "longest s",
        "limit s",
        "ms / model",
        "calls",
        "calls / model",
    )
    show.table("Reconcile, every model looked at once", columns, reconciles)


def _pushed(ground: Ground, names: list[str]) -> tuple[tuple[Any, ...], meter.Cost]:
    data = pack(_FOLDER)
    bucket = ground.stack.data_bucket
    before = meter.read(ground)
    began = time.monotonic()

    def push(model: str) -> None:
        key = f"models/{model}/bundle.tar.gz"
        ground.client("s3").put_object(Bucket=bucket, Key=key, Body=data)

    with ThreadPoolExecutor(max_workers=_UPLOADERS) as pool:
        list(pool.map(push, names))
    wanted = set(names)

    def probe() -> bool | None:
        there = set(ground.models())
        show.err.print(f"{len(there & wanted)} of {len(wanted)} models installed", style="dim")
        time.sleep(2)
        return True if wanted <= there else None

    ground.wait(f"{len(names)} models", probe, limit=1800)
    seconds = time.monotonic() - began
    time.sleep(5)  # what was delivered twice has come by now
    cost = meter.read(ground) - before
    installed = {
        model: [d for d in ground.decisions(model) if d["kind"] == "install"] for model in names
    }
    lost = [model for model, found in installed.items() if not any(d["go"] for d in found)]
    twice = [model for model, found in installed.items() if len(found) > 1]
    assert not lost, f"{len(lost)} lost, such as {lost[:5]}"
    assert not twice, f"{len(twice)} installed twice, such as {twice[:5]}"
    _has_its_parts(ground, wanted)
    dead = meter.dead_letters(ground)
    assert not dead, f"dead letters: {dead}"
    count = len(names) - len(lost)
    figures = (len(names), count, len(lost), len(twice))
    return (*figures, round(count / seconds, 1), round(seconds)), cost


def _has_its_parts(ground: Ground, wanted: set[str]) -> None:
    """Raise AssertionError unless each model has one pipeline, one package group, one schedule."""
    sagemaker = ground.client("sagemaker")
    parts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for page in sagemaker.get_paginator("list_pipelines").paginate():
        parts["pipeline"].update(each["PipelineName"] for each in page["PipelineSummaries"])
    for groups in sagemaker.get_paginator("list_model_package_groups").paginate():
        parts["group"].update(
            each["ModelPackageGroupName"] for each in groups["ModelPackageGroupSummaryList"]
        )
    scheduler = ground.client("scheduler")
    stack = ground.stack.stack
    for page in scheduler.get_paginator("list_schedules").paginate(GroupName=stack):
        parts["schedule"].update(
            each["Name"].removeprefix(f"{stack}-").removesuffix("-monitor")
            for each in page["Schedules"]
        )
    for part, counted in parts.items():
        wrong = {model: counted[model] for model in wanted if counted[model] != 1}
        assert not wrong, f"{part}: {len(wrong)} models have not one, such as {list(wrong)[:5]}"


def _reconciled(ground: Ground) -> tuple[Any, ...]:
    """Let ticks look at every model, one after another; none may outlast the function's time."""
    session_client = boto3.Session(region_name=ground.stack.region).client
    once = Config(read_timeout=900, retries={"total_max_attempts": 1})
    client = session_client("lambda", config=once)
    name = f"{ground.stack.stack}-reconcile"
    configured = client.get_function_configuration(FunctionName=name)
    timeout, role = configured["Timeout"], configured["Role"].rpartition("/")[2]
    models = len(ground.models())
    before = meter.read(ground)
    seconds: list[float] = []
    seen: set[str] = set()
    needed = -(-models // MOST_PER_TICK)
    while len(seen) < models and len(seconds) < 2 * needed:  # the schedule's own take turns, too
        payload = json.dumps({"time": datetime.now(UTC).isoformat()}).encode()
        began = time.monotonic()
        answer = client.invoke(FunctionName=name, Payload=payload)
        seconds.append(time.monotonic() - began)
        said = answer["Payload"].read()
        assert not answer.get("FunctionError"), said
        seen |= set(json.loads(said)["repaired"])
    assert len(seen) == models, f"reconcile looked at {len(seen)} of {models} models"
    assert max(seconds) < timeout, f"a tick took {max(seconds):.0f} s of {timeout} s"
    calls = (meter.read(ground) - before).by_role[role]
    looks = min(models, MOST_PER_TICK) * len(seconds)
    per_look = (round(sum(seconds) / looks * 1000, 1), calls, round(calls / looks, 2))
    return (len(seconds), round(max(seconds), 1), timeout, *per_look)
