"""Clients that only a program outside of the stack uses: no function calls these services.

The functions' layer holds what `clients` calls, and nothing of these.
"""

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from botocore.config import Config

from everloop.aws import clients

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sts import STSClient

# Longer than any function may run. Asked again, it would run twice.
_FUNCTION: Final = Config(
    connect_timeout=3, read_timeout=910, retries={"mode": "standard", "max_attempts": 1}
)


def forget(*, session: bool = False) -> None:
    """Let all clients be made anew from here on; with `session` also botocore's session."""
    for made in [*vars(clients).values(), *globals().values()]:
        if hasattr(made, "cache_clear") and (session or made is not clients._session):
            made.cache_clear()


@cache
def lambda_answers() -> "LambdaClient":
    """Return the client that waits for what a function answers."""
    client: LambdaClient = clients._client("lambda", _FUNCTION)
    return client


@cache
def iam() -> Any:
    return clients._client("iam")


@cache
def kms() -> Any:
    return clients._client("kms")


@cache
def service_quotas() -> Any:
    return clients._client("service-quotas")


@cache
def sqs() -> "SQSClient":
    client: SQSClient = clients._client("sqs")
    return client


@cache
def sts() -> "STSClient":
    client: STSClient = clients._client("sts")
    return client


@cache
def featurestore() -> Any:
    return clients._client("sagemaker-featurestore-runtime")
