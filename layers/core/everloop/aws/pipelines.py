"""Pipelines and their executions: upsert, start once, and how one ended."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, sagemaker, translated
from everloop.errors import BadInput, Conflict, NotReady
from everloop.moments import moment, text
from everloop.names import digest

EXECUTING, STOPPING = "Executing", "Stopping"
_TERMINAL = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")


class PipelineGone(NotReady):
    """There is no such pipeline; a push or reconcile makes it."""


class ExecutionGone(BadInput):
    """The pipeline of an execution was deleted, and the execution with it."""


@dataclass(frozen=True)
class Execution:
    """A pipeline execution as it is now."""

    arn: str
    pipeline: str
    display_name: str
    status: str
    failure_reason: str
    started_at: datetime
    changed_at: datetime

    @property
    def ended(self) -> bool:
        return self.status in _TERMINAL


@dataclass(frozen=True)
class Ending:
    """What the steps of an ended execution say: which failed and why, or what was registered.

    `chosen` says that a Fail step gives the reason, in the words of whoever wrote the pipeline.
    """

    package_arn: str
    failed_step: str
    reason: str
    chosen: bool = False


def exists(model: str) -> bool:
    """Whether a pipeline of this name is there."""
    try:
        with translated(f"pipeline {model}"):
            sagemaker().describe_pipeline(PipelineName=model)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def current_definition(model: str) -> Any:
    """Return what a model's pipeline is made of, as JSON. Raises PipelineGone."""
    try:
        with translated(f"pipeline {model}"):
            found = sagemaker().describe_pipeline(PipelineName=model)
    except ClientError as error:
        if is_missing(error):
            raise PipelineGone(f"pipeline {model} is gone; reconcile makes it again") from error
        raise
    return json.loads(found["PipelineDefinition"])


def update(model: str, definition: str, role_arn: str, description: str = "") -> str:
    """Give a model's pipeline another definition; return its ARN. Raises PipelineGone."""
    try:
        with translated(f"pipeline {model}"):
            answer = sagemaker().update_pipeline(
                PipelineName=model,
                PipelineDefinition=definition,
                PipelineDescription=description,
                RoleArn=role_arn,
            )
    except ClientError as error:
        if is_missing(error):
            raise PipelineGone(f"pipeline {model} is gone; reconcile makes it again") from error
        raise _refused(model, error) from error
    return answer["PipelineArn"]


def upsert(
    model: str, definition: str, role_arn: str, description: str = "", *, again: str = ""
) -> str:
    """Create or update a model's pipeline; return its ARN. Raises BadInput where AWS refuses it.

    `again` is when one that was deleted is made again: AWS may remember the first one's token.
    """
    token = digest([model, definition, role_arn, description, *([again] if again else [])])
    try:
        return update(model, definition, role_arn, description)
    except PipelineGone:
        pass
    try:
        with translated(f"pipeline {model}"):
            created = sagemaker().create_pipeline(
                PipelineName=model,
                PipelineDefinition=definition,
                PipelineDescription=description,
                RoleArn=role_arn,
                ClientRequestToken=token,
            )
            return created["PipelineArn"]
    except ClientError as error:
        raise _refused(model, error) from error


def delete(model: str, why: str) -> bool:
    """Delete a model's pipeline with its executions; False where there is none.

    Raises NotReady while an execution runs: AWS takes no pipeline away under it.
    """
    try:
        with translated(f"pipeline {model}"):
            sagemaker().delete_pipeline(
                PipelineName=model, ClientRequestToken=digest([model, "delete", why])
            )
    except Conflict as conflict:
        raise NotReady(str(conflict)) from conflict
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def start(
    model: str, parameters: dict[str, str], display_name: str, token: str, description: str
) -> str:
    """Start a pipeline, once for one token; return the execution's ARN."""
    try:
        with translated(f"pipeline {model}"):
            answer = sagemaker().start_pipeline_execution(
                PipelineName=model,
                PipelineExecutionDisplayName=display_name,
                PipelineExecutionDescription=description,
                PipelineParameters=[
                    {"Name": name, "Value": value} for name, value in sorted(parameters.items())
                ],
                ClientRequestToken=token,
            )
    except ClientError as error:
        raise _refused(model, error) from error
    return answer["PipelineExecutionArn"]


def resume(execution: Execution) -> None:
    """Let an execution that failed go on with the step that failed, once for this failure.

    What its other steps brought stays. One that goes on already, or has ended otherwise since, is
    left as it is.
    """
    token = digest([execution.arn, text(execution.changed_at)])
    try:
        with translated(execution.arn):
            sagemaker().retry_pipeline_execution(
                PipelineExecutionArn=execution.arn, ClientRequestToken=token
            )
    except Conflict:
        return
    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise


def newest(model: str) -> list[Execution]:
    """Return the hundred newest executions of a model's pipeline, the last first.

    Why one failed and when it changed is not in this list: `describe` tells.
    """
    with translated(f"executions of pipeline {model}"):
        response: Any = sagemaker().list_pipeline_executions(
            PipelineName=model, SortBy="CreationTime", SortOrder="Descending", MaxResults=100
        )
    return [
        Execution(
            arn=str(summary["PipelineExecutionArn"]),
            pipeline=model,
            display_name=str(summary.get("PipelineExecutionDisplayName") or ""),
            status=str(summary["PipelineExecutionStatus"]),
            failure_reason="",
            started_at=moment(summary["StartTime"]),
            changed_at=moment(summary["StartTime"]),
        )
        for summary in response["PipelineExecutionSummaries"]
    ]


def running(model: str) -> list[Execution]:
    """Return the executions of a model's pipeline that have not ended, the newest first.

    Only the newest are looked at: what is older than a hundred executions has ended.
    """
    return [execution for execution in newest(model) if execution.status == EXECUTING]


def stop(arn: str, why: str) -> None:
    """Stop an execution; one that has just ended, or is being stopped, is as good as stopped."""
    try:
        with translated(arn):
            sagemaker().stop_pipeline_execution(
                PipelineExecutionArn=arn, ClientRequestToken=digest([arn, why])
            )
    except ClientError as error:
        if code_of(error) not in ("ValidationException", "ConflictException"):
            raise


def describe(arn: str) -> Execution:
    """Read an execution as it is now. Raises ExecutionGone."""
    try:
        with translated(arn):
            description: Any = sagemaker().describe_pipeline_execution(PipelineExecutionArn=arn)
    except ClientError as error:
        if is_missing(error):
            raise ExecutionGone(f"{arn}: {error}") from error
        raise
    return Execution(
        arn=arn,
        pipeline=str(description["PipelineArn"]).rpartition("/")[2],
        display_name=str(description.get("PipelineExecutionDisplayName") or ""),
        status=str(description["PipelineExecutionStatus"]),
        failure_reason=str(description.get("FailureReason") or ""),
        started_at=moment(description["CreationTime"]),
        changed_at=moment(description.get("LastModifiedTime") or description["CreationTime"]),
    )


def definition(arn: str) -> str | None:
    """Return the definition that an execution ran with; None where the execution is gone."""
    try:
        with translated(arn):
            answer: Any = sagemaker().describe_pipeline_definition_for_execution(
                PipelineExecutionArn=arn
            )
    except ClientError as error:
        if is_missing(error):
            return None
        raise
    return str(answer["PipelineDefinition"])


def steps(arn: str) -> list[tuple[str, str]]:
    """Return the steps of an execution that were begun, in order, each with its status."""
    return [
        (str(step["StepName"]), str(step["StepStatus"]))
        for step in listed_steps(arn, SortOrder="Ascending")
    ]


def listed_steps(arn: str, **order: Any) -> list[Any]:
    """Return the steps of an execution as SageMaker describes them."""
    with translated(arn):
        pages = (
            sagemaker()
            .get_paginator("list_pipeline_execution_steps")
            .paginate(PipelineExecutionArn=arn, **order)
        )
        return [step for page in pages for step in page["PipelineExecutionSteps"]]


def ending(arn: str) -> Ending:
    """Read from its steps how an execution ended."""
    package, failed, reason, chosen = "", "", "", False
    for step in listed_steps(arn):
        metadata = step.get("Metadata") or {}
        package = (metadata.get("RegisterModel") or {}).get("Arn") or package
        if step.get("StepStatus") == "Failed":
            message = (metadata.get("Fail") or {}).get("ErrorMessage")
            # The Fail step says why; another step's reason is the cause of what follows it.
            if not failed or message:
                failed, chosen = str(step["StepName"]), bool(message)
                reason = str(message or step.get("FailureReason") or "")
        elif step.get("StepStatus") == "Stopped" and not failed:
            reason = str(step.get("FailureReason") or "")  # a job that AWS stopped says why
    return Ending(package, failed, reason, chosen)


def step_jobs(arn: str) -> list[tuple[str, str, str]]:
    """Return of each step that runs a job, in order, its name, the job's kind and the job's name.

    The kind is SageMaker's word: TrainingJob, ProcessingJob, TransformJob or TuningJob.
    """
    found = listed_steps(arn, SortOrder="Ascending")
    return [job for step in found for job in jobs_of(step)]


def jobs_of(step: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return of a listed step what `step_jobs` does of all: no job, or its one."""
    return [
        (str(step["StepName"]), kind, str(ran["Arn"]).rpartition("/")[2])
        for kind, ran in (step.get("Metadata") or {}).items()
        if kind.endswith("Job") and isinstance(ran, dict) and ran.get("Arn")
    ]


def made_models(arn: str, step: str = "") -> list[str]:
    """Return the SageMaker models that an execution made, or a step of it, and SageMaker named."""
    listed = [each for each in listed_steps(arn) if step in ("", each.get("StepName"))]
    metadata = [each.get("Metadata") or {} for each in listed]
    arns = [str(each["Model"]["Arn"]) for each in metadata if "Model" in each]
    named = [each.rpartition("/")[2] for each in arns]
    return [name for name in named if name.startswith("pipelines-")]


def trained(arn: str, step: str) -> str:
    """Return where the model lies that a step brought: by a training, or a tuning's best one.

    Raises BadInput where it brought none.
    """
    jobs = [each.get("Metadata") or {} for each in listed_steps(arn) if each["StepName"] == step]
    training, tuning = (
        next((str(job[kind]["Arn"]) for job in jobs if kind in job), "")
        for kind in ("TrainingJob", "TuningJob")
    )
    name = training.rpartition("/")[2]
    with translated(arn):
        if tuning:
            found: Any = sagemaker().describe_hyper_parameter_tuning_job(
                HyperParameterTuningJobName=tuning.rpartition("/")[2]
            )
            name = str((found.get("BestTrainingJob") or {}).get("TrainingJobName") or "")
        if not name:
            raise BadInput(f"{arn}: its step {step} brought no model")
        job: Any = sagemaker().describe_training_job(TrainingJobName=name)
    return str((job.get("ModelArtifacts") or {}).get("S3ModelArtifacts") or "")


def is_missing(error: ClientError) -> bool:
    """Whether an error says that a pipeline, or an execution of one, is not there."""
    # AWS's model names ResourceNotFound; an unknown name was seen as ValidationException, too.
    return code_of(error) == "ResourceNotFound" or (
        code_of(error) == "ValidationException"
        and any(word in str(error).lower() for word in ("does not exist", "not found", "could not"))
    )


def _refused(model: str, error: ClientError) -> Exception:
    if code_of(error) == "ValidationException":
        return BadInput(f"AWS refuses the pipeline {model}: {error}")
    return error
