"""SageMaker's control plane, one subject per mixin."""

from typing import Any, ClassVar

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api
from everloop_localcloud.sagemaker.endpoints import Endpoints
from everloop_localcloud.sagemaker.engine import Engine
from everloop_localcloud.sagemaker.feature_groups import FeatureGroups
from everloop_localcloud.sagemaker.model_cards import ModelCards
from everloop_localcloud.sagemaker.pipelines import Pipelines
from everloop_localcloud.sagemaker.registry import Registry
from everloop_localcloud.sagemaker.search import Search
from everloop_localcloud.sagemaker.tags import Tags
from everloop_localcloud.sagemaker.tracking import Tracking

_JOBS = ("CreateTrainingJob", "CreateProcessingJob", "CreateTransformJob")


class SageMaker(
    Tags, Search, Tracking, ModelCards, FeatureGroups, Registry, Pipelines, Endpoints, Api
):
    service = "sagemaker"
    partial: ClassVar[dict[str, str]] = {
        "CreateTrainingJob": "one instance; images of scikit-learn; no distributed training",
        "CreateProcessingJob": "one instance; images of scikit-learn",
        "CreateHyperParameterTuningJob": "no autotune, no completion on convergence",
        "CreateTransformJob": "SplitType Line or None; no data capture; one instance",
        "CreatePipeline": "no steps AutoML, EMR, QualityCheck, ClarifyCheck",
        "CreateFeatureGroup": "no Glue table, so no Athena: read the Parquet files; no Iceberg;"
        " keys and provisioned throughput are noted and change nothing",
        "CreateModelPackage": "no validation jobs, no source algorithms",
        "CreateModelCard": "content held to the main rules of AWS's schema; no export to PDF",
        "QueryLineage": "one account, no lineage groups",
        "Search": "no Project, Image, ImageVersion, PipelineVersion, Job, HubContent",
        "UpdateEndpoint": "blue/green only; no rolling updates",
    }
    also_read: ClassVar[frozenset[str]] = frozenset({"Tags"})  # kept for whatever is created
    without_effect: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            (
                *("AdditionalInferenceSpecifications", "Domain", "DriftCheckBaselines"),
                *("SamplePayloadUrl", "SecurityConfig", "SkipModelValidation", "SourceUri", "Task"),
            ),
            "kept and given back",
        ),
        "EnableManagedSpotTraining": "spot capacity is never taken away",
        "EnableInterContainerTrafficEncryption": "a job runs in one process tree",
        "VpcConfig": "jobs and endpoints have this machine's network",
        "ProfilerConfig": "nothing is profiled",
        "RemoteDebugConfig": "jobs are processes of this machine",
    }

    def __init__(self, cloud: Account) -> None:
        self.engine = Engine(cloud.folder) if cloud.docker_jobs else None
        super().__init__(cloud)

    def start(self) -> None:
        self.start_tracking()
        self.start_jobs()
        self.start_tuning()
        self.start_pipelines()
        self.start_endpoints()
        self.start_feature_groups()

    def stop(self) -> None:
        self.stop_endpoints()
        self.stop_feature_groups()

    def perform(self, call: Call, operation_name: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation_name in _JOBS:
            self.check_experiment(request)
        answer = super().perform(call, operation_name, request)
        self.follow_tags(operation_name, request, answer)
        return answer
