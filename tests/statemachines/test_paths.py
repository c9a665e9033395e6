"""Ways through the machines on which something fails: the machines themselves, in virtual time."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from conformance.virtual_world import START, VirtualWorld
from statemachines.test_machines import FILES, ROOT, load

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.states.history import History
from everloop_localcloud.states.run import Run
from everloop_localcloud.states.walk import Machine

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:everloop"
JOB = {
    "name": "look",
    "role_arn": "arn:aws:iam::123456789012:role/sagemaker",
    "app": {"ImageUri": "image"},
    "environment": {},
    "inputs": [],
    "outputs": {"Outputs": []},
    "resources": {
        "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.t3.medium", "VolumeSizeInGB": 30}
    },
    "stopping": {"MaxRuntimeInSeconds": 3600},
    "tags": [],
    "findings_uri": "s3://bucket/findings.json",
    "version": 1,
}
INPUT = {
    **{"model": "m", "scheduled_at": "2026-11-23T12:00:00.000Z", "job": JOB, "cause": "data"},
    **{"window": 1, "quiet_seconds": 1, "epoch": 1, "version": 1, "package_arn": "arn"},
    **{"with_versions": False, "actor": "ana", "reason": "why", "answer": {"url": "https://x"}},
    "asked": False,
}
# What the functions answer where all is well; each machine reads of it what it knows.
WELL = {
    **{"go": True, "ok": True, "outcome": "good", "reason": "fine", "wait_seconds": 0},
    **{"closed": True, "empty": False, "dataset_uri": "s3://b/d", "dataset_digest": "d"},
    **{"compare": False, "champion": None, "comparison_uri": None, "job": None},
    **{"verdict": "approved", "violated": False, "passed": True, "keep_staging": True},
    **{"staging_endpoint": "m-staging", "staging_config": "c", "report_uri": "s3://b/r"},
    **{"done": True, "given_up": False, "left": {}, "stuck_since": None, "models": ["m"]},
}
SCORE = {
    **{"name": "score", "model": "m-v1", "strategy": "SingleRecord", "payload_mb": 6, "tags": []},
    "input": {"DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/rows/"}}},
    "output": {"S3OutputPath": "s3://b/answers"},
    "resources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}
BATCH = {"rows": JOB, "score": SCORE, "results": JOB, "batch": {"version": 1}}
STARTED = {"started": True, "status": "InService", "config": "c", "reason": "", "package_arn": "p"}
# And where a machine reports what went wrong.
REPORTED = WELL | {"ok": False, "outcome": "failed", "verdict": "unjudged", "reason": "it failed"}


class Account(VirtualWorld):
    """An account whose jobs and rollouts end at once.

    The first `throttled` calls of the ledger are throttled, and whoever reports that is told to
    wait. The function `fails` raises `error` whenever it is called.
    """

    def __init__(self, throttled: int = 0, fails: str = "", error: str = "") -> None:
        super().__init__(self._call)
        self.throttled, self.fails, self.error = throttled, fails, error
        self.calls: list[str] = []

    def _call(self, service: str, operation: str, request: Any, role: str) -> dict[str, Any]:
        if service == "lambda":
            return self._invoke(request["FunctionName"].strip("${}"), request["Payload"])
        self.calls.append(operation)
        if service == "dynamodb" and self.throttled:
            self.throttled -= 1
            raise AwsError("ThrottlingException", "Rate exceeded")
        return {"ProcessingJobArn": f"{ARN}/job"} if service == "sagemaker" else {}

    def _invoke(self, function: str, payload: Any) -> dict[str, Any]:
        self.calls.append(function)
        asked = json.loads(payload) if isinstance(payload, str | bytes) else payload
        if function == self.fails:
            told = json.dumps({"errorType": self.error, "errorMessage": "it has a fault"})
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": told}
        if token := asked.get("token"):
            self.after(1, lambda: self._complete(token))
        answer = REPORTED if asked.get("error") else WELL
        answer = answer | (BATCH if function == "ScoreData" else {})
        if asked.get("error") and not self.fails:
            answer = answer | {"outcome": "waits", "wait_seconds": 60}
        return {"StatusCode": 200, "Payload": json.dumps(answer)}

    def _complete(self, token: str) -> None:
        self.waits[token].outcome = {"output": STARTED}
        self.waits[token].signal.set()

    def follow(self, call: Any, submitted: Any, stopped: Any) -> Any:
        return {"ProcessingJobStatus": "Completed", "TransformJobStatus": "Completed"}


@dataclass
class Ended:
    status: str
    error: str | None
    calls: list[str] = field(default_factory=list)


def run(machine: str, account: Account) -> Ended:
    events: list[dict[str, Any]] = []
    execution = Run(
        machine=Machine(f"{ARN}-{machine}", machine, "role", _machine(machine)),
        arn=f"{ARN}-{machine}".replace("stateMachine", "execution") + ":one",
        name="one",
        value=INPUT,
        started=START,
        world=account,
        history=History(account.now, events.append),
    )
    ending = execution.execute()
    assert ending is not None
    return Ended(ending.status, ending.error, account.calls)


def _machine(name: str) -> dict[str, Any]:
    return load(ROOT / "statemachines" / f"{name}.asl.yaml")


def test_a_look_takes_its_turn_before_it_looks_however_long_the_ledger_holds_it_back():
    first = ["UpdateItem", "CreateProcessingJob", "JudgeFindings"]
    assert run("monitor", Account()).calls == first
    # Begin, and its five further tries; then the failure is reported, and the look waits.
    held_back = run("monitor", Account(throttled=6))
    assert held_back.status == "SUCCEEDED"
    assert held_back.calls == [*["UpdateItem"] * 6, "JudgeFindings", *first]
    assert run("monitor", Account(throttled=14)).calls[-3:] == first


CALLED = [
    (path.name.split(".")[0], function)
    for path in FILES
    for function in sorted(set(re.findall(r"FunctionName: \$\{(\w+)\}", path.read_text())))
]


def test_where_all_is_well_every_function_is_called_and_the_machine_succeeds():
    for machine in sorted({machine for machine, _ in CALLED}):
        ended = run(machine, Account())
        assert ended.status == "SUCCEEDED", ended
        functions = {function for of, function in CALLED if of == machine}
        assert functions <= set(ended.calls)


# The first is tried again by every machine, and the second, a fault of ours, by none.
@pytest.mark.parametrize("error", ["NotReady", "KeyError"])
@pytest.mark.parametrize(("machine", "function"), CALLED)
def test_a_function_that_goes_on_failing_ends_its_machine_as_failed(machine, function, error):
    """What its alarm looks at. Functions have none of their own, which would ring at each try."""
    ended = run(machine, Account(fails=function, error=error))
    assert ended.status == "FAILED", ended
    assert ended.calls.count(function) > (5 if error == "NotReady" else 0)
