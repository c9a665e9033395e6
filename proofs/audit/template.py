"""A CloudFormation template with its functions answered, and the policies that lie in it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from proofs.audit.findings import AuditError

Json = dict[str, Any]

ACCOUNT, REGION, NAME = "123456789012", "us-east-1", "everloop"
_PSEUDO: Final = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": NAME,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{NAME}/1",
}
_NOTHING: Final = object()
# What a parameter holds where a default leaves it empty.
_GIVEN: Final = {
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0",
    "NotificationTopics": [f"arn:aws:sns:{REGION}:{ACCOUNT}:team"],
}
_NAMES: Final = {  # the property that names a resource, and what stands before the name in its ARN
    "AWS::S3::Bucket": ("BucketName", "s3:::"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{here}:table/"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{here}:"),
    "AWS::SNS::Topic": ("TopicName", "sns:{here}:"),
    "AWS::Events::EventBus": ("Name", "events:{here}:event-bus/"),
    "AWS::Events::Rule": ("Name", "events:{here}:rule/"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{here}:function:"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{here}:log-group:"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:{here}:stateMachine:"),
    "AWS::Scheduler::ScheduleGroup": ("Name", "scheduler:{here}:schedule-group/"),
    "AWS::IAM::Role": ("RoleName", f"iam::{ACCOUNT}:role/"),
}


class Answered:
    """The resources of a plain template, with every condition answered the same way.

    `yes` gives a stack with all its options, `not yes` one with none: together they show every
    branch of every condition.
    """

    def __init__(self, template: Json, *, yes: bool) -> None:
        self._yes = yes
        self._parameters: Json = template.get("Parameters", {})
        self._all: Json = template["Resources"]
        self.resources: dict[str, Json] = {
            name: self.answer(resource)
            for name, resource in self._all.items()
            if yes or "Condition" not in resource
        }

    def of(self, *kinds: str) -> Iterator[tuple[str, Json]]:
        """Yield logical id and properties of the resources of these types."""
        for name, resource in self.resources.items():
            if resource["Type"] in kinds:
                yield name, resource.get("Properties", {})

    def answer(self, value: Any) -> Any:
        """Return a value of the template with its functions answered."""
        if isinstance(value, list):
            return [each for item in value if (each := self.answer(item)) is not _NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, inner),) = value.items()
            if name == "Ref":
                return _NOTHING if inner == "AWS::NoValue" else self._physical(inner, "")
            if name == "Fn::GetAtt":
                logical, _, attribute = (
                    inner.partition(".") if isinstance(inner, str) else (inner[0], "", inner[1])
                )
                return self._physical(logical, attribute)
            if name == "Fn::Sub":
                return self._filled(inner)
            if name == "Fn::If":
                return self.answer(inner[1] if self._yes else inner[2])
            if name == "Fn::Join":
                return inner[0].join(str(self.answer(part)) for part in inner[1])
        return {
            key: each
            for key, inner in value.items()
            if (each := self.answer(inner)) is not _NOTHING
        }

    def _filled(self, given: Any) -> str:
        text, own = (given, {}) if isinstance(given, str) else given

        def part(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.answer(own[name]))
            logical, _, attribute = name.partition(".")
            return str(self._physical(logical, attribute))

        return re.sub(r"\$\{([^}]+)\}", part, text)

    def _physical(self, logical: str, attribute: str) -> Any:
        if logical in _PSEUDO:
            return _PSEUDO[logical]
        if logical in self._parameters:
            default = self._parameters[logical].get("Default", "")
            return _GIVEN.get(logical, default) if self._yes else default
        resource = self._all.get(logical, {})
        key, prefix = _NAMES.get(resource.get("Type", ""), ("", ""))
        name = self.answer(resource.get("Properties", {}).get(key, logical))
        is_arn = attribute == "Arn" or resource.get("Type") in (
            "AWS::SNS::Topic",
            "AWS::StepFunctions::StateMachine",
        )
        if is_arn and attribute in ("", "Arn") and prefix:
            here = f"{REGION}:{ACCOUNT}"
            streams = ":*" if resource["Type"] == "AWS::Logs::LogGroup" else ""
            return f"arn:aws:{prefix.format(here=here)}{name}{streams}"
        if attribute == "Arn":
            kind = resource.get("Type", "what there is not")
            raise AuditError(f"{logical}.Arn: {__name__} knows no ARN of {kind}; add it")
        return name


@dataclass(frozen=True)
class Document:
    """One policy: where it is written, and what it is for."""

    place: str  # the resource's logical id, then the policy's own name if it has one
    trust: bool  # says who may take a role
    text: str  # JSON

    @property
    def statements(self) -> list[Json]:
        return many(json.loads(self.text)["Statement"])

    @property
    def on_resource(self) -> bool:
        """Whether it lies on a resource and says who may use it."""
        return not self.trust and any(
            "Principal" in s or "NotPrincipal" in s for s in self.statements
        )


def documents(answered: Answered) -> list[Document]:
    """Return every policy of a stack, wherever it lies in a resource."""
    found = []
    for logical, resource in answered.resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Events::EventBusPolicy" and "Statement" not in properties:
            said = {
                k: properties[k] for k in ("Action", "Principal", "Condition") if k in properties
            }
            found.append(
                _document(logical, {"Effect": "Allow", "Resource": "*", **said}, trust=False)
            )
        found += list(_documents_in(properties, logical, trust=False))
    return found


def _documents_in(value: Any, place: str, *, trust: bool) -> Iterator[Document]:
    if isinstance(value, list):
        for item in value:
            yield from _documents_in(item, place, trust=trust)
    elif isinstance(value, dict):
        if isinstance(value.get("PolicyName"), str):
            place = f"{place.partition('/')[0]}/{value['PolicyName']}"
        said = value.get("Statement")
        if isinstance(said, dict | list):
            yield _document(place, said, trust=trust)
        for key, inner in value.items():
            if key != "Statement":
                yield from _documents_in(inner, place, trust=key == "AssumeRolePolicyDocument")


def _document(place: str, said: Any, *, trust: bool) -> Document:
    statements = many(said)
    if trust:  # a role is its own resource; tools ask for one
        statements = [{"Resource": f"arn:aws:iam::{ACCOUNT}:role/{place}", **s} for s in statements]
    return Document(place, trust, json.dumps({"Version": "2012-10-17", "Statement": statements}))


def many(value: Any) -> list[Any]:
    """Return a value that may be one or a list as a list."""
    return value if isinstance(value, list) else [] if value is None else [value]
