"""What SageMaker does with the role of a job or a model: images, objects, logs and metrics.

Each call is judged by the role, as on AWS. What belongs to nobody's role is not judged.
"""

import re
from pathlib import Path
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<name>[^:@]+)"
)
_PULL = ("BatchCheckLayerAvailability", "GetDownloadUrlForLayer", "BatchGetImage")


class Behalf:
    """The calls that SageMaker makes on behalf of a role."""

    def __init__(self, cloud: Account, role_arn: str | None) -> None:
        self._cloud = cloud
        self._s3: Any = cloud.apis.get("s3")
        self._role = role_arn

    def pull(self, image: str) -> None:
        """Look at an image's layers. Raises AwsError where the role may not."""
        found = _IMAGE.match(image)
        if found is not None:
            self._check("ecr", "GetAuthorizationToken")
            for operation in _PULL:
                place = {"registryId": found["account"], "repositoryName": found["name"]}
                self._check("ecr", operation, **place)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        self._check("s3", "ListObjectsV2", Bucket=bucket, Prefix=prefix)
        found: list[str] = self._s3.keys(bucket, prefix)
        return found

    def read(self, bucket: str, key: str) -> bytes:
        self._check_object(bucket, key)
        found: bytes = self._s3.read(bucket, key)
        return found

    def download(self, bucket: str, key: str, path: Path) -> None:
        self._check_object(bucket, key)
        self._s3.download(bucket, key, path)

    def upload(self, path: Path, bucket: str, key: str) -> None:
        self._check("s3", "PutObject", Bucket=bucket, Key=key)
        self._s3.upload(path, bucket, key)

    def store(self, path: Path, bucket: str, key: str) -> None:
        """Put a file of a feature group's offline store, as Feature Store does."""
        self._check("s3", "GetBucketAcl", Bucket=bucket)
        self._check("s3", "PutObjectAcl", Bucket=bucket, Key=key)
        self.upload(path, bucket, key)

    def may_log(self, group: str, stream: str) -> bool:
        """Tell whether what a container prints is kept; what may not be written is dropped."""
        logs: Any = self._cloud.apis.get("logs")
        if logs is None:
            return False
        there = {"logGroupName": group}
        if not logs.has_group(group) and not self._permits("logs", "CreateLogGroup", **there):
            return False
        wanted = ("CreateLogStream", "DescribeLogStreams", "PutLogEvents")
        named = {"logStreamName": stream}
        return all(
            self._permits("logs", name, **there, **({} if name.startswith("Describe") else named))
            for name in wanted
        )

    def may_measure(self, namespace: str) -> bool:
        """Tell whether metrics of a container are kept; what may not be written is dropped."""
        return self._permits("cloudwatch", "PutMetricData", Namespace=namespace)

    def check_alarms(self, names: tuple[str, ...]) -> None:
        """Raise AwsError where the role may not look at alarms."""
        if names:
            self._check("cloudwatch", "DescribeAlarms", AlarmNames=list(names))

    def _check_object(self, bucket: str, key: str) -> None:
        try:
            self._check("s3", "GetObject", Bucket=bucket, Key=key)
        except AwsError as error:
            told = f"Unable to download object s3://{bucket}/{key} ({error.code}: {error.message})"
            raise AwsError(error.code, told, error.status) from error

    def _check(self, service: str, operation: str, **params: Any) -> None:
        if self._role:
            self._cloud.roles.check(self._role, service, operation, params)

    def _permits(self, service: str, operation: str, **params: Any) -> bool:
        if not self._role:
            return True
        return self._cloud.roles.permits(self._role, service, operation, **params)
