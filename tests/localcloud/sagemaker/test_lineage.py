"""Lineage: entities by hand, questions about them, and what the loop leaves by itself."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ROLE = "arn:aws:iam::123456789012:role/jobs"
FIT = """
from pathlib import Path
code = Path("/opt/ml/model/code")
code.mkdir(parents=True, exist_ok=True)
(code / "inference.py").write_text('''
def model_fn(folder): return None
def transform_fn(*given): return "1", "text/csv"
''')
"""


@pytest.fixture
def sagemaker(cloud_with: Any) -> Any:
    return cloud_with("events", "sagemaker")[1]("sagemaker")


def error(action: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        action(**request)
    told = raised.value.response["Error"]
    return told["Code"], told["Message"]


def artifact(sagemaker: Any, uri: str, kind: str = "DataSet", **more: Any) -> str:
    arn: str = sagemaker.create_artifact(Source={"SourceUri": uri}, ArtifactType=kind, **more)[
        "ArtifactArn"
    ]
    return arn


def found(sagemaker: Any, start: str, direction: str = "Ascendants", **more: Any) -> set[str]:
    told = sagemaker.query_lineage(
        StartArns=[start], Direction=direction, IncludeEdges=False, **more
    )
    return {vertex["Arn"] for vertex in told["Vertices"]}


def test_a_source_has_one_artifact(sagemaker: Any) -> None:
    arn = artifact(sagemaker, "s3://lab/a", ArtifactName="a", Properties={"rows": "10"})
    code, message = error(artifact, sagemaker=sagemaker, uri="s3://lab/a")
    assert (code, "already exists" in message) == ("ValidationException", True)
    sagemaker.update_artifact(
        ArtifactArn=arn, Properties={"cols": "3"}, PropertiesToRemove=["rows"]
    )
    assert sagemaker.describe_artifact(ArtifactArn=arn)["Properties"] == {"cols": "3"}
    artifact(sagemaker, "s3://lab/b", "Model")
    listed = sagemaker.list_artifacts(SourceUri="s3://lab/a")["ArtifactSummaries"]
    assert [each["ArtifactArn"] for each in listed] == [arn]
    assert len(sagemaker.list_artifacts(ArtifactType="Model")["ArtifactSummaries"]) == 1
    sagemaker.delete_artifact(Source={"SourceUri": "s3://lab/a"})
    assert error(sagemaker.describe_artifact, ArtifactArn=arn)[0] == "ResourceNotFound"


def test_actions_and_contexts_are_kept_by_name(sagemaker: Any) -> None:
    source = {"SourceUri": "https://example.com/1", "SourceType": "Git"}
    sagemaker.create_action(
        ActionName="review", ActionType="Approval", Source=source, Status="InProgress"
    )
    sagemaker.update_action(ActionName="review", Status="Completed", Description="looked at")
    told = sagemaker.describe_action(ActionName="review")
    assert (told["Status"], told["Description"]) == ("Completed", "looked at")
    sagemaker.create_context(ContextName="site", ContextType="Endpoint", Source=source)
    assert (
        "already exists"
        in error(
            sagemaker.create_context, ContextName="site", ContextType="Endpoint", Source=source
        )[1]
    )
    listed = sagemaker.list_contexts(ContextType="Endpoint", SortBy="Name")["ContextSummaries"]
    assert [each["ContextName"] for each in listed] == ["site"]
    assert sagemaker.list_actions(SourceUri="https://example.com/2")["ActionSummaries"] == []
    sagemaker.delete_action(ActionName="review")
    assert error(sagemaker.describe_action, ActionName="review")[0] == "ResourceNotFound"


def test_associations_go_with_their_ends(sagemaker: Any) -> None:
    first, second = artifact(sagemaker, "s3://lab/a"), artifact(sagemaker, "s3://lab/b", "Model")
    ends = {"SourceArn": first, "DestinationArn": second}
    sagemaker.add_association(**ends, AssociationType="DerivedFrom")
    assert "already exists" in error(sagemaker.add_association, **ends)[1]
    [told] = sagemaker.list_associations(SourceArn=first)["AssociationSummaries"]
    assert (told["SourceType"], told["DestinationType"]) == ("DataSet", "Model")
    assert told["AssociationType"] == "DerivedFrom"
    sagemaker.delete_artifact(ArtifactArn=second)
    assert sagemaker.list_associations()["AssociationSummaries"] == []
    assert error(sagemaker.delete_association, **ends)[0] == "ResourceNotFound"
    assert error(sagemaker.add_association, **ends)[0] == "ResourceNotFound"


def test_questions_follow_directions_depths_and_filters(sagemaker: Any) -> None:
    a, b, c, d = (artifact(sagemaker, f"s3://lab/{name}") for name in "abcd")
    model = artifact(sagemaker, "s3://lab/model", "Model", Properties={"stage": "live"})
    for source, destination in ((a, b), (b, c), (c, model), (d, model)):
        sagemaker.add_association(SourceArn=source, DestinationArn=destination)
    assert found(sagemaker, model) == {model, a, b, c, d}
    assert found(sagemaker, model, MaxDepth=1) == {model, c, d}
    assert found(sagemaker, a, "Descendants") == {a, b, c, model}
    assert found(sagemaker, a, "Both") == {a, b, c, d, model}
    only = {"Filters": {"Types": ["Model"], "LineageTypes": ["Artifact"]}}
    assert found(sagemaker, a, "Descendants", **only) == {model}
    assert found(sagemaker, a, "Descendants", Filters={"Properties": {"stage": "x"}}) == set()
    told = sagemaker.query_lineage(StartArns=[a], Direction="Descendants", **only)
    assert {vertex["Arn"] for vertex in told["Vertices"]} == {a, b, c, model}
    edges = {(edge["SourceArn"], edge["DestinationArn"]) for edge in told["Edges"]}
    assert edges == {(a, b), (b, c), (c, model)}
    first = sagemaker.query_lineage(StartArns=[model], MaxResults=2)
    rest = sagemaker.query_lineage(StartArns=[model], MaxResults=5, NextToken=first["NextToken"])
    assert len(first["Vertices"]) + len(rest["Vertices"]) == 5
    missing = f"{a}0"
    assert error(sagemaker.query_lineage, StartArns=[missing])[0] == "ResourceNotFound"


def test_an_endpoint_leads_back_to_the_data_that_its_model_learnt_from(hosted: Any) -> None:
    sagemaker = hosted.sagemaker
    hosted.put("data/in.csv", b"1,2")
    hosted.put("code/fit.py", FIT.encode())
    given = [
        {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://models/{name}/"}
            },
        }
        for name in ("data", "code")
    ]
    sagemaker.create_training_job(
        TrainingJobName="fit",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/fit.py"],
        },
        RoleArn=ROLE,
        InputDataConfig=given,
        OutputDataConfig={"S3OutputPath": "s3://models/fitted"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 600},
    )
    job = until(
        lambda: sagemaker.describe_training_job(TrainingJobName="fit"),
        lambda told: told["TrainingJobStatus"] != "InProgress",
    )
    assert job["TrainingJobStatus"] == "Completed"
    data = job["ModelArtifacts"]["S3ModelArtifacts"]
    sagemaker.create_model_package_group(ModelPackageGroupName="delays")
    package = sagemaker.create_model_package(
        ModelPackageGroupName="delays",
        ModelApprovalStatus="Approved",
        InferenceSpecification={"Containers": [{"Image": IMAGE, "ModelDataUrl": data}]},
    )["ModelPackageArn"]
    sagemaker.create_model(
        ModelName="m", PrimaryContainer={"ModelPackageName": package}, ExecutionRoleArn=ROLE
    )
    hosted.config("c", "m")
    endpoint = hosted.endpoint("site", "c")
    assert endpoint["EndpointStatus"] == "InService"

    def contexts() -> Any:
        return sagemaker.list_contexts(SourceUri=endpoint["EndpointArn"])["ContextSummaries"]

    [context] = until(contexts, len)
    assert context["ContextType"] == "Endpoint"

    def leads_back(kind: str) -> set[str]:
        told = sagemaker.query_lineage(
            StartArns=[context["ContextArn"]], IncludeEdges=False, Filters={"Types": [kind]}
        )
        return {vertex["Arn"] for vertex in told["Vertices"]}

    def sources(arns: set[str]) -> set[str]:
        return {sagemaker.describe_artifact(ArtifactArn=arn)["Source"]["SourceUri"] for arn in arns}

    assert sources(leads_back("DataSet")) == {"s3://models/data/", "s3://models/code/"}
    model = sagemaker.describe_model(ModelName="m")["ModelArn"]
    assert sources(leads_back("Model")) == {data, package, model}
    assert sources(leads_back("Image")) == {IMAGE}
    [component] = leads_back("TrainingJob")
    assert component.endswith("experiment-trial-component/fit-aws-training-job")
    assert len(leads_back("ModelDeployment")) == len(leads_back("Approval")) == 1
    [start] = sagemaker.list_artifacts(SourceUri="s3://models/data/")["ArtifactSummaries"]
    endpoints = {"LineageTypes": ["Context"], "Types": ["Endpoint"]}
    assert found(sagemaker, start["ArtifactArn"], "Descendants", Filters=endpoints) == {
        context["ContextArn"]
    }
    for resource, name in (("Endpoint", "EndpointName"), ("Model", "Model.ModelName")):
        named = {"Name": name, "Operator": "Contains", "Value": "site" if name[0] == "E" else "m"}
        told = sagemaker.search(Resource=resource, SearchExpression={"Filters": [named]})
        assert told["TotalHits"]["Value"] == 1
    groups = found(
        sagemaker, start["ArtifactArn"], "Descendants", Filters={"Types": ["ModelGroup"]}
    )
    assert len(groups) == 1
