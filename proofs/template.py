"""The one reader of the stack's template: translated, its functions answered without a stack."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from everloop_localcloud.cloudformation.intrinsics import Resolver
from tools.translate import translate

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "template.yaml"
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
# What a parameter holds where a default leaves it empty.
GIVEN: Final = {
    "KmsKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0",
    "NotificationTopics": f"arn:aws:sns:{REGION}:{ACCOUNT}:team",
    "FeatureGroups": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:feature-group/customers",
    "FeatureStores": "arn:aws:s3:::lake",
    "PushProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com",
    "PushSubject": "repo:team/models:ref:refs/heads/main",
}
_NO_NAME: Final = ""  # AWS makes one up, and so it may be any
_NAMES: Final = {  # the property that names a resource, and what stands before the name in its ARN
    "AWS::S3::Bucket": ("BucketName", "s3:::"),
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{here}:table/"),
    "AWS::KMS::Key": (_NO_NAME, "kms:{here}:key/"),
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


class NotKnown(LookupError):
    """The template asks for what only AWS could tell."""


class _Options(Resolver):
    """Answers every condition the same way."""

    yes: bool

    def condition(self, name: str) -> bool:
        return self.yes


class Template:
    """The resources of a translated template, with every condition answered the same way.

    `yes` gives a stack with all its options, `not yes` one with none: together they show every
    branch of every condition. `raw` has the resources as they are written. `given` are parameters
    and pseudo parameters that are not as everywhere else.
    """

    def __init__(self, plain: Json, *, yes: bool, given: Json | None = None) -> None:
        self.raw: dict[str, Json] = plain["Resources"]
        parameters = {
            name: _value(name, declared, yes=yes)
            for name, declared in plain.get("Parameters", {}).items()
        }
        self._values = values = _PSEUDO | parameters | (given or {})
        self._resolver = _Options(plain, values, self._physical)
        self._resolver.yes = yes

    @cached_property
    def resources(self) -> dict[str, Json]:
        """The resources that there are, their functions answered. Raises NotKnown."""
        return {
            name: self.answer(resource)
            for name, resource in self.raw.items()
            if self._resolver.yes or "Condition" not in resource
        }

    def of(self, *kinds: str) -> Iterator[tuple[str, Json]]:
        """Yield logical id and properties of the resources of these types."""
        for name, resource in self.resources.items():
            if resource["Type"] in kinds:
                yield name, resource.get("Properties", {})

    def answer(self, value: Any) -> Any:
        """Return a value of the template with its functions answered."""
        return self._resolver.value(value)

    def arn(self, logical: str) -> str:
        return str(self._physical(logical, "Arn"))

    def _physical(self, logical: str, attribute: str | None) -> Any:
        resource = self.raw.get(logical, {})
        key, prefix = _NAMES.get(resource.get("Type", ""), ("", ""))
        given = resource.get("Properties", {}).get(key, logical)
        name = self.answer(given) if key or not prefix else "*"
        is_arn = attribute == "Arn" or resource.get("Type") in (
            "AWS::SNS::Topic",
            "AWS::StepFunctions::StateMachine",
        )
        if is_arn and attribute in (None, "Arn") and prefix:
            here = f"{self._values['AWS::Region']}:{ACCOUNT}"
            streams = ":*" if resource["Type"] == "AWS::Logs::LogGroup" else ""
            return f"arn:{self._values['AWS::Partition']}:{prefix.format(here=here)}{name}{streams}"
        if attribute == "Arn":
            kind = resource.get("Type", "what there is not")
            raise NotKnown(f"{logical}.Arn: {__name__} knows no ARN of {kind}; add it")
        return name


def _value(name: str, declared: Json, *, yes: bool) -> Any:
    if yes and name in GIVEN:
        return GIVEN[name]
    default = declared.get("Default", "")
    return default.split(",") if declared["Type"] == "CommaDelimitedList" else default


def translated(root: Path = ROOT) -> Json:
    """Return the template of a folder as SAM translates it to plain CloudFormation."""
    return translate(root / TEMPLATE.name)
