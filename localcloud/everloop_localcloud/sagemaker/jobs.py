"""Running jobs: a process and a folder each, a bounded number at once, ends told to who waits."""

import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.clock import Signal
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.store import Table
from everloop_localcloud.sagemaker import container, images, packages
from everloop_localcloud.sagemaker.behalf import Behalf
from everloop_localcloud.sagemaker.engine import Engine
from everloop_localcloud.sagemaker.output import Output
from everloop_localcloud.sagemaker.part import Part

Record = dict[str, Any]
_STOP_SECONDS = 120  # of the cloud: AWS waits so long between SIGTERM and SIGKILL
_LEAST_SECONDS = 120.0  # real: of a job, whatever the clock, if its limit is no less
LOST = "InternalServerError: We encountered an internal error. The host of the job was lost."
ENDED = ("Completed", "Failed", "Stopped")


class Leaving(Exception):
    """The cloud is being stopped while a job runs: its next start reports the job as lost."""


class NotMoved(Exception):
    """Objects could not be fetched from S3 or put there; the text says why, in AWS's words."""


@dataclass
class Outcome:
    """How a job's process ended."""

    code: int
    timed_out: bool
    stopped: bool
    tail: str


class Jobs(Part):
    """What processing, training and transform jobs share: where and how their processes run."""

    def __init__(self, cloud: Account, engine: Engine | None = None) -> None:
        super().__init__(cloud)
        self.engine = engine
        self.running = _Running(cloud)
        self._folder = cloud.folder / "jobs"

    def lose(
        self,
        table: Table,
        name: str,
        status: str,
        announce: Callable[[Record], None],
        again: Collection[str] = (),
    ) -> None:
        """Fail what was running when the cloud died, but for what starts `again`.

        Its process died with it. `name` and `status` are the members of a record that have them.
        """
        for record in list(table.values()):
            if record[status] not in ENDED and record[name] not in again:
                record[status] = "Failed"
                record["FailureReason"] = LOST
                record["LastModifiedTime"] = self.cloud.clock.now()
                if "SecondaryStatus" in record:
                    record["SecondaryStatus"] = "Failed"
                table.save(record[name])
                self.cloud.spawn(announce, record, name="announce lost job")

    def start(self) -> None:
        """Remove what lost jobs left; before any is started anew."""
        if self.engine is not None:
            self.engine.clear()
        shutil.rmtree(self._folder, ignore_errors=True)

    def stop(self) -> None:
        """Let go of what waits for its instances: it leaves with the cloud."""
        self.running.halt()

    def await_start(self, arn: str) -> None:
        """Wait until a job's instances would be there; who stops it ends the wait."""
        self.cloud.starts.await_job(self.running.halted(arn))

    def check_image(self, image: str) -> None:
        """Raise AwsError where nothing here runs the image."""
        if self.engine is not None:
            self.engine.check(image)
            return
        images.interpreter(image)
        if self.cloud.exact_images:
            images.pins(image)

    def python(self, folder: Path, image: str, requirements: Path | None = None) -> Path:
        """Make the job's Python in its folder; in a container it has the image's instead."""
        if self.engine is not None:
            return Path(sys.executable)
        pins = images.pins(image) if self.cloud.exact_images else None
        return packages.environment(
            folder / ".python", images.interpreter(image), requirements, pins
        )

    def job_end(self, arn: str) -> Signal:
        """Return the signal that is set once the job has ended."""
        return self.running.signal(arn)

    @contextmanager
    def job_folder(self) -> Iterator[Path]:
        folder = self._folder / uuid.uuid4().hex[:12]
        folder.mkdir(parents=True)
        self.cloud.processes.own_folder(folder)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self.cloud.processes.disown_folder(folder)

    def run_process(
        self,
        arn: str,
        folder: Path,
        words: Sequence[str],
        env: Mapping[str, str],
        *,
        limit: float,
        logs: tuple[str, str],
        image: tuple[str, Sequence[str]],
        behalf: Behalf,
        heard: Callable[[str], None] = lambda line: None,
        instance: str = "",
    ) -> Outcome:
        """Run a job's process to its end; `limit` is in the cloud's seconds.

        `heard` is called with each line that it prints. `image` is what to run where jobs are
        containers, and the entry point that replaces its own; `words` are the arguments then. A
        process may have no more memory than an `instance` of this type.
        """
        engine, name = self.engine, ""
        limit_bytes = images.memory(instance)
        if engine is None:
            line, variables = container.command(folder, words, env)
        else:
            line, variables, name = engine.command(folder, *image, words, env)
        child = self.cloud.processes.start(
            line,
            env=variables,
            cwd=folder,
            stdout=subprocess.PIPE,
            whole=engine is None,
            limit=limit_bytes,
        )
        log: Any = self.cloud.apis["logs"] if behalf.may_log(*logs) else None
        tell = partial(log.append, *logs) if log is not None else None
        output = Output(child, folder / ".log", tell, heard)
        self.cloud.spawn(output.read, name=f"log of {arn}")
        self.running.add(arn, child)
        timed_out = False
        try:
            code = self.cloud.processes.wait(child, self._longest(limit))
        except subprocess.TimeoutExpired:
            timed_out = True
            code = self.cloud.processes.stop(child)
        finally:
            if engine is not None:
                engine.remove(name)
            self.cloud.credentials.forget(env.get("AWS_ACCESS_KEY_ID", ""))
        stopped = self.running.was_stopped(arn)
        if self.cloud.stopping:
            raise Leaving(arn)
        return Outcome(code, timed_out, stopped, output.tail())

    def _longest(self, limit: float) -> float:
        """Return how many real seconds a job may take; `limit` is in the cloud's.

        What computes is no faster where the clock is. So a fast clock alone stops nothing early.
        """
        return max(self.cloud.clock.real(limit), min(limit, _LEAST_SECONDS))

    def stop_process(self, arn: str) -> None:
        grace = self.cloud.clock.real(_STOP_SECONDS)
        for child in self.running.stop(arn):
            self.cloud.spawn(self._end_process, child, grace)

    def end_processes(self, arn: str) -> None:
        """End what runs of a job on its other machines, since one of them failed."""
        for child in self.running.give_up(arn):
            self._end_process(child, self.cloud.clock.real(_STOP_SECONDS))

    def _end_process(self, child: "subprocess.Popen[bytes]", grace: float) -> None:
        """End one; its exit code counts for nothing: whoever waits for the job looks at the job."""
        self.cloud.processes.stop(child, grace)

    def job_environment(self, role_arn: str, session: str, python: Path) -> dict[str, str]:
        """Return what every job's process has; nothing of our own environment leaks into it."""
        own, image = str(python.parent), str(Path(sys.executable).parent)
        return {
            "PATH": os.pathsep.join([own, image, "/usr/local/bin:/usr/bin:/bin"]),
            "HOME": "/tmp",
            "LANG": "C.UTF-8",
            "OMP_WAIT_POLICY": "PASSIVE",  # jobs share the cores: a thread that waits must not spin
            "PYTHONUNBUFFERED": "1",
            "AWS_REGION": self.cloud.region,
            "AWS_DEFAULT_REGION": self.cloud.region,
            "AWS_ENDPOINT_URL": self.cloud.url,
            **self.cloud.credentials.for_role(role_arn, session),
        }

    def download(
        self, uri: str, folder: Path, kind: str, behalf: Behalf, shard: tuple[int, int] = (0, 1)
    ) -> None:
        """Bring an S3 prefix (or what a manifest lists) into a folder. Raises NotMoved.

        `shard` says which of how many machines this is for, where each gets objects of its own.
        """
        try:
            self._fetch(uri, folder, kind, behalf, shard)
        except (AwsError, FileNotFoundError) as error:
            raise NotMoved(f"Data download failed:{_words(error)}") from error

    def _fetch(
        self, uri: str, folder: Path, kind: str, behalf: Behalf, shard: tuple[int, int]
    ) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "ManifestFile":
            listed = json.loads(behalf.read(bucket, prefix))
            base = listed[0]["prefix"]
            bucket, _, root = base.removeprefix("s3://").partition("/")
            wanted = [(root + name, name) for name in listed[1:]]
        else:
            keys = behalf.keys(bucket, prefix)
            folder_end = prefix.rfind("/") + 1
            if (
                prefix
                and not prefix.endswith("/")
                and any(k.startswith(prefix + "/") for k in keys)
            ):
                folder_end = len(prefix) + 1
                keys = [key for key in keys if key.startswith(prefix + "/")]
            wanted = [(key, key[folder_end:]) for key in keys if not key.endswith("/")]
        if not wanted:
            raise FileNotFoundError(f"No S3 objects found under S3 URL {uri!r}")
        number, count = shard
        for key, relative in wanted[number::count]:
            path = (folder / relative).resolve()
            if not path.is_relative_to(folder.resolve()):
                raise ValueError(f"key {key!r} reaches outside its folder")
            path.parent.mkdir(parents=True, exist_ok=True)
            behalf.download(bucket, key, path)

    def upload(self, folder: Path, uri: str, behalf: Behalf) -> None:
        """Put what lies in a folder below a prefix of S3. Raises NotMoved."""
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                key = f"{prefix.rstrip('/')}/{path.relative_to(folder).as_posix()}"
                upload(behalf, path, bucket, key)


class _Running:
    """The processes of running jobs, and the signals of those who wait for their ends."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._children: dict[str, list[subprocess.Popen[bytes]]] = {}  # a machine of the job each
        self._stopped: set[str] = set()
        self._given_up: set[str] = set()
        self._halted: dict[str, Signal] = {}  # of jobs that wait for their instances
        self._signals: dict[str, Signal] = {}
        self._over = cloud.clock.signal()  # of every job that has ended, for who asks late
        self._over.set()
        self.slots = threading.BoundedSemaphore(max(2, os.cpu_count() or 2))

    def signal(self, arn: str) -> Signal:
        with self._lock:
            return self._signals.setdefault(arn, self._cloud.clock.signal())

    def add(self, arn: str, child: "subprocess.Popen[bytes]") -> None:
        with self._lock:
            self._children.setdefault(arn, []).append(child)
            stopped = arn in self._stopped or arn in self._given_up
        if stopped:
            self._cloud.processes.stop(child, self._cloud.clock.real(_STOP_SECONDS))

    def halted(self, arn: str) -> Signal:
        """Return the signal that is set once a job is to be stopped."""
        with self._lock:
            signal = self._halted.setdefault(arn, self._cloud.clock.signal())
            if arn in self._stopped or self._cloud.stopping:
                signal.set()
        return signal

    def halt(self) -> None:
        with self._lock:
            for signal in self._halted.values():
                signal.set()

    def give_up(self, arn: str) -> "list[subprocess.Popen[bytes]]":
        """Return what runs of a job of which a machine failed; what starts yet is ended at once."""
        with self._lock:
            self._given_up.add(arn)
            return list(self._children.get(arn, ()))

    def stop(self, arn: str) -> "list[subprocess.Popen[bytes]]":
        with self._lock:
            self._stopped.add(arn)
            if arn in self._halted:
                self._halted[arn].set()
            return list(self._children.get(arn, ()))

    def was_stopped(self, arn: str) -> bool:
        with self._lock:
            return arn in self._stopped

    def end(self, arn: str) -> None:
        with self._lock:
            self._children.pop(arn, None)
            self._stopped.discard(arn)
            self._given_up.discard(arn)
            self._halted.pop(arn, None)
            signal = self._signals.get(arn)
            self._signals[arn] = self._over
        if signal is not None:
            signal.set()


def upload(behalf: Behalf, path: Path, bucket: str, key: str) -> None:
    """Put a file that a job made. Raises NotMoved."""
    try:
        behalf.upload(path, bucket, key)
    except AwsError as error:
        raise NotMoved(
            f"Artifact upload failed:Unable to upload object s3://{bucket}/{key} ({_words(error)})"
        ) from error


def _words(error: Exception) -> str:
    return f"{error.code}: {error.message}" if isinstance(error, AwsError) else str(error)


def job_role(request: Record) -> str:
    return str(request["RoleArn"])


def created_by(call: Call) -> Record:
    return {"IamIdentity": {"Arn": call.principal}}
