"""Feature groups, their records online, and the Parquet files of the offline store."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import duckdb
import pytest
from botocore.exceptions import ClientError
from waiting import until

ROOT = Path(__file__).parents[3]
ROLE = "arn:aws:iam::123456789012:role/features"
SERVICES = ("s3", "events", "sagemaker", "sagemaker-featurestore-runtime")
FEATURES = {"customer": "String", "at": "String", "orders": "Integral", "spent": "Fractional"}
T1, T2, T3 = (f"2026-03-01T0{hour}:00:00Z" for hour in (1, 2, 3))


class Features:
    """A cloud with a feature store, its clients, and short ways to groups and records."""

    def __init__(self, client: Callable[..., Any]) -> None:
        self.sagemaker = client("sagemaker")
        self.runtime = client("sagemaker-featurestore-runtime")
        self.s3 = client("s3")

    def group(self, name: str = "customers", **changes: Any) -> dict[str, Any]:
        request = {
            "FeatureGroupName": name,
            "RecordIdentifierFeatureName": "customer",
            "EventTimeFeatureName": "at",
            "FeatureDefinitions": [
                {"FeatureName": feature, "FeatureType": kind} for feature, kind in FEATURES.items()
            ],
            "OnlineStoreConfig": {"EnableOnlineStore": True},
            "OfflineStoreConfig": {"S3StorageConfig": {"S3Uri": "s3://lake/fs"}},
            "RoleArn": ROLE,
            **changes,
        }
        kept = {key: value for key, value in request.items() if value is not None}
        self.sagemaker.create_feature_group(**kept)
        return until(
            lambda: self.sagemaker.describe_feature_group(FeatureGroupName=name),
            lambda told: told["FeatureGroupStatus"] != "Creating",
        )

    def put(self, customer: str, at: str, *, name: str = "customers", **more: Any) -> None:
        options = {key: more.pop(key) for key in ("TargetStores", "TtlDuration") if key in more}
        values = {"customer": customer, "at": at, **more}
        self.runtime.put_record(
            FeatureGroupName=name,
            Record=[{"FeatureName": key, "ValueAsString": text} for key, text in values.items()],
            **options,
        )

    def get(self, customer: str, **options: Any) -> dict[str, str]:
        told = self.runtime.get_record(
            FeatureGroupName=options.pop("name", "customers"),
            RecordIdentifierValueAsString=customer,
            **options,
        )
        return {each["FeatureName"]: each["ValueAsString"] for each in told.get("Record", [])}

    def files(self) -> list[str]:
        return [item["Key"] for item in self.s3.list_objects_v2(Bucket="lake").get("Contents", [])]

    def offline(self, folder: Path, count: int) -> list[dict[str, Any]]:
        """Wait until so many records are offline; returns them, oldest event first."""

        def read() -> list[dict[str, Any]]:
            rows = []
            for number, key in enumerate(self.files()):
                path = folder / f"{number}.parquet"
                self.s3.download_file("lake", key, str(path))
                found = duckdb.sql(f"select * from '{path}'")
                rows += [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
            return sorted(rows, key=lambda row: (row["at"], row["customer"]))

        rows: list[dict[str, Any]] = until(read, lambda rows: len(rows) >= count)
        return rows


@pytest.fixture
def store(cloud_with: Any) -> Callable[..., Features]:
    def start(**options: Any) -> Features:
        features = Features(cloud_with(*SERVICES, **options)[1])
        if not features.s3.list_buckets()["Buckets"]:
            features.s3.create_bucket(Bucket="lake")
        return features

    return start


@pytest.fixture
def features(store: Callable[..., Features]) -> Features:
    return store(speed=600)  # the offline store's minutes last some tenths of a second


def error(action: Callable[..., Any], **request: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        action(**request)
    told = raised.value.response["Error"]
    return told["Code"], told["Message"]


def test_a_group_is_created_and_told_as_it_was_asked_for(features: Features) -> None:
    told = features.group(Description="what customers do")
    assert told["FeatureGroupStatus"] == "Created"
    assert told["OfflineStoreStatus"] == {"Status": "Active"}
    assert told["OnlineStoreConfig"] == {"EnableOnlineStore": True, "StorageType": "Standard"}
    epoch = int(told["CreationTime"].timestamp())
    assert told["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"] == (
        f"s3://lake/fs/123456789012/sagemaker/us-east-1/offline-store/customers-{epoch}/data"
    )
    assert error(features.group)[0] == "ResourceInUse"
    listed = features.sagemaker.list_feature_groups(NameContains="custom", SortBy="Name")
    assert [each["FeatureGroupName"] for each in listed["FeatureGroupSummaries"]] == ["customers"]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        pytest.param({"RecordIdentifierFeatureName": "nobody"}, "nobody", id="identifier"),
        pytest.param({"EventTimeFeatureName": "orders"}, "orders", id="integral event time"),
        pytest.param(
            {"OnlineStoreConfig": None, "OfflineStoreConfig": None}, "store", id="no store"
        ),
        pytest.param({"RoleArn": None}, "RoleArn", id="offline without a role"),
        pytest.param(
            {
                "FeatureDefinitions": [
                    {"FeatureName": "customer", "FeatureType": "String"},
                    {"FeatureName": "at", "FeatureType": "String"},
                    {"FeatureName": "is_deleted", "FeatureType": "String"},
                ]
            },
            "is_deleted",
            id="reserved name",
        ),
        pytest.param(
            {
                "OfflineStoreConfig": {
                    "S3StorageConfig": {"S3Uri": "s3://lake/fs"},
                    "TableFormat": "Iceberg",
                }
            },
            "Iceberg",
            id="iceberg",
        ),
    ],
)
def test_a_group_that_cannot_be_is_refused(
    features: Features, changes: dict[str, Any], named: str
) -> None:
    code, message = error(features.group, **changes)
    assert code == "ValidationException"
    assert named in message


def test_a_group_whose_bucket_is_missing_fails_and_says_so(features: Features) -> None:
    place = {"S3StorageConfig": {"S3Uri": "s3://nowhere/fs"}}
    told = features.group(OfflineStoreConfig=place)
    assert told["FeatureGroupStatus"] == "CreateFailed"
    assert "nowhere" in told["FailureReason"]


def test_the_latest_event_is_online_and_every_one_offline(
    features: Features, tmp_path: Path
) -> None:
    features.group()
    features.put("ann", T2, orders="2", spent="2.5")
    features.put("ann", T1, orders="1", spent="NaN")
    assert features.get("ann") == {"customer": "ann", "at": T2, "orders": "2", "spent": "2.5"}
    features.put("ann", T3, orders="3")
    assert features.get("ann") == {"customer": "ann", "at": T3, "orders": "3"}
    assert features.get("ann", FeatureNames=["orders"]) == {"orders": "3"}
    assert features.get("bob") == {}
    rows = features.offline(tmp_path, 3)
    assert [row["orders"] for row in rows] == [1, 2, 3]
    assert [row["is_deleted"] for row in rows] == [False] * 3
    assert rows[0]["spent"] != rows[0]["spent"]
    assert rows[2]["spent"] is None
    assert all(row["write_time"] >= row["api_invocation_time"] for row in rows)
    hours = sorted(re.sub(r".*/data/(.*)/[^/]*", r"\1", key) for key in features.files())
    assert hours == [f"year=2026/month=03/day=01/hour=0{hour}" for hour in (1, 2, 3)]
    assert all(re.search(r"/20260301T0\d0000Z_\w{16}\.parquet$", key) for key in features.files())


def test_a_soft_deleted_record_comes_back_with_a_later_event_only(
    features: Features, tmp_path: Path
) -> None:
    features.group()
    features.put("ann", T1)
    which = {"FeatureGroupName": "customers", "RecordIdentifierValueAsString": "ann"}
    features.runtime.delete_record(**which, EventTime=T2)
    assert features.get("ann") == {}
    features.put("ann", T1)
    assert features.get("ann") == {}
    listed = {"FeatureGroupName": "customers"}
    assert features.runtime.list_records(**listed)["RecordIdentifiers"] == []
    assert features.runtime.list_records(**listed, IncludeSoftDeletedRecords=True)[
        "RecordIdentifiers"
    ] == ["ann"]
    features.put("ann", T3)
    assert features.get("ann")["at"] == T3
    rows = features.offline(tmp_path, 4)
    assert [row["is_deleted"] for row in rows if row["at"] == T2] == [True]


def test_a_hard_deletion_needs_a_later_event(features: Features) -> None:
    features.group()
    features.put("ann", T2)
    which = {"FeatureGroupName": "customers", "RecordIdentifierValueAsString": "ann"}
    hard = {**which, "DeletionMode": "HardDelete"}
    code, message = error(features.runtime.delete_record, **hard, EventTime=T1)
    assert (code, "ann" in message) == ("ValidationError", True)
    features.runtime.delete_record(**hard, EventTime=T3)
    listed = features.runtime.list_records(
        FeatureGroupName="customers", IncludeSoftDeletedRecords=True
    )
    assert listed["RecordIdentifiers"] == []
    features.put("ann", T1)
    assert features.get("ann")["at"] == T1


def test_a_record_expires_by_its_own_time_to_live_or_its_groups(features: Features) -> None:
    features.group(
        OnlineStoreConfig={
            "EnableOnlineStore": True,
            "TtlDuration": {"Unit": "Weeks", "Value": 1},
        }
    )
    now = datetime.now(UTC).replace(microsecond=0)
    soon = now + timedelta(days=1)
    features.put("ann", f"{now:%Y-%m-%dT%H:%M:%SZ}", TtlDuration={"Unit": "Days", "Value": 1})
    features.put("bob", f"{now - timedelta(days=8):%Y-%m-%dT%H:%M:%SZ}")
    told = features.runtime.get_record(
        FeatureGroupName="customers",
        RecordIdentifierValueAsString="ann",
        ExpirationTimeResponse="Enabled",
    )
    assert told["ExpiresAt"] == f"{soon:%Y-%m-%dT%H:%M:%SZ}"
    assert features.get("bob") == {}


def test_many_records_are_read_and_written_at_once(features: Features) -> None:
    features.group()
    entries = [
        {
            "FeatureGroupName": group,
            "Record": [
                {"FeatureName": "customer", "ValueAsString": who},
                {"FeatureName": "at", "ValueAsString": at},
            ],
        }
        for group, who, at in (
            ("customers", "ann", T1),
            ("customers", "bob", "yesterday"),
            ("none", "cid", T1),
        )
    ]
    errors = features.runtime.batch_write_record(Entries=entries)["Errors"]
    assert [each["ErrorCode"] for each in errors] == ["ValidationError", "ResourceNotFound"]
    told = features.runtime.batch_get_record(
        Identifiers=[
            {
                "FeatureGroupName": "customers",
                "RecordIdentifiersValueAsString": ["ann", "bob"],
                "FeatureNames": ["at"],
            },
            {"FeatureGroupName": "none", "RecordIdentifiersValueAsString": ["cid"]},
        ]
    )
    assert [
        (each["RecordIdentifierValueAsString"], each["Record"]) for each in told["Records"]
    ] == [("ann", [{"FeatureName": "at", "ValueAsString": T1}])]
    assert [each["ErrorCode"] for each in told["Errors"]] == ["ResourceNotFound"]


@pytest.mark.parametrize(
    ("values", "named"),
    [
        pytest.param({"colour": "red"}, "colour", id="unknown feature"),
        pytest.param({"orders": "many"}, "orders", id="another type"),
        pytest.param({"orders": str(2**63)}, "orders", id="too large"),
        pytest.param({"at": "2026-03-01"}, "ISO 8601", id="event time"),
    ],
)
def test_a_record_that_its_group_cannot_take_is_refused(
    features: Features, values: dict[str, str], named: str
) -> None:
    features.group()
    code, message = error(features.put, **{"customer": "ann", "at": T1, **values})
    assert (code, named in message) == ("ValidationError", True)
    assert features.get("ann") == {}


def test_a_store_that_a_group_has_not_is_refused(features: Features) -> None:
    features.group(OnlineStoreConfig=None)
    assert "OnlineStore" in error(features.get, customer="ann")[1]
    assert (
        "OnlineStore" in error(features.put, customer="a", at=T1, TargetStores=["OnlineStore"])[1]
    )
    unknown = error(features.put, customer="a", at=T1, name="none")
    assert unknown == (
        "ValidationError",
        "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name none",
    )


def test_new_features_are_added_and_told_about(features: Features, tmp_path: Path) -> None:
    features.group()
    features.put("ann", T1)
    features.sagemaker.update_feature_group(
        FeatureGroupName="customers",
        FeatureAdditions=[{"FeatureName": "city", "FeatureType": "String"}],
    )
    features.put("ann", T2, city="Oslo")
    features.sagemaker.update_feature_metadata(
        FeatureGroupName="customers",
        FeatureName="city",
        Description="where",
        ParameterAdditions=[{"Key": "owner", "Value": "sales"}],
    )
    told = features.sagemaker.describe_feature_metadata(
        FeatureGroupName="customers", FeatureName="city"
    )
    assert told["Description"] == "where"
    assert told["Parameters"] == [{"Key": "owner", "Value": "sales"}]
    assert [row.get("city") for row in features.offline(tmp_path, 2)] == [None, "Oslo"]


def test_collections_are_kept_in_memory_and_updated(features: Features, tmp_path: Path) -> None:
    features.group(
        OnlineStoreConfig={"EnableOnlineStore": True, "StorageType": "InMemory"},
        FeatureDefinitions=[
            {"FeatureName": "customer", "FeatureType": "String"},
            {"FeatureName": "at", "FeatureType": "Fractional"},
            {"FeatureName": "seen", "FeatureType": "Integral", "CollectionType": "List"},
            {
                "FeatureName": "place",
                "FeatureType": "Fractional",
                "CollectionType": "Vector",
                "CollectionConfig": {"VectorConfig": {"Dimension": 2}},
            },
        ],
    )

    def put(place: list[str]) -> None:
        features.runtime.put_record(
            FeatureGroupName="customers",
            Record=[
                {"FeatureName": "customer", "ValueAsString": "ann"},
                {"FeatureName": "at", "ValueAsString": "1772330400.5"},
                {"FeatureName": "seen", "ValueAsStringList": ["1", "2"]},
                {"FeatureName": "place", "ValueAsStringList": place},
            ],
        )

    assert "Dimension" in error(put, place=["1"])[1]
    put(["0.5", "1"])
    which = {"FeatureGroupName": "customers", "RecordIdentifierValueAsString": "ann"}
    features.runtime.update_record(
        **which, Features=[{"FeatureName": "seen", "ValueAsStringList": ["3"]}]
    )
    told = features.runtime.get_record(**which)["Record"]
    assert told[2:] == [
        {"FeatureName": "seen", "ValueAsStringList": ["3"]},
        {"FeatureName": "place", "ValueAsStringList": ["0.5", "1"]},
    ]
    late = [{"FeatureName": "at", "ValueAsString": "1"}]
    assert error(features.runtime.update_record, **which, Features=late)[0] == "ConflictException"
    rows = features.offline(tmp_path, 2)
    assert sorted(row["seen"] for row in rows) == [[1, 2], [3]]
    assert rows[0]["place"] == [0.5, 1.0]


def test_a_stopped_cloud_has_written_what_it_was_given(
    store: Callable[..., Features], cloud_with: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    cloud, client = cloud_with(*SERVICES, folder=folder)
    features = Features(client)
    features.s3.create_bucket(Bucket="lake")
    features.group()
    features.put("ann", T1)
    assert features.files() == []
    cloud.stop()
    features = store(folder=folder)
    assert features.get("ann")["at"] == T1
    assert len(features.offline(tmp_path, 1)) == 1


@pytest.mark.cloud
def test_a_killed_cloud_loses_no_record_and_writes_none_twice(tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name="us-east-1",
            aws_access_key_id="tester",
            aws_secret_access_key="secret",
        )

    process, url = _program(folder)
    try:
        features = Features(client)
        features.s3.create_bucket(Bucket="lake")
        features.group()
        for number in range(20):
            features.put(f"c{number}", T1, orders=str(number))
    finally:
        process.kill()
        process.wait()
    process, url = _program(folder)
    try:
        features = Features(client)
        assert features.get("c7")["orders"] == "7"
        rows = features.offline(tmp_path, 20)
        assert sorted(row["orders"] for row in rows) == list(range(20))
    finally:
        process.terminate()
        process.wait()
    assert not list((folder / "offline-store").iterdir())


def _program(folder: Path) -> tuple["subprocess.Popen[bytes]", str]:
    """Start the cloud as a program of its own; gives it and its address once it answers."""
    command = [sys.executable, "-m", "everloop_localcloud", "--state", str(folder), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--services", ",".join(SERVICES)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline().startswith(b"the cloud is up")
    return process, json.loads((folder / "cloud.json").read_text())["url"]
