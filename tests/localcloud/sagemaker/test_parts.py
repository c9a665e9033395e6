"""SageMaker's parts: each is built alone, and keeps its tables to itself."""

import ast
import inspect
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lone_account import LoneAccount

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker import api
from everloop_localcloud.sagemaker.api import SageMaker
from everloop_localcloud.sagemaker.endpoint_configs import EndpointConfigs
from everloop_localcloud.sagemaker.endpoints import Endpoints
from everloop_localcloud.sagemaker.experiments import Experiments
from everloop_localcloud.sagemaker.feature_groups import FeatureGroups
from everloop_localcloud.sagemaker.hosting import Hosting
from everloop_localcloud.sagemaker.jobs import Jobs
from everloop_localcloud.sagemaker.lineage import Lineage
from everloop_localcloud.sagemaker.lineage_entities import Associations, LineageEntities
from everloop_localcloud.sagemaker.model_cards import ModelCards
from everloop_localcloud.sagemaker.models import Models
from everloop_localcloud.sagemaker.part import Part
from everloop_localcloud.sagemaker.pipeline_executions import PipelineExecutions
from everloop_localcloud.sagemaker.pipelines import Pipelines
from everloop_localcloud.sagemaker.processing import Processing
from everloop_localcloud.sagemaker.registry import Registry
from everloop_localcloud.sagemaker.search import Search
from everloop_localcloud.sagemaker.tag_store import TagStore
from everloop_localcloud.sagemaker.tags import Tags
from everloop_localcloud.sagemaker.tracking import Tracking
from everloop_localcloud.sagemaker.training import Training
from everloop_localcloud.sagemaker.transform import Transform
from everloop_localcloud.sagemaker.trial_components import TrialComponents
from everloop_localcloud.sagemaker.tuning import Tuning

SOURCES = sorted(Path(inspect.getfile(api)).parent.glob("*.py"))
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/jobs"
PIPELINE = """{
  "Version": "2020-12-01",
  "Steps": [{"Name": "s", "Type": "Fail", "Arguments": {"ErrorMessage": "m"}}]
}"""
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


@pytest.fixture
def account(tmp_path):
    lone = LoneAccount(tmp_path)
    yield lone
    lone.close()


class Stub:
    """Stands for a part that another one is given: answers what the test says, and nothing else."""

    def __init__(self, **answers: Any) -> None:
        for name, answer in answers.items():
            setattr(self, name, lambda *_, _answer=answer, **__: _answer)


def serving(name: str = "m") -> dict[str, Any]:
    return {"ModelName": name, "serving": {"Image": IMAGE}}


# Each part alone: what it is given, an operation that it answers, and a member of the answer.
PARTS = {
    Tags: (
        lambda a: Tags(a, TagStore(a.store), {"model": {"m": {}}}),
        ("add_tags", {"ResourceArn": f"{ARN}:model/m", "Tags": [{"Key": "k", "Value": "v"}]}),
        {"Tags": [{"Key": "k", "Value": "v"}]},
    ),
    Search: (
        lambda a: Search(a, TagStore(a.store), defaultdict(dict), Stub(), Stub()),
        ("search", {"Resource": "Model"}),
        {"Results": []},
    ),
    Tracking: (
        lambda a: Tracking(a, Stub(experiment={}, trial={}), Stub(), Stub(), Stub()),
        None,
        {},
    ),
    Experiments: (
        Experiments,
        ("create_experiment", {"ExperimentName": "e"}),
        {"ExperimentArn": f"{ARN}:experiment/e"},
    ),
    TrialComponents: (
        lambda a: TrialComponents(a, Experiments(a)),
        ("create_trial_component", {"TrialComponentName": "c"}),
        {"TrialComponentArn": f"{ARN}:experiment-trial-component/c"},
    ),
    LineageEntities: (
        lambda a: LineageEntities(a, Associations(a.store)),
        ("create_action", {"ActionName": "a", "Source": {"SourceUri": "s"}, "ActionType": "t"}),
        {"ActionArn": f"{ARN}:action/a"},
    ),
    Lineage: (
        lambda a: Lineage(
            a,
            Associations(a.store),
            Stub(artifact={}, action={}, context={}),
            Stub(experiment={}),
            Stub(trial_component={}),
        ),
        ("add_association", {"SourceArn": f"{ARN}:action/a", "DestinationArn": f"{ARN}:action/b"}),
        {"SourceArn": f"{ARN}:action/a", "DestinationArn": f"{ARN}:action/b"},
    ),
    ModelCards: (
        lambda a: ModelCards(a, TagStore(a.store)),
        ("create_model_card", {"ModelCardName": "c", "Content": "{}", "ModelCardStatus": "Draft"}),
        {"ModelCardArn": f"{ARN}:model-card/c"},
    ),
    FeatureGroups: (
        lambda a: FeatureGroups(a, TagStore(a.store)),
        (
            "create_feature_group",
            {
                "FeatureGroupName": "f",
                "RecordIdentifierFeatureName": "id",
                "EventTimeFeatureName": "at",
                "FeatureDefinitions": [
                    {"FeatureName": "id", "FeatureType": "String"},
                    {"FeatureName": "at", "FeatureType": "String"},
                ],
                "OnlineStoreConfig": {"EnableOnlineStore": True},
            },
        ),
        {"FeatureGroupArn": f"{ARN}:feature-group/f"},
    ),
    Registry: (
        lambda a: Registry(a, TagStore(a.store)),
        ("create_model_package_group", {"ModelPackageGroupName": "g"}),
        {"ModelPackageGroupArn": f"{ARN}:model-package-group/g"},
    ),
    Jobs: (lambda a: Jobs(a, None), None, {}),
    Processing: (
        lambda a: Processing(a, Jobs(a)),
        (
            "create_processing_job",
            {
                "ProcessingJobName": "p",
                "RoleArn": ROLE,
                "AppSpecification": {"ImageUri": IMAGE},
            },
        ),
        {"ProcessingJobArn": f"{ARN}:processing-job/p"},
    ),
    Training: (
        lambda a: Training(a, Jobs(a)),
        (
            "create_training_job",
            {
                "TrainingJobName": "t",
                "RoleArn": ROLE,
                "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                "OutputDataConfig": {"S3OutputPath": "s3://b/o"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            },
        ),
        {"TrainingJobArn": f"{ARN}:training-job/t"},
    ),
    Transform: (
        lambda a: Transform(a, Jobs(a), Stub(model=serving(), seen=serving())),
        (
            "create_transform_job",
            {
                "TransformJobName": "t",
                "ModelName": "m",
                "TransformInput": {
                    "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/i"}}
                },
                "TransformOutput": {"S3OutputPath": "s3://b/o"},
                "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            },
        ),
        {"TransformJobArn": f"{ARN}:transform-job/t"},
    ),
    Tuning: (
        lambda a: Tuning(a, TagStore(a.store), Jobs(a), Stub(training_record=None)),
        ("list_hyper_parameter_tuning_jobs", {}),
        {"HyperParameterTuningJobSummaries": []},
    ),
    Pipelines: (
        Pipelines,
        (
            "create_pipeline",
            {
                "PipelineName": "p",
                "PipelineDefinition": PIPELINE,
                "RoleArn": ROLE,
                "ClientRequestToken": "t",
            },
        ),
        {"PipelineArn": f"{ARN}:pipeline/p"},
    ),
    PipelineExecutions: (
        lambda a: PipelineExecutions(a, Jobs(a), Stub(), Stub(pipeline={"PipelineArn": ARN})),
        ("list_pipeline_executions", {"PipelineName": "p"}),
        {"PipelineExecutionSummaries": []},
    ),
    Models: (lambda a: Models(a, TagStore(a.store)), ("list_models", {}), {"Models": []}),
    EndpointConfigs: (
        lambda a: EndpointConfigs(a, TagStore(a.store), Stub(model=serving(), seen=serving())),
        (
            "create_endpoint_config",
            {
                "EndpointConfigName": "c",
                "ProductionVariants": [
                    {
                        "VariantName": "v",
                        "ModelName": "m",
                        "InstanceType": "ml.m5.large",
                        "InitialInstanceCount": 1,
                    }
                ],
            },
        ),
        {"EndpointConfigArn": f"{ARN}:endpoint-config/c"},
    ),
    Hosting: (lambda a: Hosting(a, TagStore(a.store), a.store.table("endpoints")), None, {}),
    Endpoints: (
        lambda a: Endpoints(
            a,
            TagStore(a.store),
            a.store.table("endpoints"),
            Stub(deployable={}),
            Stub(announce_endpoint=None, create=None),
        ),
        ("create_endpoint", {"EndpointName": "e", "EndpointConfigName": "c"}),
        {"EndpointArn": f"{ARN}:endpoint/e"},
    ),
}


def test_all_parts_are_here(account) -> None:
    made = SageMaker(account)
    assert {type(part) for part in made._parts} == set(PARTS)


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_a_part_works_alone(kind: type[Part], account: Any) -> None:
    build, asked, told = PARTS[kind]
    part = build(account)
    part.start()
    if asked is not None:
        name, request = asked
        answer = getattr(part, name)(account.caller(), request)
        assert {member: answer[member] for member in told} == told
    part.stop()


@pytest.mark.parametrize("kind", PARTS, ids=lambda kind: kind.__name__)
def test_a_part_says_by_type_what_it_needs(kind: type[Part]) -> None:
    parameters = list(inspect.signature(kind.__init__).parameters.values())[1:]
    assert parameters[0].annotation is Account
    assert all(each.annotation not in (inspect.Parameter.empty, Any) for each in parameters)


def test_each_table_is_known_in_one_file() -> None:
    known = defaultdict(set)
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in ("table", "shelf", "load") and node.args:
                known[ast.unparse(node.args[0])].add(path.name)
    assert {name: files for name, files in known.items() if len(files) > 1} == {}
    assert "'sagemaker.training-jobs'" in known


def test_nothing_reaches_for_what_another_part_keeps_to_itself() -> None:
    reached = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and node.attr.startswith("_")
                and not node.attr.startswith("__")
                and ast.unparse(node.value) not in ("self", "cls")
            ):
                reached.append(f"{path.name}:{node.lineno} {ast.unparse(node)}")
    assert reached == []


def test_two_parts_with_one_operation_are_refused(account) -> None:
    class Twice(api.Api):
        service = "sagemaker"

    parts = (Experiments(account), SimpleNamespace(), Experiments(account))
    with pytest.raises(TypeError, match="Experiment is that of two parts"):
        Twice(account, parts)


def test_what_is_not_there_has_no_tags(account) -> None:
    tags = Tags(account, TagStore(account.store), {"model": {}})
    with pytest.raises(AwsError, match="Requested resource not found"):
        tags.add_tags(account.caller(), {"ResourceArn": f"{ARN}:model/m", "Tags": []})
