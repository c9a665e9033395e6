"""Runs every script of this folder, unchanged and in a process of its own, against one local cloud.

A script is any `.py` or `.sh` file here but this one. It passes if it exits with 0. It sees an
ordinary shell: AWS_ENDPOINT_URL, a region, keys, and an empty home of its own.
"""

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import boto3

from everloop_cli import show

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CLIENTS = ROOT / ".venv-clients" / "bin"
LIMIT_SECONDS = 600
ROLE = "AmazonSageMaker-ExecutionRole"
POLICIES = (
    "AmazonSageMakerFullAccess",
    "AmazonS3FullAccess",
    "AmazonSQSFullAccess",
    "service-role/AWSLambdaRole",
)
_LAST_LINES = 25


@dataclass(frozen=True)
class Result:
    script: Path
    code: int
    seconds: float
    output: str


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="only scripts whose names contain one of these")
    parser.add_argument("--jobs", type=int, default=2, help="scripts at once (%(default)s)")
    parser.add_argument("--verbose", action="store_true", help="show what every script prints")
    options = parser.parse_args(arguments)
    scripts = found(options.names)
    if not scripts:
        parser.error(f"no script matches {' '.join(options.names)}")
    results = []
    with (
        tempfile.TemporaryDirectory(prefix="clients-") as folder,
        cloud(Path(folder)) as url,
        ThreadPoolExecutor(options.jobs) as pool,
    ):
        give_role(url)
        runs = [pool.submit(run, script, url, Path(folder)) for script in scripts]
        for done in as_completed(runs):
            results.append(done.result())
            tell(results[-1], len(results), len(scripts), verbose=options.verbose)
    passed = sum(result.code == 0 for result in results)
    print(f"CLIENTS {passed} of {len(results)}")
    return 0 if passed == len(results) else 1


def found(names: Sequence[str]) -> list[Path]:
    """Return the scripts, all of them or those whose names contain one of `names`."""
    here = [path for path in HERE.iterdir() if path.suffix in (".py", ".sh")]
    scripts = sorted(path for path in here if path.name != Path(__file__).name)
    return [path for path in scripts if not names or any(name in path.name for name in names)]


@contextlib.contextmanager
def cloud(folder: Path) -> Iterator[str]:
    """Run a local cloud with nothing in it; gives its address."""
    state = folder / "cloud"
    words = [sys.executable, "-m", "everloop_localcloud", "--state", str(state)]
    words += ["--port", "0", "--strict"]
    child = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    described = state / "cloud.json"
    try:
        while not described.exists():
            if child.poll() is not None:
                raise SystemExit(f"the local cloud ended with {child.returncode}")
            time.sleep(0.05)
        yield str(json.loads(described.read_text())["url"])
    finally:
        child.send_signal(signal.SIGTERM)
        child.wait()


def give_role(url: str) -> None:
    """Give the account the role of its jobs and functions, with what accounts attach to it."""
    iam = boto3.client(
        "iam",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="owner",
        aws_secret_access_key="secret",
    )
    services = ["sagemaker.amazonaws.com", "lambda.amazonaws.com"]
    trust = {"Effect": "Allow", "Principal": {"Service": services}}
    document = {"Version": "2012-10-17", "Statement": [{**trust, "Action": "sts:AssumeRole"}]}
    iam.create_role(
        Path="/service-role/", RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(document)
    )
    for policy in POLICIES:
        iam.attach_role_policy(RoleName=ROLE, PolicyArn=f"arn:aws:iam::aws:policy/{policy}")


def run(script: Path, url: str, folder: Path) -> Result:
    """Run one script to its end, or to its limit, and all that it started with it."""
    home = folder / script.stem
    settings = home / ".config" / "sagemaker" / "config.yaml"
    settings.parent.mkdir(parents=True)
    settings.write_text(_QUIET)
    words = [str(CLIENTS / "python")] if script.suffix == ".py" else ["bash", "-euo", "pipefail"]
    began = time.monotonic()
    child = subprocess.Popen(
        [*words, str(script)],
        cwd=HERE,
        env=_environment(url, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = child.communicate(timeout=LIMIT_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        output, _ = child.communicate()
        output += f"\nended after {LIMIT_SECONDS} s"
    return Result(script, child.returncode, time.monotonic() - began, output)


# The SDK sends each call's name to AWS unless it is told not to; nothing here leaves this machine.
_QUIET = """\
SchemaVersion: '1.0'
SageMaker:
  PythonSDK:
    Modules:
      TelemetryOptOut: true
"""


def _environment(url: str, home: Path) -> dict[str, str]:
    return {
        "PATH": f"{CLIENTS}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "stranger",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }


def tell(result: Result, number: int, count: int, *, verbose: bool) -> None:
    good = result.code == 0
    word = show.mark("works", show.GOOD) if good else show.mark("fails", show.BAD)
    what = f"{result.script.name:34} {result.seconds:6.1f} s"
    show.out.print(f"{number:3} of {count}", word, what)
    if verbose or not good:
        lines = result.output.rstrip().splitlines()
        for line in lines if verbose else lines[-_LAST_LINES:]:
            print(f"           {line}")
        if not good:
            print(f"           exit code {result.code}")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
