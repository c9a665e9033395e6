"""Clouds for tests: only the services a test needs, on a free port, in a folder of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from everloop_localcloud.cloud import Cloud, started

CloudWith = Callable[..., tuple[Cloud, Callable[..., Any]]]


@pytest.fixture
def cloud_with(tmp_path: Path) -> Iterator[CloudWith]:
    """Start a strict cloud with these services; gives it and a factory of boto3 clients."""
    running: list[tuple[Cloud, Any]] = []

    def start(*services: str, **options: Any) -> tuple[Cloud, Callable[..., Any]]:
        folder = options.pop("folder", tmp_path / "cloud")
        cloud, front = started(folder, services=services or None, strict=True, **options)
        running.append((cloud, front))

        def client(service: str, key: str = "tester", **extra: Any) -> Any:
            return boto3.client(
                service,
                endpoint_url=cloud.url,
                region_name=cloud.region,
                aws_access_key_id=key,
                aws_secret_access_key="secret",
                config=Config(retries={"max_attempts": 1}, inject_host_prefix=False, **extra),
            )

        return cloud, client

    yield start
    for cloud, front in running:
        cloud.stop()
        front.stop()
