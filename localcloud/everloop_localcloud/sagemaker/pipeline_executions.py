"""Executions of pipelines: begun, told, stopped, retried; `execution` runs them."""

import hashlib

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.clock import Signal, stamp
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import definition, selective
from everloop_localcloud.sagemaker.execution import Execution
from everloop_localcloud.sagemaker.experiments import Experiments
from everloop_localcloud.sagemaker.jobs import Jobs, Record, created_by
from everloop_localcloud.sagemaker.listing import page, pages, pick
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.pipelines import Pipelines

_EXECUTION_EVENT = "SageMaker Model Building Pipeline Execution Status Change"
_STEP_EVENT = "SageMaker Model Building Pipeline Execution Step Status Change"
ENDED = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")


class PipelineExecutions(Part):
    """Operations on executions of pipelines and their steps."""

    def __init__(
        self, cloud: Account, jobs: Jobs, experiments: Experiments, pipelines: Pipelines
    ) -> None:
        super().__init__(cloud)
        self._jobs = jobs
        self._experiments = experiments
        self._pipelines = pipelines
        self._executions = cloud.store.table("sagemaker.pipeline-executions")
        self._live: dict[str, Execution] = {}

    def records(self) -> dict[str, Records]:
        return {"pipeline-execution": self._executions}

    def start(self) -> None:
        """Go on with the executions that ran when the cloud last ended."""
        for arn, record in list(self._executions.items()):
            if record["PipelineExecutionStatus"] not in ENDED:
                self._run_execution(arn)

    @operation
    def start_pipeline_execution(self, call: Call, request: Record) -> Record:
        token = request["ClientRequestToken"]
        with self._pipelines.lock:
            pipeline = self._pipelines.pipeline(request["PipelineName"])
            for record in self._executions.values():
                if record["token"] == token and record["PipelineArn"] == pipeline["PipelineArn"]:
                    return {"PipelineExecutionArn": record["PipelineExecutionArn"]}
            read = definition.read(pipeline["PipelineDefinition"])
            values = definition.coerce(
                read.get("Parameters", []), request.get("PipelineParameters", [])
            )
            digest = hashlib.sha256(f"{pipeline['PipelineArn']} {token}".encode()).hexdigest()
            identifier = "".join(
                "0123456789abcdefghijklmnopqrstuvwxyz"[int(digest[i : i + 2], 16) % 36]
                for i in range(0, 24, 2)
            )
            arn = f"{pipeline['PipelineArn']}/execution/{identifier}"
            self._executions[arn] = {
                "PipelineArn": pipeline["PipelineArn"],
                "PipelineExecutionArn": arn,
                "PipelineExecutionDisplayName": request.get(
                    "PipelineExecutionDisplayName", f"execution-{int(call.time.timestamp() * 1000)}"
                ),
                "PipelineExecutionDescription": request.get("PipelineExecutionDescription"),
                "PipelineExecutionStatus": "Executing",
                "CreationTime": call.time,
                "LastModifiedTime": call.time,
                "CreatedBy": created_by(call),
                "LastModifiedBy": created_by(call),
                "RoleArn": request.get("RoleArn", pipeline["RoleArn"]),
                "ParallelismConfiguration": request.get(
                    "ParallelismConfiguration", pipeline.get("ParallelismConfiguration")
                ),
                "token": token,
                "definition": pipeline["PipelineDefinition"],
                "parameters": values,
                "steps": {},
                **self._selection(request, pipeline, read),
            }
            self._pipelines.ran(pipeline, call.time)
        self.announce_execution(self._executions[arn], None)
        self._run_execution(arn)
        return {"PipelineExecutionArn": arn}

    @operation
    def delete_pipeline(self, call: Call, request: Record) -> Record:
        """Delete a pipeline and its executions; none may run, as on AWS."""
        with self._pipelines.lock:
            pipeline = self._pipelines.pipeline(request["PipelineName"])
            found = self.executions_of(pipeline["PipelineArn"])
            if any(record["PipelineExecutionStatus"] not in ENDED for record in found):
                raise AwsError(
                    "ConflictException",
                    f"Pipeline {pipeline['PipelineArn']} has running executions. Stop all of them "
                    "before you delete it.",
                )
            for record in found:
                del self._executions[record["PipelineExecutionArn"]]
            self._pipelines.forget(pipeline)
        return {"PipelineArn": pipeline["PipelineArn"]}

    def _selection(self, request: Record, pipeline: Record, read: Record) -> Record:
        """Return what an execution of selected steps begins with."""
        config = request.get("SelectiveExecutionConfig")
        if config is None:
            return {}
        selected = selective.read(config, read)
        source = None
        if "SourcePipelineExecutionArn" in config:
            source = self._execution(config["SourcePipelineExecutionArn"])
            if source["PipelineArn"] != pipeline["PipelineArn"]:
                raise validation("SourcePipelineExecutionArn is an execution of another pipeline")
            if source["PipelineExecutionStatus"] not in ENDED:
                raise validation("the execution of SourcePipelineExecutionArn has not ended")
        steps = selective.reused(selected, read, source)
        return {"SelectiveExecutionConfig": config, "selected": selected, "steps": steps}

    @operation
    def describe_pipeline_execution(self, call: Call, request: Record) -> Record:
        return self._told(self._execution(request["PipelineExecutionArn"]))

    @operation
    def list_pipeline_executions(self, call: Call, request: Record) -> Record:
        pipeline = self._pipelines.pipeline(request["PipelineName"])
        arn = pipeline["PipelineArn"]
        found = [record for record in self._executions.values() if record["PipelineArn"] == arn]

        def summary(record: Record) -> Record:
            told = pick(
                record,
                "PipelineExecutionArn",
                "PipelineExecutionStatus",
                "PipelineExecutionDescription",
                "PipelineExecutionDisplayName",
            )
            told["StartTime"] = record["CreationTime"]
            if record.get("FailureReason"):
                told["PipelineExecutionFailureReason"] = record["FailureReason"]
            return told

        return page(found, request, member="PipelineExecutionSummaries", summary=summary)

    @operation
    def list_pipeline_execution_steps(self, call: Call, request: Record) -> Record:
        record = self._execution(request["PipelineExecutionArn"])
        steps = sorted(
            list(record["steps"].values()),
            key=lambda step: step["StartTime"],
            reverse=request.get("SortOrder", "Descending") == "Descending",
        )
        hidden = ("properties", "type", "job", "cache", "arguments", "answer")
        return pages(
            steps,
            {"MaxResults": 100, **request},  # the SageMaker SDK takes the first page for all
            "PipelineExecutionSteps",
            lambda step: {
                key: value for key, value in step.items() if key not in hidden and value is not None
            },
        )

    @operation
    def list_pipeline_parameters_for_execution(self, call: Call, request: Record) -> Record:
        record = self._execution(request["PipelineExecutionArn"])
        listed = [
            {"Name": name, "Value": str(value)} for name, value in record["parameters"].items()
        ]
        return pages(listed, request, "PipelineParameters", lambda parameter: parameter)

    @operation
    def describe_pipeline_definition_for_execution(self, call: Call, request: Record) -> Record:
        record = self._execution(request["PipelineExecutionArn"])
        return {"PipelineDefinition": record["definition"], "CreationTime": record["CreationTime"]}

    @operation
    def update_pipeline_execution(self, call: Call, request: Record) -> Record:
        record = self._execution(request["PipelineExecutionArn"])
        names = (
            "PipelineExecutionDescription",
            "PipelineExecutionDisplayName",
            "ParallelismConfiguration",
        )
        record.update(pick(request, *names))
        self._executions.save(record["PipelineExecutionArn"])
        return {"PipelineExecutionArn": record["PipelineExecutionArn"]}

    @operation
    def stop_pipeline_execution(self, call: Call, request: Record) -> Record:
        record = self._execution(request["PipelineExecutionArn"])
        if record["PipelineExecutionStatus"] in ENDED:
            raise AwsError(
                "ConflictException",
                f"Pipeline execution with ARN {record['PipelineExecutionArn']} status "
                f"'{record['PipelineExecutionStatus']}'. "
                "Only pipelines with 'Executing' status can be stopped.",
            )
        self._live[record["PipelineExecutionArn"]].stop()
        return {"PipelineExecutionArn": record["PipelineExecutionArn"]}

    @operation
    def retry_pipeline_execution(self, call: Call, request: Record) -> Record:
        record = self._execution(request["PipelineExecutionArn"])
        if record["PipelineExecutionStatus"] not in ("Failed", "Stopped"):
            raise AwsError(
                "ConflictException",
                f"the execution is {record['PipelineExecutionStatus']}; "
                "only Failed or Stopped ones are retried",
            )
        record["steps"] = {
            name: step
            for name, step in record["steps"].items()
            if step["StepStatus"] == "Succeeded"
        }
        record.pop("FailureReason", None)
        record.update(pick(request, "ParallelismConfiguration"))
        self.move_execution(record, "Executing")
        self._run_execution(record["PipelineExecutionArn"])
        return {"PipelineExecutionArn": record["PipelineExecutionArn"]}

    @operation
    def send_pipeline_execution_step_success(self, call: Call, request: Record) -> Record:
        outputs = {each["Name"]: each["Value"] for each in request.get("OutputParameters", [])}
        return self._answer_callback(request["CallbackToken"], {"outputs": outputs})

    @operation
    def send_pipeline_execution_step_failure(self, call: Call, request: Record) -> Record:
        reason = request.get("FailureReason", "the callback was answered with a failure")
        return self._answer_callback(request["CallbackToken"], {"failure": reason})

    def _answer_callback(self, token: str, answer: Record) -> Record:
        for record in self._executions.values():
            for told in list(record["steps"].values()):
                callback = (told.get("Metadata") or {}).get("Callback") or {}
                if callback.get("CallbackToken") != token:
                    continue
                if "answer" in told or told["StepStatus"] not in ("Executing", "Stopping"):
                    if told.get("answer") != answer:
                        raise AwsError(
                            "ConflictException",
                            f"the callback with token {token} was answered; its step is"
                            f" {told['StepStatus']}",
                        )
                else:
                    self._live[record["PipelineExecutionArn"]].answer(told, answer)
                return {"PipelineExecutionArn": record["PipelineExecutionArn"]}
        raise AwsError("ResourceNotFound", f"no step waits for a callback with token {token!r}")

    def job_end(self, arn: str) -> Signal:
        """Return the signal that is set once a step's job has ended."""
        return self._jobs.job_end(arn)

    def executions_of(self, pipeline_arn: str) -> list[Record]:
        return [r for r in self._executions.values() if r["PipelineArn"] == pipeline_arn]

    def _run_execution(self, arn: str) -> None:
        execution = Execution(self, self._executions[arn])
        self._live[arn] = execution

        def run() -> None:
            execution.run()
            if self._live.get(arn) is execution:  # its record stays; a retry makes a new one
                del self._live[arn]

        self.cloud.spawn(run, name=f"pipeline execution {arn.rpartition('/')[2]}")

    def _execution(self, arn: str) -> Record:
        found: Record | None = self._executions.get(arn)
        if found is None:
            raise AwsError("ResourceNotFound", f"Pipeline execution '{arn}' does not exist.")
        return found

    def _told(self, record: Record) -> Record:
        hidden = ("token", "definition", "parameters", "steps", "selected", "items")
        return {key: value for key, value in record.items() if key not in hidden}

    def follow(self, record: Record, kind: str, arguments: Record, experiment: Record) -> None:
        """Let a job's records lead back to its execution: by its tag, and by the experiment.

        The pipeline's experiment and the execution's trial in it are made if they are not there.
        """
        tag = {"Key": "sagemaker:pipeline-execution-arn", "Value": record["PipelineExecutionArn"]}
        arguments["Tags"] = [*arguments.get("Tags", []), tag]
        own = arguments.pop("ExperimentConfig", {})
        if not experiment or kind not in ("Training", "Processing", "Transform"):
            return
        who = (self.cloud.account, self.cloud.region, record["RoleArn"])
        source = {"SourceArn": record["PipelineArn"], "SourceType": "SageMakerPipeline"}
        self._experiments.ensure_trial(
            Call(*who, self.cloud.clock.now()),
            experiment["ExperimentName"],
            experiment["TrialName"],
            source,
        )
        record["PipelineExperimentConfig"] = experiment
        arguments["ExperimentConfig"] = {**own, **experiment}

    def save_execution(self, record: Record) -> None:
        self._executions.save(record["PipelineExecutionArn"])

    def move_execution(self, record: Record, status: str, reason: str | None = None) -> None:
        """Set an execution's status and send AWS's event for it."""
        before = record["PipelineExecutionStatus"]
        record["PipelineExecutionStatus"] = status
        record["LastModifiedTime"] = self.cloud.clock.now()
        if reason:
            record["FailureReason"] = reason[:1300]
        self.save_execution(record)
        self.announce_execution(record, before)

    def announce_execution(self, record: Record, before: str | None) -> None:
        detail = {
            "pipelineExecutionDescription": record.get("PipelineExecutionDescription"),
            "pipelineExecutionDisplayName": record["PipelineExecutionDisplayName"],
            "currentPipelineExecutionStatus": record["PipelineExecutionStatus"],
            "previousPipelineExecutionStatus": before,
            "executionStartTime": stamp(record["CreationTime"]),
            "pipelineArn": record["PipelineArn"],
            "pipelineExecutionArn": record["PipelineExecutionArn"],
        }
        if record["PipelineExecutionStatus"] in ENDED:
            detail["executionEndTime"] = stamp(record["LastModifiedTime"])
        known = {key: value for key, value in detail.items() if value is not None}
        resources = [record["PipelineArn"], record["PipelineExecutionArn"]]
        self.cloud.emit("aws.sagemaker", _EXECUTION_EVENT, known, resources)

    def announce_step(self, record: Record, step: Record, before: str | None) -> None:
        metadata = {
            key[0].lower() + key[1:]: {k[0].lower() + k[1:]: v for k, v in value.items()}
            for key, value in (step.get("Metadata") or {}).items()
        }
        detail = {
            "stepName": step["StepName"],
            "stepType": step["type"],
            "metadata": metadata,
            "currentStepStatus": step["StepStatus"],
            "previousStepStatus": before,
            "stepStartTime": stamp(step["StartTime"]),
            "stepEndTime": stamp(step["EndTime"]) if step.get("EndTime") else None,
            "failureReason": step.get("FailureReason"),
            "cacheHitResult": {
                key[0].lower() + key[1:]: value
                for key, value in step.get("CacheHitResult", {}).items()
            }
            or None,
            "pipelineArn": record["PipelineArn"],
            "pipelineExecutionArn": record["PipelineExecutionArn"],
        }
        known = {key: value for key, value in detail.items() if value is not None}
        resources = [record["PipelineArn"], record["PipelineExecutionArn"]]
        self.cloud.emit("aws.sagemaker", _STEP_EVENT, known, resources)
