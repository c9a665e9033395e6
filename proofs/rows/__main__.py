"""`make rows`: check and prepare on 1 and 5 million rows, with memory and time of each."""

import argparse
import hashlib
import json
import logging
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import boto3
from moto.server import ThreadedMotoServer

from everloop.spec import policy
from everloop.spec.model_spec import load_spec
from proofs.rows import table

_JOBS = Path(__file__).parents[2] / "jobs" / "everloop_jobs"
_BUCKET, _KEY = "rows", "data/rows/drop"
_SPEC = """
problem = "binary_classification"
[data]
target = "late"
key = "id"
timestamp = "day"
format = "{form}"
columns = {{ id = "text", age = "number", income = "number", late = "number", day = "text" }}
split = {{ by = "{by}" }}
checks = {{ columns = {{ age = {{ between = [-100, 200] }} }} }}
"""
_CHECK = """
import json, pathlib, sys
sys.path.insert(0, {jobs!r})
from formats.check import check
from formats.expected import Expected
spec = json.loads(pathlib.Path({spec!r}).read_text())
seen = check(pathlib.Path({path!r}), "drop", Expected.by(spec, "zero-one"))
assert seen.rows == {rows} and not seen.bad, seen
"""


@dataclass(frozen=True)
class Figure:
    seconds: float  # of processor time
    megabytes: float  # at the most, of one process


def main() -> int:
    parser = argparse.ArgumentParser(prog="rows")
    parser.add_argument("rows", type=int, nargs="*", default=[1_000_000, 5_000_000])
    parser.add_argument("--formats", default="csv,csv.gz,jsonl,parquet")
    parser.add_argument("--by", default="key", choices=["key", "time"])
    asked = parser.parse_args()
    print(f"{'rows':>12} {'format':>8} {'file':>8}   {'check':>18}   {'prepare':>18}")
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        url = "http://{}:{}".format(*server.get_host_and_port())
        for form in asked.formats.split(","):
            for rows in asked.rows:
                with tempfile.TemporaryDirectory() as folder:
                    _measure(Path(folder), rows, form, asked.by, url)
    finally:
        server.stop()
    return 0


def _measure(folder: Path, rows: int, form: str, by: str, url: str) -> None:
    path = folder / f"drop.{form}"
    table.write(path, rows, form)
    spec = folder / "processing" / "input" / "code" / "spec.json"
    spec.parent.mkdir(parents=True)
    text = _SPEC.format(form=form.partition(".")[0], by=by)
    spec.write_text(json.dumps(policy.document(load_spec(text, name="rows"))))
    program = _CHECK.format(jobs=str(_JOBS), spec=str(spec), path=str(path), rows=rows)
    check = _run([sys.executable, "-c", program], {})
    _drop(folder, path, url)
    with tarfile.open(spec.parent / "bundle.tar.gz", "w:gz"):
        pass  # split without a script
    environment = {
        **{"EVERLOOP_ML_ROOT": str(folder), "AWS_ENDPOINT_URL": url},
        **{"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"},
        **{"AWS_DEFAULT_REGION": "us-east-1"},
        "EVERLOOP_FILES_URI": f"s3://{_BUCKET}/runs/files.json",
    }
    prepare = _run([sys.executable, str(_JOBS / "prepare.py")], environment)
    size = path.stat().st_size / 1e6
    shown = [f"{each.seconds:7.1f} s {each.megabytes:6.0f} MB" for each in (check, prepare)]
    print(f"{rows:12,} {form:>8} {size:5.0f} MB   {shown[0]:>18}   {shown[1]:>18}", flush=True)


def _drop(folder: Path, path: Path, url: str) -> None:
    s3 = boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    s3.create_bucket(Bucket=_BUCKET)
    with path.open("rb") as file:
        etag = hashlib.file_digest(file, "md5").hexdigest()
        file.seek(0)
        s3.put_object(Bucket=_BUCKET, Key=_KEY, Body=file)
    entry = {"bucket": _BUCKET, "key": _KEY, "etag": etag, "size": path.stat().st_size}
    listed = folder / "processing" / "input" / "dataset" / "manifest.json"
    listed.parent.mkdir()
    listed.write_text(json.dumps({"version": 1, "model": "rows", "objects": [entry]}))


# A small process of its own starts the job: the memory of whoever starts one counts as the job's.
_LAUNCHER = """
import json, os, subprocess, sys
running = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(running.pid, 0)
seconds = used.ru_utime + used.ru_stime
print(json.dumps([os.waitstatus_to_exitcode(status), seconds, used.ru_maxrss / 1024]))
"""


def _run(command: list[str], environment: dict[str, str]) -> Figure:
    launcher = [sys.executable, "-c", _LAUNCHER, *command]
    done = subprocess.run(launcher, env={**os.environ, **environment}, stdout=subprocess.PIPE)
    code, seconds, megabytes = json.loads(done.stdout)
    if code:
        raise SystemExit(f"rows: {command[-1][:60]} ended with {code}")
    return Figure(seconds, megabytes)


if __name__ == "__main__":
    sys.exit(main())
