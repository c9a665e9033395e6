"""One turn of the loop: AWS calls per invocation, and how fast a drop becomes a training run."""

import shutil
import statistics
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from everloop_cli import deliver, review, show
from proofs.bench.ground import Ground, prices

ROOT = Path(__file__).resolve().parents[2]
MODEL = "mean-price"
DROPS = 5


def run(ground: Ground) -> None:
    folder = ground.state.parent / MODEL
    shutil.copytree(ROOT / "tests" / "e2e" / "models" / MODEL, folder)
    spec = (folder / "model.toml").read_text()
    spec = spec.replace("quiet_minutes = 2", "quiet_minutes = 0")
    spec = spec.replace("bake_minutes = 2", "bake_minutes = 0")
    (folder / "model.toml").write_text(spec + "per_day = 100\n" if "per_day" not in spec else spec)
    deliver.push(folder)
    ground.decided(MODEL, "install")
    seconds = []
    for drop in range(1, DROPS + 1):
        began = time.time()
        key = f"data/{MODEL}/{drop}.csv"
        bucket = ground.stack.data_bucket
        ground.client("s3").put_object(Bucket=bucket, Key=key, Body=prices(drop, 120))
        seconds.append(_started(ground, drop) - began)
        ground.decided(MODEL, "train-end", drop)
        if drop == 1:
            ground.decided(MODEL, "judge")
            plan = review.plan_word(MODEL, 1, "Approved")
            review.carry_out(plan, "bench")
            ground.decided(MODEL, "serve")
    show.table(
        f"PutObject to StartPipelineExecution, no quiet period, {DROPS} drops",
        ("median s", "fastest s", "slowest s"),
        [(statistics.median(seconds), min(seconds), max(seconds))],
    )
    show.err.print("of these, arrivals are gathered for 5 s (ArrivalsWindowSeconds)", style="dim")
    _calls(ground)


def _started(ground: Ground, count: int) -> float:
    def probe() -> float | None:
        answer = ground.client("sagemaker").list_pipeline_executions(PipelineName=MODEL)
        found = answer["PipelineExecutionSummaries"]
        if len(found) < count:
            return None
        return float(max(execution["StartTime"] for execution in found).timestamp())

    return ground.wait("a pipeline execution", probe)


def _calls(ground: Ground) -> None:
    """Divide what each function's role called by how often the function ran."""
    calls: Counter[str] = Counter()
    for row in ground.calls():
        role = row["principal"].split("assumed-role/")[-1].split("/")[0]
        calls[role] += row["calls"]
    functions = ground.client("lambda").list_functions()["Functions"]
    cloudwatch = ground.client("cloudwatch")
    time.sleep(2)  # invocations are counted in the background
    now = datetime.now(UTC)
    rows = []
    for function in sorted(functions, key=lambda each: each["FunctionName"]):
        name = function["FunctionName"]
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Invocations",
            Dimensions=[{"Name": "FunctionName", "Value": name}],
            StartTime=now - timedelta(hours=1),
            EndTime=now + timedelta(minutes=5),
            Period=3600,
            Statistics=["Sum"],
        )["Datapoints"]
        ran = int(sum(point["Sum"] for point in points))
        made = calls[function["Role"].rpartition("/")[2]]
        if ran:
            rows.append((name, ran, made, round(made / ran, 1)))
    columns = ("function", "invocations", "AWS calls", "calls per event")
    show.table("AWS calls per event", columns, rows)
