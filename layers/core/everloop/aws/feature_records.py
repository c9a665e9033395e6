"""Records of Feature Store, as a person reaches them: whether one is there, and its end."""

from datetime import UTC, datetime

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, translated
from everloop.aws.outside import featurestore

_NOT_THERE = ("ResourceNotFound", "ResourceNotFoundException")


def has_record(group: str, id: str) -> bool:
    """Whether the online store has a record by this id."""
    try:
        with translated(f"feature group {group}"):
            answer = featurestore().get_record(
                FeatureGroupName=group, RecordIdentifierValueAsString=id
            )
    except ClientError as error:
        if code_of(error) in _NOT_THERE:
            return False
        raise
    return bool(answer.get("Record"))


def delete_record(group: str, id: str, at: datetime) -> None:
    """Delete a record from the online store for good; no older one can come after it."""
    when = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    with translated(f"feature group {group}"):
        featurestore().delete_record(
            FeatureGroupName=group,
            RecordIdentifierValueAsString=id,
            EventTime=when,
            TargetStores=["OnlineStore"],
            DeletionMode="HardDelete",
        )
