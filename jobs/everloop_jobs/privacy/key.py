"""The key of a model's tokens: made by the stack's key, which never leaves KMS."""

from collections.abc import Iterable, Mapping
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from container import JobError
from privacy.masking import Masking, message, personal

_PATIENT = Config(
    connect_timeout=10, read_timeout=20, retries={"mode": "standard", "max_attempts": 8}
)


def masking(spec: Mapping[str, Any], named: Iterable[str]) -> Masking | None:
    """Return what hides a model's personal values; None where it names none."""
    if not personal(spec):
        return None
    arn = str(spec["privacy"].get("masking_key") or "")
    if not arn:
        raise JobError(
            "[privacy] names personal columns, and spec.json has no masking_key; push the model "
            "again, to a stack that has one"
        )
    try:
        kms = boto3.client("kms", region_name=arn.split(":")[3], config=_PATIENT)
        answer = kms.generate_mac(
            KeyId=arn, Message=message(str(spec["name"])), MacAlgorithm="HMAC_SHA_256"
        )
    except (BotoCoreError, ClientError) as error:
        raise JobError(f"the key of tokens, {arn}, cannot be used: {error}") from error
    return Masking(spec, list(named), answer["Mac"])
