"""Functions for tests: a few lines of Python, deployed to a cloud of their own."""

import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

ROLE = "arn:aws:iam::123456789012:role/worker"


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/") + ".py", content)
    return buffer.getvalue()


@pytest.fixture
def pack() -> Callable[..., bytes]:
    return zipped


@pytest.fixture
def deploy() -> Callable[..., str]:
    """Create a function from its source; `settings` are members of CreateFunction."""

    def create(client: Any, name: str, source: str, **settings: Any) -> str:
        answer = client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=ROLE,
            Handler="main.handler",
            Code={"ZipFile": zipped(main=source)},
            **settings,
        )
        return str(answer["FunctionArn"])

    return create


@pytest.fixture
def invoke() -> Callable[..., Any]:
    """Invoke a function; gives what it returned."""

    def call(client: Any, name: str, event: Any = None, **more: Any) -> Any:
        answer = client.invoke(FunctionName=name, Payload=json.dumps(event or {}), **more)
        return json.loads(answer["Payload"].read())

    return call


@pytest.fixture
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Wait until a probe gives something true, and give that; the test's timeout ends it."""

    def wait(probe: Callable[[], Any]) -> Any:
        while not (found := probe()):
            time.sleep(0.02)
        return found

    return wait
