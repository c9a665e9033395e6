"""Jobs that `.sync` waits for: how each is described, when it has ended, and how it is stopped."""

import logging
import threading
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.states import errors, integrations, json_text, shapes
from everloop_localcloud.states.errors import StateError
from everloop_localcloud.states.world import Signal, TaskCall

log = logging.getLogger(__name__)

# An event wakes whoever waits; this many cloud seconds later they look for themselves.
_LOOK_AGAIN_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """The operations and members of one kind of job, in botocore's names."""

    describe: str
    stop: str
    key: str
    arn: str
    status: str
    succeeded: str
    ended: tuple[str, ...]


def _sagemaker(kind: str) -> Job:
    return Job(
        describe=f"Describe{kind}",
        stop=f"Stop{kind}",
        key=f"{kind}Name",
        arn=f"{kind}Arn",
        status=f"{kind}Status",
        succeeded="Completed",
        ended=("Completed", "Failed", "Stopped"),
    )


_JOBS = {
    f"Create{kind}": _sagemaker(kind)
    for kind in ("TrainingJob", "ProcessingJob", "TransformJob", "HyperParameterTuningJob")
}
_JOBS["StartExecution"] = Job(
    describe="DescribeExecution",
    stop="StopExecution",
    key="executionArn",
    arn="executionArn",
    status="status",
    succeeded="SUCCEEDED",
    ended=("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"),
)


class Jobs:
    """Starts jobs, and tells when they end."""

    def __init__(self, cloud: Account, api: integrations.Caller) -> None:
        self._cloud = cloud
        self._api = api
        self._lock = threading.Lock()
        self._watchers: dict[str, list[Signal]] = {}
        cloud.on_event(self._heard)

    def _heard(self, event: dict[str, Any]) -> None:
        with self._lock:
            signals = [
                signal for arn in event["resources"] for signal in self._watchers.get(arn, [])
            ]
        for signal in signals:
            signal.set()

    def existing(self, call: TaskCall) -> Any:
        """Return the answer of the call that started this job before a restart; None if none did.

        Only a job that is not older than the state counts: an older one has the name by chance.
        """
        job = _JOBS[call.resource.operation]
        if call.resource.operation == "StartExecution":
            return None  # starting again by the same name is the same start
        try:
            found = self._described(call, job, call.arguments[job.key])
        except (StateError, KeyError, TypeError):
            return None
        created = found.get("CreationTime")
        if created is None or (call.entered is not None and created < call.entered):
            return None
        return {job.arn: found[job.arn]}

    def _described(self, call: TaskCall, job: Job, key: str) -> dict[str, Any]:
        return integrations.ask(call, job.describe, {job.key: key}, self._api)

    def _key(self, call: TaskCall, job: Job, submitted: Any) -> str:
        if call.resource.operation == "StartExecution":
            return str(submitted["ExecutionArn"])
        return str(call.arguments[job.key])

    def follow(self, call: TaskCall, submitted: Any, stopped: Signal) -> Any:
        """Wait for the job's end; return the task's result. Raises StateError if it failed."""
        job = _JOBS[call.resource.operation]
        arn = str(submitted[shapes.pascal(job.arn)])
        while not stopped.is_set():
            signal = self._cloud.clock.signal()
            with self._lock:
                self._watchers.setdefault(arn, []).append(signal)
            try:
                found = self._described(call, job, self._key(call, job, submitted))
                if found[job.status] in job.ended:
                    return self._result(call, job, found)
                signal.wait(_LOOK_AGAIN_SECONDS)
            finally:
                with self._lock:
                    self._watchers[arn].remove(signal)
                    if not self._watchers[arn]:
                        del self._watchers[arn]
        return None

    def _result(self, call: TaskCall, job: Job, found: dict[str, Any]) -> Any:
        told = shapes.from_api(call.resource.service, job.describe, found, millis=True)
        if found[job.status] != job.succeeded:
            raise StateError(errors.TASK_FAILED, json_text.dumps(told))
        if call.resource.pattern == "sync:2":
            for member in ("Input", "Output"):
                if isinstance(told.get(member), str):
                    told[member] = json_text.loads(told[member])
        return told

    def halt(self, call: TaskCall, submitted: Any) -> None:
        """Stop the job, as AWS does its best to."""
        job = _JOBS[call.resource.operation]
        key = self._key(call, job, submitted)
        try:
            self._api(call.resource.service, job.stop, {job.key: key}, call.role_arn)
        except AwsError as error:
            # The job has ended by itself, or the role may not stop it: AWS goes on as well.
            log.warning("could not stop %s: %s", key, error)
