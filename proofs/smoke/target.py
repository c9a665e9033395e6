"""Where the loop runs: a cloud of this machine that is made for it, or the caller's account."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPEED = 60  # times real time, on this machine


class Failed(Exception):
    """A command ended otherwise than it should; the text is what it printed."""


@dataclass(frozen=True)
class Target:
    """How the stack is reached. `patience` is how long a step may take, in real seconds."""

    stack: str
    patience: float

    def everloop(self, *words: str) -> str:
        stack = () if words[0] in ("up", "down") else ("--stack", self.stack)
        return self.run(sys.executable, "-m", "everloop_cli.main", *words, *stack)

    def run(self, *words: str, cwd: Path = ROOT) -> str:
        done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(words)} ended {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout


@contextlib.contextmanager
def laptop(stack: str, folder: Path) -> Iterator[Target]:
    """Bring up a cloud of its own with the stack, and down afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # nothing here may reach an account
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "smoke",
        "AWS_SECRET_ACCESS_KEY": "smoke",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    target = Target(stack, patience=300)
    state = ("--state", str(folder / "cloud"))
    try:
        target.everloop("up", *state, "--port", port, "--speed", str(SPEED), "--stack", stack)
        yield target
    finally:
        target.everloop("down", *state)


@contextlib.contextmanager
def account(stack: str, folder: Path) -> Iterator[Target]:
    """Deploy the stack to the caller's account, and delete it afterwards, whatever happened."""
    target = Target(stack, patience=3600)
    files, sam = folder / "stack", shutil.which("sam") or str(ROOT / ".venv-sam" / "bin" / "sam")
    target.run(sys.executable, "-m", "everloop_cli.main", "template", "export", str(files))
    target.run(sam, "build", cwd=files)
    deploy: Sequence[str] = (
        *("deploy", "--stack-name", stack, "--resolve-s3", "--no-confirm-changeset"),
        *("--capabilities", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        *("--parameter-overrides", "OnDelete=remove"),
    )
    try:
        target.run(sam, *deploy, cwd=files)
        yield target
    finally:
        target.run(sam, "delete", "--stack-name", stack, "--no-prompts", cwd=files)
