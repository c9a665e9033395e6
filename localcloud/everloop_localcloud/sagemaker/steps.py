"""How each type of pipeline step runs: what it calls, what it waits for, what it leaves."""

import json
import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.caching import CACHED, cache_key, expiry
from everloop_localcloud.sagemaker.conditions import holds
from everloop_localcloud.sagemaker.record_steps import RecordSteps
from everloop_localcloud.sagemaker.resolver import Json
from everloop_localcloud.sagemaker.resource_steps import ResourceSteps, StepFailed, text_maps
from everloop_localcloud.sagemaker.step_scope import StepScope

_RANDOM_BYTES = 5
_CALLBACK_SECONDS = 7 * 86400.0  # AWS gives up on a callback after a week


class StepStopped(Exception):
    """A step was stopped: with its execution, or because somebody stopped its job."""


class Job(NamedTuple):
    """The names of one kind of job: in operations, in a step's metadata, and how long they get."""

    api: str
    metadata: str
    longest: int = 63


JOBS = {
    "Processing": Job("ProcessingJob", "ProcessingJob"),
    "Training": Job("TrainingJob", "TrainingJob"),
    "Transform": Job("TransformJob", "TransformJob"),
    "Tuning": Job("HyperParameterTuningJob", "TuningJob", 32),
}
_ENDED = ("Completed", "Failed", "Stopped")


class Step(ResourceSteps, RecordSteps):
    """One step of one execution. `told` is its record, which outlives the cloud."""

    def __init__(self, execution: StepScope, step: Json, told: Json) -> None:
        self._execution = execution
        self._cloud = execution.cloud
        self._step = step
        self._told = told

    def run(self) -> None:
        """Run the step once, to its end. Raises StepFailed, StepStopped or Unresolvable."""
        kind = self._step["Type"]
        if self._execution.stopping and not self._told.get("Metadata"):
            raise StepStopped("the execution was stopped")
        if kind in JOBS:
            self._job(JOBS[kind])
        else:
            self._of_type()()

    def stop(self) -> None:
        """Ask what runs for this step to end."""
        job = JOBS.get(self._step["Type"])
        if job is not None and self._told.get("job"):
            try:
                request = {f"{job.api}Name": self._told["job"]}
                self._cloud.call(
                    "sagemaker", f"Stop{job.api}", request, role_arn=self._execution.role_arn
                )
            except AwsError:
                return  # it has ended meanwhile, or was not created yet
        elif self._step["Type"] == "Callback" and self._told.get("Metadata"):
            self._send_callback("Stopping")

    def _job(self, job: Job) -> None:
        known = self._told.get("job")
        name = known or self._name(job.longest)
        if known is None or not self._told.get("Metadata"):
            arguments = text_maps(self._execution.resolver(name).resolve(self._step["Arguments"]))
            if known is None and self._cached(arguments):
                return
            self._execution.follow(self._step["Type"], arguments)
            self._told["job"] = name
            self._execution.save()
            answer = self._made(job, name) if known else None
            if answer is None:
                answer = self._call(f"Create{job.api}", {**arguments, f"{job.api}Name": name})
                self._tag(answer[f"{job.api}Arn"])
            self._executing({job.metadata: {"Arn": answer[f"{job.api}Arn"]}})
            if self._execution.stopping:
                self.stop()  # it was made while somebody stopped the others
        arn = self._told["Metadata"][job.metadata]["Arn"]
        asked = {f"{job.api}Name": name}
        described = self._call(f"Describe{job.api}", asked)
        while described[f"{job.api}Status"] not in _ENDED:
            self._execution.job_end(arn).wait()
            described = self._call(f"Describe{job.api}", asked)
        if described[f"{job.api}Status"] == "Completed" and job.metadata == "TuningJob":
            described = {**described, "TrainingJobSummaries": self._ranked(described)}
        self._told["properties"] = described
        _check_end(described, described[f"{job.api}Status"])

    def _tag(self, arn: str) -> None:
        """Need what AWS needs to tag a job as its pipeline's own; the tags are not kept here."""
        role = self._execution.role_arn
        self._cloud.roles.permits(role, "sagemaker", "AddTags", ResourceArn=arn)

    def _made(self, job: Job, name: str) -> Json | None:
        """Return the job that was asked for before a kill; None where the kill came first."""
        try:
            request = {f"{job.api}Name": name}
            return self._cloud.call(
                "sagemaker", f"Describe{job.api}", request, role_arn=self._execution.role_arn
            )
        except AwsError:
            return None

    def _name(self, longest: int) -> str:
        identifier, rest = self._execution.identifier, secrets.token_hex(_RANDOM_BYTES)
        prefix = f"pipelines-{identifier}" if longest > 32 else identifier
        room = longest - len(prefix) - len(rest) - 2
        return f"{prefix}-{self._step['Name'][:room].strip('-_').replace('_', '-')}-{rest}"

    def _ranked(self, tuning: Json) -> list[Json]:
        """Return a search's trials, the best first."""
        objective = tuning["BestTrainingJob"]["FinalHyperParameterTuningJobObjectiveMetric"]
        request = {
            "HyperParameterTuningJobName": tuning["HyperParameterTuningJobName"],
            "SortBy": "FinalObjectiveMetricValue",
            "SortOrder": "Descending" if objective["Type"] == "Maximize" else "Ascending",
        }
        answer = self._call("ListTrainingJobsForHyperParameterTuningJob", request)
        found: list[Json] = answer["TrainingJobSummaries"]
        return found

    def _condition(self) -> None:
        resolve = self._execution.resolver().resolve
        outcome = all(holds(each, resolve) for each in self._step["Arguments"]["Conditions"])
        self._told["Metadata"] = {"Condition": {"Outcome": str(outcome)}}
        self._told["properties"] = {"Outcome": str(outcome)}
        self._execution.choose(self._step["Name"], outcome)

    def _fail(self) -> None:
        message = str(self._execution.resolver().resolve(self._step["Arguments"]["ErrorMessage"]))
        self._told["Metadata"] = {"Fail": {"ErrorMessage": message}}
        raise StepFailed(message)

    def _for_each(self) -> None:
        self._executing({"ForEach": {}})
        found = self._execution.iterate(self._step)
        index = found.pop("selected", None)
        counts: Json = {k: value for k, value in found.items() if isinstance(value, int | str)}
        if index is not None:
            compared = self._step["Arguments"]["Selector"]["Field"]["Get"].split(".")[1]
            counts["Selector"] = {"StepName": f"{compared}-{index}", "Index": index}
        self._told["Metadata"] = {"ForEach": counts}
        self._told["properties"] = found
        if found["Status"] != "Succeeded":
            done, total = found["SucceededStepCount"], found["TotalStepCount"]
            if self._execution.stopping or found["Status"] == "Stopped":
                raise StepStopped(f"{done} of {total} steps succeeded")
            raise StepFailed(f"ClientError: {done} of {total} steps succeeded")

    def _lambda(self) -> None:
        resolve = self._execution.resolver().resolve
        function = resolve(self._step["FunctionArn"])
        arguments = resolve(self._step.get("Arguments") or {})
        if self._cached(arguments):
            return
        self._executing({"Lambda": {"Arn": function}})
        request = {"FunctionName": function, "Payload": json.dumps(arguments).encode()}
        answer = self._call("Invoke", request, service="lambda")
        payload = answer["Payload"]
        text = payload if isinstance(payload, bytes) else payload.read()
        if answer.get("FunctionError"):
            raise StepFailed(f"ClientError: {function} failed: {text.decode()[:800]}")
        self._keep_outputs("Lambda", json.loads(text or b"null"))

    def _callback(self) -> None:
        if not self._told.get("Metadata"):
            resolve = self._execution.resolver().resolve
            arguments = resolve(self._step.get("Arguments") or {})
            if self._cached(arguments):
                return
            queue = resolve(self._step["SqsQueueUrl"])
            self._told["arguments"] = arguments
            metadata = {"CallbackToken": secrets.token_hex(5), "SqsQueueUrl": queue}
            self._executing({"Callback": metadata})
            self._send_callback()
            if self._execution.stopping:
                self._send_callback("Stopping")  # it was sent while somebody stopped the others
        answer = self._execution.callback(self._told, _CALLBACK_SECONDS)
        if "failure" in answer:
            raise StepFailed(answer["failure"])
        if self._execution.stopping:
            raise StepStopped("the execution was stopped")
        self._keep_outputs("Callback", answer["outputs"])

    def _send_callback(self, status: str | None = None) -> None:
        metadata = self._told["Metadata"]["Callback"]
        body = {
            "token": metadata["CallbackToken"],
            "pipelineExecutionArn": self._execution.arn,
            "arguments": self._told["arguments"],
        }
        if status:
            body |= {"status": status}
        request = {"QueueUrl": metadata["SqsQueueUrl"], "MessageBody": json.dumps(body)}
        self._call("SendMessage", request, service="sqs")

    def _keep_outputs(self, kind: str, given: Any) -> None:
        """Keep what a function or a callback answered, by the types that the step declares."""
        found: Json = {}
        for output in self._step.get("OutputParameters") or []:
            name = output["OutputName"]
            if not isinstance(given, dict) or name not in given:
                raise StepFailed(f"ClientError: the answer lacks the output {name!r}: {given!r}")
            found[name] = _typed(name, output.get("OutputType", "String"), given[name])
        self._told["properties"] = {"OutputParameters": found}
        self._told["Metadata"][kind]["OutputParameters"] = [
            {"Name": name, "Value": value if isinstance(value, str) else json.dumps(value)}
            for name, value in found.items()
        ]

    def _cached(self, arguments: Json) -> bool:
        """Take over what an earlier run of this step left, where the step asks for that."""
        if self._step["Type"] not in CACHED:
            return False
        key = cache_key(self._step, arguments)
        config = self._step.get("CacheConfig") or {}
        if config.get("Enabled"):
            age = expiry(config["ExpireAfter"]) if "ExpireAfter" in config else None
            found = self._execution.earlier(self._step["Name"], key, age)
            if found is not None:
                arn, before = found
                self._told["CacheHitResult"] = {"SourcePipelineExecutionArn": arn}
                self._told["Metadata"] = before["Metadata"]
                self._told["properties"] = before["properties"]
                return True
        self._told["cache"] = key
        return False

    def _executing(self, metadata: Json) -> None:
        self._told["Metadata"] = metadata
        self._execution.move(self._told, "Executing")

    def _call(self, operation: str, request: Json, service: str = "sagemaker") -> Json:
        try:
            return self._cloud.call(service, operation, request, role_arn=self._execution.role_arn)
        except AwsError as error:
            kinds = {
                "ThrottlingException": "Step.THROTTLING",
                "TooManyRequestsException": "Step.THROTTLING",
                "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
                "InternalFailure": "Step.SERVICE_FAULT",
            }
            reason = (
                f"ClientError: Failed to invoke {service}:{operation}. "
                f"Error Details: {error.message}"
            )
            raise StepFailed(reason, kinds.get(error.code)) from error

    def _of_type(self) -> Callable[[], None]:
        return {
            "Condition": self._condition,
            "Fail": self._fail,
            "ForEach": self._for_each,
            "Model": self._model,
            "RegisterModel": self._register,
            "EndpointConfig": self._endpoint_config,
            "Endpoint": self._endpoint,
            "Lambda": self._lambda,
            "Lineage": self._lineage,
            "Cleanup": self._cleanup,
            "Callback": self._callback,
        }[self._step["Type"]]


def _check_end(described: Json, status: str) -> None:
    if status == "Completed":
        return
    reason = described.get("FailureReason") or f"the job is {status}"
    if described.get("SecondaryStatus") == "MaxRuntimeExceeded":
        reason = "ClientError: the job ran longer than MaxRuntimeInSeconds"
    elif status == "Stopped" and "FailureReason" not in described:
        raise StepStopped(reason)
    exception = "SageMaker.JOB_INTERNAL_ERROR" if "InternalServerError" in reason else None
    raise StepFailed(reason, exception)


def _typed(name: str, kind: str, value: Any) -> Any:
    """Return an output as its declared type; callbacks give every value as text."""
    try:
        if kind == "Integer":
            return int(value)
        if kind == "Float":
            return float(value)
        if kind == "Boolean":
            return (
                value if isinstance(value, bool) else {"true": True, "false": False}[value.lower()]
            )
    except (ValueError, TypeError, KeyError) as error:
        raise StepFailed(f"ClientError: the output {name!r} is {value!r}, no {kind}") from error
    return value if isinstance(value, str) else json.dumps(value)
