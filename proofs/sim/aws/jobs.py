"""SageMaker's pipelines and processing jobs: they take their time; they fail, hang, are stopped."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from proofs.sim.aws import content, labels
from proofs.sim.aws.registry import Package
from proofs.sim.aws.room import is_no_verdict
from proofs.template import ACCOUNT, REGION

Params = dict[str, Any]
_HANGS_SECONDS = 3000.0  # until the job's own limit ends it


@dataclass
class Run:
    """An execution of a model's pipeline."""

    arn: str
    model: str
    number: int
    parameters: dict[str, str]
    display_name: str
    started: Any
    started_at: float
    status: str = "Executing"
    changed: Any = None
    reason: str = ""
    failed_step: str = ""
    package: Package | None = None
    retries: set[str] = field(default_factory=set)  # by their tokens
    ended_at: float | None = None
    bad_files: bool = False  # they are why nothing was trained

    @property
    def window(self) -> int:
        """The window whose dataset it trains on, by the name that the product gave it."""
        return int(self.display_name.rpartition("-w")[2].partition("-")[0])

    @property
    def waits(self) -> bool:
        """Whether AWS lacked what it needs: it has brought nothing, and failed at nothing."""
        return self.status == "Failed" and is_no_verdict(self.reason)


@dataclass
class Job:
    name: str
    request: Params
    done: Any
    status: str = "InProgress"
    reason: str = ""
    joined: labels.Joined = field(default_factory=labels.Joined)


@dataclass
class Pipeline:
    name: str
    definition: Params
    token: str | None  # that it was created with
    tokens: dict[str, Run] = field(default_factory=dict)


class Jobs:
    def __init__(self, account: Any) -> None:
        self._account = account
        self._kernel = account.kernel
        self._dice = account.kernel.chance("jobs")
        self._files = account.kernel.chance("files")
        self.pipelines: dict[str, Pipeline] = {}
        self.runs: dict[str, Run] = {}
        self.processing: dict[str, Job] = {}

    # pipelines

    def update_pipeline(self, caller: Any, params: Params) -> Params:
        name = params["PipelineName"]
        if name not in self.pipelines:
            raise AwsError("ResourceNotFound", f"Pipeline '{_pipeline_arn(name)}' does not exist.")
        self.pipelines[name].definition = json.loads(params["PipelineDefinition"])
        return {"PipelineArn": _pipeline_arn(name)}

    def describe_pipeline(self, caller: Any, params: Params) -> Params:
        name = params["PipelineName"]
        if name not in self.pipelines:
            raise AwsError("ResourceNotFound", f"Pipeline '{_pipeline_arn(name)}' does not exist.")
        definition = json.dumps(self.pipelines[name].definition)
        return {
            "PipelineName": name,
            "PipelineArn": _pipeline_arn(name),
            "PipelineDefinition": definition,
        }

    def create_pipeline(self, caller: Any, params: Params) -> Params:
        name = params["PipelineName"]
        if name in self.pipelines:
            if self.pipelines[name].token == params.get("ClientRequestToken"):
                return {"PipelineArn": _pipeline_arn(name)}
            told = "Pipeline names must be unique within an AWS account and region. "
            raise AwsError(
                "ValidationException", f"{told}Pipeline with name ({name}) already exists."
            )
        definition = json.loads(params["PipelineDefinition"])
        self.pipelines[name] = Pipeline(name, definition, params.get("ClientRequestToken"))
        return {"PipelineArn": _pipeline_arn(name)}

    def start_pipeline_execution(self, caller: Any, params: Params) -> Params:
        name, token = params["PipelineName"], params["ClientRequestToken"]
        if name not in self.pipelines:
            raise AwsError("ResourceNotFound", f"Pipeline '{_pipeline_arn(name)}' does not exist.")
        pipeline = self.pipelines[name]
        if token in pipeline.tokens:
            return {"PipelineExecutionArn": pipeline.tokens[token].arn}
        self._account.room.check("pipeline execution")
        number = len(self.runs) + 1
        run = Run(
            arn=f"{_pipeline_arn(name)}/execution/run{number:08d}",
            model=name,
            number=number,
            parameters={p["Name"]: p["Value"] for p in params["PipelineParameters"]},
            display_name=params["PipelineExecutionDisplayName"],
            started=self._kernel.moment(),
            started_at=self._kernel.now,
        )
        run.changed = run.started
        pipeline.tokens[token] = run
        self.runs[run.arn] = run
        self._account.judge.trainings.starts(caller, run)
        self._account.note("pipeline", f"{name} {run.display_name} runs")
        self._run_on(run)
        return {"PipelineExecutionArn": run.arn}

    def _run_on(self, run: Run) -> None:
        seconds = self._dice.uniform(60, 900)
        if self._account.faults.strikes("job hangs"):
            seconds = _HANGS_SECONDS
        self._kernel.after(seconds, lambda: self._end(run))

    def retry_pipeline_execution(self, caller: Any, params: Params) -> Params:
        run = self._run(params["PipelineExecutionArn"])
        if params["ClientRequestToken"] in run.retries:
            return {"PipelineExecutionArn": run.arn}
        if run.status not in ("Failed", "Stopped"):
            raise AwsError("ConflictException", f"Pipeline execution {run.arn} is {run.status}.")
        self._account.judge.trainings.goes_on(caller, run)
        run.retries.add(params["ClientRequestToken"])
        run.status, run.changed, run.ended_at = "Executing", self._kernel.moment(), None
        run.reason = run.failed_step = ""
        self._account.note("pipeline", f"{run.model} {run.display_name} goes on")
        self._run_on(run)
        return {"PipelineExecutionArn": run.arn}

    def list_pipeline_executions(self, caller: Any, params: Params) -> Params:
        found = [run for run in self.runs.values() if run.model == params["PipelineName"]]
        rows = [
            {
                "PipelineExecutionArn": run.arn,
                "StartTime": run.started,
                "PipelineExecutionStatus": run.status,
                "PipelineExecutionDisplayName": run.display_name,
            }
            for run in reversed(found)
        ]
        return {"PipelineExecutionSummaries": rows[: params.get("MaxResults", 10)]}

    def stop_pipeline_execution(self, caller: Any, params: Params) -> Params:
        run = self._run(params["PipelineExecutionArn"])
        if run.status != "Executing":
            told = f"Pipeline execution with ARN {run.arn} status '{run.status}'."
            raise AwsError("ValidationException", told)
        run.status, run.changed = "Stopping", self._kernel.moment()
        self._kernel.after(self._dice.uniform(1, 30), lambda: self._finish(run, "Stopped"))
        return {"PipelineExecutionArn": run.arn}

    def describe_pipeline_execution(self, caller: Any, params: Params) -> Params:
        run = self._run(params["PipelineExecutionArn"])
        return {
            "PipelineArn": _pipeline_arn(run.model),
            "PipelineExecutionArn": run.arn,
            "PipelineExecutionDisplayName": run.display_name,
            "PipelineExecutionStatus": run.status,
            "FailureReason": run.reason,
            "CreationTime": run.started,
            "LastModifiedTime": run.changed,
        }

    def list_pipeline_execution_steps(self, caller: Any, params: Params) -> Params:
        run = self._run(params["PipelineExecutionArn"])
        steps: list[Params] = [{"StepName": "Train", "StepStatus": "Succeeded", "Metadata": {}}]
        if run.package is not None:
            metadata = {"RegisterModel": {"Arn": run.package.arn}}
            steps.append({"StepName": "Register", "StepStatus": "Succeeded", "Metadata": metadata})
        if run.failed_step:
            told = {"Fail": {"ErrorMessage": run.reason}} if run.failed_step == "BelowBars" else {}
            steps.append(
                {
                    "StepName": run.failed_step,
                    "StepStatus": "Failed",
                    "FailureReason": run.reason,
                    "Metadata": told,
                }
            )
        return {"PipelineExecutionSteps": steps}

    def _run(self, arn: str) -> Run:
        if arn not in self.runs:
            raise AwsError("ResourceNotFound", f"Pipeline execution '{arn}' does not exist.")
        return self.runs[arn]

    def _end(self, run: Run) -> None:
        if run.status != "Executing":
            return  # it was stopped
        lacks = self._account.room.lacks(pipeline=True)
        run.bad_files = not lacks and self._put_down(run)
        if lacks:
            run.failed_step = self._dice.choice(("Preprocess", "Train", "Evaluate"))
            run.reason, status = lacks, "Failed"
        elif run.bad_files:
            run.failed_step, run.reason = "Preprocess", "ClientError: bad data"
            status = "Failed"
        elif self._account.faults.strikes("job fails"):
            run.failed_step = self._dice.choice(("Train", "Evaluate", "BelowBars"))
            run.reason = "ClientError: the script failed"
            if run.failed_step == "BelowBars":
                run.reason = "Below the bars: auc is 0.5 (at least 0.6 wanted)"
            status = "Failed"
        else:
            run.package = self._register(run)
            self._kernel.pause(self._dice.uniform(0.1, 5))
            status = "Succeeded"
        if run.status == "Executing":
            self._finish(run, status)

    def _put_down(self, run: Run) -> bool:
        """Write what became of each file, as the prepare job does; now and then one is bad."""
        chance = self._files.random()
        manifest = content.read_json(self._account.s3.read(run.parameters["DatasetUri"]))
        bad = {self._files.randrange(len(manifest["objects"]))} if chance < 0.15 else set()
        nothing = bool(chance < 0.05)
        if nothing:
            newest = max(each["window"] for each in manifest["objects"])
            bad |= {i for i, each in enumerate(manifest["objects"]) if each["window"] == newest}
        found = content.files(manifest["objects"], bad, nothing=nothing)
        key = f"runs/{run.model}/run{run.number:08d}/files/files.json"
        self._account.s3.put(self._account.artefact_bucket, key, found)
        return nothing

    def _finish(self, run: Run, status: str) -> None:
        run.status, run.changed, run.ended_at = status, self._kernel.moment(), self._kernel.now
        self._account.note("pipeline", f"{run.model} {run.display_name} {status} {run.failed_step}")
        self._account.moments.trained(run.model)
        self._account.bus.emit(
            "aws.sagemaker",
            "SageMaker Model Building Pipeline Execution Status Change",
            {
                "pipelineArn": _pipeline_arn(run.model),
                "pipelineExecutionArn": run.arn,
                "pipelineExecutionDisplayName": run.display_name,
                "currentPipelineExecutionStatus": status,
                "previousPipelineExecutionStatus": "Executing",
                "executionStartTime": f"{run.started:%Y-%m-%dT%H:%M:%SZ}",
                "executionEndTime": f"{run.changed:%Y-%m-%dT%H:%M:%SZ}",
            },
            [_pipeline_arn(run.model), run.arn],
        )

    def _register(self, run: Run) -> Package:
        """Write what the steps of a pipeline write, and register the version."""
        better = self._dice.random() < 0.7
        faithful = self._dice.random() < 0.85
        version = len(self._account.registry.groups.get(run.model, ())) + 1
        bucket = self._account.artefact_bucket
        root = f"runs/{run.model}/run{run.number:08d}"
        for name, data in content.run_files(run.model, version).items():
            self._account.s3.put(bucket, f"{root}/{name}", data)
        register = content.find_step(self.pipelines[run.model].definition, "RegisterModel")
        metadata = content.filled(
            register["CustomerMetadataProperties"],
            {f"Parameters.{k}": v for k, v in run.parameters.items()}
            | {
                "Execution.PipelineExecutionArn": run.arn,
                "Execution.PipelineExecutionId": run.arn.rpartition("/")[2],
            },
            f"s3://{bucket}/{root}",
        )
        package: Package = self._account.registry.register(
            run.model,
            image=register["InferenceSpecification"]["Containers"][0]["Image"],
            model_data=f"s3://{bucket}/{root}/model/model.tar.gz",
            metadata=metadata,
            better=better,
            faithful=faithful,
            digests={sha256(f"{run.model} {version}".encode()).hexdigest()},
        )
        return package

    # processing jobs

    def create_processing_job(self, caller: Any, params: Params) -> Params:
        name = params["ProcessingJobName"]
        if name in self.processing:
            raise AwsError("ResourceInUse", f"Job name {name} is already in use.")
        self._account.room.check("processing job")
        job = Job(name, params, self._kernel.signal())
        self.processing[name] = job
        seconds = self._dice.uniform(30, 400)
        if self._account.faults.strikes("job hangs"):
            seconds = _HANGS_SECONDS
        self._kernel.after(seconds, lambda: self._process(job))
        return {"ProcessingJobArn": _job_arn(name)}

    def describe_processing_job(self, caller: Any, params: Params) -> Params:
        job = self.processing.get(params["ProcessingJobName"])
        if job is None:
            raise AwsError("ValidationException", "Could not find requested job with name")
        return {
            "ProcessingJobName": job.name,
            "ProcessingJobArn": _job_arn(job.name),
            "ProcessingJobStatus": job.status,
            "Environment": job.request.get("Environment", {}),
            "AppSpecification": job.request["AppSpecification"],
            "ProcessingResources": job.request["ProcessingResources"],
            "CreationTime": self._kernel.moment(),
        }

    def _process(self, job: Job) -> None:
        lacks = self._account.room.lacks()
        if lacks:
            job.status, job.reason = "Failed", lacks
        elif self._account.faults.strikes("job fails"):
            job.status, job.reason = "Failed", "AlgorithmError: exit code 1"
        else:
            job.status = "Completed"
            output = job.request["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
            bucket, _, prefix = output.removeprefix("s3://").partition("/")
            name, data = self._found(job)
            self._account.s3.put(bucket, f"{prefix}/{name}", data)
            if name == "findings.json":
                job.joined = labels.look(self._account.s3, job.request)
        self._account.note("job", f"{job.name} {job.status}")
        job.done.set()

    def _found(self, job: Job) -> tuple[str, bytes]:
        text = json.dumps(job.request)
        if "monitor.py" in text:
            return "findings.json", content.findings(
                job.name.partition("-2026")[0], violated=self._dice.random() < 0.5
            )
        inputs = {i["InputName"]: i["S3Input"]["S3Uri"] for i in job.request["ProcessingInputs"]}
        candidate = self._account.registry.made_of(inputs["candidate"])
        return "comparison.json", content.comparison(better=candidate.better)


def _pipeline_arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/{name}"


def _job_arn(name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:processing-job/{name}"
