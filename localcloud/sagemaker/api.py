"""SageMaker's control plane, one subject per mixin."""

from typing import Any, ClassVar

from localcloud.api import Api, Call, operation
from localcloud.sagemaker.endpoints import Endpoints
from localcloud.sagemaker.pipelines import Pipelines
from localcloud.sagemaker.registry import Registry


class SageMaker(Registry, Pipelines, Endpoints, Api):
    service = "sagemaker"
    partial: ClassVar[dict[str, str]] = {
        "CreateTrainingJob": "one instance; images of scikit-learn; no distributed training",
        "CreateProcessingJob": "one instance; images of scikit-learn",
        "CreateHyperParameterTuningJob": "no Hyperband, warm start, autotune, early stopping",
        "CreateTransformJob": "SplitType Line or None; no data capture; one instance",
        "CreatePipeline": "no steps AutoML, EMR, QualityCheck, ClarifyCheck, ForEach, endpoints",
        "UpdateEndpoint": "blue/green only; no rolling updates",
    }

    def start(self) -> None:
        self.start_jobs()
        self.start_tuning()
        self.start_pipelines()
        self.start_endpoints()

    def stop(self) -> None:
        self.stop_endpoints()

    @operation
    def add_tags(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        table = self.cloud.store.table("sagemaker.tags")
        known = dict(table.get(request["ResourceArn"], {}))
        known |= {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        table[request["ResourceArn"]] = known
        return {"Tags": [{"Key": key, "Value": value} for key, value in known.items()]}

    @operation
    def list_tags(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        known = self.cloud.store.table("sagemaker.tags").get(request["ResourceArn"], {})
        return {"Tags": [{"Key": key, "Value": value} for key, value in known.items()]}

    @operation
    def delete_tags(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        table = self.cloud.store.table("sagemaker.tags")
        known = dict(table.get(request["ResourceArn"], {}))
        for key in request["TagKeys"]:
            known.pop(key, None)
        table[request["ResourceArn"]] = known
        return {}
