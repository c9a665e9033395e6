"""A Task's Resource: which service and action it names, and how the task waits."""

import re
from dataclasses import dataclass
from functools import lru_cache

from everloop_localcloud.kernel import models

SYNC = ("sync", "sync:2")
CALLBACK = "waitForTaskToken"

# The optimised integrations that the local cloud runs: boto3's service, the actions, the patterns.
_JOBS = {"createTrainingJob", "createTransformJob", "createProcessingJob"}
_JOBS |= {"createHyperParameterTuningJob"}
_OPTIMISED: dict[str, tuple[str, dict[str, tuple[str, ...]]]] = {
    "lambda": ("lambda", {"invoke": (CALLBACK,)}),
    "states": ("stepfunctions", {"startExecution": (*SYNC, CALLBACK)}),
    "sqs": ("sqs", {"sendMessage": (CALLBACK,)}),
    "sns": ("sns", {"publish": (CALLBACK,)}),
    "events": ("events", {"putEvents": (CALLBACK,)}),
    "dynamodb": (
        "dynamodb",
        {action: () for action in ("getItem", "putItem", "updateItem", "deleteItem")},
    ),
    "sagemaker": (
        "sagemaker",
        {
            **{action: ("sync",) for action in _JOBS},
            "createModel": (),
            "createEndpointConfig": (),
            "createEndpoint": (),
            "updateEndpoint": (),
        },
    ),
}
# Integrations of AWS that the local cloud does not run; a definition may name them.
_ELSEWHERE = {
    "aws-sdk", "apigateway", "athena", "batch", "bedrock", "codebuild", "databrew", "ecs", "eks",
    "elasticmapreduce", "emr-containers", "emr-serverless", "glue", "http", "mediaconvert", "s3",
}  # fmt: skip

_SERVICE = re.compile(r"arn:aws[\w-]*:states:[\w-]*:\d*:(?P<service>[\w-]+):(?P<rest>.+)")
_LAMBDA = re.compile(r"arn:aws[\w-]*:lambda:[^:]*:[^:]*:function:[^:]+(:[^:]+)?")
_ACTIVITY = re.compile(r"arn:aws[\w-]*:states:[^:]*:[^:]*:activity:[^:]+")


@dataclass(frozen=True)
class Resource:
    """What a Resource means. `service` is boto3's name; `operation` is AWS's, in PascalCase."""

    arn: str
    service: str
    operation: str
    pattern: str = ""
    sdk: bool = False
    bare_lambda: bool = False

    @property
    def type(self) -> str:
        """The resourceType of history events."""
        if self.bare_lambda:
            return "lambda"
        return self.arn.split(":")[5] + (":" + self.arn.split(":")[6] if self.sdk else "")

    @property
    def name(self) -> str:
        """The resource of history events: action and pattern."""
        if self.bare_lambda:
            return self.arn
        return self.arn.split(":", 7 if self.sdk else 6)[-1]

    @property
    def waits_for_token(self) -> bool:
        return self.pattern == CALLBACK

    @property
    def waits_for_job(self) -> bool:
        return self.pattern in SYNC


class Unknown(Exception):
    """No such resource; `recognised` if AWS has it and only the local cloud does not."""

    def __init__(self, arn: str, recognised: bool, why: str = "") -> None:
        super().__init__(why or arn)
        self.arn = arn
        self.recognised = recognised


@lru_cache(maxsize=1)
def _sdk_services() -> dict[str, str]:
    """Map the names of aws-sdk integrations to boto3's: the service id, lower case, no spaces."""
    names = {}
    for service in models.loader().list_available_services("service-2"):
        names[service.replace("-", "")] = service
    return names | {"sfn": "stepfunctions", "eventbridge": "events", "cloudwatchlogs": "logs"}


@lru_cache(maxsize=64)
def _operations(service: str) -> frozenset[str]:
    return frozenset(models.service_model(service).operation_names)


def _pascal(action: str) -> str:
    return action[:1].upper() + action[1:]


@lru_cache(maxsize=1024)
def parse(arn: str) -> Resource:
    """Understand a Resource. Raises Unknown."""
    if _LAMBDA.fullmatch(arn):
        return Resource(arn, "lambda", "Invoke", bare_lambda=True)
    if _ACTIVITY.fullmatch(arn):
        raise Unknown(arn, True, f"the local cloud has no activities: {arn}")
    found = _SERVICE.fullmatch(arn)
    if found is None:
        raise Unknown(arn, False)
    service, rest = found["service"], found["rest"]
    if service == "aws-sdk":
        return _sdk(arn, rest)
    action, _, pattern = rest.partition(".")
    if service not in _OPTIMISED:
        why = f"the local cloud has no integration {service}:{rest}"
        raise Unknown(arn, service in _ELSEWHERE, why)
    boto, actions = _OPTIMISED[service]
    if action not in actions or (pattern and pattern not in actions[action]):
        raise Unknown(arn, False)
    operation = "Invoke" if service == "lambda" else _pascal(action)
    return Resource(arn, boto, operation, pattern)


def _sdk(arn: str, rest: str) -> Resource:
    named, _, call = rest.partition(":")
    action, _, pattern = call.partition(".")
    service = _sdk_services().get(named)
    if service is None or (pattern and pattern != CALLBACK):
        raise Unknown(arn, False)
    if _pascal(action) not in _operations(service) or action[:1].isupper():
        raise Unknown(arn, False)
    return Resource(arn, service, _pascal(action), pattern, sdk=True)
