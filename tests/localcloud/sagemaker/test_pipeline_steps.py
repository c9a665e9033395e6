"""What a pipeline's steps do: functions, callbacks, models, caches, triggers, stops, retries."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.sagemaker.caching import cache_key, expiry
from everloop_localcloud.sagemaker.retries import wait_before_retry

ROLE = "arn:aws:iam::123456789012:role/steps"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3"
ENDED = ("Succeeded", "Failed", "Stopped", "CompletedWithFailures")
HANDLER = """
def handler(event, context):
    if event.get("fail"):
        raise ValueError("no " + event["fail"])
    return {"twice": 2 * event["number"], "name": event["name"]}
"""


class Lab:
    """A cloud that runs pipelines of small steps."""

    def __init__(self, cloud: Any, client: Callable[..., Any]) -> None:
        self.cloud = cloud
        self.client = client
        self.sagemaker = client("sagemaker")
        self.events: list[dict[str, Any]] = []
        cloud.on_event(self.events.append)

    def create(self, name: str, *steps: dict[str, Any], **more: Any) -> None:
        definition = {"Version": "2020-12-01", "Steps": list(steps), **more.pop("top", {})}
        self.sagemaker.create_pipeline(
            PipelineName=name, PipelineDefinition=json.dumps(definition), RoleArn=ROLE, **more
        )

    def start(self, name: str, **parameters: str) -> str:
        given = [{"Name": key, "Value": value} for key, value in parameters.items()]
        answer = self.sagemaker.start_pipeline_execution(
            PipelineName=name, PipelineParameters=given
        )
        return str(answer["PipelineExecutionArn"])

    def ended(self, arn: str) -> dict[str, Any]:
        told: dict[str, Any] = until(
            lambda: self.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
            lambda told: told["PipelineExecutionStatus"] in ENDED,
        )
        return told

    def steps(self, arn: str) -> dict[str, Any]:
        answer = self.sagemaker.list_pipeline_execution_steps(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return {step["StepName"]: step for step in answer["PipelineExecutionSteps"]}

    def step(self, arn: str, name: str, status: str) -> dict[str, Any]:
        """Wait until a step has this status."""
        steps = until(
            lambda: self.steps(arn), lambda steps: steps.get(name, {}).get("StepStatus") == status
        )
        found: dict[str, Any] = steps[name]
        return found

    def run(self, name: str, *steps: dict[str, Any], **more: Any) -> tuple[str, dict[str, Any]]:
        """Run a new pipeline to its end; gives its status and its steps."""
        self.create(name, *steps, **more)
        arn = self.start(name)
        return self.ended(arn)["PipelineExecutionStatus"], self.steps(arn)


@pytest.fixture
def lab(cloud_with: Callable[..., Any]) -> Lab:
    made = Lab(*cloud_with("s3", "sagemaker", "logs", "events", "sqs", "lambda"))
    made.client("s3").create_bucket(Bucket="lab")
    return made


def processing(name: str, script: str, **more: Any) -> dict[str, Any]:
    words = ["python3", "-c", script]
    return {
        "Name": name,
        "Type": "Processing",
        "Arguments": {
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": words},
            "ProcessingResources": {
                "ClusterConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 1,
                    "VolumeSizeInGB": 1,
                }
            },
            "RoleArn": ROLE,
        },
        **more,
    }


def fail(name: str, message: Any = "wrong", **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}, **more}


def condition(name: str, *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    arguments = {"Conditions": list(conditions), **more.pop("branches", {})}
    return {"Name": name, "Type": "Condition", "Arguments": arguments, **more}


def test_a_function_gets_arguments_and_gives_typed_outputs(lab: Lab) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("code.py", HANDLER)
    function = lab.client("lambda").create_function(
        FunctionName="double",
        Runtime="python3.13",
        Role=ROLE,
        Handler="code.handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    outputs = [
        {"OutputName": "twice", "OutputType": "Integer"},
        {"OutputName": "name", "OutputType": "String"},
    ]
    double = {
        "Name": "Double",
        "Type": "Lambda",
        "FunctionArn": function,
        "Arguments": {
            "number": {"Get": "Parameters.Number"},
            "name": {"Get": "Execution.PipelineName"},
        },
        "OutputParameters": outputs,
    }
    large = {
        "Type": "GreaterThan",
        "LeftValue": {"Get": "Steps.Double.OutputParameters['twice']"},
        "RightValue": 40,
    }
    named = {"Get": "Steps.Double.OutputParameters['name']"}
    top = {"Parameters": [{"Name": "Number", "Type": "Integer", "DefaultValue": 21}]}
    check = condition("Check", large, branches={"IfSteps": [fail("Large", named)]})
    status, steps = lab.run("double", double, check, top=top)
    assert status == "Failed"
    assert steps["Double"]["Metadata"]["Lambda"] == {
        "Arn": function,
        "OutputParameters": [
            {"Name": "twice", "Value": "42"},
            {"Name": "name", "Value": "double"},
        ],
    }
    assert steps["Large"]["FailureReason"] == "double"
    broken = {**double, "Arguments": {"fail": "luck"}, "OutputParameters": []}
    status, steps = lab.run("broken", broken, top=top)
    assert status == "Failed"
    assert "no luck" in steps["Double"]["FailureReason"]


def callback(lab: Lab, name: str = "Ask", **more: Any) -> tuple[dict[str, Any], Any, str]:
    sqs = lab.client("sqs")
    queue = sqs.create_queue(QueueName="asked")["QueueUrl"]
    step = {
        "Name": name,
        "Type": "Callback",
        "SqsQueueUrl": queue,
        "Arguments": {"question": "how many?"},
        "OutputParameters": [{"OutputName": "count", "OutputType": "Integer"}],
        **more,
    }
    return step, sqs, queue


def received(sqs: Any, queue: str) -> dict[str, Any]:
    answer = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
    message = answer["Messages"][0]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    body: dict[str, Any] = json.loads(message["Body"])
    return body


def test_a_callback_waits_for_its_answer_over_a_restart(
    cloud_with: Callable[..., Any], tmp_path: Any
) -> None:
    services = ("s3", "sagemaker", "sqs")
    lab = Lab(*cloud_with(*services, folder=tmp_path / "kept"))
    ask, sqs, queue = callback(lab)
    count = {"Get": "Steps.Ask.OutputParameters['count']"}
    many = {"Type": "Equals", "LeftValue": count, "RightValue": 3}
    check = condition("Check", many, branches={"ElseSteps": [fail("Other")]})
    lab.create("ask", ask, check)
    arn = lab.start("ask")
    body = received(sqs, queue)
    assert body["pipelineExecutionArn"] == arn
    assert body["arguments"] == {"question": "how many?"}
    lab.cloud.stop()
    lab = Lab(*cloud_with(*services, folder=tmp_path / "kept"))
    told = lab.sagemaker.send_pipeline_execution_step_success(
        CallbackToken=body["token"], OutputParameters=[{"Name": "count", "Value": "3"}]
    )
    assert told["PipelineExecutionArn"] == arn
    assert lab.ended(arn)["PipelineExecutionStatus"] == "Succeeded"
    metadata = lab.steps(arn)["Ask"]["Metadata"]["Callback"]
    assert metadata["OutputParameters"] == [{"Name": "count", "Value": "3"}]
    with pytest.raises(ClientError, match="ConflictException"):
        lab.sagemaker.send_pipeline_execution_step_failure(CallbackToken=body["token"])
    with pytest.raises(ClientError, match="ResourceNotFound"):
        lab.sagemaker.send_pipeline_execution_step_success(CallbackToken="0123456789")


def test_a_stop_tells_the_callback_and_waits_for_it(lab: Lab) -> None:
    ask, sqs, queue = callback(lab)
    lab.create("ask", ask, fail("Never", DependsOn=["Ask"]))
    arn = lab.start("ask")
    token = received(sqs, queue)["token"]
    lab.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    body = received(sqs, queue)
    assert (body["token"], body["status"]) == (token, "Stopping")
    told = lab.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    assert told["PipelineExecutionStatus"] == "Stopping"
    lab.sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="gone")
    assert lab.ended(arn)["PipelineExecutionStatus"] == "Stopped"
    assert lab.steps(arn)["Ask"]["StepStatus"] == "Stopped"
    assert "Never" not in lab.steps(arn)


def test_a_stop_stops_the_job_that_runs(lab: Lab) -> None:
    lab.create("endless", processing("Wait", "import time; time.sleep(600)"))
    arn = lab.start("endless")
    lab.step(arn, "Wait", "Executing")
    lab.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert lab.ended(arn)["PipelineExecutionStatus"] == "Stopped"
    assert lab.steps(arn)["Wait"]["StepStatus"] == "Stopped"


def test_a_pipeline_goes_with_its_executions_and_not_while_one_runs(lab: Lab) -> None:
    ask, sqs, queue = callback(lab)
    lab.create("ask", ask)
    arn = lab.start("ask")
    token = received(sqs, queue)["token"]
    with pytest.raises(ClientError, match=r"ConflictException.*has running executions"):
        lab.sagemaker.delete_pipeline(PipelineName="ask")
    lab.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    lab.sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="gone")
    lab.ended(arn)
    lab.sagemaker.delete_pipeline(PipelineName="ask")
    with pytest.raises(ClientError, match="ResourceNotFound"):
        lab.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
    with pytest.raises(ClientError, match="ResourceNotFound"):
        lab.sagemaker.delete_pipeline(PipelineName="ask")


def test_a_step_that_ran_before_is_taken_from_the_cache(lab: Lab) -> None:
    cached = processing("Once", "pass", CacheConfig={"Enabled": True, "ExpireAfter": "PT1H"})
    cached["Arguments"]["Environment"] = {"number": {"Get": "Parameters.Number"}}
    name = {"Get": "Steps.Once.ProcessingJobName"}
    top = {"Parameters": [{"Name": "Number", "Type": "Integer", "DefaultValue": 1}]}
    lab.create("cached", cached, fail("Tell", name), top=top)
    first, again = lab.start("cached"), ""
    made = lab.ended(first)["FailureReason"]
    again = lab.start("cached")
    assert lab.ended(again)["FailureReason"] == made
    hit = lab.steps(again)["Once"]
    assert hit["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    assert hit["StepStatus"] == "Succeeded"
    told = [
        event["detail"]["cacheHitResult"]
        for event in lab.events
        if "cacheHitResult" in event["detail"]
    ]
    assert told == [{"sourcePipelineExecutionArn": first}]
    other = lab.start("cached", Number="2")
    assert lab.ended(other)["FailureReason"] != made
    assert "CacheHitResult" not in lab.steps(other)["Once"]


def test_a_step_may_run_because_another_failed(lab: Lab) -> None:
    bad = processing("Bad", "raise SystemExit(1)")
    after = processing("After", "pass", DependsOn=["Bad"])
    clean = processing("Clean", "pass", DependsOn=[{"Step": "Bad", "Trigger": "Failed"}])
    always = processing("Always", "pass", DependsOn=[{"Step": "Clean", "Trigger": "Any"}])
    status, steps = lab.run("handled", bad, after, clean, always)
    assert status == "CompletedWithFailures"
    assert {name: step["StepStatus"] for name, step in steps.items()} == {
        "Bad": "Failed",
        "Clean": "Succeeded",
        "Always": "Succeeded",
    }


def test_an_execution_is_retried_from_the_step_that_failed(lab: Lab) -> None:
    s3 = lab.client("s3")
    s3.put_object(Bucket="lab", Key="code/step.py", Body=b"raise SystemExit(1)")
    good = processing("Good", "pass")
    late = processing("Late", "", DependsOn=["Good"])
    late["Arguments"]["AppSpecification"]["ContainerEntrypoint"] = [
        "python3",
        "/opt/ml/processing/input/code/step.py",
    ]
    late["Arguments"]["ProcessingInputs"] = [
        {
            "InputName": "code",
            "S3Input": {
                "S3Uri": "s3://lab/code/",
                "LocalPath": "/opt/ml/processing/input/code",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
    ]
    lab.create("again", good, late)
    arn = lab.start("again")
    assert lab.ended(arn)["PipelineExecutionStatus"] == "Failed"
    before = lab.steps(arn)["Good"]["StartTime"]
    s3.put_object(Bucket="lab", Key="code/step.py", Body=b"print('well')")
    lab.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert lab.ended(arn)["PipelineExecutionStatus"] == "Succeeded"
    assert lab.steps(arn)["Good"]["StartTime"] == before
    with pytest.raises(ClientError, match="ConflictException"):
        lab.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)


def test_a_model_step_makes_a_model_and_hands_it_on(
    lab: Lab, pack: Callable[[dict[str, str]], bytes]
) -> None:
    lab.client("s3").put_object(Bucket="lab", Key="model.tar.gz", Body=pack({"a": "b"}))
    make = {
        "Name": "Make",
        "Type": "Model",
        "Arguments": {
            "ExecutionRoleArn": ROLE,
            "PrimaryContainer": {"Image": IMAGE, "ModelDataUrl": "s3://lab/model.tar.gz"},
        },
    }
    status, steps = lab.run("make", make, fail("Tell", {"Get": "Steps.Make.ModelName"}))
    assert status == "Failed"
    name = steps["Tell"]["FailureReason"]
    assert steps["Make"]["Metadata"]["Model"]["Arn"].endswith(f"model/{name}")
    assert lab.sagemaker.describe_model(ModelName=name)["ExecutionRoleArn"] == ROLE


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        pytest.param({"Type": "Equals", "LeftValue": 1, "RightValue": "1.0"}, "True", id="equals"),
        pytest.param({"Type": "NotEquals", "LeftValue": 1, "RightValue": 2}, "True", id="unequal"),
        pytest.param({"Type": "LessThan", "LeftValue": "9", "RightValue": 10}, "True", id="less"),
        pytest.param(
            {"Type": "In", "QueryValue": "b", "Values": ["a", "b"]}, "True", id="in-of-the-sdk"
        ),
        pytest.param({"Type": "NotIn", "Value": "b", "In": ["a"]}, "True", id="not-in"),
        pytest.param(
            {
                "Type": "Or",
                "Conditions": [
                    {"Type": "Equals", "LeftValue": 1, "RightValue": 2},
                    {
                        "Type": "Not",
                        "Condition": {"Type": "GreaterThan", "LeftValue": 1, "RightValue": 2},
                    },
                ],
            },
            "True",
            id="or-not",
        ),
        pytest.param({"Type": "Equals", "LeftValue": True, "RightValue": 1}, "False", id="boolean"),
    ],
)
def test_conditions_of_every_kind_are_judged(lab: Lab, given: Any, outcome: str) -> None:
    _, steps = lab.run("judge", condition("Judge", given))
    assert steps["Judge"]["Metadata"]["Condition"]["Outcome"] == outcome


@pytest.mark.parametrize(
    ("step", "message"),
    [
        pytest.param({"Name": "A", "Type": "Lambda"}, "lacks FunctionArn", id="function"),
        pytest.param(
            processing("A", "pass", CacheConfig={"Enabled": True, "ExpireAfter": "soon"}),
            "'soon' is no ISO 8601 duration",
            id="expiry",
        ),
        pytest.param(
            processing("A", "pass", DependsOn=[{"Step": "A", "Trigger": "Late"}]),
            "Trigger 'Late'",
            id="trigger",
        ),
        pytest.param(
            processing("A", "pass", RetryPolicies=[{"ExceptionType": ["Step.LUCK"]}]),
            "Step.LUCK",
            id="retry",
        ),
    ],
)
def test_a_step_that_cannot_run_is_refused(lab: Lab, step: Any, message: str) -> None:
    with pytest.raises(ClientError) as refused:
        lab.create("wrong", step)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in refused.value.response["Error"]["Message"]


def test_an_expiry_is_read_as_sloppily_as_aws_reads_it() -> None:
    hours = {"P30D": 720, "30d": 720, "T12H": 12, "PT30M": 0.5, "p1dT5h": 29, "2W": 336}
    assert {text: expiry(text).total_seconds() / 3600 for text in hours} == hours


def test_what_does_not_count_does_not_miss_the_cache() -> None:
    step = {"Name": "A", "Type": "Training"}
    arguments = {"HyperParameters": {"a": "1"}, "OutputDataConfig": {"S3OutputPath": "s3://x"}}
    same = cache_key(step, {**arguments, "OutputDataConfig": {"S3OutputPath": "s3://y"}})
    assert cache_key(step, arguments) == same
    assert cache_key(step, {**arguments, "HyperParameters": {"a": "2"}}) != same


def test_retries_follow_their_policy(lab: Lab) -> None:
    now = lab.cloud.clock.now()
    policy = {"ExceptionType": ["SageMaker.JOB_INTERNAL_ERROR"], "MaxAttempts": 2}
    policy |= {"IntervalSeconds": 3, "BackoffRate": 2.0}

    def wait(exception: str | None, attempt: int) -> float | None:
        return wait_before_retry([policy], exception, attempt, now, now)

    waits = [wait("SageMaker.JOB_INTERNAL_ERROR", attempt) for attempt in (1, 2, 3)]
    assert waits == [3.0, 6.0, None]
    assert wait("Step.THROTTLING", 1) == 1.0  # every step has a policy for this one
    assert wait(None, 1) is None


def test_an_endpoint_step_makes_an_endpoint_and_then_changes_it(hosted: Any) -> None:
    hosted.model("one", add=1)
    hosted.model("two", add=2)
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": {"Get": "Parameters.Model"},
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    config = {"EndpointConfigName": "adder", "ProductionVariants": [variant]}
    name = {"Get": "Steps.Config.EndpointConfigName"}
    steps = [
        {"Name": "Config", "Type": "EndpointConfig", "Arguments": config},
        {
            "Name": "Serve",
            "Type": "Endpoint",
            "Arguments": {"EndpointName": "adder", "EndpointConfigName": name},
        },
    ]
    definition = {
        "Version": "2020-12-01",
        "Parameters": [{"Name": "Model", "Type": "String"}],
        "Steps": steps,
    }
    hosted.sagemaker.create_pipeline(
        PipelineName="serve", PipelineDefinition=json.dumps(definition), RoleArn=ROLE
    )
    for model, answer in {"one": "2", "two": "3"}.items():
        arn = hosted.sagemaker.start_pipeline_execution(
            PipelineName="serve", PipelineParameters=[{"Name": "Model", "Value": model}]
        )["PipelineExecutionArn"]
        told = until(
            lambda arn=arn: hosted.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
            lambda told: told["PipelineExecutionStatus"] in ENDED,
        )
        assert told["PipelineExecutionStatus"] == "Succeeded", told
        assert hosted.ask("adder") == answer


_WRITE = "import os; open('/opt/ml/processing/out/n.json', 'w').write('{\"n\": 7}')"


def chain() -> list[dict[str, Any]]:
    """Three steps, each of which tells of the one before."""
    output = {
        "OutputName": "out",
        "S3Output": {
            "S3Uri": "s3://lab/first",
            "LocalPath": "/opt/ml/processing/out",
            "S3UploadMode": "EndOfJob",
        },
    }
    first = processing("First", _WRITE)
    first["Arguments"]["ProcessingOutputConfig"] = {"Outputs": [output]}
    second = processing("Second", "print('second')")
    uri = "Steps.First.ProcessingOutputConfig.Outputs['out'].S3Output.S3Uri"
    second["Arguments"]["Environment"] = {"FROM": {"Get": uri}}
    third = processing("Third", "print('third')", DependsOn=["Second"])
    return [first, second, third]


def selected(lab: Lab, pipeline: str, *names: str, **config: Any) -> str:
    steps = [{"StepName": name} for name in names]
    answer = lab.sagemaker.start_pipeline_execution(
        PipelineName=pipeline, SelectiveExecutionConfig={"SelectedSteps": steps, **config}
    )
    return str(answer["PipelineExecutionArn"])


def test_selected_steps_run_on_what_another_execution_left(lab: Lab) -> None:
    lab.create("chain", *chain())
    source = lab.start("chain")
    assert lab.ended(source)["PipelineExecutionStatus"] == "Succeeded"
    before = lab.steps(source)

    arn = selected(lab, "chain", "Second", SourcePipelineExecutionArn=source)
    told = lab.ended(arn)
    assert told["PipelineExecutionStatus"] == "Succeeded"
    assert told["SelectiveExecutionConfig"] == {
        "SourcePipelineExecutionArn": source,
        "SelectedSteps": [{"StepName": "Second"}],
    }
    steps = lab.steps(arn)
    assert set(steps) == {"First", "Second"}
    assert steps["First"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": source}
    assert steps["First"]["Metadata"] == before["First"]["Metadata"]
    assert steps["Second"]["Metadata"] != before["Second"]["Metadata"]
    job = steps["Second"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    made = lab.sagemaker.describe_processing_job(ProcessingJobName=job)
    assert made["Environment"] == {"FROM": "s3://lab/first"}


def test_a_selection_that_cannot_run_is_refused(lab: Lab) -> None:
    lab.create("chain", *chain())
    source = lab.start("chain")
    lab.ended(source)
    lab.create("other", fail("Only"))
    other = lab.start("other")
    lab.ended(other)
    known = {"SourcePipelineExecutionArn": source}
    for names, config, message in (
        (["Fourth"], known, "no step 'Fourth'"),
        (["First", "Third"], known, "'Second' lies between"),
        (["Second"], {}, "lacks SourcePipelineExecutionArn"),
        (["Second"], {"SourcePipelineExecutionArn": other}, "of another pipeline"),
    ):
        with pytest.raises(ClientError, match=message):
            selected(lab, "chain", *names, **config)


def test_a_selected_condition_chooses_among_selected_steps(lab: Lab) -> None:
    always = {"Type": "Equals", "LeftValue": 1, "RightValue": 1}
    branches = {"IfSteps": [fail("Yes")], "ElseSteps": [fail("No")]}
    lab.create("fork", condition("Fork", always, branches=branches), processing("Else", "0"))
    assert lab.ended(selected(lab, "fork", "Fork", "No"))["PipelineExecutionStatus"] == "Succeeded"
    arn = selected(lab, "fork", "Fork", "Yes")
    assert lab.ended(arn)["PipelineExecutionStatus"] == "Failed"
    assert set(lab.steps(arn)) == {"Fork", "Yes"}
    # Without its condition a step of a branch runs as it was asked for.
    arn = selected(lab, "fork", "No")
    lab.ended(arn)
    assert set(lab.steps(arn)) == {"No"}
