"""A feature group by the SDK: made from a DataFrame, filled, read online and as Parquet in S3."""

import io
import time

import boto3
import numpy as np
import pandas as pd
from botocore.exceptions import ClientError
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import FeatureValue, TtlDuration
from sagemaker.mlops.feature_store import (
    FeatureGroup,
    FeatureMetadata,
    FeatureParameter,
    OfflineStoreConfig,
    OnlineStoreConfig,
    S3StorageConfig,
    ingest_dataframe,
    list_records,
    load_feature_definitions_from_dataframe,
)

ROLE = "arn:aws:iam::123456789012:role/service-role/AmazonSageMaker-ExecutionRole"
BUCKET = "sdk-feature-store"
GROUP = "sdk-feature-store-customers"

s3 = boto3.client("s3")
s3.create_bucket(Bucket=BUCKET)
session = Session(default_bucket=BUCKET)

rng = np.random.default_rng(7)
customers = pd.DataFrame(
    {
        "customer_id": pd.array([f"c{number:03}" for number in range(60)], dtype="string"),
        "event_time": pd.array(["2026-03-01T10:15:00Z"] * 60, dtype="string"),
        "orders": rng.integers(1, 50, 60),
        "spent": rng.normal(100, 20, 60).round(2),
    }
)
definitions = load_feature_definitions_from_dataframe(customers)
assert [each.feature_type for each in definitions] == ["String", "String", "Integral", "Fractional"]

group = FeatureGroup.create(
    feature_group_name=GROUP,
    record_identifier_feature_name="customer_id",
    event_time_feature_name="event_time",
    feature_definitions=definitions,
    online_store_config=OnlineStoreConfig(enable_online_store=True),
    offline_store_config=OfflineStoreConfig(
        s3_storage_config=S3StorageConfig(s3_uri=f"s3://{BUCKET}/features")
    ),
    role_arn=ROLE,
    tags=[{"key": "team", "value": "growth"}],
)
group.wait_for_status(target_status="Created")
assert group.offline_store_status.status == "Active"

# One record per call from several threads, then 25 per call.
ingest_dataframe(GROUP, customers[:30], max_workers=3)
ingest_dataframe(GROUP, customers[30:], use_batch_write_record=True)
assert len(list_records(GROUP, max_results=100).record_identifiers) == 60


def online(customer: str) -> dict[str, str]:
    found = group.get_record(record_identifier_value_as_string=customer).record
    return {each.feature_name: each.value_as_string for each in found or []}


row = customers.iloc[42]
told = online("c042")
assert told["orders"] == str(row.orders) and float(told["spent"]) == row.spent, told


def put(customer: str, event_time: str, orders: int, **options: object) -> None:
    values = {"customer_id": customer, "event_time": event_time, "orders": str(orders)}
    group.put_record(
        record=[FeatureValue(feature_name=k, value_as_string=v) for k, v in values.items()],
        **options,
    )


put("c042", "2026-03-02T09:00:00Z", 1000)
put("c042", "2026-02-01T09:00:00Z", 1)  # late: history, and not what is so now
assert online("c042")["orders"] == "1000"

group.delete_record(record_identifier_value_as_string="c041", event_time="2026-03-02T09:00:00Z")
assert online("c041") == {}

put("c000", "2026-03-02T09:00:00Z", 7, ttl_duration=TtlDuration(unit="Weeks", value=100))
answer = group.get_record(
    record_identifier_value_as_string="c000", expiration_time_response="Enabled"
)
assert answer.expires_at.startswith("2028-01-31"), answer.expires_at

try:
    put("c001", "yesterday", 3)
except ClientError as error:
    assert error.response["Error"]["Code"] == "ValidationError", error
else:
    raise AssertionError("an event time that is none was taken")

metadata = FeatureMetadata.get(feature_group_name=GROUP, feature_name="spent")
metadata.update(
    description="euros, all time",
    parameter_additions=[FeatureParameter(key="owner", value="growth")],
)
metadata.refresh()
assert metadata.description == "euros, all time" and metadata.parameters[0].key == "owner"

# The offline store: AWS writes it within 15 minutes.
place = group.offline_store_config.s3_storage_config.resolved_output_s3_uri
prefix = place.removeprefix(f"s3://{BUCKET}/") + "/"
deadline = time.monotonic() + 20 * 60
history = pd.DataFrame()
while len(history) < 64:
    assert time.monotonic() < deadline, f"only {len(history)} records are offline"
    time.sleep(1)
    keys = [
        item["Key"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        for item in page.get("Contents", [])
    ]
    files = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys]
    history = pd.concat([pd.read_parquet(io.BytesIO(file)) for file in files] or [history])

assert any("/year=2026/month=03/day=01/hour=10/" in key for key in keys), keys
assert history["orders"].dtype.kind in "if" and history["spent"].dtype.kind == "f"
one = history[history.customer_id == "c042"].sort_values("event_time")
assert list(one.orders) == [1, row.orders, 1000]
assert list(history[history.is_deleted].customer_id) == ["c041"]
assert (history.write_time >= history.api_invocation_time).all()

latest = history.sort_values("event_time").groupby("customer_id").last()
training_set = latest[~latest.is_deleted]
assert len(training_set) == 59

found = [each.feature_group_name for each in FeatureGroup.get_all(name_contains="sdk-feature")]
assert found == [GROUP]
group.delete()
print(f"put 60 customers online, read {len(history)} records of {len(keys)} Parquet files")
