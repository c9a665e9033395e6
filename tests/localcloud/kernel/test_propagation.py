"""With eventual consistency, what was just made is not found at once, as on AWS."""

import json
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.kernel.clock import Clock
from everloop_localcloud.kernel.propagation import Propagation

ACCOUNT = "123456789012"
PATIENCE = 3  # looks; the cloud misses a thing twice at most


def missing(kind, how_many):
    """Return a name that so many looks miss."""
    for number in range(100):
        told = Propagation(Clock(0.001), slow=True)
        told.made(kind, f"m{number}")
        if sum(told.misses(kind, f"m{number}") for _ in range(PATIENCE)) == how_many:
            return f"m{number}"
    raise AssertionError("no such name")


def refusals(call):
    """Return what a call was refused with until it went through."""
    found = []
    while True:
        try:
            call()
        except ClientError as error:
            found.append(str(error))
            assert len(found) < PATIENCE
        else:
            return found


def test_each_thing_is_missed_some_times_and_never_after_a_minute():
    clock = Clock(0.001, datetime(2026, 11, 2, tzinfo=UTC))
    told = Propagation(clock, slow=True)
    counts = set()
    for number in range(30):
        told.made("model", str(number))
        counts.add(sum(told.misses("model", str(number)) for _ in range(PATIENCE)))
    assert counts == {0, 1, 2}
    quick = Propagation(Clock(1e9), slow=True)
    quick.made("model", missing("model", 2))
    assert not quick.misses("model", missing("model", 2))


def test_another_seed_misses_others():
    def misses(seed):
        told = Propagation(Clock(0.001), slow=True, seed=seed)
        for number in range(30):
            told.made("role", str(number))
        return [told.misses("role", str(number)) for number in range(30)]

    assert misses(1) == misses(1) != misses(2)


def test_unless_asked_for_all_is_seen_at_once():
    told = Propagation(Clock(0.001))
    told.made("model", missing("model", 2))
    told.made("rule", "r")
    assert not told.misses("model", missing("model", 2)) and not told.settles("rule", "r")


@pytest.mark.parametrize("first", ["describe", "create"])
def test_models_and_configs_are_not_found_at_once(cloud_with, first):
    """CreateEndpoint's documentation: describing a config first makes a miss less likely."""
    _, client = cloud_with("sagemaker", "s3", "sts", eventual=True, speed=0.01)
    sagemaker = client("sagemaker")
    model, config = missing("model", 2), missing("endpoint config", 1)
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.9-0"
    role = f"arn:aws:iam::{ACCOUNT}:role/none"
    container = {"Image": image}
    sagemaker.create_model(ModelName=model, PrimaryContainer=container, ExecutionRoleArn=role)
    fleet = {"VariantName": "A", "ModelName": model, "InstanceType": "ml.m5.large"}
    variants = [{**fleet, "InitialInstanceCount": 1}]

    def create_config():
        sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)

    if first == "describe":
        assert len(refusals(lambda: sagemaker.describe_model(ModelName=model))) == 2
        assert refusals(create_config) == []
    else:
        told = refusals(create_config)
        assert len(told) == 2 and all("Could not find model" in each for each in told)
    told = refusals(lambda: sagemaker.describe_endpoint_config(EndpointConfigName=config))
    assert len(told) == 1 and "Could not find endpoint configuration" in told[0]


TRUST = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}}
TRUST["Action"] = "sts:AssumeRole"
ASL = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


def test_a_new_role_cannot_be_assumed_at_once_and_a_new_execution_is_not_known(cloud_with):
    _, client = cloud_with("stepfunctions", "sts", eventual=True, speed=0.01)
    iam, states = client("iam"), client("stepfunctions")
    name = missing("role", 2)
    trust = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]

    def create():
        states.create_state_machine(name="m", roleArn=role, definition=json.dumps(ASL))

    told = refusals(create)
    assert len(told) == 2 and all("authorized to assume the provided role" in t for t in told)
    machine = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"
    unknown = 0
    for number in range(5):
        arn = states.start_execution(stateMachineArn=machine, name=str(number))["executionArn"]
        told = refusals(lambda arn=arn: states.describe_execution(executionArn=arn))
        unknown += len(told)
        assert all("ExecutionDoesNotExist" in each for each in told)
        with pytest.raises(ClientError, match="ExecutionAlreadyExists"):  # starting it knows
            states.start_execution(stateMachineArn=machine, name=str(number), input='{"n": 2}')
    assert unknown > 0


def test_a_new_rule_matches_only_seconds_later(cloud_with):
    cloud, client = cloud_with("events", "sqs", "sts", eventual=True, speed=0.001)
    events, sqs = client("events"), client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:q"
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
    allow |= {"Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_rule(Name="r", EventPattern='{"source": ["app"]}')
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    entry = {"Source": "app", "DetailType": "n"}
    events.put_events(Entries=[{**entry, "Detail": '{"n": 1}'}])
    cloud.clock.speed = 1000  # seconds pass

    def heard() -> list[int]:
        events.put_events(Entries=[{**entry, "Detail": '{"n": 2}'}])
        found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20).get("Messages", [])
        return [json.loads(message["Body"])["detail"]["n"] for message in found]

    assert 1 not in until(heard, bool)


TEMPLATE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: NAME
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: states.amazonaws.com}, Action: sts:AssumeRole}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      RoleArn: !GetAtt Role.Arn
      Definition: {StartAt: A, States: {A: {Type: Pass, End: true}}}
"""


def test_a_stack_waits_for_its_roles_as_cloudformation_does(cloud_with):
    _, client = cloud_with("cloudformation", "stepfunctions", "sts", eventual=True, speed=0.01)
    cloudformation = client("cloudformation")
    text = TEMPLATE.replace("NAME", missing("role", 2))
    capabilities = ["CAPABILITY_NAMED_IAM"]
    cloudformation.create_stack(StackName="s", TemplateBody=text, Capabilities=capabilities)
    quick = {"Delay": 0.05, "MaxAttempts": 200}
    cloudformation.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig=quick)
