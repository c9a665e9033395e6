"""Models: what is taken, what is refused, in AWS's words."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model"


def refusal(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value.response["Error"]["Message"])


def test_a_model_is_described_as_it_was_created(hosted: Any) -> None:
    hosted.model("churn-1", Environment={"SAGEMAKER_PROGRAM": "inference.py"})

    told = hosted.sagemaker.describe_model(ModelName="churn-1")

    assert told["ModelArn"] == f"{ARN}/churn-1"
    assert told["PrimaryContainer"] == {
        "Image": IMAGE,
        "Mode": "SingleModel",
        "ModelDataUrl": "s3://models/churn-1/model.tar.gz",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
    }
    assert told["ExecutionRoleArn"] == "arn:aws:iam::123456789012:role/serving"


def test_a_new_model_is_told_on_the_bus_with_its_tags(hosted: Any) -> None:
    url = hosted.put("m.tar.gz", b"")
    hosted.sagemaker.create_model(
        ModelName="churn-1",
        Containers=[{"Image": IMAGE, "ModelDataUrl": url}],
        Tags=[{"Key": "app", "Value": "churn"}],
    )

    [detail] = hosted.told("SageMaker Model State Change")

    assert detail["ModelName"] == "churn-1"
    assert detail["Containers"][0]["ModelDataUrl"] == url
    assert detail["PrimaryContainer"] is None
    assert detail["Tags"] == {"app": "churn"}
    assert isinstance(detail["CreationTime"], int)
    tags = hosted.sagemaker.list_tags(ResourceArn=f"{ARN}/churn-1")["Tags"]
    assert tags == [{"Key": "app", "Value": "churn"}]


def test_a_model_is_created_once(hosted: Any) -> None:
    hosted.model("churn-1")
    url = "s3://models/churn-1/model.tar.gz"

    message = refusal(
        hosted.sagemaker.create_model,
        ModelName="churn-1",
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": url},
    )

    assert message == f'Cannot create already existing model "{ARN}/churn-1".'


def test_models_are_listed_newest_first_and_deleted(hosted: Any) -> None:
    for name in ("one", "two", "three"):
        hosted.model(name)
    hosted.sagemaker.delete_model(ModelName="two")

    listed = [model["ModelName"] for model in hosted.sagemaker.list_models()["Models"]]

    assert listed == ["three", "one"]
    gone = refusal(hosted.sagemaker.describe_model, ModelName="two")
    assert gone == f'Could not find model "{ARN}/two".'
    assert refusal(hosted.sagemaker.delete_model, ModelName="two") == gone


@pytest.mark.parametrize(
    ("container", "said"),
    [
        pytest.param(
            {"Image": IMAGE, "ModelDataUrl": "s3://models/none.tar.gz"},
            "Could not find model data at s3://models/none.tar.gz.",
            id="data that is not there",
        ),
        pytest.param(
            {"Image": IMAGE, "ModelDataUrl": "https://example.org/m"},
            "ModelDataUrl 'https://example.org/m'",
            id="data that is not in S3",
        ),
        pytest.param(
            {"ModelDataUrl": "s3://models/none.tar.gz"},
            "neither Image nor ModelPackageName",
            id="no image",
        ),
        pytest.param({"Image": IMAGE, "Mode": "MultiModel"}, "Mode MultiModel", id="multi-model"),
        pytest.param(
            {"Image": IMAGE, "MultiModelConfig": {"ModelCacheSetting": "Enabled"}},
            "MultiModelConfig",
            id="unsupported member",
        ),
    ],
)
def test_a_container_that_cannot_be_served_is_refused_by_name(
    hosted: Any, container: dict[str, Any], said: str
) -> None:
    message = refusal(
        hosted.sagemaker.create_model, ModelName="churn-1", PrimaryContainer=container
    )
    assert said in message
    assert hosted.sagemaker.list_models()["Models"] == []


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        pytest.param({"ModelName": "a_b"}, "'a_b' at 'modelName'", id="name with underscore"),
        pytest.param({"ModelName": "a" * 64}, "less than or equal to 63", id="long name"),
        pytest.param({"Containers": [{"Image": IMAGE}]}, "one container", id="both members"),
    ],
)
def test_a_model_that_cannot_be_had_is_refused_by_name(
    hosted: Any, request_: dict[str, Any], said: str
) -> None:
    whole = {"ModelName": "churn-1", "PrimaryContainer": {"Image": IMAGE}, **request_}
    assert said in refusal(hosted.sagemaker.create_model, **whole)


def test_an_image_that_is_not_here_is_refused_where_it_is_to_run(hosted: Any) -> None:
    hosted.sagemaker.create_model(ModelName="own", PrimaryContainer={"Image": "acme/own:1"})
    assert hosted.sagemaker.describe_model(ModelName="own")["PrimaryContainer"]["Image"]
    told = hosted.endpoint("own", hosted.config("own", "own"))
    assert told["EndpointStatus"] == "Failed"
    assert "acme/own:1 is not available" in told["FailureReason"]


@pytest.mark.parametrize(
    "url",
    [
        "https://models.s3.us-east-1.amazonaws.com/churn-1/model.tar.gz",
        "https://models.s3.amazonaws.com/churn-1/model.tar.gz",
        "https://s3.us-east-1.amazonaws.com/models/churn-1/model.tar.gz",
        "https://s3-us-east-1.amazonaws.com/models/churn%2D1/model.tar.gz",
    ],
)
def test_data_is_found_by_each_address_that_s3_has(hosted: Any, url: str) -> None:
    hosted.model("churn-1")
    container = {"Image": IMAGE, "ModelDataUrl": url}
    hosted.sagemaker.create_model(ModelName="other", PrimaryContainer=container)
    told = hosted.sagemaker.describe_model(ModelName="other")
    assert told["PrimaryContainer"]["ModelDataUrl"] == url
    missing = {**container, "ModelDataUrl": url.replace("churn", "none")}
    assert "Could not find model data" in refusal(
        hosted.sagemaker.create_model, ModelName="none", PrimaryContainer=missing
    )


def test_an_isolated_model_serves_without_credentials(hosted: Any) -> None:
    script = """
import os

def model_fn(folder):
    return sorted(name for name in os.environ if name.startswith(("AWS_ACCESS", "AWS_ENDPOINT")))

def predict_fn(data, model):
    return model

def output_fn(found, accept):
    return ",".join(found)
"""
    vpc = {"SecurityGroupIds": ["sg-1"], "Subnets": ["s-1"]}
    answers = {}
    for name, isolated in (("open", False), ("alone", True)):
        hosted.model(f"base-{name}", script=script)
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://models/base-{name}/model.tar.gz"}
        hosted.sagemaker.create_model(
            ModelName=name,
            PrimaryContainer=container,
            ExecutionRoleArn="arn:aws:iam::123456789012:role/serving",
            EnableNetworkIsolation=isolated,
            VpcConfig=vpc,
        )
        told = hosted.sagemaker.describe_model(ModelName=name)
        assert (told["EnableNetworkIsolation"], told["VpcConfig"]) == (isolated, vpc)
        assert hosted.endpoint(name, hosted.config(name, name))["EndpointStatus"] == "InService"
        answers[name] = hosted.ask(name)
    assert answers == {"open": "AWS_ACCESS_KEY_ID,AWS_ENDPOINT_URL", "alone": ""}


def test_a_model_is_made_of_a_package_of_the_registry(hosted: Any) -> None:
    hosted.model("as-base", add=3)
    hosted.sagemaker.create_model_package_group(ModelPackageGroupName="churn")
    package = hosted.sagemaker.create_model_package(
        ModelPackageGroupName="churn",
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [
                {
                    "Image": IMAGE,
                    "ModelDataUrl": "s3://models/as-base/model.tar.gz",
                    "Environment": {"SAGEMAKER_PROGRAM": "other.py", "KEPT": "yes"},
                }
            ],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    hosted.sagemaker.create_model(
        ModelName="packaged",
        PrimaryContainer={
            "ModelPackageName": package,
            "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
        },
        ExecutionRoleArn="arn:aws:iam::123456789012:role/serving",
    )

    told = hosted.endpoint("adder", hosted.config("one", "packaged"))

    assert told["EndpointStatus"] == "InService", told.get("FailureReason")
    assert hosted.ask("adder", 4) == "7"
    described = hosted.sagemaker.describe_model(ModelName="packaged")["PrimaryContainer"]
    assert described["ModelPackageName"] == package


def test_an_unknown_package_is_refused(hosted: Any) -> None:
    with pytest.raises(ClientError, match="churn/7"):
        hosted.sagemaker.create_model(
            ModelName="packaged",
            PrimaryContainer={
                "ModelPackageName": "arn:aws:sagemaker:us-east-1:123456789012:model-package/churn/7"
            },
        )
