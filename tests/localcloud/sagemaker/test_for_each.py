"""ForEach steps: their body once for each item, what comes of it, and what is refused."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/steps"
ENDED = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")
HANDLER = """
def handler(event, context):
    if event["number"] < 0:
        raise ValueError("negative")
    return {"square": event["number"] ** 2, "of": str(event["number"])}
"""
ITEM = {"Get": "ForEach.CurrentItem"}


class Lab:
    """A cloud with one function, which squares."""

    def __init__(self, client: Callable[..., Any]) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("code.py", HANDLER)
        self.sagemaker = client("sagemaker")
        self.function = client("lambda").create_function(
            FunctionName="square",
            Runtime="python3.13",
            Role=ROLE,
            Handler="code.handler",
            Code={"ZipFile": packed.getvalue()},
        )["FunctionArn"]

    def square(self, number: Any, name: str = "Square", **more: Any) -> dict[str, Any]:
        return {
            "Name": name,
            "Type": "Lambda",
            "FunctionArn": self.function,
            "Arguments": {"number": number},
            "OutputParameters": [
                {"OutputName": "square", "OutputType": "Integer"},
                {"OutputName": "of", "OutputType": "String"},
            ],
            **more,
        }

    def run(self, *steps: dict[str, Any], **parameters: str) -> tuple[str, dict[str, Any]]:
        name = f"each-{time.monotonic_ns()}"
        declared = [{"Name": each, "Type": "String"} for each in parameters]
        definition = {"Version": "2020-12-01", "Parameters": declared, "Steps": list(steps)}
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE
        )
        given = [{"Name": each, "Value": value} for each, value in parameters.items()]
        arn = self.sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)[
            "PipelineExecutionArn"
        ]
        told = {"PipelineExecutionStatus": "Executing"}
        deadline = time.monotonic() + 60
        while told["PipelineExecutionStatus"] not in ENDED and time.monotonic() < deadline:
            time.sleep(0.05)
            told = self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        listed = self.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)
        steps_by_name = {step["StepName"]: step for step in listed["PipelineExecutionSteps"]}
        return told["PipelineExecutionStatus"], steps_by_name


@pytest.fixture
def lab(cloud_with: Callable[..., Any]) -> Lab:
    _, client = cloud_with("s3", "sagemaker", "logs", "events", "sqs", "lambda")
    return Lab(client)


def for_each(*body: dict[str, Any], items: Any, **more: Any) -> dict[str, Any]:
    arguments = {"IterableItems": items, "MaxConcurrency": 2, "ForEachBody": list(body), **more}
    return {"Name": "All", "Type": "ForEach", "Arguments": arguments}


def tell(*values: Any) -> dict[str, Any]:
    message = {"Std:Join": {"On": " ", "Values": list(values)}}
    return {"Name": "Tell", "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def test_the_body_runs_for_each_item_and_the_best_is_picked(lab: Lab) -> None:
    field = {"Get": "IterationOutput.Square.OutputParameters['square']"}
    each = for_each(lab.square(ITEM), items=[3, 1, 2], Selector={"Pick": "MinBy", "Field": field})
    last = tell(
        {"Get": "Steps.All.Selected.OutputParameters['of']"},
        {"Get": "Steps.All.IterationOutputs[0].Square.OutputParameters['square']"},
        {"Get": "Steps.All.SucceededStepCount"},
        {"Get": "Steps.All.Status"},
    )
    status, steps = lab.run(each, last)
    assert status == "Failed"
    assert steps["Tell"]["FailureReason"] == "1 9 3 Succeeded"
    assert set(steps) == {"All", "Square-0", "Square-1", "Square-2", "Tell"}
    assert steps["Square-2"]["IterationContext"] == {
        "ParentStepName": "All",
        "Index": 2,
        "Item": "2",
    }
    assert steps["All"]["Metadata"]["ForEach"] == {
        "Status": "Succeeded",
        "InputItemCount": 3,
        "TotalStepCount": 3,
        "SucceededStepCount": 3,
        "FailedStepCount": 0,
        "StoppedStepCount": 0,
        "Selector": {"StepName": "Square-1", "Index": 1},
    }


def test_items_may_be_objects_and_steps_of_a_body_follow_one_another(lab: Lab) -> None:
    first = lab.square({"Get": "ForEach.CurrentItem.n.m"}, "First")
    second = lab.square({"Get": "Steps.First.OutputParameters['square']"}, "Second")
    items = [json.dumps({"n": {"m": number}}) for number in (2, 3)]
    each = for_each(second, first, items={"Get": "Parameters.Items"})
    status, steps = lab.run(each, Items=json.dumps(items))
    assert status == "Succeeded"
    outputs = [
        steps[f"Second-{index}"]["Metadata"]["Lambda"]["OutputParameters"][0]["Value"]
        for index in (0, 1)
    ]
    assert outputs == ["16", "81"]


def test_one_items_failure_keeps_none_from_the_others(lab: Lab) -> None:
    follows = lab.square(1, "Follows", DependsOn=["Square"])
    each = for_each(lab.square(ITEM), follows, items=[1, -1, 2], MaxConcurrency=1)
    status, steps = lab.run(each)
    assert status == "Failed"
    ends = {name: step["StepStatus"] for name, step in steps.items()}
    assert ends == {
        "All": "Failed",
        "Square-0": "Succeeded",
        "Square-1": "Failed",
        "Square-2": "Succeeded",
        "Follows-0": "Succeeded",
        "Follows-2": "Succeeded",
    }
    assert steps["All"]["FailureReason"] == "ClientError: 4 of 6 steps succeeded"
    # Another step may take the failure for what it is.
    told = tell({"Get": "Steps.All.FailedStepCount"})
    told["DependsOn"] = [{"Step": "All", "Trigger": "Failed"}]
    _, steps = lab.run(each, told)
    assert steps["Tell"]["FailureReason"] == "1"


def test_what_is_no_list_of_items_fails_the_step(lab: Lab) -> None:
    each = for_each(lab.square(ITEM), items={"Get": "Parameters.Items"})
    for items, reason in (("7", "is 7, and no list"), ("[", "is no JSON list")):
        status, steps = lab.run(each, Items=items)
        assert status == "Failed"
        assert reason in steps["All"]["FailureReason"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"MaxConcurrency": 51}, "MaxConcurrency is 51", id="concurrency"),
        pytest.param({"IterableItems": []}, "IterableItems has 0 elements", id="items"),
        pytest.param({"ForEachBody": []}, "ForEachBody must list steps", id="body"),
        pytest.param(
            {"ForEachBody": [{**tell("x"), "Name": "In"}]}, "In of type Fail cannot be", id="fail"
        ),
        pytest.param(
            {"Selector": {"Pick": "MaxBy", "Field": {"Get": "IterationOutput.Other.x"}}},
            "Selector.Field 'IterationOutput.Other.x' is no output",
            id="selector",
        ),
    ],
)
def test_a_step_that_could_not_run_is_refused(
    lab: Lab, change: dict[str, Any], message: str
) -> None:
    each = for_each(lab.square(ITEM), items=[1])
    each["Arguments"] |= change
    with pytest.raises(ClientError, match=message):
        lab.run(each)


def test_names_and_references_that_cannot_be_are_refused(lab: Lab) -> None:
    each = for_each(lab.square(ITEM), items=[1])
    inner = tell({"Get": "Steps.Square.OutputParameters['of']"})
    for steps, message in (
        ([each, inner], "which ForEach repeats"),
        ([each, tell(ITEM)], "has Get 'ForEach.CurrentItem'"),
        ([each, lab.square(1, "Square-0")], "a name that ForEach gives"),
        ([each, lab.square(1)], "duplicate step name 'Square'"),
    ):
        with pytest.raises(ClientError, match=message):
            lab.run(*steps)


def test_items_go_on_after_a_restart(cloud_with: Callable[..., Any], tmp_path: Any) -> None:
    services = ("s3", "sagemaker", "sqs")
    cloud, client = cloud_with(*services, folder=tmp_path / "kept")
    queue = client("sqs").create_queue(QueueName="asked")["QueueUrl"]
    ask = {
        "Name": "Ask",
        "Type": "Callback",
        "SqsQueueUrl": queue,
        "Arguments": {"about": ITEM},
        "OutputParameters": [{"OutputName": "said", "OutputType": "String"}],
    }
    each = for_each(ask, items=["a", "b", "c"])
    last = tell(
        *({"Get": f"Steps.All.IterationOutputs[{n}].Ask.OutputParameters['said']"} for n in (0, 2))
    )
    definition = {"Version": "2020-12-01", "Steps": [each, last]}
    client("sagemaker").create_pipeline(
        PipelineName="asks", PipelineDefinition=json.dumps(definition), RoleArn=ROLE
    )
    arn = client("sagemaker").start_pipeline_execution(PipelineName="asks")["PipelineExecutionArn"]

    def answer(client: Any) -> None:
        (message,) = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
        body = json.loads(message["Body"])
        outputs = [{"Name": "said", "Value": f"yes {body['arguments']['about']}"}]
        client("sagemaker").send_pipeline_execution_step_success(
            CallbackToken=body["token"], OutputParameters=outputs
        )
        client("sqs").delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])

    answer(client)
    cloud.stop()
    _, client = cloud_with(*services, folder=tmp_path / "kept")
    queue = client("sqs").get_queue_url(QueueName="asked")["QueueUrl"]
    for _ in range(2):
        answer(client)
    told = {"PipelineExecutionStatus": "Executing"}
    deadline = time.monotonic() + 60
    while told["PipelineExecutionStatus"] not in ENDED and time.monotonic() < deadline:
        time.sleep(0.05)
        told = client("sagemaker").describe_pipeline_execution(PipelineExecutionArn=arn)
    assert told["FailureReason"].endswith("Tell: yes a yes c")
