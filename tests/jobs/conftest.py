"""An S3 that jobs reach by HTTP, and a container for each test."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from job_container import JOBS, MEAN_PRICE, Container, Drops
from job_image import Image
from moto.server import ThreadedMotoServer

from everloop.bundle import pack


@pytest.fixture(scope="session")
def endpoint_url() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


# Anew for each file: what other tests do with moto in this process forgets every bucket.
@pytest.fixture(scope="module")
def drops(endpoint_url: str) -> Drops:
    return Drops(endpoint_url)


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    started = Image()
    yield started
    started.close()


@pytest.fixture
def container(tmp_path: Path, endpoint_url: str, image: Image) -> Container:
    return Container(tmp_path, endpoint_url, image)


@pytest.fixture(scope="session")
def bundle() -> bytes:
    return pack(MEAN_PRICE)


def job_module(name: str) -> ModuleType:
    """Import a module of the jobs as they import each other: they lie side by side in an image."""
    if str(JOBS) not in sys.path:
        sys.path.append(str(JOBS))
    return importlib.import_module(name)
