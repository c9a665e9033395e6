"""The local cloud, moto server and ministack: started, watched and stopped alike."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[2]
THEIRS = ROOT / ".venv-bench" / "bin"
_KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_CONFIG = Config(
    retries={"total_max_attempts": 1}, max_pool_connections=16, s3={"addressing_style": "path"}
)


@dataclass
class Emulator:
    """One emulator as a process of its own, with its state in `folder`."""

    name: str
    folder: Path
    command: Callable[[int], list[str]]
    variables: Callable[[int], dict[str, str]] = lambda port: {}
    tell: Callable[[str], None] = lambda url: None
    url: str = ""
    _child: "subprocess.Popen[bytes] | None" = None
    _clients: dict[str, Any] = field(default_factory=dict)

    def start(self) -> float:
        """Start it and return the seconds until it answered its first AWS request."""
        self.folder.mkdir(parents=True, exist_ok=True)
        port = _free_port()
        inherited = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "HOME")}
        env = {**inherited, **_KEYS, "TMPDIR": str(self.folder), **self.variables(port)}
        began = time.perf_counter()
        with open(self.folder / "output.log", "wb") as output:
            self._child = subprocess.Popen(
                self.command(port),
                env=env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.url = f"http://127.0.0.1:{port}"
        while not self._answers():
            if self._child.poll() is not None or time.perf_counter() - began > 60:
                said = (self.folder / "output.log").read_text()[-2000:]
                raise RuntimeError(f"{self.name} did not start: {said}")
            time.sleep(0.01)
        taken = time.perf_counter() - began
        self.tell(self.url)
        return taken

    def stop(self) -> None:
        if self._child is None:
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._child.pid, signal.SIGKILL)
            self._child.wait()
        self._child = None
        self._clients.clear()

    def client(self, service: str) -> Any:
        if service not in self._clients:
            named: Any = service  # the stubs want a literal
            self._clients[service] = boto3.client(
                named,
                endpoint_url=self.url,
                region_name="us-east-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=_CONFIG,
            )
        return self._clients[service]

    def memory(self) -> float | None:
        """Return the resident MiB of the process and its children; None without /proc."""
        assert self._child is not None
        try:
            return sum(_resident(pid) for pid in _family(self._child.pid)) / 2**20
        except OSError:
            return None

    def busy(self) -> float | None:
        """Return the CPU seconds that the process and its children have used so far."""
        assert self._child is not None
        try:
            return sum(_used(pid) for pid in _family(self._child.pid))
        except OSError:
            return None

    def _answers(self) -> bool:
        head = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, Signature=0"
        request = urllib.request.Request(f"{self.url}/", headers={"Authorization": head})
        try:
            with urllib.request.urlopen(request, timeout=5):
                return True
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False


def all_of_them(folder: Path) -> list[Emulator]:
    """Return the local cloud first, then the others, each with a folder of its own."""
    return [
        Emulator(
            "local cloud",
            folder / "ours",
            lambda port: [
                *(
                    sys.executable,
                    "-m",
                    "everloop_localcloud",
                    "--state",
                    str(folder / "ours" / "state"),
                ),
                *("--port", str(port)),
            ],
        ),
        Emulator(
            "moto server",
            folder / "moto",
            lambda port: [str(THEIRS / "moto_server"), "-H", "127.0.0.1", "-p", str(port)],
            tell=_let_machines_run,
        ),
        Emulator(
            "ministack",
            folder / "ministack",
            lambda port: [str(THEIRS / "ministack")],
            lambda port: {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1"},
        ),
    ]


def _let_machines_run(url: str) -> None:
    """moto runs state machines only when told to."""
    body = json.dumps({"stepfunctions": {"execute_state_machine": True}}).encode()
    request = urllib.request.Request(f"{url}/moto-api/config", body, method="POST")
    request.add_header("Content-Type", "application/json")
    urllib.request.urlopen(request, timeout=10).close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += _family(int(child))
    return found


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _used(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
