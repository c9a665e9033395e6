"""A fleet: the processes that serve one endpoint config, and how a request reaches them."""

import http.client
import itertools
import os
import shutil
import subprocess
import tarfile
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from localcloud.sagemaker import images

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

Record = dict[str, Any]
START_SECONDS = 240.0  # real: AWS gives a container four minutes until its first healthy ping
ANSWER_SECONDS = 60.0  # real: AWS's limit for one answer
_SERVER = Path(__file__).parent / "serving" / "server.py"
_LOGS = "/aws/sagemaker/Endpoints"


class NotHealthy(Exception):
    """The container did not come up; the text is the endpoint's FailureReason."""


class Instance:
    """One serving process with pooled keep-alive connections."""

    def __init__(self, cloud: "Cloud", model: Record, endpoint: str) -> None:
        self._cloud = cloud
        self._folder = cloud.folder / "serving" / uuid.uuid4().hex[:12]
        self._folder.mkdir(parents=True)
        cloud.processes.own_folder(self._folder)
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._endpoint = endpoint
        self._log = self._folder / "log"
        self._child = self._start(model)
        self.port = self._healthy()

    def _start(self, model: Record) -> "subprocess.Popen[bytes]":
        container = model["PrimaryContainer"]
        variables = {k: v for k, v in (container.get("Environment") or {}).items() if v != ""}
        home = self._folder / "model"
        self._unpack(container["ModelDataUrl"], home)
        submitted = variables.get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        if submitted.startswith("s3://"):
            self._unpack(submitted, home / "code")
        python = images.interpreter(container["Image"])
        role = model.get("ExecutionRoleArn") or f"arn:aws:iam::{self._cloud.account}:role/none"
        env = {
            "PATH": f"{python.parent}{os.pathsep}/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self._folder),
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "AWS_REGION": self._cloud.region,
            "AWS_DEFAULT_REGION": self._cloud.region,
            "AWS_ENDPOINT_URL": self._cloud.url,
            **self._cloud.credentials.for_role(role, "SageMaker"),
            **variables,
            "SAGEMAKER_BASE_DIR": str(self._folder),
        }
        with self._log.open("wb") as sink:
            return self._cloud.processes.start(
                [python, str(_SERVER), "--ready", str(self._folder / "port")],
                env=env,
                cwd=self._folder,
                stdout=sink,
            )

    def _unpack(self, uri: str, target: Path) -> None:
        target.mkdir(parents=True, exist_ok=True)
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        archive = self._folder / "archive.tar.gz"
        s3: Any = self._cloud.apis["s3"]
        try:
            s3.download(bucket, key, archive)
            with tarfile.open(archive) as opened:
                opened.extractall(target, filter="data")
        except Exception as error:
            raise NotHealthy(f"The model data {uri} cannot be unpacked: {error}") from error

    def _healthy(self) -> int:
        deadline = time.monotonic() + START_SECONDS
        ready = self._folder / "port"
        while time.monotonic() < deadline:
            if ready.exists():
                return int(ready.read_text())
            if self._child.poll() is not None:
                break
            time.sleep(0.02)
        lines = [
            line for line in self._log.read_text(errors="replace").splitlines() if line.strip()
        ]
        last = lines[-1].strip() if lines else "it printed nothing"
        self.stop()
        raise NotHealthy(
            "The primary container for production variant AllTraffic did not pass the ping health "
            f"check. Please check CloudWatch logs for this endpoint ({_LOGS}/{self._endpoint}). "
            f"Last line: {last}"
        )

    def invoke(self, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Send one request; returns status, content type and body. 503 where the process is gone."""
        for fresh in (False, True):  # a kept connection may have been closed meanwhile
            connection = self._connection(fresh)
            try:
                connection.request("POST", "/invocations", body, headers)
                answer = connection.getresponse()
                data = answer.read()
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if fresh or isinstance(error, TimeoutError):
                    code = 504 if isinstance(error, TimeoutError) else 503
                    return code, "text/plain", f"the container did not answer: {error}".encode()
                continue
            with self._lock:
                self._idle.append(connection)
            return answer.status, answer.getheader("Content-Type", ""), data
        raise AssertionError("unreachable")

    def _connection(self, fresh: bool) -> http.client.HTTPConnection:
        if not fresh:
            with self._lock:
                if self._idle:
                    return self._idle.pop()
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)

    def stop(self) -> None:
        for connection in self._idle:
            connection.close()
        self._cloud.processes.stop(self._child, grace=5)
        log = self._cloud.apis.get("logs")
        text = self._log.read_text(errors="replace")
        if log is not None and text:
            stream = f"AllTraffic/{self._folder.name}"
            log.append(f"{_LOGS}/{self._endpoint}", stream, text.splitlines())  # type: ignore[attr-defined]
        shutil.rmtree(self._folder, ignore_errors=True)
        self._cloud.processes.disown_folder(self._folder)


class Fleet:
    """All instances of one endpoint config; at most as many processes per variant as cores."""

    def __init__(self, cloud: "Cloud", endpoint: str, config: Record, models: Any) -> None:
        self.config = config
        self._turn = itertools.count()
        self.variants: dict[str, list[Instance]] = {}
        try:
            for variant in config["ProductionVariants"]:
                count = min(variant.get("InitialInstanceCount", 1), os.cpu_count() or 1)
                model = models(variant["ModelName"])
                made = self.variants.setdefault(variant["VariantName"], [])
                for _ in range(count):
                    made.append(Instance(cloud, model, endpoint))
        except Exception:
            self.stop()
            raise

    def invoke(self, variant: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        instances = self.variants[variant]
        return instances[next(self._turn) % len(instances)].invoke(body, headers)

    def stop(self) -> None:
        for instances in self.variants.values():
            for instance in instances:
                instance.stop()
