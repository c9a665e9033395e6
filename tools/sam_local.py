"""Invoke functions in the SAM CLI's containers, against the laptop's cloud, and check the answers.

Once each with `sam local invoke`; then all through one `sam local start-lambda`, as an SDK calls
Lambda, with `aws lambda invoke --endpoint-url`.

The cloud listens on loopback only, which a container cannot reach. For the time of this run a small
forwarder listens on the Docker bridge, and passes on to the cloud, which takes that name for its
own (--allow-host).
"""

import contextlib
import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import yaml

ROOT = Path(__file__).resolve().parent.parent
BIN = ROOT / ".venv" / "bin"
SAM = ROOT / ".venv-sam" / "bin" / "sam"

_START_SECONDS = 120  # start-lambda reads the template and looks at the images first
# Function, event file, and whether it must fail: one that fails proves that the check can.
INVOCATIONS = (
    ("CollectData", "sqs-arrivals.json", False),
    ("OnPackageChanged", "sagemaker-model-package-created-pending.json", False),
    ("ResumeExecution", "sagemaker-endpoint-in-service.json", False),
    ("PlanMonitoring", "schedule-monitor.json", False),
    ("PlanMonitoring", "sqs-arrivals.json", True),
    ("Reconcile", "schedule-reconcile.json", False),
)


def main(template: Path, work: Path) -> None:
    port = _free_port()
    state = work / "cloud"
    bridge = _bridge_address()
    up = [BIN / "everloop", "up", "--state", state, "--port", str(port), "--allow-host", bridge]
    _run(up)
    try:
        forwarded = _forward(bridge, port)
        url = f"http://{bridge}:{forwarded}"
        clients = {
            "endpoint_url": f"http://127.0.0.1:{port}",
            "region_name": "us-east-1",
            "aws_access_key_id": "sam",
            "aws_secret_access_key": "sam",
        }
        _push(port)
        own = _with_variables(template, clients, url)
        failures = [problem for each in INVOCATIONS if (problem := _invoke(own, *each)) is not None]
        with _start_lambda(own, work / "start-lambda.log") as url:
            called = [_call(url, own, *each) for each in INVOCATIONS]
        failures += [problem for problem in called if problem is not None]
    finally:
        _run([BIN / "everloop", "down", "--state", state, "--wipe"])
    if failures:
        sys.exit("sam-local: " + "; ".join(failures))
    print(f"sam-local: {len(INVOCATIONS)} functions ran in containers, as expected, by both ways")


def _push(port: int) -> None:
    env = {
        **os.environ,
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "sam",
        "AWS_SECRET_ACCESS_KEY": "sam",
    }
    _run([BIN / "everloop", "push", ROOT / "models" / "flight-delays"], env=env)
    time.sleep(5)


def _with_variables(template: Path, clients: dict[str, Any], url: str) -> Path:
    """Write the built template with what the deployed functions have in their environment.

    The SAM CLI passes on only variables that the template names, and resolves no ARNs.
    """
    deployed = boto3.client("lambda", **clients)
    built = yaml.safe_load(template.read_text())
    for resource in built["Resources"].values():
        if not isinstance(resource, dict) or resource["Type"] != "AWS::Serverless::Function":
            continue
        name = resource["Properties"]["FunctionName"]
        name = str(name.get("Fn::Sub", name) if isinstance(name, dict) else name)
        name = name.replace("${AWS::StackName}", "everloop")
        found = deployed.get_function_configuration(FunctionName=name)
        variables = found["Environment"]["Variables"]
        resource["Properties"]["Environment"] = {
            "Variables": {**variables, "AWS_ENDPOINT_URL": url}
        }
    built.get("Globals", {}).get("Function", {}).pop("Environment", None)
    path = template.parent / "sam-local.yaml"
    path.write_text(yaml.safe_dump(built))
    return path


def _invoke(template: Path, function: str, event: str, must_fail: bool) -> str | None:
    """Invoke one function; returns what is wrong. The SAM CLI exits with 0 for failed functions."""
    given = _sample(template, event)
    command = [SAM, "local", "invoke", function, "--template", template, "--skip-pull-image"]
    command += ["--event", given]
    print(f"$ sam local invoke {function} --event events/{event}", flush=True)
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    print(done.stdout.strip() or done.stderr.strip()[-2000:], flush=True)
    return _wrong(function, done.stdout, must_fail)


@contextlib.contextmanager
def _start_lambda(template: Path, log: Path) -> Iterator[str]:
    """Run `sam local start-lambda`; gives its address once it listens."""
    port = _free_port()
    command = [SAM, "local", "start-lambda", "--template", template, "--skip-pull-image"]
    command += ["--port", str(port), "--warm-containers", "LAZY"]
    print(f"$ sam local start-lambda --port {port}", flush=True)
    with log.open("wb") as sink:
        child = subprocess.Popen(
            [str(word) for word in command], cwd=ROOT, stdout=sink, stderr=sink
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(port):
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"sam-local: start-lambda did not come up: {log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait()


def _call(url: str, template: Path, function: str, event: str, must_fail: bool) -> str | None:
    """Invoke one function as any client of Lambda does; returns what is wrong."""
    answered = template.parent / "answer.json"
    answered.unlink(missing_ok=True)
    command = [BIN / "aws", "lambda", "invoke", "--endpoint-url", url, "--function-name", function]
    command += ["--cli-read-timeout", "300", "--payload", f"fileb://{_sample(template, event)}"]
    # Only this client has keys: with any in its environment, the SAM CLI itself asks STS.
    keys = {"AWS_ACCESS_KEY_ID": "sam", "AWS_SECRET_ACCESS_KEY": "sam"}
    print(f"$ aws lambda invoke --endpoint-url {url} --function-name {function}", flush=True)
    done = subprocess.run(
        [str(word) for word in [*command, answered]],
        env={**os.environ, **keys},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return f"aws lambda invoke {function} ended {done.returncode}: {done.stderr.strip()}"
    text = answered.read_text()  # it names no FunctionError, as Lambda would; the answer tells
    print(text.strip(), flush=True)
    return _wrong(f"{function} through start-lambda", text, must_fail)


def _sample(template: Path, event: str) -> Path:
    """Write a sample of events/ where the laptop reads it."""
    given = template.parent / event
    given.write_text((ROOT / "events" / event).read_text())
    return given


def _wrong(function: str, text: str, must_fail: bool) -> str | None:
    try:
        answer = json.loads(text)
    except ValueError:
        return f"{function} answered no JSON (crash or timeout)"
    failed = isinstance(answer, dict) and "errorType" in answer
    if failed != must_fail:
        return f"{function} {'failed' if failed else 'did not fail, and should have'}"
    return None


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _bridge_address() -> str:
    """Return the address under which containers see this machine."""
    done = subprocess.run(
        ["docker", "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Subnet}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return str(next(ipaddress.ip_network(done.stdout.strip()).hosts()))


def _forward(address: str, port: int) -> int:
    """Listen on `address` and pass every connection on to the cloud; returns the port."""
    listener = socket.create_server((address, 0))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass  # either side may hang up
        finally:
            for end in (source, sink):
                end.close()

    def accept() -> None:
        while True:
            inner, _ = listener.accept()
            outer = socket.create_connection(("127.0.0.1", port))
            threading.Thread(target=pump, args=(inner, outer), daemon=True).start()
            threading.Thread(target=pump, args=(outer, inner), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _run(command: list[Any], env: dict[str, str] | None = None) -> None:
    subprocess.run([str(word) for word in command], cwd=ROOT, env=env, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
