"""Serve one model: GET /ping, POST /invocations, as SageMaker's container contract has them.

Run by path, outside the cloud's own packages, with the listening socket as standard input. A script
is served as AWS's containers of scikit-learn and XGBoost do (script.py), a built-in algorithm by
AWS's inference toolkit; this is the HTTP around them.
"""

import argparse
import importlib.metadata
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sagemaker_inference import environment
from sagemaker_inference.errors import UnsupportedFormatError
from sagemaker_inference.transformer import Transformer

_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
_WATCH_SECONDS = 0.25
_HOSTS = ("127.0.0.1", "localhost")


class CannotServe(Exception):
    """The model cannot be served; the text says why in one line."""


class Context:
    """What the toolkit and the handlers want to know of a request, and say of its answer.

    There is one for all requests: the toolkit gives handlers that which the model was loaded with.
    """

    def __init__(self) -> None:
        self.system_properties = {"model_dir": environment.model_dir, "gpu_id": None}
        self.request_processor = [self]
        self.begin({})

    def begin(self, sent: dict[str, str]) -> None:
        """Forget the last request."""
        self._sent = sent
        self.status = 200
        self.content_type = "text/plain"
        self.headers: dict[str, str] = {}

    def get_request_properties(self) -> dict[str, str]:
        return self._sent

    def get_request_header(self, idx: int, key: str) -> str | None:
        return self._sent.get(key)

    def set_response_content_type(self, idx: int, value: str) -> None:
        self.content_type = value

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        self.headers[key] = value

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        self.status = code


class Handlers(Transformer):  # type: ignore[misc]  # the toolkit has no types
    """The toolkit's handlers of a built-in algorithm: unknown formats are the client's error.

    Its container answers 415 and 406 there, where the bare toolkit answers 500.
    """

    @staticmethod
    def handle_error(context: Any, inference_exception: Any, trace: str) -> Any:
        answer = Transformer.handle_error(context, inference_exception, trace)
        if isinstance(sys.exc_info()[1], UnsupportedFormatError):
            at_output = "self._output_fn" in trace
            context.set_response_status(406 if at_output else 415)
        return answer


class Model:
    """The loaded model. It gets one request at a time: on AWS, too, a worker process does."""

    def __init__(self, handlers: Any, seconds: float) -> None:
        self._context = Context()
        self._handlers = handlers
        self._handlers.validate_and_initialize(environment.model_dir, self._context)
        self._seconds = seconds
        self._turn = threading.Lock()
        self._since: float | None = None
        threading.Thread(target=self._watch, name="watch", daemon=True).start()

    def answer(self, body: bytes, sent: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body."""
        if not self._turn.acquire(timeout=self._seconds):
            return 503, {}, b"the model server is busy with other requests"
        try:
            self._since = time.monotonic()
            context = self._context
            context.begin(sent)
            result = self._handlers.transform([{"body": body}], context)[0]
            status, headers = context.status, {"Content-Type": context.content_type}
            if _ATTRIBUTES in context.headers:
                headers[_ATTRIBUTES] = context.headers[_ATTRIBUTES]
        finally:
            self._since = None
            self._turn.release()
        if not isinstance(result, str | bytes | bytearray):
            try:
                result = json.dumps(result)  # as AWS's model server does
            except TypeError as error:
                status, result = 500, f"the answer is no text, bytes or JSON: {error}"
        if status >= 400:
            print(result, flush=True)
        return status, headers, result.encode() if isinstance(result, str) else bytes(result)

    def _watch(self) -> None:
        """End the process, which is then started again, when a handler takes too long."""
        while True:
            time.sleep(_WATCH_SECONDS)
            since = self._since
            if since is not None and time.monotonic() - since > self._seconds:
                print(f"a request took longer than {self._seconds:g} s", flush=True)
                os._exit(70)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one send: two sends cost a delayed acknowledgement, 40 ms
    disable_nagle_algorithm = True
    server: "Server"

    def parse_request(self) -> bool:
        """Take no request of a web page: a browser tells its origin, or another host's name."""
        if not super().parse_request():
            return False
        host, _, port = self.headers.get("Host", "").rpartition(":")
        marks = ("Origin", "Sec-Fetch-Site")
        if host not in _HOSTS or not port.isdigit() or any(mark in self.headers for mark in marks):
            self.close_connection = True
            self.send_error(403, "this server answers programs on this machine")
            return False
        return True

    def do_GET(self) -> None:
        self._send(200 if self.path == "/ping" else 404, {}, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path != "/invocations":
            self._send(404, {}, b"")
            return
        sent = {name.title(): value for name, value in self.headers.items()}
        self._send(*self.server.model.answer(body, sent))

    def _send(self, status: int, headers: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: CloudWatch has metrics of every request."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    model: Model


def install(requirements: Path, target: Path) -> None:
    """Install into a folder of the model's own what requirements.txt asks and is not there."""
    lines = [line.strip() for line in requirements.read_text().splitlines()]
    wanted = [line for line in lines if line and not line.startswith(("#", "--"))]
    missing = [line for line in wanted if not _satisfied(line)]
    if not missing:
        return
    print(f"installing {', '.join(missing)}", flush=True)
    asked = {_name(line) for line in missing}
    constraints = target.parent / "constraints.txt"
    constraints.write_text(
        "".join(
            f"{found.name}=={found.version}\n"
            for found in importlib.metadata.distributions()
            if _name(found.name) not in asked
        )
    )
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--quiet", "--target", str(target), "--constraint", str(constraints)]
    command += ["--requirement", requirements.name]
    done = subprocess.run(command, cwd=requirements.parent, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")
        print(said, flush=True)
        errors = [line for line in said.splitlines() if line.startswith("ERROR")] or [said.strip()]
        raise CannotServe(
            f"requirements.txt asks for {', '.join(missing)}, which cannot be installed:"
            f" {errors[-1]}"
        )
    sys.path.insert(0, str(target))


def _satisfied(line: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement  # 50 ms, seldom needed

    try:
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate():
            return True
        there = importlib.metadata.version(wanted.name)
        return not wanted.url and wanted.specifier.contains(there, prereleases=True)
    except (InvalidRequirement, importlib.metadata.PackageNotFoundError):
        return False  # pip knows better what options and paths mean


def _name(line: str) -> str:
    """Return the name that a requirement begins with, in its normal form."""
    return re.split(r"[^\w.-]", line, maxsplit=1)[0].lower().replace("_", "-")


def script_handlers() -> Any:
    """Return the handlers of a script, from the file beside this one, which is no package's."""
    spec = importlib.util.spec_from_file_location(
        "everloop_script_handlers", Path(__file__).with_name("script.py")
    )
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.ScriptHandlers()


def load(code: Path, algorithm: bool) -> Model:
    """Import the model's code and load the model. Raises CannotServe."""
    requirements = code / "requirements.txt"
    if requirements.exists():
        install(requirements, Path(environment.base_dir) / "packages")
    sys.path[:0] = [str(code), environment.model_dir]
    program = os.environ.get("SAGEMAKER_PROGRAM", "")
    if program and importlib.util.find_spec(program.removesuffix(".py")) is None:
        raise CannotServe(f"SAGEMAKER_PROGRAM {program} is not in the model's code")
    try:
        handlers = Handlers() if algorithm else script_handlers()
        return Model(handlers, float(os.environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60")))
    except BaseException as error:  # the model's code may also call sys.exit
        traceback.print_exc(file=sys.stdout)
        line = "".join(traceback.format_exception_only(error))
        raise CannotServe(" ".join(line.split())) from error


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--code", type=Path, required=True)
    parser.add_argument("--algorithm", action="store_true")
    given = parser.parse_args()
    listener = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    os.dup2(os.open(os.devnull, os.O_RDONLY), sys.stdin.fileno())
    server = Server(listener.getsockname(), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener
    try:
        server.model = load(given.code, given.algorithm)
    except CannotServe as error:
        print(error, flush=True)
        sys.exit(1)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
