"""A laptop's cloud for end-to-end tests: a process of its own, used as a stranger would."""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import boto3
from e2e.prepared import begin

from everloop.aws.items import plain_item

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
FOLDER = ROOT / "tests" / "e2e" / "models" / "mean-price"
ACCOUNT = "123456789012"
_MINUTES = 60
_PREPARED = [f"ReconcileMinutes={_MINUTES}"]
T = TypeVar("T")


class Laptop:
    """One cloud with the stack deployed; `env` is all that a client needs.

    As a context it is up within, and down after it, also where it did not get up. Reconcile ticks
    every `minutes` of its clock: with the template's five a cloud with some models is never idle,
    and with 15 it spent a third of all these tests' processor time.
    """

    def __init__(
        self,
        state: Path,
        speed: float = 120,
        options: tuple[str, ...] = (),
        minutes: int = _MINUTES,
    ) -> None:
        self.state = state
        self.speed = speed
        self._clients: dict[str, Any] = {}
        self.options = (*options, "--parameter", f"ReconcileMinutes={minutes}")
        self.parameters = [word for word in self.options if "=" in word]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "ana",
            "AWS_SECRET_ACCESS_KEY": "ana",
            "AWS_DEFAULT_REGION": "us-east-1",
            "PYTHONPATH": os.pathsep.join(
                [str(ROOT), str(ROOT / "cli"), str(ROOT / "layers" / "core")]
            ),
        }

    def __enter__(self) -> "Laptop":
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        # With other parameters the stack would be updated, and a test may tell it from a new one.
        if self.parameters == _PREPARED and not self.state.exists():
            begin(self.state, _deployed)
        where = ("--state", str(self.state), "--port", str(self.port))
        self.everloop("up", *where, "--speed", str(self.speed), *self.options)

    def down(self) -> None:
        self.everloop("down", "--state", str(self.state))

    def deploy(self, template: Path) -> None:
        """Deploy a template to the running cloud, as `sam deploy` does to AWS."""
        program = [sys.executable, "-P", "-m", "everloop_localcloud.cloudformation.deploy"]
        where = ["--template", str(template), "--stack", "everloop"]
        self._run([*program, *where, "--build", str(self.state / "build")])

    def kill(self) -> None:
        """SIGKILL the cloud and wait until it is gone."""
        pid = int(json.loads((self.state / "cloud.json").read_text())["pid"])
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists() and "Z" not in _process_state(pid):
            time.sleep(0.02)

    def everloop(self, *words: str, code: int = 0) -> str:
        return self._run([sys.executable, "-m", "everloop_cli.main", *words], code)

    def doctor(self) -> tuple[int, list[dict[str, Any]]]:
        """Return the exit code of `everloop doctor`, and what it found."""
        done = self._ended([sys.executable, "-m", "everloop_cli.main", "doctor", "--json"])
        assert done.returncode in (0, 1), done.stderr
        return done.returncode, json.loads(done.stdout)

    def aws(self, *words: str) -> Any:
        """Run the AWS CLI; returns its JSON answer."""
        text = self._run([str(BIN / "aws"), *words, "--output", "json"])
        return json.loads(text) if text.strip() else None

    def _run(self, command: list[str], code: int = 0) -> str:
        done = self._ended(command)
        assert done.returncode == code, (
            f"{command} ended {done.returncode}: {done.stdout}{done.stderr}"
        )
        return done.stdout

    def _ended(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, env=self.env, cwd=ROOT, capture_output=True, text=True, check=False
        )

    def denied(self) -> list[dict[str, Any]]:
        """Return what roles asked for and may not do: the template forgot a permission."""
        with urllib.request.urlopen(f"{self.env['AWS_ENDPOINT_URL']}/_everloop/access") as answer:
            found: list[dict[str, Any]] = json.load(answer)["denied"]
        return found

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.env["AWS_ENDPOINT_URL"],
                region_name="us-east-1",
                aws_access_key_id="ana",
                aws_secret_access_key="ana",
            )
        return self._clients[service]

    @property
    def data_bucket(self) -> str:
        return f"everloop-data-{ACCOUNT}-us-east-1"

    def put(self, key: str, body: bytes) -> None:
        self.client("s3").put_object(Bucket=self.data_bucket, Key=key, Body=body)

    def decisions(self, model: str, kind: str | None = None) -> list[dict[str, Any]]:
        answer = self.client("dynamodb").query(
            TableName="everloop-ledger",
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={
                ":pk": {"S": f"MODEL#{model}"},
                ":sk": {"S": "DECISION#"},
            },
            ConsistentRead=True,
        )
        found = [plain_item(item) for item in answer["Items"]]
        return [decision for decision in found if kind in (None, decision["kind"])]

    def wait(self, model: str, what: str, probe: Callable[[], T | None], limit: float = 120) -> T:
        """Wait until `probe` gives something; fails with the model's decisions if it never does."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            found = probe()
            if found is not None:
                return found
            time.sleep(0.2)
        told = "\n".join(f"{d['kind']} {d['go']} {d['reason']}" for d in self.decisions(model))
        raise AssertionError(f"waited {limit} s in vain for {what}; decisions of {model}:\n{told}")

    def decided(self, model: str, kind: str, count: int = 1, limit: float = 120) -> dict[str, Any]:
        """Wait until there are `count` decisions of a kind; returns the last of them."""

        def probe() -> dict[str, Any] | None:
            found = self.decisions(model, kind)
            return found[count - 1] if len(found) >= count else None

        return self.wait(model, f"{kind} number {count}", probe, limit)

    def serves(self, model: str, version: int, limit: float = 120) -> None:
        def probe() -> bool | None:
            names = [
                e["EndpointName"] for e in self.client("sagemaker").list_endpoints()["Endpoints"]
            ]
            if model not in names:
                return None
            told = self.client("sagemaker").describe_endpoint(EndpointName=model)
            right = told["EndpointConfigName"].startswith(f"{model}-v{version}-")
            return True if right and told["EndpointStatus"] == "InService" else None

        self.wait(model, f"version {version} in service", probe, limit)

    def approve(self, model: str, version: int, status: str = "Approved") -> None:
        """Set a version's approval, as a person who has read its verdict: the judge is done."""
        self.wait(model, "the end of its judgement", lambda: not self._judges(model) or None)
        self.client("sagemaker").update_model_package(
            ModelPackageArn=package_arn(model, version), ModelApprovalStatus=status
        )

    def reconcile(self) -> None:
        """Let reconcile look now, and wait until it has."""
        self.put("now", b"")
        at = self.client("s3").head_object(Bucket=self.data_bucket, Key="now")["LastModified"]
        answer = self.client("lambda").invoke(
            FunctionName="everloop-reconcile", Payload=json.dumps({"time": at.isoformat()})
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def _judges(self, model: str) -> bool:
        return any(each["status"] == "RUNNING" for each in self.executions("evaluate", model))

    def states_entered(self, machine: str, model: str) -> int:
        """Return how many states the first execution entered that succeeded; 0 where none has."""
        client = self.client("stepfunctions")
        ended = [e for e in self.executions(machine, model) if e["status"] == "SUCCEEDED"]
        if not ended:
            return 0
        pages = client.get_paginator("get_execution_history")
        events = [
            event["type"]
            for page in pages.paginate(executionArn=ended[-1]["executionArn"])
            for event in page["events"]
        ]
        return sum(kind.endswith("StateEntered") for kind in events)

    def executions(self, machine: str, model: str) -> list[dict[str, Any]]:
        arn = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:everloop-{machine}"
        found = self.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
        return [execution for execution in found if execution["name"].startswith(f"{model}-")]


def _deployed(state: Path) -> None:
    """Deploy the stack to a cloud of its own, at the pace of real time: nothing else happens."""
    laptop = Laptop(state, speed=1)
    state.mkdir()
    with laptop:
        pass


def package_arn(model: str, version: int) -> str:
    return f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/{model}/{version}"


def prices(seed: int, rows: int, shift: float = 0.0) -> bytes:
    """Return a drop of the model mean-price: prices by colour, with noise."""
    draw = random.Random(seed)
    usual = {"red": 10.0, "green": 20.0, "blue": 30.0}
    lines = ["id,colour,price"]
    for row in range(rows):
        colour = draw.choice(list(usual))
        lines.append(f"{seed}-{row},{colour},{usual[colour] + shift + draw.gauss(0, 2):.3f}")
    return ("\n".join(lines) + "\n").encode()


def variant(folder: Path, name: str, files: dict[str, str], **replaced: str) -> Path:
    """Copy the tiny model under another name, with some files written anew."""
    made = folder / name
    shutil.copytree(FOLDER, made)
    for file, text in files.items():
        (made / file).write_text(text)
    spec = (made / "model.toml").read_text()
    for old, new in replaced.items():
        spec = spec.replace(old, new)
    (made / "model.toml").write_text(spec)
    return made


def _process_state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"
