"""A loop from a drop to production in AWS's minutes, step by step: three jobs, and one.

The laptop's cloud takes AWS's start times (kernel/starts.json). Waits count as they are there; work
counts as long as it took here, so that a fast clock does not multiply it.
"""

import shutil
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from everloop.moments import moment
from everloop_cli import deliver, show
from everloop_localcloud.kernel import starts
from everloop_localcloud.sagemaker import preferences
from proofs.bench.ground import Ground, prices

ROOT = Path(__file__).resolve().parents[2]
SPEED = 120
WAYS = {"three-jobs": "", "one-job": "in_one_job = true\n"}
_MACHINES = {
    "evaluate": ("Compare with champion",),
    "deploy": ("Start staging", "Start production"),
}
_SAID = {
    "drop": "drop to the pipeline's start",
    "Preprocess": "job: prepare",
    "Train": "job: train",
    "Evaluate": "job: evaluate",
    "Compare with champion": "job: compare with the champion",
    "Start staging": "endpoint: staging",
    "Start production": "endpoint: production",
    "rest": "functions, tests, queues and events",
}
Minutes = dict[str, float]


def run(folder: Path) -> None:
    """Print both ways' critical paths, of a first version and of one that beats a champion."""
    ground = Ground(folder, speed=SPEED, options={"starts": "aws"})
    try:
        columns = {}
        for name, line in WAYS.items():
            _push(ground, folder, name, line)
            for version in (1, 2):
                columns[name, version] = _loop(ground, name, version)
    finally:
        ground.down()
    order = [(name, version) for version in (1, 2) for name in WAYS]
    rows = [
        (said, *(columns[each].get(step, 0.0) for each in order)) for step, said in _SAID.items()
    ]
    totals = [sum(columns[each].values()) for each in order]
    show.table(
        "From a drop to production, in minutes of AWS",
        ("", *(f"version {version}, {name.replace('-', ' ')}" for name, version in order)),
        [*rows, ("together", *totals)],
    )
    for version, (apart, alone) in zip((1, 2), (totals[:2], totals[2:]), strict=True):
        show.err.print(
            f"version {version}: one job takes {alone / apart:.0%} of three", style="dim"
        )
    show.err.print(
        "no quiet period, all traffic at once, no baking: those are a model's own choice",
        style="dim",
    )


def _push(ground: Ground, folder: Path, name: str, line: str) -> None:
    place = folder / name
    shutil.copytree(ROOT / "tests" / "e2e" / "models" / "mean-price", place)
    text = (place / "model.toml").read_text()
    for before, after in (
        ("quiet_minutes = 2", "quiet_minutes = 0"),
        ("[train]\n", f"[train]\n{line}"),
        ('by = "person"', 'by = "policy"\nfirst = "policy"'),
        ('strategy = "canary"\nstep_percent = 20\nbake_minutes = 2', 'strategy = "all-at-once"'),
        ("rmse = { max = 50.0 }", "rmse = { max = 500.0 }"),
    ):
        assert before in text, before
        text = text.replace(before, after)
    (place / "model.toml").write_text(text.replace("[deploy]\n", "[deploy]\nbake_minutes = 0\n"))
    deliver.push(place)
    ground.decided(name, "install")


def _loop(ground: Ground, model: str, version: int) -> Minutes:
    """Drop what makes a version, wait until it serves, and return the minutes of each step."""
    key, bucket = f"data/{model}/{version}.csv", ground.stack.data_bucket
    s3 = ground.client("s3")
    # The second drop is dearer and larger, so that who has seen it is better.
    s3.put_object(Bucket=bucket, Key=key, Body=prices(version, 200 * version, 20.0 * version))
    began = s3.head_object(Bucket=bucket, Key=key)["LastModified"]
    served = moment(ground.decided(model, "serve", version)["time"])
    spans = {**_pipeline(ground, model, began), **_machines(ground, model, version)}
    waits = _waits(ground, model)
    made = {
        step: _minutes((until - since).total_seconds(), waits.get(step, 0.0))
        for step, (since, until) in spans.items()
    }
    whole = (served - began).total_seconds()
    known = sum((until - since).total_seconds() for since, until in spans.values())
    return {**made, "rest": _minutes(whole - known, 0.0)}


def _minutes(seconds: float, waited: float) -> float:
    """Return AWS's minutes of the cloud's seconds, of which some were a wait."""
    return (waited + max(0.0, seconds - waited) / SPEED) / 60


def _waits(ground: Ground, model: str) -> dict[str, float]:
    job = float(starts.table()["job"]["seconds"])
    told = ground.client("sagemaker").describe_endpoint(EndpointName=model)
    config = ground.client("sagemaker").describe_endpoint_config(
        EndpointConfigName=told["EndpointConfigName"]
    )
    fleet = max(
        starts.of_instance(preferences.of_variant(variant)[0])
        for variant in config["ProductionVariants"]
    )
    jobs = ("Preprocess", "Train", "Evaluate", "Compare with champion")
    endpoints = ("Start staging", "Start production")
    return {**dict.fromkeys(jobs, job), **dict.fromkeys(endpoints, fleet)}


def _pipeline(ground: Ground, model: str, began: datetime) -> dict[str, tuple[Any, Any]]:
    sagemaker = ground.client("sagemaker")
    newest = sagemaker.list_pipeline_executions(
        PipelineName=model, SortBy="CreationTime", SortOrder="Descending"
    )["PipelineExecutionSummaries"][0]
    steps = sagemaker.list_pipeline_execution_steps(
        PipelineExecutionArn=newest["PipelineExecutionArn"]
    )["PipelineExecutionSteps"]
    spans = {step["StepName"]: (step["StartTime"], step["EndTime"]) for step in steps}
    return {
        "drop": (began, newest["StartTime"]),
        **{name: span for name, span in spans.items() if name in _SAID},
    }


def _machines(ground: Ground, model: str, version: int) -> dict[str, tuple[Any, Any]]:
    """Return when the states of a version's machines began and ended that wait for AWS."""
    states, found = ground.client("stepfunctions"), {}
    for machine in states.list_state_machines()["stateMachines"]:
        kind = machine["name"].rpartition("-")[2]
        if kind not in _MACHINES:
            continue
        runs = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        mine = [each for each in runs if each["name"].startswith(f"{model}-")]
        newest = max(mine, key=lambda each: each["startDate"])
        while states.describe_execution(executionArn=newest["executionArn"])["status"] == "RUNNING":
            time.sleep(0.1)
        events = states.get_execution_history(executionArn=newest["executionArn"])["events"]
        for name in _MACHINES[kind]:
            times = [
                event["timestamp"]
                for event in events
                for side in ("stateEnteredEventDetails", "stateExitedEventDetails")
                if event.get(side, {}).get("name") == name
            ]
            if len(times) > 1:
                found[name] = (times[0], times[-1])
    return found


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as place:
        run(Path(place))
