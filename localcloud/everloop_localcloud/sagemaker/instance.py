"""An instance of a variant: one model server, its log, and the connections to it."""

import contextlib
import http.client
import secrets
import shutil
import socket
import subprocess
import sys
import threading
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker import container, images, packages
from everloop_localcloud.sagemaker.algorithms import built_in
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.model_files import NotFetched, unpack
from everloop_localcloud.sagemaker.output import Output
from everloop_localcloud.sagemaker.preferences import NO_CAPACITY

Record = dict[str, Any]

ANSWER_SECONDS = 60.0  # real: AWS's limit for one answer
STOP_SECONDS = 30.0  # real: AWS kills a container so long after SIGTERM
_LOG_SECONDS = 5.0  # real: for the rest of an ended server's log
_RESTART_SECONDS = (1.0, 30.0)  # real: pause before a server that ended is started again
_LAST_LINES = 50
_MOST_OUTPUT = 256 * 1024**2  # bytes that one run of a server may log
_SERVER = Path(__file__).parent / "serving" / "server.py"
_ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
LOG_GROUP = "/aws/sagemaker/Endpoints"


class NotHealthy(Exception):
    """A model server did not come up; the text becomes the endpoint's FailureReason."""


class Answer(NamedTuple):
    """What a model server answered. Status 0: nothing within the time limit, as AWS tells it."""

    status: int
    content_type: str
    body: bytes
    attributes: str | None = None


class Instance:
    """One model server. It is started again if it ends by itself, as AWS does with containers."""

    def __init__(
        self,
        cloud: Account,
        endpoint: str,
        variant: Record,
        *,
        group: str | None = None,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.id = f"i-0{secrets.token_hex(8)}"
        self.busy = 0  # counted by the fleet
        self._cloud = cloud
        self._group = group or f"{LOG_GROUP}/{endpoint}"
        self._stream = f"{variant['VariantName']}/{self.id}"
        self._metrics = group or LOG_GROUP
        self._logs = False
        self._answer_seconds = answer_seconds
        self._variant = variant
        self._folder = cloud.folder / "serving" / self.id
        self._keys: dict[str, str] = {}
        self._python = Path()
        self._child: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None
        self._port = 0
        self._lock = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._last: deque[str] = deque(maxlen=_LAST_LINES)
        self._stopping = threading.Event()
        self._up = threading.Event()

    @property
    def up(self) -> bool:
        return self._up.is_set()

    def start(self) -> None:
        """Fetch the model and start its server. Raises NotHealthy; nothing is left then."""
        if self._variant.get("InstanceType") in self._cloud.no_capacity:
            raise NotHealthy(NO_CAPACITY)
        self._folder.mkdir(parents=True)
        self._cloud.processes.own_folder(self._folder)
        role = self._variant.get("RoleArn")
        given = self._variant["Container"]
        submitted = _submitted(given)
        behalf = Behalf(self._cloud, role)
        try:
            behalf.pull(given["Image"])
            if given.get("ModelDataUrl"):
                unpack(self._cloud, given["ModelDataUrl"], self._folder / "model", role)
            if submitted.startswith("s3://"):
                unpack(self._cloud, submitted, self._folder / "code", role)
            self._python = self._environment()
            self._logs = behalf.may_log(self._group, self._stream)
            behalf.may_measure(self._metrics)  # of the instance: none are kept here
            self._run()
        except (NotFetched, packages.NotInstalled, AwsError, OSError) as error:
            self.stop()
            raise NotHealthy(str(error)) from error
        except NotHealthy:
            self.stop()
            raise
        threading.Thread(target=self._watch, name=f"watch {self.id}", daemon=True).start()

    def _memory(self) -> int:
        """Return how many bytes the server may have; 0 for any number."""
        if "Serverless" in self._variant:
            return int(self._variant["Serverless"]["MemorySizeInMB"]) * 1024**2
        return images.memory(self._variant.get("InstanceType", ""))

    def invoke(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Send one request. A server that is gone answers 503, one that is late 0."""
        connection = self._connection()
        try:
            connection.request("POST", "/invocations", body, headers)
            response = connection.getresponse()
            data = response.read()
        except TimeoutError:
            connection.close()
            return Answer(0, "text/plain", _LATE)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            trouble = f"the model server ended before it answered ({type(error).__name__})"
            return Answer(503, "text/plain", trouble.encode())
        with self._lock:
            if connection.port == self._port:
                self._idle.append(connection)
            else:
                connection.close()
        content_type = response.getheader("Content-Type", "")
        return Answer(response.status, content_type, data, response.getheader(_ATTRIBUTES))

    def stop(self, grace: float = STOP_SECONDS) -> None:
        """End the server, after `grace` real seconds by force, and remove its folder."""
        self._stopping.set()
        self._up.clear()
        if self._child is not None:
            self._cloud.processes.stop(self._child, grace)
        if self._reader is not None:
            self._reader.join(_LOG_SECONDS)
        self._forget_connections(0)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._cloud.processes.disown_folder(self._folder)
        self._forget_keys()

    def _run(self) -> None:
        """Start the server and wait for its first healthy ping."""
        words, env = self._command()
        # The server gets its listening socket as standard input: no port to agree upon, and once
        # ours is closed, the server's end is the connection's end.
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        with listener:
            port = listener.getsockname()[1]
            child = self._cloud.processes.start(
                words,
                env=env,
                cwd=self._folder,
                stdin=listener.fileno(),
                stdout=subprocess.PIPE,
                whole=True,
                limit=self._memory(),
            )
        self._child = child
        logs: Any = self._cloud.apis["logs"] if self._logs else None
        tell = partial(logs.append, self._group, self._stream) if logs is not None else None
        output = Output(child, None, tell, self._last.append, _MOST_OUTPUT)
        self._reader = reader = threading.Thread(
            target=output.read, name=f"log {self.id}", daemon=True
        )
        reader.start()
        if self._stopping.is_set():  # stop() came between
            self._cloud.processes.stop(child, grace=0)
        trouble = self._ping(port)
        if trouble is not None:
            self._cloud.processes.stop(child, grace=0)
            reader.join(_LOG_SECONDS)
            raise NotHealthy(self._not_healthy(trouble))
        self._forget_connections(port)
        self._up.set()

    def _ping(self, port: int) -> str | None:
        """Return why the server is not healthy; real seconds, as the server is a real process."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=self._variant["StartSeconds"]
        )
        with contextlib.closing(connection):
            try:
                connection.request("GET", "/ping")
                status = connection.getresponse().status
            except TimeoutError:
                return f"no answer within {self._variant['StartSeconds']} s"
            except (OSError, http.client.HTTPException):
                return "the model server ended"
        return None if status == 200 else f"it answered {status}"

    def _not_healthy(self, trouble: str) -> str:
        last = next((line.strip() for line in reversed(self._last) if line.strip()), trouble)
        return (
            f"The primary container for production variant {self._variant['VariantName']} did not"
            f" pass the ping health check: {trouble}. Last line of its log: {last}. Please check"
            f" CloudWatch logs for this endpoint: {self._group}"
        )

    def _command(self) -> tuple[list[str], dict[str, str]]:
        given = self._variant["Container"]
        python = self._python
        submitted = _submitted(given)
        code = "/opt/ml/model/code"
        if submitted.startswith("s3://"):
            code = "/opt/ml/code"
        elif submitted:
            code = submitted.removeprefix("file://")
        own = _environment(given)
        algorithm = built_in.serves(given["Image"], own)
        if algorithm:
            code = str(built_in.SERVE)
            own = {**_ALGORITHM, **own}
        role = self._variant.get("RoleArn")
        self._forget_keys()
        isolated = self._variant.get("Isolated", False)
        if role and not isolated:
            self._keys = self._cloud.credentials.for_role(role, "SageMaker")
        env = {
            "PATH": f"{python.parent}:{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "OMP_NUM_THREADS": "1",  # instances share this machine's cores
            "AWS_REGION": self._cloud.region,
            "AWS_DEFAULT_REGION": self._cloud.region,
            **({} if isolated else {"AWS_ENDPOINT_URL": self._cloud.url}),
            **own,
            **self._keys,
            "SAGEMAKER_BASE_DIR": "/opt/ml",
        }
        (self._folder / "model").mkdir(exist_ok=True)
        words = [str(python), "-P", "-u", str(_SERVER), "--code", code]
        words += ["--algorithm"] if algorithm else []
        return container.command(self._folder, words, env)

    def _environment(self) -> Path:
        """Return a Python with what the served code's requirements.txt asks for."""
        uri = self._variant["Container"]["Image"]
        image, pins = images.interpreter(uri), None
        if self._cloud.exact_images:
            pins = images.pins(uri)
        places = [self._folder / "code", self._folder / "model" / "code"]
        files = (place / "requirements.txt" for place in places)
        found = next((file for file in files if file.exists()), None)
        return packages.environment(self._folder / ".python", image, found, pins)

    def _watch(self) -> None:
        """Start the server again whenever it ends by itself."""
        pause, longest = _RESTART_SECONDS
        while self._child is not None:
            code = self._cloud.processes.wait(self._child)
            self._up.clear()
            if self._stopping.is_set():
                return
            self._tell(f"the model server ended with code {code}; it is started again")
            while not self._stopping.wait(pause):
                try:
                    self._run()
                    break
                except NotHealthy as error:
                    pause = min(pause * 2, longest)
                    self._tell(str(error))
            else:
                return

    def _connection(self) -> http.client.HTTPConnection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            port = self._port
        return http.client.HTTPConnection("127.0.0.1", port, timeout=self._answer_seconds)

    def _forget_connections(self, port: int) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
            self._port = port
        for connection in idle:
            connection.close()

    def _tell(self, *lines: str) -> None:
        self._last.extend(lines)
        if self._logs and lines:
            logs: Any = self._cloud.apis["logs"]
            logs.append(self._group, self._stream, lines)

    def _forget_keys(self) -> None:
        if self._keys:
            self._cloud.credentials.forget(self._keys["AWS_ACCESS_KEY_ID"])
            self._keys = {}


# What the toolkit is told where the container serves a built-in algorithm.
_ALGORITHM = {
    "SAGEMAKER_PROGRAM": "inference.py",
    "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv",
}
_LATE = (
    b"Your invocation timed out while waiting for a response from container primary. Review the"
    b" latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)


def _environment(given: Record) -> dict[str, str]:
    """Return the container's own variables; an empty text, which the SDK writes, means unset."""
    return {name: value for name, value in (given.get("Environment") or {}).items() if value}


def _submitted(given: Record) -> str:
    return _environment(given).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
