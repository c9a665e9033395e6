"""Feature groups that [features] names: what makes one, and whether one that is there fits."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from everloop.spec.features import TYPES

Json = dict[str, Any]
PREFIX: Final = "features"  # of the artefact bucket: where offline stores lie


@dataclass(frozen=True)
class Place:
    """Where a group's records lie, and the role with which SageMaker writes them there."""

    bucket: str
    role_arn: str
    kms_key: str | None


def creation(model: str, section: Mapping[str, Any], place: Place) -> Json:
    """Return what CreateFeatureGroup takes. Ids are texts: 007 and 7 are two."""
    storage: Json = {"S3Uri": f"s3://{place.bucket}/{PREFIX}"}
    online: Json = {"EnableOnlineStore": True}
    if place.kms_key:
        storage["KmsKeyId"] = place.kms_key
        online["SecurityConfig"] = {"KmsKeyId": place.kms_key}
    keys = {section["id"]: "text", section["event_time"]: "text"}
    return {
        "FeatureGroupName": section["group"],
        "Description": f"Features of the model {model}, kept by Everloop",
        "RecordIdentifierFeatureName": section["id"],
        "EventTimeFeatureName": section["event_time"],
        "FeatureDefinitions": _definitions({**keys, **section["columns"]}.items()),
        "OfflineStoreConfig": {"S3StorageConfig": storage, "DisableGlueTableCreation": True},
        **({"OnlineStoreConfig": online} if section["online"] else {}),
        "RoleArn": place.role_arn,
        "Tags": [{"Key": "everloop:model", "Value": model}],
    }


def additions(described: Mapping[str, Any], section: Mapping[str, Any]) -> list[Json]:
    """Return the features that a group lacks."""
    there = {each["FeatureName"] for each in described["FeatureDefinitions"]}
    return _definitions(
        (name, kind) for name, kind in section["columns"].items() if name not in there
    )


def problem_of(described: Mapping[str, Any], section: Mapping[str, Any]) -> str:
    """Return why a group is not what a section says, with the fix; empty where it is.

    Features that it lacks are no problem here: see `additions`.
    """
    status = described["FeatureGroupStatus"]
    if status not in ("Creating", "Created"):
        why = described.get("FailureReason") or ""
        return f"is {status}{f': {why}' if why else ''}; delete it, and push again"
    for key, role in (
        ("id", "RecordIdentifierFeatureName"),
        ("event_time", "EventTimeFeatureName"),
    ):
        if described[role] != section[key]:
            return f"has {described[role]!r} as its {role}; write {key} = {described[role]!r}"
    offline = described.get("OfflineStoreConfig")
    if offline is None:
        return "has no offline store, from which trainings read; name a group that has one"
    if offline.get("TableFormat") == "Iceberg":
        return (
            "has an offline store of format Iceberg, of which only Iceberg's own metadata says "
            "what is valid, and Everloop does not read that; name a group of the default format"
        )
    online = (described.get("OnlineStoreConfig") or {}).get("EnableOnlineStore")
    if section["online"] and not online:
        return "has no online store to look features up in; write online = false"
    return _wrong_feature(described, section["columns"])


def _wrong_feature(described: Mapping[str, Any], columns: Mapping[str, str]) -> str:
    words = {feature: word for word, feature in TYPES.items()}
    for each in described["FeatureDefinitions"]:
        name, there = each["FeatureName"], each["FeatureType"]
        wanted = columns.get(name)
        if wanted is None:
            continue
        if each.get("CollectionType"):
            return f"has a {each['CollectionType']} as {name!r}; a column takes no collection"
        if there != TYPES[wanted]:
            return (
                f"has {name!r} as {there}, and SageMaker changes no type; write "
                f"{name} = {words[there]!r}, or give the column another name"
            )
    return ""


def lacking(described: Mapping[str, Any], section: Mapping[str, Any]) -> str:
    """Say which features a group of somebody else's lacks; empty where it has all."""
    lost = [each["FeatureName"] for each in additions(described, section)]
    if not lost:
        return ""
    there = ", ".join(each["FeatureName"] for each in described["FeatureDefinitions"])
    return f"has no feature {lost[0]!r}; it has {there[:600]}"


def _definitions(columns: Iterable[tuple[str, str]]) -> list[Json]:
    return [{"FeatureName": name, "FeatureType": TYPES[kind]} for name, kind in columns]
