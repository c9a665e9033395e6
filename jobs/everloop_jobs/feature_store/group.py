"""A feature group of [features] as SageMaker has it, held to what model.toml says of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from container import JobError

PATIENT = Config(
    connect_timeout=10,
    read_timeout=60,
    retries={"mode": "standard", "max_attempts": 10},
    max_pool_connections=16,
)
_TYPES = {"number": "Fractional", "integer": "Integral", "text": "String"}
_OWN = "everloop-"


class NotYet(JobError):
    """SageMaker is making or changing a group, which takes minutes."""


@dataclass(frozen=True)
class Group:
    """A feature group. `kinds` are its features' types, by the names that model.toml lists."""

    name: str  # in model.toml
    group: str
    arn: str
    id: str
    event_time: str
    kinds: Mapping[str, str]
    id_kind: str
    event_kind: str
    bucket: str
    prefix: str  # of the offline store's files
    on: str
    as_of: str
    max_age: int | None  # milliseconds
    table: str | None

    @property
    def columns(self) -> list[str]:
        return list(self.kinds)


def groups_of(spec: Mapping[str, Any]) -> list[Group]:
    """Return the groups of a spec, as they are there. Raises JobError for one that does not fit."""
    sections = spec.get("features") or {}
    if not sections:
        return []
    client = boto3.client("sagemaker", config=PATIENT)
    return [_described(client, name, each, spec["data"]) for name, each in sections.items()]


def _described(
    client: Any, name: str, section: Mapping[str, Any], data: Mapping[str, Any]
) -> Group:
    where, group = f"[features.{name}]", section["group"]
    try:
        answer = client.describe_feature_group(FeatureGroupName=group)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code not in ("ResourceNotFound", "ResourceNotFoundException"):
            raise JobError(f"{where}: feature group {group} cannot be read: {error}") from error
        fix = "push the folder again, which makes it" if group.startswith(_OWN) else "create it"
        raise JobError(f"{where}: there is no feature group {group}; {fix}") from error
    try:
        wrong = problem_of(answer, section)
    except NotYet as error:
        raise NotYet(f"{where}: feature group {group} {error}") from error
    if wrong:
        raise JobError(f"{where}: feature group {group} {wrong}")
    kinds = {each["FeatureName"]: each["FeatureType"] for each in answer["FeatureDefinitions"]}
    place = answer["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"]
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return Group(
        name=name,
        group=group,
        arn=answer["FeatureGroupArn"],
        id=section["id"],
        event_time=section["event_time"],
        kinds={column: kinds[column] for column in section["columns"]},
        id_kind=kinds[section["id"]],
        event_kind=kinds[section["event_time"]],
        bucket=bucket,
        prefix=f"{prefix.rstrip('/')}/",
        on=section["on"] or section["id"],
        as_of=section["as_of"] or data["timestamp"],
        max_age=_milliseconds(section["max_age"]),
        table=section["table"],
    )


def problem_of(answer: Mapping[str, Any], section: Mapping[str, Any]) -> str:
    """Return why a described group is not what a section says; empty where it is.

    Everloop looks at it when a folder is pushed (everloop/pipelines/feature_groups.py), and here
    again: somebody may have changed it since. Raises NotYet where it is being made or changed.
    """
    status = answer["FeatureGroupStatus"]
    changing = (answer.get("LastUpdateStatus") or {}).get("Status") == "InProgress"
    if status == "Creating" or (status == "Created" and changing):
        raise NotYet("is still being made")
    if status != "Created":
        why = answer.get("FailureReason")
        return f"is {status}" + (f": {why}" if why else "")
    offline = answer.get("OfflineStoreConfig")
    if offline is None:
        return "has no offline store, from which trainings read; give it one"
    if offline.get("TableFormat", "Glue") == "Iceberg":
        return (
            "has an offline store of format Iceberg, which only a reader of Iceberg's metadata can "
            "read right; use a group of the default format"
        )
    roles = {"id": "RecordIdentifierFeatureName", "event_time": "EventTimeFeatureName"}
    for key, role in roles.items():
        if answer[role] != section[key]:
            return f"has the {role} {answer[role]!r}, and model.toml says {key} {section[key]!r}"
    kinds = {each["FeatureName"]: each for each in answer["FeatureDefinitions"]}
    for column, kind in section["columns"].items():
        there = kinds.get(column)
        if there is None:
            return f"has no feature {column!r}; there are: {', '.join(sorted(kinds))[:500]}"
        if there.get("CollectionType"):
            return f"has a {there['CollectionType']} as feature {column!r}; a table takes none"
        if there["FeatureType"] != _TYPES[kind]:
            return (
                f"has feature {column!r} of type {there['FeatureType']}, and model.toml says "
                f"{kind!r}, which is {_TYPES[kind]}"
            )
    return ""


def _milliseconds(within: str | None) -> int | None:
    if within is None:
        return None
    hours = int(within[:-1]) * (24 if within[-1] == "d" else 1)
    return hours * 3_600_000
