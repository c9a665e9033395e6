"""Make the state folder that version 0.1 left on the laptop, which the upgrade's test begins with.

    git worktree add /tmp/old 062b528      # the last commit of 0.1
    make -C /tmp/old setup .venv/dev.ready
    /tmp/old/.venv/bin/python tests/upgrade/record.py /tmp/old

It runs 0.1's own command and cloud, and writes `stack-0.1.tar.xz` beside this file: the stack as
its template made it, with a ledger and S3 objects that its functions wrote. The built code of its
layer, which is large and runs no more, is left out. Its days lie in 2035, and so do those of the
test: no run of it begins later than the stack rested.
"""

import io
import json
import sqlite3
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

OLD = Path(sys.argv[1]).resolve()
sys.path[:0] = [str(OLD / "tests"), str(OLD), str(OLD / "layers" / "core")]

from e2e.laptop import FOLDER, Laptop, prices  # noqa: E402 # the old one's

MODEL = "mean-price"
BEGIN = "2035-01-01T08:00:00+00:00"
LEFT_OUT = ("build", "lambda", "logs", "jobs", "serving", "incoming", "cloud.lock", "cloud.out")
TARGET = Path(__file__).with_name("stack-0.1.tar.xz")


def begin(state: Path) -> None:
    """Let the cloud's clock begin in 2035: it never runs backwards."""
    state.mkdir(parents=True)
    with sqlite3.connect(state / "state.sqlite") as store:
        store.execute(
            "create table row (name text, key text, value text, primary key (name, key)) "
            "without rowid"
        )
        value = json.dumps({"now": {"$time": BEGIN}})
        store.execute("insert into row values ('cloud', 'clock', ?)", (value,))


def live(laptop: Laptop) -> None:
    """A version that serves, one that it replaced, and one that waits for a person."""
    laptop.everloop("push", str(FOLDER))
    laptop.decided(MODEL, "install")
    laptop.put(f"data/{MODEL}/1.csv", prices(1, 300))
    laptop.decided(MODEL, "judge")
    laptop.approve(MODEL, 1)
    laptop.serves(MODEL, 1)
    laptop.decided(MODEL, "serve")
    for _ in range(30):
        laptop.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=MODEL, ContentType="text/csv", Body=b"colour\nred\nblue\n"
        )
    laptop.put(f"data/{MODEL}/2.csv", prices(2, 1500, shift=6))
    laptop.decided(MODEL, "judge", 2)
    laptop.approve(MODEL, 2)
    laptop.serves(MODEL, 2)
    laptop.decided(MODEL, "serve", 2)
    laptop.decided(MODEL, "monitor")
    laptop.put(f"data/{MODEL}/3.csv", prices(3, 9000, shift=16))
    laptop.decided(MODEL, "judge", 3)
    laptop.wait(MODEL, "rest", lambda: None if at_work(laptop) else True)


def at_work(laptop: Laptop) -> list[Any]:
    machines = laptop.client("stepfunctions")
    arns = [each["stateMachineArn"] for each in machines.list_state_machines()["stateMachines"]]
    running = {"statusFilter": "RUNNING"}
    found = [machines.list_executions(stateMachineArn=arn, **running) for arn in arns]
    return [execution for each in found for execution in each["executions"]]


def drop_late(laptop: Laptop) -> None:
    """Leave a drop in the queue, which nobody of 0.1 collects any more."""
    laptop.put(f"data/{MODEL}/4.csv", prices(4, 9000, shift=26))
    sqs = laptop.client("sqs")
    url = sqs.get_queue_url(QueueName="everloop-arrivals")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]

    def waits() -> bool | None:
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return any(int(value) for value in found.values()) or None

    laptop.wait(MODEL, "a message in the queue", waits)


def forget_layer(laptop: Laptop) -> None:
    """Delete the built layer, which is large, from the bucket of deployments."""
    s3 = laptop.client("s3")
    [bucket] = [b["Name"] for b in s3.list_buckets()["Buckets"] if "deploy" in b["Name"]]
    for each in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        if each["Size"] > 1_000_000:
            s3.delete_object(Bucket=bucket, Key=each["Key"])


def pack(state: Path) -> None:
    def taken(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if info.name.partition("/")[0] in LEFT_OUT:
            return None
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:xz", preset=9) as archive:
        for path in sorted(state.iterdir()):
            archive.add(path, arcname=path.name, filter=taken)
    TARGET.write_bytes(made.getvalue())
    print(f"{TARGET}: {len(made.getvalue()):,} bytes")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        begin(state)
        with Laptop(state, speed=240) as laptop:
            live(laptop)
        with Laptop(state, speed=0.5) as laptop:
            drop_late(laptop)
            forget_layer(laptop)
        pack(state)


main()
