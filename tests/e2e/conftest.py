"""A cloud for each file whose tests can share it: one that stays up costs time, also idle."""

from collections.abc import Iterator

import pytest
from e2e.laptop import Laptop


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    with Laptop(tmp_path_factory.mktemp("laptop") / "state") as started:
        yield started
        assert started.denied() == []
