"""A cloud with S3 alone, and a bucket that sends events."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from everloop_localcloud.cloud import Cloud


class Setting(NamedTuple):
    cloud: Cloud
    s3: Any  # a boto3 client
    client: Callable[..., Any]
    events: list[dict[str, Any]]


@pytest.fixture
def setting(cloud_with: Any) -> Iterator[Setting]:
    cloud, client = cloud_with("s3")
    s3 = client("s3")
    s3.create_bucket(Bucket="data")
    s3.put_bucket_notification_configuration(
        Bucket="data", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    events: list[dict[str, Any]] = []
    cloud.on_event(events.append)
    yield Setting(cloud, s3, client, events)


@pytest.fixture
def versioned(setting: Setting) -> Setting:
    setting.s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    return setting
