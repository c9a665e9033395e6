"""CPU of a handler's cold start against one that only imports boto3 and makes the same clients.

Both run in fresh interpreters that see what a Lambda sees: the layer, the functions, boto3.
Bytecode is compiled beforehand for both alike.
"""

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.progress import track

from everloop_cli import show

ROOT = Path(__file__).resolve().parents[2]
PAIRS = 7
_SETTINGS = dict.fromkeys(
    [
        "STACK",
        "LEDGER_TABLE",
        "DATA_BUCKET",
        "ARTEFACT_BUCKET",
        "ANCHOR_BUCKET",
        "EVENT_BUS",
        "NOTIFICATION_TOPIC",
        "MACHINES",
        "SAGEMAKER_ROLE",
        "SCHEDULER_ROLE",
        "MONITORING_FUNCTION",
        "VIOLATION_FUNCTION",
        "UNDELIVERED_QUEUE",
    ],
    "arn:aws:x:us-east-1:123456789012:x",
)
_HANDLER = """
import importlib, sys
importlib.import_module(sys.argv[1])
from everloop.aws import clients
made = set()
for name, module in list(sys.modules.items()):
    if name.startswith("everloop.") and name != clients.__name__:
        for each in vars(module).values():
            if getattr(each, "__module__", "") == clients.__name__ and hasattr(each, "cache_info"):
                made.add(each().meta.service_model.service_name)
print(" ".join(sorted(made)))
"""
_BARE = """
import sys
import boto3
for service in sys.argv[1:]:
    boto3.client(service)
"""


def run() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _prepare(home)
        names = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
        rows = []
        for name in track(names, description="imports", console=show.err, transient=True):
            rows.append(_measured(home, name))
        columns = ("function", "handler ms", "boto3 alone ms", "ratio", "clients")
        show.table(f"Cold start: CPU, median of {PAIRS} pairs (bar: 1.25)", columns, rows)


def _prepare(home: Path) -> None:
    """Lay out what a Lambda sees, with the packages at the versions of this environment."""
    uv = Path(sys.executable).parent / "uv"
    for target, words in (
        ("layer", ["-r", str(ROOT / "layers" / "core" / "requirements.txt")]),
        ("runtime", [f"boto3=={_version('boto3')}"]),
    ):
        subprocess.run(
            [str(uv), "pip", "install", "--quiet", "--target", str(home / target), *words],
            check=True,
        )
    for source in (ROOT / "functions", ROOT / "layers" / "core", home / "layer", home / "runtime"):
        compileall.compile_dir(source, quiet=2)


def _version(name: str) -> str:
    from importlib.metadata import version

    return version(name)


def _measured(home: Path, name: str) -> tuple[str, float, float, float, str]:
    folders = [ROOT / "functions", ROOT / "layers" / "core", home / "layer", ROOT / "jobs"]
    paths = os.pathsep.join(str(folder) for folder in [*folders, home / "runtime"])
    env = {
        "PYTHONPATH": paths,
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "POWERTOOLS_SERVICE_NAME": "everloop",
        "POWERTOOLS_METRICS_NAMESPACE": "everloop",
        **_SETTINGS,
    }
    _, said = _cpu([_HANDLER, name], env)
    services = said.split()
    ours, bare = [], []
    for _ in range(PAIRS):
        ours.append(_cpu([_HANDLER, name], env)[0])
        bare.append(_cpu([_BARE, *services], env)[0])
    a, b = statistics.median(ours), statistics.median(bare)
    ratio = statistics.median(x / y for x, y in zip(ours, bare, strict=True))
    return name, round(a * 1000), round(b * 1000), round(ratio, 2), " ".join(services)


def _cpu(words: list[str], env: dict[str, str]) -> tuple[float, str]:
    """Run Python code without the environment's own packages; returns CPU seconds and output."""
    python = getattr(sys, "_base_executable", sys.executable)
    child = subprocess.Popen(
        [python, "-S", "-c", *words], env=env, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{words[1:]} ended with {child.returncode}")
    return used.ru_utime + used.ru_stime, said
