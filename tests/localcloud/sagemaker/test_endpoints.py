"""Endpoint configs and endpoints: from creation to deletion, and over restarts of the cloud."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

BROKEN = "import no_such_module\n"
ARN = "arn:aws:sagemaker:us-east-1:123456789012"


def refusal(call: Any, **request: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    return str(refused.value.response["Error"]["Message"])


def gone(hosted: Any, name: str) -> bool:
    listed = hosted.sagemaker.list_endpoints()["Endpoints"]
    return name not in [endpoint["EndpointName"] for endpoint in listed]


def test_a_config_is_described_as_it_was_created(hosted: Any) -> None:
    hosted.model("churn")
    hosted.config("one", "churn", KmsKeyId="alias/own")

    told = hosted.sagemaker.describe_endpoint_config(EndpointConfigName="one")

    assert told["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "ModelName": "churn",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "InitialVariantWeight": 1.0,
        }
    ]
    assert told["KmsKeyId"] == "alias/own"
    [detail] = hosted.told("SageMaker Endpoint Config State Change")
    assert detail["EndpointConfigName"] == "one"
    assert detail["ProductionVariants"][0]["ModelName"] == "churn"


def test_configs_are_listed_created_once_and_deleted(hosted: Any) -> None:
    hosted.model("churn")
    hosted.config("one", "churn")
    hosted.config("two", "churn")
    variant = hosted.sagemaker.describe_endpoint_config(EndpointConfigName="one")
    again = {"EndpointConfigName": "one", "ProductionVariants": variant["ProductionVariants"]}

    message = refusal(hosted.sagemaker.create_endpoint_config, **again)
    hosted.sagemaker.delete_endpoint_config(EndpointConfigName="one")

    there = f'"{ARN}:endpoint-config/one".'
    assert message == f"Cannot create already existing endpoint configuration {there}"
    listed = hosted.sagemaker.list_endpoint_configs()["EndpointConfigs"]
    assert [config["EndpointConfigName"] for config in listed] == ["two"]
    message = refusal(hosted.sagemaker.describe_endpoint_config, EndpointConfigName="one")
    assert message == f"Could not find endpoint configuration {there}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"ModelName": "none"}, "Could not find model", id="unknown model"),
        pytest.param(
            {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 1}},
            "ServerlessConfig",
            id="serverless",
        ),
        pytest.param({"InitialVariantWeight": 0.0}, "weight above 0", id="no weight"),
        pytest.param({"VariantName": "a b"}, "'a b'", id="bad name"),
    ],
)
def test_a_variant_that_cannot_be_had_is_refused(
    hosted: Any, change: dict[str, Any], said: str
) -> None:
    hosted.model("churn")
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": "churn",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        **change,
    }
    message = refusal(
        hosted.sagemaker.create_endpoint_config,
        EndpointConfigName="one",
        ProductionVariants=[variant],
    )
    assert said in message


def test_an_endpoint_is_created_serves_and_is_deleted(hosted: Any) -> None:
    hosted.model("churn", add=1)
    told = hosted.endpoint("churn", hosted.config("one", "churn"))

    [variant] = told["ProductionVariants"]
    assert (told["EndpointStatus"], told["EndpointConfigName"]) == ("InService", "one")
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1.0, 1.0)
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (1, 1)
    assert "sagemaker-scikit-learn" in variant["DeployedImages"][0]["SpecifiedImage"]
    assert hosted.ask("churn", 1) == "2"

    hosted.sagemaker.delete_endpoint(EndpointName="churn")
    until(lambda: gone(hosted, "churn"), bool)

    message = refusal(hosted.sagemaker.describe_endpoint, EndpointName="churn")
    assert message == f'Could not find endpoint "{ARN}:endpoint/churn".'
    statuses = [e["EndpointStatus"] for e in hosted.told("SageMaker Endpoint State Change")]
    assert statuses == ["CREATING", "IN_SERVICE", "DELETING"]
    assert list((hosted.cloud.folder / "serving").iterdir()) == []


def test_a_script_that_does_not_import_fails_the_endpoint_with_its_last_words(hosted: Any) -> None:
    hosted.model("churn", script=BROKEN)

    told = hosted.endpoint("churn", hosted.config("one", "churn"))

    assert told["EndpointStatus"] == "Failed"
    assert "No module named 'no_such_module'" in told["FailureReason"]
    assert "/aws/sagemaker/Endpoints/churn" in told["FailureReason"]
    events = hosted.logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/churn")["events"]
    assert "Traceback (most recent call last):" in [event["message"] for event in events]
    last = hosted.told("SageMaker Endpoint State Change")[-1]
    assert (last["EndpointStatus"], last["FailureReason"]) == ("FAILED", told["FailureReason"])
    with pytest.raises(ClientError, match="Endpoint churn of account 123456789012 not found"):
        hosted.ask("churn")

    assert "Failed" in refusal(
        hosted.sagemaker.update_endpoint, EndpointName="churn", EndpointConfigName="one"
    )
    hosted.sagemaker.delete_endpoint(EndpointName="churn")
    until(lambda: gone(hosted, "churn"), bool)


def test_an_endpoint_that_is_being_created_is_neither_updated_nor_deleted(hosted: Any) -> None:
    hosted.model("churn", script="import time\ntime.sleep(1.5)\n" + "def model_fn(d): return 1\n")
    config = hosted.config("one", "churn")
    hosted.sagemaker.create_endpoint(EndpointName="churn", EndpointConfigName=config)

    busy = f'Cannot update in-progress endpoint "{ARN}:endpoint/churn".'
    assert refusal(hosted.sagemaker.delete_endpoint, EndpointName="churn") == busy
    assert (
        refusal(hosted.sagemaker.update_endpoint, EndpointName="churn", EndpointConfigName=config)
        == busy
    )
    told = hosted.sagemaker.describe_endpoint(EndpointName="churn")
    assert told["EndpointStatus"] == "Creating"
    assert told["ProductionVariants"][0]["CurrentInstanceCount"] == 0
    message = refusal(
        hosted.sagemaker.create_endpoint, EndpointName="churn", EndpointConfigName=config
    )
    assert message == f'Cannot create already existing endpoint "{ARN}:endpoint/churn".'
    assert hosted.settled("churn")["EndpointStatus"] == "InService"


def test_an_endpoint_serves_on_when_its_config_and_model_are_deleted(
    hosting: Any, folder: Path
) -> None:
    hosted = hosting(folder=folder)
    hosted.model("churn", add=5)
    hosted.endpoint("churn", hosted.config("one", "churn"))
    hosted.sagemaker.delete_endpoint_config(EndpointConfigName="one")
    hosted.sagemaker.delete_model(ModelName="churn")

    assert hosted.ask("churn", 1) == "6"
    hosted.cloud.stop()
    again = hosting(folder=folder)

    assert again.ask("churn", 2) == "7"  # asked at once: it waits for the instance


def test_weights_and_instances_change_in_service(hosted: Any) -> None:
    hosted.model("plus", add=1)
    hosted.model("minus", add=-1)
    hosted.endpoint("both", hosted.config("one", "plus", "minus"))
    assert {hosted.ask("both", 10) for _ in range(40)} == {"9", "11"}

    hosted.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName="both",
        DesiredWeightsAndCapacities=[
            {"VariantName": "v-minus", "DesiredWeight": 0.0},
            {"VariantName": "v-plus", "DesiredInstanceCount": 2},
        ],
    )
    told = hosted.settled("both")

    variants = {variant["VariantName"]: variant for variant in told["ProductionVariants"]}
    assert variants["v-minus"]["CurrentWeight"] == 0.0
    assert variants["v-plus"]["CurrentInstanceCount"] == 2
    assert {hosted.ask("both", 10) for _ in range(20)} == {"11"}
    assert hosted.ask("both", 10, TargetVariant="v-minus") == "9"
    [scaling] = hosted.told("SageMaker Endpoint Deployment State Change")
    assert scaling["EndpointStatus"] == "UPDATING"
    plus = next(v for v in scaling["ProductionVariants"] if v["VariantName"] == "v-plus")
    assert (plus["CurrentInstanceCount"], plus["DesiredInstanceCount"]) == (1, 2)
    assert plus["VariantStatus"][0]["Status"] == "Updating"


def test_a_change_of_an_unknown_variant_is_refused(hosted: Any) -> None:
    hosted.model("plus", add=1)
    hosted.endpoint("adder", hosted.config("one", "plus"))

    message = refusal(
        hosted.sagemaker.update_endpoint_weights_and_capacities,
        EndpointName="adder",
        DesiredWeightsAndCapacities=[{"VariantName": "none", "DesiredWeight": 1.0}],
    )

    assert '"none"' in message
    told = hosted.sagemaker.describe_endpoint(EndpointName="adder")
    assert told["EndpointStatus"] == "InService"


def test_endpoints_are_listed_by_status_and_name(hosted: Any) -> None:
    hosted.model("plus")
    hosted.model("broken", script=BROKEN)
    hosted.endpoint("good", hosted.config("one", "plus"))
    hosted.endpoint("bad", hosted.config("two", "broken"))

    def listed(**request: Any) -> list[str]:
        found = hosted.sagemaker.list_endpoints(**request)["Endpoints"]
        return [endpoint["EndpointName"] for endpoint in found]

    assert listed() == ["bad", "good"]
    assert listed(StatusEquals="Failed") == ["bad"]
    assert listed(NameContains="oo") == ["good"]


def test_an_endpoint_whose_cloud_stopped_while_it_was_created_is_created_after_all(
    hosting: Any, folder: Path
) -> None:
    hosted = hosting(folder=folder)
    script = "import time\ntime.sleep(1)\ndef model_fn(d): return 1\n"
    config = hosted.config("one", hosted.model("slow", script=script))
    hosted.sagemaker.create_endpoint(EndpointName="slow", EndpointConfigName=config)
    hosted.cloud.stop()

    told = hosting(folder=folder).settled("slow")

    assert told["EndpointStatus"] == "InService"
    assert "FailureReason" not in told


def test_changes_asked_for_right_after_a_restart_wait_for_the_endpoint(
    hosting: Any, folder: Path
) -> None:
    hosted = hosting(folder=folder)
    hosted.model("churn", add=5)
    hosted.endpoint("one", hosted.config("one", "churn", count=2))
    hosted.endpoint("two", "one")
    hosted.cloud.stop()
    again = hosting(folder=folder)

    again.sagemaker.delete_endpoint(EndpointName="two")
    again.update("one", again.config("new", again.model("new", add=6)))

    assert again.settled("one")["EndpointConfigName"] == "new"
    assert again.ask("one", 1) == "7"
    until(lambda: gone(again, "two"), bool)
    assert len(list((again.cloud.folder / "serving").iterdir())) == 1


def test_an_endpoint_whose_model_data_is_gone_fails_at_the_next_start(
    hosting: Any, folder: Path
) -> None:
    hosted = hosting(folder=folder)
    hosted.endpoint("churn", hosted.config("one", hosted.model("churn")))
    hosted.s3.delete_object(Bucket="models", Key="churn/model.tar.gz")
    hosted.cloud.stop()

    again = hosting(folder=folder)
    told = until(
        lambda: again.sagemaker.describe_endpoint(EndpointName="churn"),
        lambda seen: seen["EndpointStatus"] == "Failed",
    )

    assert "s3://models/churn/model.tar.gz" in told["FailureReason"]
