"""A cloud for the files whose tests can share it, each with models of its own."""

from collections.abc import Iterator

import pytest
from e2e.laptop import Laptop


@pytest.fixture(scope="package")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """What was just made is not found at once there, as may be on AWS; on others' clouds it is."""
    state = tmp_path_factory.mktemp("laptop") / "state"
    with Laptop(state, options=("--consistency", "eventual")) as started:
        yield started
        assert started.denied() == []
