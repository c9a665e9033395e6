"""SageMaker's control plane: parts, each with a subject of its own, put together."""

from collections import ChainMap
from typing import Any, ClassVar

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api
from everloop_localcloud.sagemaker import instances, members
from everloop_localcloud.sagemaker.endpoint_configs import EndpointConfigs
from everloop_localcloud.sagemaker.endpoints import Endpoints
from everloop_localcloud.sagemaker.engine import Engine
from everloop_localcloud.sagemaker.experiments import Experiments
from everloop_localcloud.sagemaker.feature_groups import FeatureGroups
from everloop_localcloud.sagemaker.hosting import Hosting
from everloop_localcloud.sagemaker.jobs import Jobs
from everloop_localcloud.sagemaker.lineage import Lineage
from everloop_localcloud.sagemaker.lineage_entities import Associations, LineageEntities
from everloop_localcloud.sagemaker.model_cards import ModelCards
from everloop_localcloud.sagemaker.models import Models
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.pipeline_executions import PipelineExecutions
from everloop_localcloud.sagemaker.pipelines import Pipelines
from everloop_localcloud.sagemaker.processing import Processing
from everloop_localcloud.sagemaker.reads import READS
from everloop_localcloud.sagemaker.registry import Registry
from everloop_localcloud.sagemaker.search import Search
from everloop_localcloud.sagemaker.tag_store import TagStore
from everloop_localcloud.sagemaker.tags import Tags
from everloop_localcloud.sagemaker.tracking import Tracking
from everloop_localcloud.sagemaker.training import Training
from everloop_localcloud.sagemaker.transform import Transform
from everloop_localcloud.sagemaker.trial_components import TrialComponents
from everloop_localcloud.sagemaker.tuning import Tuning

_JOBS = ("CreateTrainingJob", "CreateProcessingJob", "CreateTransformJob")


class SageMaker(Api):
    """`hosting`, `feature_groups` and `trial_components` are for SageMaker's other endpoints."""

    service = "sagemaker"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "CreateTrainingJob": "images of scikit-learn and XGBoost; an algorithm on one instance",
        "CreateProcessingJob": "one instance; images of scikit-learn and XGBoost",
        "CreateHyperParameterTuningJob": "no autotune, no completion on convergence",
        "CreateTransformJob": "SplitType Line or None; no data capture; one instance",
        "CreatePipeline": "no steps AutoML, EMR, QualityCheck, ClarifyCheck",
        "CreateFeatureGroup": "no Glue table, so no Athena: read the Parquet files; no Iceberg;"
        " keys and provisioned throughput are noted and change nothing",
        "CreateModelPackage": "no validation jobs, no source algorithms",
        "CreateModelCard": "content held to the main rules of AWS's schema; no export to PDF",
        "QueryLineage": "one account, no lineage groups",
        "Search": "no Project, Image, ImageVersion, PipelineVersion, Job, HubContent",
        "CreateModel": "an isolated model gets no credentials and no address of the cloud; this"
        " machine's network is not cut off",
        "UpdateEndpoint": "blue/green only; no rolling updates",
    }
    also_read: ClassVar[frozenset[str]] = frozenset(
        {
            *("Tags", "ExperimentConfig"),  # followed, whatever is created with them
            # Kept in the records of jobs and feature groups, and given back.
            *("DebugHookConfig", "DebugRuleConfigurations", "Description"),
            "TransformResources",
        }
    )
    without_effect: ClassVar[dict[str, str]] = {
        **dict.fromkeys(
            (
                *("AdditionalInferenceSpecifications", "Domain", "DriftCheckBaselines"),
                *("SamplePayloadUrl", "SecurityConfig", "SkipModelValidation", "SourceUri", "Task"),
            ),
            "kept and given back",
        ),
        "EnableInterContainerTrafficEncryption": "a job runs in one process tree",
        "VpcConfig": "jobs and endpoints have this machine's network",
        "ProfilerConfig": "nothing is profiled",
        "RemoteDebugConfig": "jobs are processes of this machine",
    }

    def __init__(self, cloud: Account) -> None:
        there: ChainMap[str, Records] = ChainMap()
        tags = TagStore(cloud.store)
        jobs = Jobs(cloud, Engine(cloud.folder) if cloud.docker_jobs else None)
        endpoints = cloud.store.table("sagemaker.endpoints")
        associations = Associations(cloud.store)
        experiments = Experiments(cloud)
        components = TrialComponents(cloud, experiments)
        entities = LineageEntities(cloud, associations)
        models = Models(cloud, tags)
        configs = EndpointConfigs(cloud, tags, models)
        training = Training(cloud, jobs)
        pipelines = Pipelines(cloud)
        self.trial_components = components
        self.hosting = Hosting(cloud, tags, endpoints)
        self.feature_groups = FeatureGroups(cloud, tags)
        self._tags = Tags(cloud, tags, there)
        self._tracking = Tracking(cloud, experiments, components, entities, associations)
        # In the order in which they take up their work.
        self._parts: tuple[Part, ...] = (
            self._tracking,
            Processing(cloud, jobs),
            training,
            Transform(cloud, jobs, models),
            jobs,
            Tuning(cloud, tags, jobs, training),
            pipelines,
            PipelineExecutions(cloud, jobs, experiments, pipelines),
            models,
            configs,
            self.hosting,
            Endpoints(cloud, tags, endpoints, configs, self.hosting),
            self.feature_groups,
            Registry(cloud, tags),
            ModelCards(cloud, tags),
            experiments,
            components,
            entities,
            Lineage(cloud, associations, entities, experiments, components),
            self._tags,
            Search(cloud, tags, there, experiments, components),
        )
        for part in self._parts:
            there.update(part.records())
        self._there = there
        super().__init__(cloud, self._parts)

    def start(self) -> None:
        for part in self._parts:
            part.start()

    def stop(self) -> None:
        for part in self._parts:
            part.stop()

    def demand(
        self, operation: str, request: dict[str, Any]
    ) -> tuple[dict[str, int], dict[str, int]]:
        """Return how many instances a call asks for, and how many are in use, by quota."""
        wanted = instances.asked(operation, request, self._there)
        return wanted, dict(instances.used(self._there)) if wanted else {}

    def perform(self, call: Call, operation_name: str, request: dict[str, Any]) -> dict[str, Any]:
        members.check(operation_name, request)
        if operation_name in _JOBS:
            self._tracking.check_experiment(request)
        answer = super().perform(call, operation_name, request)
        self._tags.follow_tags(operation_name, request, answer)
        return answer
