"""What services do with a role that they are given is judged by that role, as on AWS."""

import io
import json
import zipfile

import pytest
from role_maker import TRUST, allow, refusal, role_maker
from waiting import until

from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.access.demands import Place, demands

ACCOUNT = "123456789012"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:work"
LOGS = [allow(["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"])]
DELIVERY = allow(
    [
        *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery"),
        *("logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy"),
        *("logs:DescribeResourcePolicies", "logs:DescribeLogGroups"),
    ]
)
LOGGED = {
    "level": "ERROR",
    "destinations": [
        {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:1:log-group:m:*"}}
    ],
}
MACHINES = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine"
RULES = f"arn:aws:events:us-east-1:{ACCOUNT}:rule"
SUCCEED = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
RUN = {
    "QueryLanguage": "JSONata",
    "StartAt": "Run",
    "States": {
        "Run": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
            "Arguments": "{% $states.input %}",
            "End": True,
        }
    },
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    services = ["sts", "s3", "sqs", "logs", "events", "lambda", "stepfunctions", "scheduler"]
    folder = tmp_path_factory.mktemp("cloud")
    cloud, front = started(folder, services=[*services, "sagemaker", "cloudwatch"])
    cloud.call("s3", "CreateBucket", {"Bucket": "data"})
    cloud.call("s3", "PutObject", {"Bucket": "data", "Key": "in/a", "Body": b"x"})
    cloud.call("sqs", "CreateQueue", {"QueueName": "work"})
    yield cloud
    front.stop()
    cloud.stop()


@pytest.fixture(scope="module")
def role(cloud):
    return role_maker(cloud)


@pytest.fixture(scope="module")
def person(role, cloud):
    """Return a maker of clients of somebody who may do everything."""
    return role(allow("*"))


def function(person, name, role, **more):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", "def handler(event, context):\n    print('heard', event)\n")
    return person("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="main.handler",
        Role=role.arn,
        Code={"ZipFile": packed.getvalue()},
        **more,
    )


def machine(person, name, role, definition=SUCCEED, **more):
    return person("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=role.arn, **more
    )


def processed(cloud, person, name, role):
    """Run a job that copies its input, and return how it ended."""
    given, made = "/opt/ml/processing/in", "/opt/ml/processing/out"
    person("sagemaker").create_processing_job(
        ProcessingJobName=name,
        RoleArn=role.arn,
        AppSpecification={
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["sh", "-c", f"echo copying; cp {given}/a {made}/a"],
        },
        ProcessingInputs=[
            {
                "InputName": "in",
                "S3Input": {
                    "S3Uri": "s3://data/in/",
                    "LocalPath": given,
                    "S3DataType": "S3Prefix",
                    "S3InputMode": "File",
                },
            }
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "out",
                    "S3Output": {
                        "S3Uri": f"s3://data/{name}",
                        "LocalPath": made,
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        ProcessingResources={
            "ClusterConfig": {
                "InstanceCount": 1,
                "InstanceType": "ml.m5.large",
                "VolumeSizeInGB": 5,
            }
        },
    )
    return until(
        lambda: person("sagemaker").describe_processing_job(ProcessingJobName=name),
        lambda told: told["ProcessingJobStatus"] in ("Completed", "Failed"),
    )


# Who may assume a role


def test_a_service_assumes_only_roles_that_trust_it(role, person):
    stranger = role(trust={**TRUST, "Principal": {"Service": "ec2.amazonaws.com"}})
    create = person("scheduler").create_schedule
    schedule = {
        "Name": "tick",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": QUEUE, "RoleArn": stranger.arn},
    }
    model = {"ModelName": "m", "PrimaryContainer": {"Image": IMAGE}}
    model["ExecutionRoleArn"] = stranger.arn
    refused = [
        refusal(lambda: function(person, "f", stranger)),
        refusal(lambda: machine(person, "m", stranger)),
        refusal(lambda: create(**schedule)),
        refusal(lambda: person("sagemaker").create_model(**model)),
    ]
    assert [(error["Code"], error["Message"][:36]) for error in refused] == [
        ("InvalidParameterValueException", "The role defined for the function ca"),
        ("AccessDeniedException", "Neither the global service principal"),
        ("ValidationException", "The execution role you provide must "),
        ("ValidationException", f"Could not assume role {stranger.arn}"[:36]),
    ]


@pytest.mark.parametrize(
    ("condition", "trusted"),
    [
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:SourceAccount": "210987654321"}}, False),
        ({"ArnEquals": {"aws:SourceArn": f"{MACHINES}:mine"}}, True),
        ({"ArnEquals": {"aws:SourceArn": f"{MACHINES}:other"}}, False),
    ],
)  # fmt: skip
def test_a_trust_policys_conditions_are_on_the_resource_that_needs_the_role(
    role, person, condition, trusted
):
    bound = role(trust={**TRUST, "Condition": condition})
    if trusted:
        machine(person, "mine", bound)
        person("stepfunctions").delete_state_machine(stateMachineArn=f"{MACHINES}:mine")
    else:
        assert refusal(lambda: machine(person, "mine", bound))["Code"] == "AccessDeniedException"


# Lambda


def test_traces_a_mapping_and_a_destination_need_their_permissions(role, person):
    bare = role(*LOGS)
    traced = {"TracingConfig": {"Mode": "Active"}}
    error = refusal(lambda: function(person, "traced", bare, **traced))
    assert "PutTraceSegments on XRAY" in error["Message"]
    function(person, "bare", bare)
    mapping = {"FunctionName": "bare", "EventSourceArn": QUEUE}
    error = refusal(lambda: person("lambda").create_event_source_mapping(**mapping))
    assert "ReceiveMessage on SQS" in error["Message"]
    config = {"FunctionName": "bare", "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}}
    error = refusal(lambda: person("lambda").put_function_event_invoke_config(**config))
    assert f"SendMessage on {QUEUE}" in error["Message"]
    assert error["Code"] == "InvalidParameterValueException"

    grants = [
        allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"]),
        allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], QUEUE),
        allow("sqs:SendMessage", QUEUE),
    ]
    able = role(*LOGS, *grants)
    function(person, "able", able, **traced)
    made = person("lambda").create_event_source_mapping(FunctionName="able", EventSourceArn=QUEUE)
    person("lambda").delete_event_source_mapping(UUID=made["UUID"])
    person("lambda").put_function_event_invoke_config(**{**config, "FunctionName": "able"})


def test_the_log_of_a_function_that_may_not_write_it_is_dropped(cloud, role, person):
    groups = {}
    for name, statements in (("mute", [allow("s3:GetObject")]), ("talks", LOGS)):
        function(person, name, role(*statements))
        person("lambda").invoke(FunctionName=name, Payload=b"{}")
        found = person("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")
        groups[name] = len(found["logGroups"])
    assert groups == {"mute": 0, "talks": 1}
    denied = {(each["role"], each["action"]) for each in cloud.roles.report()["denied"]}
    assert "logs:CreateLogGroup" in {action for _, action in denied}


# Step Functions


def test_a_machines_logs_need_the_role_to_deliver_them(role, person):
    bare = role(allow("s3:GetObject"))
    error = refusal(lambda: machine(person, "logs", bare, loggingConfiguration=LOGGED))
    assert error["Code"] == "AccessDeniedException"
    assert "not authorized to access the Log Destination" in error["Message"]
    machine(person, "logs", role(DELIVERY), loggingConfiguration=LOGGED)


def test_a_machine_that_waits_for_jobs_needs_the_rule_that_tells_of_their_ends(role, person):
    error = refusal(lambda: machine(person, "waits", role(allow("s3:GetObject")), RUN))
    assert error["Message"].endswith("is not authorized to create managed-rule.")
    told = f"{RULES}/StepFunctionsGetEventsForSageMakerProcessingJobsRule"
    rule = allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], told)
    machine(person, "waits", role(rule), RUN)


# SageMaker

PULL = [
    allow("ecr:GetAuthorizationToken"),
    allow(["ecr:BatchCheckLayerAvailability", "ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage"]),
]
LIST = allow("s3:ListBucket", "arn:aws:s3:::data")
READ = allow("s3:GetObject", "arn:aws:s3:::data/in/*")
WRITE = allow("s3:PutObject", "arn:aws:s3:::data/able/*")
KEEP = allow(["logs:*", "cloudwatch:PutMetricData"])


@pytest.mark.parametrize(
    ("name", "statements", "said"),
    [
        ("imageless", [LIST, READ, WRITE], "is not authorized to perform: ecr:GetAuthorization"),
        ("listless", [*PULL, READ, WRITE], "ClientError: Data download failed:AccessDenied: "),
        (
            "readless",
            [*PULL, LIST, WRITE],
            "ClientError: Data download failed:AccessDenied: Unable to download object"
            " s3://data/in/a (AccessDenied: ",
        ),
        (
            "writeless",
            [*PULL, LIST, READ, KEEP],
            "ClientError: Artifact upload failed:Unable to upload object s3://data/writeless/a"
            " (AccessDenied: ",
        ),
    ],
)
def test_a_job_fails_where_its_role_may_not(cloud, role, person, name, statements, said):
    told = processed(cloud, person, name, role(*statements))
    assert told["ProcessingJobStatus"] == "Failed"
    assert said in told["FailureReason"]


def test_a_job_does_what_its_role_may(cloud, role, person):
    told = processed(cloud, person, "able", role(*PULL, LIST, READ, WRITE, KEEP))
    assert told["ProcessingJobStatus"] == "Completed", told
    assert cloud.call("s3", "HeadObject", {"Bucket": "data", "Key": "able/a"})["ContentLength"] == 1


def test_a_job_whose_role_may_not_log_runs_without_a_log(cloud, role, person):
    quiet = role(*PULL, LIST, READ, allow("s3:PutObject", "arn:aws:s3:::data/quiet/*"))
    told = processed(cloud, person, "quiet", quiet)
    assert told["ProcessingJobStatus"] == "Completed", told
    group = {"logGroupName": "/aws/sagemaker/ProcessingJobs", "logStreamNamePrefix": "quiet"}
    try:
        streams = person("logs").describe_log_streams(**group)["logStreams"]
    except person("logs").exceptions.ResourceNotFoundException:
        streams = []
    assert streams == []


def test_a_model_fetches_its_archive_and_image_as_its_role(cloud, role, person):
    sagemaker = person("sagemaker")
    cloud.call("s3", "PutObject", {"Bucket": "data", "Key": "model.tar.gz", "Body": b"x"})
    container = {"Image": IMAGE, "ModelDataUrl": "s3://data/model.tar.gz"}
    blind = role(*PULL)
    sagemaker.create_model(
        ModelName="blind", PrimaryContainer=container, ExecutionRoleArn=blind.arn
    )
    variant = {"VariantName": "v", "ModelName": "blind", "InstanceType": "ml.m5.large"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="blind", ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName="blind", EndpointConfigName="blind")
    told = until(
        lambda: sagemaker.describe_endpoint(EndpointName="blind"),
        lambda told: told["EndpointStatus"] in ("InService", "Failed"),
    )
    assert told["EndpointStatus"] == "Failed"
    assert "the role passed to CreateModel has permissions" in told["FailureReason"]


# Approvals


def test_an_approval_is_bound_by_a_condition_on_what_is_set(cloud, role):
    group = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package-group/g"
    package = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:model-package/g/*"
    cloud.call("sagemaker", "CreateModelPackageGroup", {"ModelPackageGroupName": "g"})
    pending = {"StringEquals": {"sagemaker:ModelApprovalStatus": "PendingManualApproval"}}
    job = role(
        allow("sagemaker:CreateModelPackage", group, **pending),
        allow("sagemaker:CreateModelPackage", package, **pending),
        allow("sagemaker:UpdateModelPackage", package, **pending),
    )("sagemaker")
    found = {
        "ModelPackageGroupName": "g",
        "InferenceSpecification": {
            "Containers": [{"Image": IMAGE}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    }
    register = job.create_model_package
    approved = {**found, "ModelApprovalStatus": "Approved"}
    assert refusal(lambda: register(**approved))["Code"] == "AccessDeniedException"
    assert refusal(lambda: register(**found))["Code"] == "AccessDeniedException"
    arn = register(**found, ModelApprovalStatus="PendingManualApproval")["ModelPackageArn"]
    error = refusal(
        lambda: job.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    )
    assert "sagemaker:UpdateModelPackage" in error["Message"]


def test_a_stage_is_bound_by_conditions_and_an_approval_beside_it_is_refused(cloud, role, person):
    cloud.call("sagemaker", "CreateModelPackageGroup", {"ModelPackageGroupName": "staged"})
    arn = person("sagemaker").create_model_package(
        ModelPackageGroupName="staged",
        InferenceSpecification={
            "Containers": [{"Image": IMAGE}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    only = {
        "StringEquals": {
            "sagemaker:ModelLifeCycle:stage": "PreProduction",
            "sagemaker:ModelLifeCycle:stageStatus": "Approved",
        },
        "Null": {"sagemaker:ModelApprovalStatus": "true"},
    }
    first = role(allow("sagemaker:UpdateModelPackage", arn, **only))("sagemaker")
    stage = {"Stage": "PreProduction", "StageStatus": "Approved"}
    first.update_model_package(ModelPackageArn=arn, ModelLifeCycle=stage)
    for refused in (
        {"ModelLifeCycle": {**stage, "Stage": "Production"}},
        {"ModelLifeCycle": {**stage, "StageStatus": "Rejected"}},
        {"ModelLifeCycle": stage, "ModelApprovalStatus": "Approved"},
        {"ModelApprovalStatus": "Approved"},
    ):
        denied = refusal(
            lambda more=refused: first.update_model_package(ModelPackageArn=arn, **more)
        )
        assert denied["Code"] == "AccessDeniedException"


# The record


def test_a_run_records_what_was_demanded_where_it_is_asked_to(tmp_path, monkeypatch):
    monkeypatch.setenv("EVERLOOP_DEMANDS", str(tmp_path / "demands"))
    cloud, front = started(tmp_path / "cloud", services=["s3"])
    try:
        reader = role_maker(cloud)(allow("s3:GetObject", "arn:aws:s3:::kept/*"))
        cloud.call("s3", "CreateBucket", {"Bucket": "kept"})
        cloud.call("s3", "PutObject", {"Bucket": "kept", "Key": "a", "Body": b"x"})
        for _ in range(2):
            reader("s3").get_object(Bucket="kept", Key="a")
        refusal(lambda: reader("s3").put_object(Bucket="kept", Key="a", Body=b"y"))
    finally:
        front.stop()
        cloud.stop()
    (path,) = (tmp_path / "demands").iterdir()
    assert path.name.startswith("localcloud-")
    told = {"role": reader.name, "resource": "arn:aws:s3:::kept/a", "context": {}}
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {**told, "action": "s3:GetObject", "allowed": True},
        {**told, "action": "s3:PutObject", "allowed": False},
    ]


def test_a_batch_of_records_demands_each_of_its_feature_groups() -> None:
    groups = [{"FeatureGroupName": name} for name in ("customers", "shops")]
    asked = {"Identifiers": groups}

    found = demands(
        "sagemaker-featurestore-runtime", "BatchGetRecord", asked, Place(ACCOUNT, "us-east-1")
    )

    assert [(each.action, each.resource) for each in found] == [
        ("sagemaker:BatchGetRecord", f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:feature-group/{name}")
        for name in ("customers", "shops")
    ]
