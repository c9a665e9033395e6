"""SageMaker Pipelines: their definitions. What runs of them is in `pipeline_executions`."""

import threading
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import definition
from everloop_localcloud.sagemaker.jobs import Record, created_by
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.part import Part, Records


class Pipelines(Part):
    """Operations on pipelines. `lock` is held while one is changed, or an execution begins."""

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)
        self.lock = threading.RLock()
        self._pipelines = cloud.store.table("sagemaker.pipelines")

    def records(self) -> dict[str, Records]:
        return {"pipeline": self._pipelines}

    @operation
    def create_pipeline(self, call: Call, request: Record) -> Record:
        name = request["PipelineName"]
        with self.lock:
            known = self._pipelines.get(name)
            if known is not None:
                if known["token"] == request["ClientRequestToken"]:
                    return {"PipelineArn": known["PipelineArn"]}
                raise validation(
                    "Pipeline names must be unique within an AWS account and region. "
                    f"Pipeline with name ({name}) already exists."
                )
            text = self._definition_text(request)
            definition.read(text)
            arn = self.cloud.arn("sagemaker", f"pipeline/{name}")
            self._pipelines[name] = {
                "PipelineName": name,
                "PipelineArn": arn,
                "PipelineDisplayName": request.get("PipelineDisplayName", name),
                "PipelineDescription": request.get("PipelineDescription"),
                "PipelineDefinition": text,
                "RoleArn": request["RoleArn"],
                "PipelineStatus": "Active",
                "ParallelismConfiguration": request.get("ParallelismConfiguration"),
                "CreationTime": call.time,
                "LastModifiedTime": call.time,
                "CreatedBy": created_by(call),
                "LastModifiedBy": created_by(call),
                "token": request["ClientRequestToken"],
            }
        return {"PipelineArn": arn}

    @operation
    def update_pipeline(self, call: Call, request: Record) -> Record:
        with self.lock:
            pipeline = self.pipeline(request["PipelineName"])
            if "PipelineDefinition" in request or "PipelineDefinitionS3Location" in request:
                text = self._definition_text(request)
                definition.read(text)
                pipeline["PipelineDefinition"] = text
            names = (
                "PipelineDisplayName",
                "PipelineDescription",
                "RoleArn",
                "ParallelismConfiguration",
            )
            pipeline.update(pick(request, *names))
            pipeline["LastModifiedTime"] = call.time
            pipeline["LastModifiedBy"] = created_by(call)
            self._pipelines.save(pipeline["PipelineName"])
        return {"PipelineArn": pipeline["PipelineArn"]}

    @operation
    def describe_pipeline(self, call: Call, request: Record) -> Record:
        pipeline = dict(self.pipeline(request["PipelineName"]))
        # AWS calls it so here, and LastExecutionTime in lists.
        pipeline["LastRunTime"] = pipeline.pop("LastExecutionTime", None)
        return {key: value for key, value in pipeline.items() if key != "token" and value}

    @operation
    def list_pipelines(self, call: Call, request: Record) -> Record:
        found = list(self._pipelines.values())
        if "PipelineNamePrefix" in request:
            prefix = request["PipelineNamePrefix"]
            found = [pipeline for pipeline in found if pipeline["PipelineName"].startswith(prefix)]
        return page(
            found,
            request,
            member="PipelineSummaries",
            name="PipelineName",
            summary=lambda pipeline: pick(
                pipeline,
                "PipelineArn",
                "PipelineName",
                "PipelineDisplayName",
                "PipelineDescription",
                "RoleArn",
                "CreationTime",
                "LastModifiedTime",
                "LastExecutionTime",
            ),
        )

    def forget(self, pipeline: Record) -> None:
        """Take a pipeline out; nothing runs of it."""
        del self._pipelines[pipeline["PipelineName"]]

    def ran(self, pipeline: Record, when: datetime) -> None:
        """Note when the last execution of a pipeline began."""
        pipeline["LastExecutionTime"] = when
        self._pipelines.save(pipeline["PipelineName"])

    def _definition_text(self, request: Record) -> str:
        if "PipelineDefinition" in request:
            return str(request["PipelineDefinition"])
        place = request.get("PipelineDefinitionS3Location")
        if place is None:
            raise validation("give PipelineDefinition or PipelineDefinitionS3Location")
        s3: Any = self.cloud.apis["s3"]
        raw: bytes = s3.read(place["Bucket"], place["ObjectKey"], place.get("VersionId"))
        return raw.decode()

    def pipeline(self, name: str) -> Record:
        """Return a pipeline's record, by its name or ARN. Raises AwsError ResourceNotFound."""
        found: Record | None = self._pipelines.get(name.rpartition("/")[2])
        if found is None:
            arn = self.cloud.arn("sagemaker", f"pipeline/{name}")
            raise AwsError("ResourceNotFound", f"Pipeline '{arn}' does not exist.")
        return found
