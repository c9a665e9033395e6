"""What AWS does with roles of the template when people stop things, or a target is gone."""

import io
import json
import tarfile
from pathlib import Path

import pytest
import yaml
from waiting import until

from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.errors import AwsError
from proofs.stack import stack
from proofs.template import ACCOUNT, REGION, ROOT

ROLES = (
    *("SchedulerRole", "EvaluateRole", "MonitorRole", "ScoreRole", "DeployRole"),
    "SageMakerRole",
)
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
ARTEFACTS = f"everloop-artefacts-{ACCOUNT}-{REGION}"
# Of a machine a state that waits for a job, and where it reads of it.
MACHINES = {
    "evaluate": ("Compare with champion", "plan", "job"),
    "monitor": ("Find drift", "plan", "job"),
    "score": ("Write rows", "plan", "rows"),
}
TRANSFORMING = {
    "evaluate": ("Score champion", "plan"),
    "score": ("Score rows", "plan"),
    "deploy": ("Score golden rows", "staging"),
}
SLEEP = ["sleep", "120"]
CODE = "bundles/slow/digest/bundle.tar.gz"
SCRIPT = {
    "sagemaker_program": "train.py",
    "sagemaker_submit_directory": f"s3://{ARTEFACTS}/{CODE}",
}
CLUSTER = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}
SERVICES = (
    *("sts", "s3", "sqs", "logs", "events", "scheduler", "lambda", "stepfunctions"),
    *("sagemaker", "cloudwatch"),
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    """A cloud with some roles of the stack as the template has them; nothing may be denied."""
    cloud, front = started(tmp_path_factory.mktemp("cloud"), services=SERVICES, speed=30)
    for logical in ROLES:
        role = stack().of("AWS::IAM::Role")[logical]
        name = stack().resolved(role.get("RoleName", logical))
        trust = json.dumps(stack().resolved(role["AssumeRolePolicyDocument"]))
        cloud.call("iam", "CreateRole", {"RoleName": name, "AssumeRolePolicyDocument": trust})
        for document in stack().documents(logical):
            if not document.with_key:
                grant = {"RoleName": name, "PolicyName": document.name}
                grant["PolicyDocument"] = json.dumps(document.content)
                cloud.call("iam", "PutRolePolicy", grant)
    cloud.call("s3", "CreateBucket", {"Bucket": ARTEFACTS})
    cloud.call("s3", "PutObject", {"Bucket": ARTEFACTS, "Key": CODE, "Body": code()})
    yield cloud
    denied = cloud.roles.report()["denied"]
    front.stop()
    cloud.stop()
    assert denied == []


def code():
    """Return a bundle whose training, and the start of whose server, outlast these tests."""
    script = b"import time\n\ntime.sleep(120)\n"
    with io.BytesIO() as made:
        with tarfile.open(fileobj=made, mode="w:gz") as archive:
            for name in ("train.py", "inference.py"):
                entry = tarfile.TarInfo(name)
                entry.size = len(script)
                archive.addfile(entry, io.BytesIO(script))
        return made.getvalue()


def arn(logical):
    return stack().resolved({"Fn::GetAtt": [logical, "Arn"]})


def test_a_tick_whose_function_is_gone_lies_in_the_dead_letter_queue(cloud):
    queue = cloud.call("sqs", "CreateQueue", {"QueueName": "everloop-undelivered"})["QueueUrl"]
    cloud.call("scheduler", "CreateScheduleGroup", {"Name": "everloop"})
    functions = {"Reconcile", "ScoreData"}
    for function in functions:
        schedule = {
            "GroupName": "everloop",
            "Name": f"everloop-{function}",
            "ScheduleExpression": "rate(1 minutes)",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {
                "Arn": arn(function),
                "RoleArn": arn("SchedulerRole"),
                "Input": json.dumps(function),
                "RetryPolicy": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
                "DeadLetterConfig": {"Arn": arn("UndeliveredQueue")},
            },
        }
        cloud.call("scheduler", "CreateSchedule", schedule)
    lying = set()

    def lie():
        told = cloud.call("sqs", "ReceiveMessage", {"QueueUrl": queue})
        lying.update(json.loads(each["Body"]) for each in told.get("Messages", []))
        return lying

    until(lie, lambda found: found == functions)


def machine_of(cloud, machine, name, given):
    """Make a machine of one state of ours, which has what it reads assigned; return its ARN."""
    path = Path(ROOT / "statemachines" / f"{machine}.asl.yaml")
    text = path.read_text().replace("${Partition}", "aws")
    state = yaml.safe_load(text)["States"][name]
    state = {key: value for key, value in state.items() if key not in ("Catch", "Next")}
    begin = {"Type": "Pass", "Assign": given, "Next": name}
    states = {"Given": begin, name: {**state, "End": True}}
    definition = {"QueryLanguage": "JSONata", "StartAt": "Given", "States": states}
    made = {"name": f"everloop-{machine}", "roleArn": arn(f"{machine.capitalize()}Role")}
    made["definition"] = json.dumps(definition)
    try:
        told = cloud.call("stepfunctions", "CreateStateMachine", made)
    except AwsError:  # another test's, of the same name, which the role's trust asks for
        told = {"stateMachineArn": cloud.arn("states", f"stateMachine:{made['name']}")}
        update = {**told, "definition": made["definition"]}
        cloud.call("stepfunctions", "UpdateStateMachine", update)
    return told["stateMachineArn"]


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_that_is_stopped_stops_its_job(cloud, machine):
    name, variable, member = MACHINES[machine]
    resources = f"{{% $states.input.{member}.resources %}}"
    assigned = {variable: "{% $states.input %}", "resources": resources, "waited": 0}
    there = machine_of(cloud, machine, name, assigned)
    job = {
        "name": f"slow-{machine}",
        "role_arn": arn("SageMakerRole"),
        "app": {"ImageUri": IMAGE, "ContainerEntrypoint": SLEEP},
        "environment": {},
        "inputs": [],
        "outputs": {"Outputs": []},
        "resources": {"ClusterConfig": CLUSTER},
        "stopping": {"MaxRuntimeInSeconds": 86400},
        "tags": [{"Key": "everloop:model", "Value": "slow"}],
    }
    begin = {"stateMachineArn": there, "input": json.dumps({member: job})}
    run = cloud.call("stepfunctions", "StartExecution", begin)["executionArn"]
    asked = {"ProcessingJobName": f"slow-{machine}-0"}

    def jobs():
        found = cloud.call("sagemaker", "ListProcessingJobs")["ProcessingJobSummaries"]
        return [each for each in found if each["ProcessingJobName"] == f"slow-{machine}-0"]

    until(jobs, bool)
    cloud.call("stepfunctions", "StopExecution", {"executionArn": run})
    until(
        lambda: cloud.call("sagemaker", "DescribeProcessingJob", asked),
        lambda told: told["ProcessingJobStatus"] == "Stopped",
    )


TRAINING = {
    "AlgorithmSpecification": {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
    },
    "OutputDataConfig": {"S3OutputPath": f"s3://{ARTEFACTS}/runs/slow/"},
    "ResourceConfig": CLUSTER,
    "StoppingCondition": {"MaxRuntimeInSeconds": 86400},
}
RANGES = {"CategoricalParameterRanges": [{"Name": "size", "Values": ["1", "2"]}]}
STEPS = {
    "Processing": {
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": SLEEP},
        "ProcessingResources": {"ClusterConfig": CLUSTER},
        "ProcessingInputs": [],
        "ProcessingOutputConfig": {"Outputs": []},
    },
    "Training": {**TRAINING, "HyperParameters": SCRIPT},
    "Tuning": {
        "HyperParameterTuningJobConfig": {
            "Strategy": "Random",
            "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "loss"},
            "ResourceLimits": {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1},
            "ParameterRanges": RANGES,
        },
        "TrainingJobDefinition": {**TRAINING, "StaticHyperParameters": SCRIPT},
    },
}


@pytest.mark.parametrize("kind", STEPS)
def test_a_pipeline_that_is_stopped_stops_its_job(cloud, kind):
    role = arn("SageMakerRole")
    arguments = {**STEPS[kind], "RoleArn": role}
    if kind == "Tuning":
        arguments = dict(STEPS[kind])
        arguments["TrainingJobDefinition"] = {**arguments["TrainingJobDefinition"], "RoleArn": role}
    step = {"Name": kind, "Type": kind, "Arguments": arguments}
    definition = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": [step]}
    name = {"PipelineName": f"slow-{kind}"}
    token = {"ClientRequestToken": "t" * 32}
    made = {**name, **token, "PipelineDefinition": json.dumps(definition), "RoleArn": role}
    cloud.call("sagemaker", "CreatePipeline", made)
    run = cloud.call("sagemaker", "StartPipelineExecution", {**name, **token})
    where = {"PipelineExecutionArn": run["PipelineExecutionArn"]}

    def steps():
        return cloud.call("sagemaker", "ListPipelineExecutionSteps", where)[
            "PipelineExecutionSteps"
        ]

    until(steps, lambda found: found and found[0].get("Metadata"))
    cloud.call("sagemaker", "StopPipelineExecution", {**where, "ClientRequestToken": "s" * 32})
    until(
        lambda: cloud.call("sagemaker", "DescribePipelineExecution", where),
        lambda told: told["PipelineExecutionStatus"] == "Stopped",
    )
    assert [found["StepStatus"] for found in steps()] == ["Stopped"]


TRANSFORM = {
    "TransformInput": {
        "ContentType": "text/csv",
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{ARTEFACTS}/{CODE}"}
        },
    },
    "TransformOutput": {"S3OutputPath": f"s3://{ARTEFACTS}/runs/slow/answers"},
    "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
}


def slow_model():
    """Return a model whose container does not get up."""
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{ARTEFACTS}/{CODE}",
        "Environment": {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": f"s3://{ARTEFACTS}/{CODE}",
        },
    }
    return {"PrimaryContainer": container, "ExecutionRoleArn": arn("SageMakerRole")}


def transforms(cloud):
    return cloud.call("sagemaker", "ListTransformJobs")["TransformJobSummaries"]


def test_machines_and_a_pipeline_that_are_stopped_stop_their_transform_jobs(cloud):
    made = slow_model()
    cloud.call("sagemaker", "CreateModel", {"ModelName": "slow", **made})
    runs = []
    for machine, (state, variable) in TRANSFORMING.items():
        there = machine_of(cloud, machine, state, {variable: "{% $states.input %}"})
        score = {
            "name": f"slow-{machine}",
            "model": "slow",
            "strategy": "SingleRecord",
            "payload_mb": 6,
            "input": TRANSFORM["TransformInput"],
            "output": TRANSFORM["TransformOutput"],
            "resources": TRANSFORM["TransformResources"],
            "tags": [{"Key": "everloop:model", "Value": "slow"}],
        }
        begin = {"stateMachineArn": there, "input": json.dumps({"score": score})}
        runs.append(cloud.call("stepfunctions", "StartExecution", begin)["executionArn"])
    steps = [
        {"Name": "Model", "Type": "Model", "Arguments": made},
        {
            "Name": "Score",
            "Type": "Transform",
            "Arguments": {**TRANSFORM, "ModelName": {"Get": "Steps.Model.ModelName"}},
        },
    ]
    pipeline = {"Version": "2020-12-01", "Metadata": {}, "Parameters": [], "Steps": steps}
    name, token = {"PipelineName": "slow-score"}, {"ClientRequestToken": "t" * 32}
    asked = {**name, **token, "PipelineDefinition": json.dumps(pipeline)}
    cloud.call("sagemaker", "CreatePipeline", {**asked, "RoleArn": arn("SageMakerRole")})
    where = {
        "PipelineExecutionArn": cloud.call(
            "sagemaker", "StartPipelineExecution", {**name, **token}
        )["PipelineExecutionArn"]
    }
    until(lambda: transforms(cloud), lambda found: len(found) == len(runs) + 1)

    for run in runs:
        cloud.call("stepfunctions", "StopExecution", {"executionArn": run})
    cloud.call("sagemaker", "StopPipelineExecution", {**where, "ClientRequestToken": "s" * 32})
    until(
        lambda: {each["TransformJobStatus"] for each in transforms(cloud)},
        lambda found: found == {"Stopped"},
    )
