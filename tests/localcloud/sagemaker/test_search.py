"""Search: filters, nested filters, orders and pages over what there is."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"


@pytest.fixture(scope="module")
def sagemaker(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cloud with runs, packages and feature groups to look for; the tests only read it."""
    import boto3

    from everloop_localcloud.cloud import started

    cloud, front = started(
        tmp_path_factory.mktemp("cloud"),
        services=["s3", "events", "sagemaker", "sagemaker-metrics"],
        strict=True,
    )

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=cloud.url,
            region_name="us-east-1",
            aws_access_key_id="tester",
            aws_secret_access_key="secret",
        )

    made, metrics = client("sagemaker"), client("sagemaker-metrics")
    made.create_experiment(ExperimentName="churn", Tags=[{"Key": "team", "Value": "a"}])
    made.create_trial(TrialName="first", ExperimentName="churn")
    for number in range(5):
        name = f"run-{number}"
        made.create_trial_component(
            TrialComponentName=name,
            Parameters={"rate": {"NumberValue": number / 10}, "kind": {"StringValue": "tree"}},
            Tags=[{"Key": "parity", "Value": "odd" if number % 2 else "even"}],
        )
        point = {"MetricName": "loss", "Timestamp": datetime.now(UTC), "Value": 1.0 - number / 10}
        metrics.batch_put_metrics(TrialComponentName=name, MetricData=[point])
    made.associate_trial_component(TrialComponentName="run-0", TrialName="first")
    made.create_model_package_group(ModelPackageGroupName="delays")
    for name in ("one", "two"):
        made.create_model_package(
            ModelPackageGroupName="delays",
            ModelApprovalStatus="Approved" if name == "two" else "Rejected",
            InferenceSpecification={
                "Containers": [
                    {"Image": IMAGE, "ModelDataUrl": f"s3://lab/{name}", "Framework": name},
                    {"Image": IMAGE, "ModelDataUrl": "s3://lab/both", "Framework": "both"},
                ]
            },
        )
    made.create_feature_group(
        FeatureGroupName="customers",
        RecordIdentifierFeatureName="customer",
        EventTimeFeatureName="at",
        FeatureDefinitions=[
            {"FeatureName": name, "FeatureType": "String"} for name in ("customer", "at")
        ],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    made.create_model_card(ModelCardName="card", Content="{}", ModelCardStatus="Draft")
    colour = {"Name": "Colour", "Type": "String", "DefaultValue": "blue"}
    fail = {"Name": "No", "Type": "Fail", "Arguments": {"ErrorMessage": "not today"}}
    made.create_pipeline(
        PipelineName="nightly",
        PipelineDefinition=json.dumps(
            {"Version": "2020-12-01", "Parameters": [colour], "Steps": [fail]}
        ),
        RoleArn="arn:aws:iam::123456789012:role/jobs",
    )
    arn = made.start_pipeline_execution(PipelineName="nightly")["PipelineExecutionArn"]
    deadline = time.monotonic() + 60
    while (
        made.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"]
        == "Executing"
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield made
    cloud.stop()
    front.stop()


def where(name: str, operator: str | None, value: Any = None) -> dict[str, str]:
    found = {"Name": name, "Operator": operator, "Value": None if value is None else str(value)}
    return {key: text for key, text in found.items() if text is not None}


def runs(sagemaker: Any, *filters: dict[str, str], **more: Any) -> list[str]:
    expression = more.pop("expression", {"Filters": list(filters)} if filters else None)
    if expression:
        more["SearchExpression"] = expression
    found = sagemaker.search(Resource="ExperimentTrialComponent", **more)["Results"]
    return sorted(each["TrialComponent"]["TrialComponentName"] for each in found)


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        pytest.param(where("TrialComponentName", "Equals", "run-1"), "1", id="equals"),
        pytest.param(where("TrialComponentName", None, "run-1"), "1", id="equals by default"),
        pytest.param(where("TrialComponentName", "NotEquals", "run-1"), "0234", id="not equals"),
        pytest.param(where("TrialComponentName", "In", "run-1, run-3"), "13", id="in"),
        pytest.param(where("DisplayName", "Contains", "n-2"), "2", id="contains"),
        pytest.param(where("Parameters.rate", "GreaterThan", 0.2), "34", id="number"),
        pytest.param(where("parameters.rate", "LessThanOrEqualTo", 0.1), "01", id="any case"),
        pytest.param(where("Parameters.depth", "Exists"), "", id="exists"),
        pytest.param(where("Parameters.kind", "NotExists"), "", id="not exists"),
        pytest.param(where("Tags.parity", "Equals", "odd"), "13", id="tag"),
        pytest.param(where("Metrics.loss", "LessThan", 0.75), "34", id="metric"),
        pytest.param(where("metrics.loss.max", "GreaterThanOrEqualTo", 1), "0", id="statistic"),
        pytest.param(where("Parents.TrialName", "Equals", "first"), "0", id="parent"),
        pytest.param(
            where("CreationTime", "LessThan", datetime.now(UTC) - timedelta(days=1)), "", id="time"
        ),
        pytest.param(
            where("CreationTime", "GreaterThan", "2020-01-01T00:00:00"), "01234", id="iso"
        ),
    ],
)
def test_a_filter_finds_what_it_says(
    sagemaker: Any, condition: dict[str, str], numbers: str
) -> None:
    assert runs(sagemaker, condition) == [f"run-{number}" for number in numbers]


def test_conditions_are_joined_by_and_or_and_expressions_within(sagemaker: Any) -> None:
    odd, low = where("Tags.parity", "Equals", "odd"), where("Parameters.rate", "LessThan", 0.2)
    assert runs(sagemaker, odd, low) == ["run-1"]
    either = {"Filters": [odd, low], "Operator": "Or"}
    assert runs(sagemaker, expression=either) == ["run-0", "run-1", "run-3"]
    both = {
        "SubExpressions": [either],
        "Filters": [where("TrialComponentName", "NotEquals", "run-0")],
    }
    assert runs(sagemaker, expression=both) == ["run-1", "run-3"]


def test_results_come_in_order_and_in_pages(sagemaker: Any) -> None:
    def names(**more: Any) -> tuple[list[str], dict[str, Any]]:
        told = sagemaker.search(Resource="ExperimentTrialComponent", MaxResults=2, **more)
        found = [each["TrialComponent"]["TrialComponentName"] for each in told["Results"]]
        return found, told

    order = {"SortBy": "Metrics.loss", "SortOrder": "Ascending"}
    first, told = names(**order)
    assert first == ["run-4", "run-3"]
    assert told["TotalHits"] == {"Value": 5, "Relation": "EqualTo"}
    second, told = names(**order, NextToken=told["NextToken"])
    assert second == ["run-2", "run-1"]
    assert names(**order, NextToken=told["NextToken"])[0] == ["run-0"]
    assert names()[0] == ["run-4", "run-3"]


def test_nested_filters_hold_for_one_and_the_same_element(sagemaker: Any) -> None:
    def packages(framework: str, data: str) -> list[int]:
        nested = {
            "NestedPropertyName": "InferenceSpecification.Containers",
            "Filters": [
                where("InferenceSpecification.Containers.Framework", "Equals", framework),
                where("InferenceSpecification.Containers.ModelDataUrl", "Contains", data),
            ],
        }
        found = sagemaker.search(
            Resource="ModelPackage", SearchExpression={"NestedFilters": [nested]}
        )
        return [each["ModelPackage"]["ModelPackageVersion"] for each in found["Results"]]

    assert packages("two", "/two") == [2]
    assert packages("two", "/both") == []


@pytest.mark.parametrize(
    ("resource", "name", "value"),
    [
        ("Experiment", "ExperimentName", "churn"),
        ("Experiment", "Tags.team", "a"),
        ("ExperimentTrial", "TrialComponentSummaries.TrialComponentName", "run-0"),
        ("ModelPackage", "ModelApprovalStatus", "Approved"),
        ("ModelPackageGroup", "ModelPackageGroupName", "delays"),
        ("FeatureGroup", "FeatureDefinitions.FeatureName", "customer"),
        ("FeatureMetadata", "FeatureName", "at"),
        ("ModelCard", "ModelCardStatus", "Draft"),
        ("Pipeline", "PipelineName", "nightly"),
        ("PipelineExecution", "PipelineExecutionStatus", "Failed"),
        ("PipelineExecution", "PipelineParameters.Value", "blue"),
    ],
)
def test_every_kind_of_resource_is_found(
    sagemaker: Any, resource: str, name: str, value: str
) -> None:
    expression = {"Filters": [where(name, "Equals", value)]}
    told = sagemaker.search(Resource=resource, SearchExpression=expression)
    assert told["TotalHits"]["Value"] == 1


@pytest.mark.parametrize(
    ("request_", "named"),
    [
        pytest.param({"Filters": [where("Colour", "Equals", "red")]}, "Colour", id="property"),
        pytest.param(
            {"Filters": [where("DisplayName", "GreaterThan", "a")]}, "text", id="order of text"
        ),
        pytest.param(
            {"Filters": [where("Parameters.rate", "LessThan", "few")]}, "number", id="no number"
        ),
        pytest.param({"Filters": [where("DisplayName", "Equals")]}, "Value", id="no value"),
        pytest.param({"Operator": "Or"}, "Filters", id="empty"),
    ],
)
def test_an_expression_that_cannot_be_is_refused(
    sagemaker: Any, request_: dict[str, Any], named: str
) -> None:
    with pytest.raises(ClientError, match=named) as raised:
        runs(sagemaker, expression=request_)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_a_pipeline_tells_when_it_last_ran(sagemaker: Any) -> None:
    told = sagemaker.describe_pipeline(PipelineName="nightly")
    [listed] = sagemaker.list_pipelines()["PipelineSummaries"]
    assert told["LastRunTime"] == listed["LastExecutionTime"]


def test_what_is_not_searched_is_refused_by_name(sagemaker: Any) -> None:
    search: Callable[..., Any] = sagemaker.search
    with pytest.raises(ClientError, match="Project"):
        search(Resource="Project")
    with pytest.raises(ClientError, match="CrossAccount"):
        search(Resource="FeatureGroup", CrossAccountFilterOption="CrossAccount")


def test_property_names_are_suggested(sagemaker: Any) -> None:
    told = sagemaker.get_search_suggestions(
        Resource="TrainingJob",
        SuggestionQuery={"PropertyNameQuery": {"PropertyNameHint": "instancety"}},
    )
    assert {"PropertyName": "ResourceConfig.InstanceType"} in told["PropertyNameSuggestions"]
