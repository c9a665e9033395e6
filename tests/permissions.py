"""Roles of template.yaml as IAM would hold them, to judge calls by."""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

from localcloud.access.evaluation import Statement, statements_of
from tools.translate import translate

ROOT = Path(__file__).parents[1]
ACCOUNT, REGION, STACK = "123456789012", "us-east-1", "everloop"
Json = dict[str, Any]
_PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": STACK,
}
_ARNS = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb", "table/"),
    "AWS::Lambda::Function": ("FunctionName", "lambda", "function:"),
    "AWS::SQS::Queue": ("QueueName", "sqs", ""),
    "AWS::SNS::Topic": ("TopicName", "sns", ""),
    "AWS::Events::EventBus": ("Name", "events", "event-bus/"),
    "AWS::Events::Rule": ("Name", "events", "rule/"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states", "stateMachine:"),
}


@cache
def resources() -> Json:
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = REGION  # the translator wants one
    try:
        found = translate(ROOT / "template.yaml")["Resources"]
    finally:
        os.environ.pop("AWS_DEFAULT_REGION")
        if before is not None:
            os.environ["AWS_DEFAULT_REGION"] = before
    assert isinstance(found, dict)
    return found


@cache
def role_of(handler: str) -> str:
    """Return the logical id of the role of the function whose file is `handler`.py."""
    for resource in resources().values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Function" and properties["Handler"] == (
            f"{handler}.handler"
        ):
            return str(properties["Role"]["Fn::GetAtt"][0])
    raise LookupError(f"template.yaml has no function {handler}")


@cache
def statements(role: str) -> tuple[Statement, ...]:
    """Return every statement of a role: its own policies and those attached beside it."""
    found: list[Statement] = []
    for policy in resources()[role]["Properties"].get("Policies", ()):
        found += statements_of(policy["PolicyName"], resolved(policy["PolicyDocument"]))
    for resource in resources().values():
        properties = resource.get("Properties", {})
        if (
            resource["Type"] == "AWS::IAM::Policy"
            and {"Ref": role} in properties["Roles"]
            and "Condition" not in resource  # of a key of one's own
        ):
            document = resolved(properties["PolicyDocument"])
            found += statements_of(properties["PolicyName"], document)
    return tuple(found)


def resolved(value: Any) -> Any:
    """Return a value with Ref, Fn::GetAtt and Fn::Sub replaced by what the stack would have."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "Ref" in value:
        return _PSEUDO.get(value["Ref"]) or _physical(value["Ref"], arn=False)
    if "Fn::GetAtt" in value:
        return _physical(value["Fn::GetAtt"][0], arn=True)
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([^}]+)\}", lambda found: _part(found[1]), value["Fn::Sub"])
    return {key: resolved(inner) for key, inner in value.items()}


def _part(name: str) -> str:
    if name in _PSEUDO:
        return _PSEUDO[name]
    logical, _, attribute = name.partition(".")
    return _physical(logical, arn=bool(attribute))


def _physical(logical: str, *, arn: bool) -> str:
    resource = resources().get(logical)
    if resource is None:
        return logical
    kind, properties = resource["Type"], resource.get("Properties", {})
    if kind == "AWS::S3::Bucket":
        name = str(resolved(properties["BucketName"]))
        return f"arn:aws:s3:::{name}" if arn else name
    if kind == "AWS::IAM::Role":
        name = str(resolved(properties.get("RoleName", logical)))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}" if arn else name
    if kind in _ARNS:
        key, service, path = _ARNS[kind]
        name = str(resolved(properties[key]))
        whole = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{path}{name}"
        return whole if arn or kind == "AWS::SNS::Topic" else name
    raise LookupError(f"{logical}: {json.dumps(resource)[:80]} has no name here")
