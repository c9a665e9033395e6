"""One client per service, made when first needed, with its time limits written down.

botocore retries; nothing here does. The limits keep an outage from eating a function's time. The
clients are boto3's own, made by botocore: boto3 on top adds resources and transfers that nothing
here uses, and a fifth of a cold start.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    CredentialRetrievalError,
    HTTPClientError,
    NoCredentialsError,
    PartialCredentialsError,
)

from everloop.errors import Conflict, EverloopError, NoCapacity, NotReady

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_stepfunctions import SFNClient

_CONFIG: Final = Config(
    connect_timeout=3, read_timeout=20, retries={"mode": "adaptive", "max_attempts": 6}
)
# A container of SageMaker's may take a minute for a prediction; what is timed is not retried.
_INFERENCE: Final = Config(
    connect_timeout=3, read_timeout=65, retries={"mode": "standard", "max_attempts": 1}
)

# What a call may raise that means nothing to us: it is shown as it is.
FAULTS: Final = (BotoCoreError, ClientError)


class NoCredentials(EverloopError):
    """Nothing says who we are, or nobody believes it."""


@cache
def _session() -> Any:
    return botocore.session.get_session()


def _client(service: str, config: Config = _CONFIG) -> Any:
    return _session().create_client(service, config=config)


@cache
def dynamodb() -> "DynamoDBClient":
    client: DynamoDBClient = _client("dynamodb")
    return client


@cache
def s3() -> "S3Client":
    client: S3Client = _client("s3")
    return client


@cache
def sagemaker() -> "SageMakerClient":
    client: SageMakerClient = _client("sagemaker")
    return client


@cache
def sagemaker_runtime() -> "SageMakerRuntimeClient":
    client: SageMakerRuntimeClient = _client("sagemaker-runtime", _INFERENCE)
    return client


@cache
def stepfunctions() -> "SFNClient":
    client: SFNClient = _client("stepfunctions")
    return client


@cache
def events() -> "EventBridgeClient":
    client: EventBridgeClient = _client("events")
    return client


@cache
def scheduler() -> "EventBridgeSchedulerClient":
    client: EventBridgeSchedulerClient = _client("scheduler")
    return client


@cache
def sns() -> "SNSClient":
    client: SNSClient = _client("sns")
    return client


@cache
def cloudwatch() -> "CloudWatchClient":
    client: CloudWatchClient = _client("cloudwatch")
    return client


@cache
def application_autoscaling() -> Any:
    return _client("application-autoscaling")


@cache
def logs() -> "CloudWatchLogsClient":
    client: CloudWatchLogsClient = _client("logs")
    return client


@cache
def cloudformation() -> "CloudFormationClient":
    client: CloudFormationClient = _client("cloudformation")
    return client


@cache
def lambda_() -> "LambdaClient":
    client: LambdaClient = _client("lambda")
    return client


# What AWS's codes mean to a caller. ValidationException means several things and is not here: who
# calls reads the state first, or decides beside the call.
_MEANING: Final[dict[str, type[EverloopError]]] = {
    "ThrottlingException": NotReady,
    "Throttling": NotReady,
    "TooManyRequestsException": NotReady,
    "ProvisionedThroughputExceededException": NotReady,
    "RequestLimitExceeded": NotReady,
    "ResourceLimitExceeded": NoCapacity,
    "ServiceQuotaExceededException": NoCapacity,
    "LimitExceeded": NoCapacity,  # CloudWatch's, of alarms
    "LimitExceededFault": NoCapacity,
    "ConcurrentUpdateException": NotReady,  # of what AWS scales
    "InternalServiceException": NotReady,
    "FailedResourceAccessException": NotReady,
    "LimitExceededException": NoCapacity,
    "ResourceInUse": NotReady,
    "ServiceUnavailable": NotReady,
    "ServiceUnavailableException": NotReady,
    "InternalFailure": NotReady,
    "InternalServerError": NotReady,
    "InternalServerException": NotReady,
    "SlowDown": NotReady,
    "TransactionInProgressException": NotReady,
    "ConflictException": Conflict,
}


def code_of(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Turn AWS's errors into ours; a code that is not in the table passes through untouched."""
    try:
        yield
    except ClientError as error:
        meaning = _MEANING.get(code_of(error))
        if meaning is None:
            raise
        raise meaning(f"{subject}: {error}") from error
    except (ConnectionError, HTTPClientError) as error:
        raise NotReady(f"{subject}: {error}") from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError) as error:
        raise NoCredentials(str(error)) from error
