"""One cloud for the tests that can share it."""

from collections.abc import Iterator

import pytest
from e2e.laptop import Laptop


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    with Laptop(tmp_path_factory.mktemp("laptop") / "state") as started:
        yield started
        assert started.denied() == []
