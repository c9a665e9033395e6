"""One execution of a pipeline: steps become ready, run as real jobs, and decide how it ends."""

import json
import secrets
import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from localcloud.errors import AwsError
from localcloud.sagemaker import definition
from localcloud.sagemaker.conditions import holds
from localcloud.sagemaker.definition import Json, Resolver, Unresolvable

if TYPE_CHECKING:
    from localcloud.sagemaker.pipelines import Pipelines

_KIND = {
    "Processing": "ProcessingJob",
    "Training": "TrainingJob",
    "Tuning": "HyperParameterTuningJob",
}
_DONE = ("Succeeded", "Failed", "Stopped")


class StepFailed(Exception):
    """A step failed; `exception` is the kind that retry policies name, None where none does."""

    def __init__(self, reason: str, exception: str | None = None) -> None:
        super().__init__(reason)
        self.exception = exception


class Execution:
    """Runs one execution to its end, on threads of the cloud."""

    def __init__(self, api: "Pipelines", record: Json) -> None:
        self._api = api
        self._cloud = api.cloud
        self._record = record
        self._definition = definition.read(record["definition"])
        self._steps = {step["Name"]: step for step in definition.walk(self._definition["Steps"])}
        self._changed = threading.Condition()
        self._active: set[str] = set()
        self._chosen = {step["Name"] for step in self._definition["Steps"]}
        self._stopping = False
        for name, told in record["steps"].items():
            if told["StepStatus"] == "Succeeded" and self._steps[name]["Type"] == "Condition":
                self._choose(name, told["Metadata"]["Condition"]["Outcome"] == "True")

    def stop(self) -> None:
        """Start no more steps and stop the jobs that run."""
        with self._changed:
            if self._stopping:
                return
            self._stopping = True
            self._changed.notify_all()
        self._api.move_execution(self._record, "Stopping")
        for told in list(self._record["steps"].values()):
            if told["StepStatus"] in ("Starting", "Executing") and told.get("job"):
                self._stop_job(told)

    def run(self) -> None:
        """Run until no step can run any more; after a failure nothing new starts."""
        while True:
            with self._changed:
                if not self._failed() and not self._stopping:
                    for name in self._ready():
                        self._active.add(name)
                        self._cloud.spawn(self._step, name, name=f"pipeline step {name}")
                if not self._active:
                    break
                self._changed.wait()
        self._end()

    def _end(self) -> None:
        failed = self._failed()
        if self._stopping and not failed:
            self._api.move_execution(self._record, "Stopped")
        elif failed:
            reasons = "; ".join(
                f"{t['StepName']}: {t.get('FailureReason', 'failed')}" for t in failed
            )
            reason = f"Step failure: One or multiple steps failed. {reasons}"
            self._api.move_execution(self._record, "Failed", reason)
        else:
            self._api.move_execution(self._record, "Succeeded")

    def _failed(self) -> list[Json]:
        return [told for told in self._record["steps"].values() if told["StepStatus"] == "Failed"]

    def _ready(self) -> list[str]:
        limit = (self._record.get("ParallelismConfiguration") or {}).get(
            "MaxParallelExecutionSteps", 50
        )
        found = []
        for name, step in self._steps.items():
            told = self._record["steps"].get(name)
            if name not in self._chosen or name in self._active:
                continue
            if told is not None and told["StepStatus"] in _DONE:
                continue
            if all(self._succeeded(parent) for parent in definition.parents(step)):
                found.append(name)
        return found[: max(0, limit - len(self._active))]

    def _succeeded(self, name: str) -> bool:
        told = self._record["steps"].get(name)
        return told is not None and told["StepStatus"] == "Succeeded"

    def _choose(self, name: str, outcome: bool) -> None:
        arguments = self._steps[name]["Arguments"]
        branch = arguments.get("IfSteps" if outcome else "ElseSteps", [])
        self._chosen |= {step["Name"] for step in branch}

    def _step(self, name: str) -> None:
        step = self._steps[name]
        now = self._cloud.clock.now()
        told = self._record["steps"].get(name)
        if told is None:
            told = {
                "StepName": name,
                "type": step["Type"],
                "StartTime": now,
                "StepStatus": "Starting",
                "AttemptCount": 1,
            }
            for key in ("DisplayName", "Description"):
                if key in step:
                    told[f"Step{key}"] = step[key]
            self._record["steps"][name] = told
            self._moved(told, None)
        try:
            self._attempts(step, told)
            self._finish(told, "Succeeded")
        except (StepFailed, Unresolvable) as error:
            stopped = self._stopping and isinstance(error, StepFailed)
            self._finish(told, "Stopped" if stopped else "Failed", str(error))
        except Exception as error:
            self._finish(told, "Failed", f"InternalServerError: {error}")
            raise
        finally:
            with self._changed:
                self._active.discard(name)
                self._changed.notify_all()

    def _attempts(self, step: Json, told: Json) -> None:
        while True:
            try:
                self._run_step(step, told)
                return
            except StepFailed as error:
                wait = self._retry_after(step, told, error)
                if wait is None or self._stopping:
                    raise
                self._cloud.clock.sleep(wait)
                told["AttemptCount"] += 1
                told.pop("job", None)
                self._api.save_execution(self._record)

    def _retry_after(self, step: Json, told: Json, error: StepFailed) -> float | None:
        for policy in step.get("RetryPolicies", []):
            kinds = policy.get("ExceptionType", [])
            kinds = [kinds] if isinstance(kinds, str) else kinds
            kinds = [
                "SageMaker.CAPACITY_ERROR" if k == "SageMaker.JOB_CAPACITY_ERROR" else k
                for k in kinds
            ]
            if error.exception not in kinds:
                continue
            attempt = told["AttemptCount"]
            if "ExpireAfterMin" in policy:
                end = told["StartTime"] + timedelta(minutes=policy["ExpireAfterMin"])
                if self._cloud.clock.now() >= end:
                    return None
            elif attempt > policy.get("MaxAttempts", 5):
                return None
            first, rate = policy.get("IntervalSeconds", 1), policy.get("BackoffRate", 2.0)
            return float(first * rate ** (attempt - 1))
        return None

    def _run_step(self, step: Json, told: Json) -> None:
        kind = step["Type"]
        if kind in _KIND:
            self._job(step, told, kind)
        elif kind == "Condition":
            outcome = all(
                holds(c, self._resolver(step).resolve) for c in step["Arguments"]["Conditions"]
            )
            told["Metadata"] = {"Condition": {"Outcome": str(outcome)}}
            told["properties"] = {"Outcome": str(outcome)}
            self._choose(step["Name"], outcome)
        elif kind == "Fail":
            message = self._resolver(step).resolve(step["Arguments"]["ErrorMessage"])
            told["Metadata"] = {"Fail": {"ErrorMessage": str(message)}}
            raise StepFailed(str(message))
        elif kind == "RegisterModel":
            self._register(step, told)

    def _job(self, step: Json, told: Json, kind: str) -> None:
        member = _KIND[kind]
        if told.get("job") is None:
            identifier = self._record["PipelineExecutionArn"].rpartition("/")[2]
            name = f"pipelines-{identifier}-{step['Name'][:26]}-{secrets.token_hex(5)}"
            if kind == "Tuning":  # their names have at most 32 characters
                name = f"{identifier}-{step['Name'][:8].strip('-_')}-{secrets.token_hex(5)}"
            arguments = self._resolver(step, name).resolve(step["Arguments"])
            arguments = _text_maps(arguments)
            arguments.pop("ExperimentConfig", None)
            told["job"] = name
            self._api.save_execution(self._record)
            answer = self._call(f"Create{member}", {**arguments, f"{member}Name": name})
            told["Metadata"] = {f"{kind}Job": {"Arn": answer[f"{member}Arn"]}}
            before, told["StepStatus"] = told["StepStatus"], "Executing"
            self._moved(told, before)
        arn = told["Metadata"][f"{kind}Job"]["Arn"]
        described = self._call(f"Describe{member}", {f"{member}Name": told["job"]})
        while described[f"{member}Status"] not in ("Completed", "Failed", "Stopped"):
            self._api.job_end(arn).wait()
            described = self._call(f"Describe{member}", {f"{member}Name": told["job"]})
        told["properties"] = described
        if described[f"{member}Status"] == "Completed":
            if kind == "Tuning":
                told["properties"] = {**described, "TrainingJobSummaries": self._ranked(described)}
            return
        reason = described.get("FailureReason") or f"the job is {described[f'{member}Status']}"
        if described.get("SecondaryStatus") == "MaxRuntimeExceeded":
            reason = "ClientError: the job ran longer than MaxRuntimeInSeconds"
        exception = "SageMaker.JOB_INTERNAL_ERROR" if "InternalServerError" in reason else None
        raise StepFailed(f"{reason}" if reason else "failed", exception)

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

    def _register(self, step: Json, told: Json) -> None:
        arguments = self._resolver(step).resolve(step["Arguments"])
        group = arguments["ModelPackageGroupName"]
        try:
            self._call("DescribeModelPackageGroup", {"ModelPackageGroupName": group})
        except StepFailed:
            self._call("CreateModelPackageGroup", {"ModelPackageGroupName": group})
        # The token makes a step that is run again after a crash register one version, not two.
        token = f"{self._record['PipelineExecutionArn'].rpartition('/')[2]}-{step['Name']}"[:36]
        answer = self._call("CreateModelPackage", {**arguments, "ClientToken": token})
        arn = answer["ModelPackageArn"]
        told["Metadata"] = {"RegisterModel": {"Arn": arn}}
        told["properties"] = self._call("DescribeModelPackage", {"ModelPackageName": arn})

    def _call(self, operation: str, request: Json) -> Json:
        role = self._record["RoleArn"]
        try:
            return self._cloud.call("sagemaker", operation, request, role_arn=role)
        except AwsError as error:
            kinds = {
                "ThrottlingException": "Step.THROTTLING",
                "ResourceLimitExceeded": "SageMaker.RESOURCE_LIMIT",
                "InternalFailure": "Step.SERVICE_FAULT",
            }
            reason = (
                f"ClientError: Failed to invoke sagemaker:{operation}. "
                f"Error Details: {error.message}"
            )
            raise StepFailed(reason, kinds.get(error.code)) from error

    def _resolver(self, step: Json, job: str = "") -> Resolver:
        arn = self._record["PipelineExecutionArn"]
        pipeline = self._record["PipelineArn"]
        name, identifier = pipeline.rpartition("/")[2], arn.rpartition("/")[2]
        variables = {
            "StartDateTime": _iso(self._record["CreationTime"]),
            "CurrentDateTime": _iso(self._cloud.clock.now()),
            "PipelineName": name,
            "PipelineArn": pipeline,
            "PipelineExecutionId": identifier,
            "PipelineExecutionArn": arn,
            "TrainingJobName": job,
            "ProcessingJobName": job,
            "ExperimentName": name,
            "TrialName": identifier,
        }
        return Resolver(self._record["parameters"], variables, self._properties, self._load)

    def _properties(self, name: str) -> Json:
        told = self._record["steps"].get(name)
        if told is None or "properties" not in told:
            raise Unresolvable(f"step {name} has no properties: it did not run")
        files = self._steps[name].get("PropertyFiles", [])
        return {**told["properties"], "PropertyFiles": files}

    def _load(self, uri: str) -> str:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3: Any = self._cloud.apis["s3"]
        raw: bytes = s3.read(bucket, key)
        return raw.decode()

    def _stop_job(self, told: Json) -> None:
        member = _KIND[told["type"]]
        try:
            self._cloud.call("sagemaker", f"Stop{member}", {f"{member}Name": told["job"]})
        except AwsError:
            return  # it has ended meanwhile, or was not created yet

    def _finish(self, told: Json, status: str, reason: str | None = None) -> None:
        before, told["StepStatus"] = told["StepStatus"], status
        told["EndTime"] = self._cloud.clock.now()
        if reason is not None:
            told["FailureReason"] = reason[:1024]
        self._moved(told, before)

    def _moved(self, told: Json, before: str | None) -> None:
        self._api.save_execution(self._record)
        self._api.announce_step(self._record, told, before)


def _text_maps(arguments: Json) -> Json:
    """Turn values of string maps that functions made of another type into text."""
    for key in ("HyperParameters", "Environment", "StaticHyperParameters"):
        if isinstance(arguments.get(key), dict):
            arguments[key] = {
                name: value if isinstance(value, str) else json.dumps(value)
                for name, value in arguments[key].items()
            }
    for key in ("TrainingJobDefinition",):
        if isinstance(arguments.get(key), dict):
            arguments[key] = _text_maps(arguments[key])
    return arguments


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
