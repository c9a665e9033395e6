"""What holds for all tests: no verdict depends on how fast this machine happens to be, and a cloud
that is started as a process checks every answer of its own."""

import gc
import os
from functools import cache

import botocore.session
import pytest
from e2e import prepared
from hypothesis import settings

settings.register_profile("everloop", deadline=None)
settings.load_profile("everloop")
os.environ.setdefault("LOCALCLOUD_STRICT", "1")
# Every session would read the models of the services that it calls anew; they are files.
botocore.session.create_loader = cache(botocore.session.create_loader)

# Files that take minutes begin first: the last of them would else run while the others are done.
_LONG = (
    *("tests/e2e/", "tests/upgrade/", "tests/sim/test_histories.py", "tests/jobs/test_models.py"),
    *("tests/models/", "tests/sim/", "tests/fuzz/"),
)


@pytest.fixture(scope="session", autouse=True)
def shared_by_processes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Name the folder of what is made once for all processes of a run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    os.environ[prepared.WHERE] = str(folder / "prepared")


def pytest_collection_finish() -> None:
    # What was imported by now stays: to look through it again and again for garbage took a third
    # of the tests' time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> tuple[int, bool]:
        place = next(
            (place for place, start in enumerate(_LONG) if item.nodeid.startswith(start)),
            len(_LONG),
        )
        # Who shares a cloud comes after who has one alone: it is up no longer than it is used.
        fixtures = item.fixturenames if isinstance(item, pytest.Function) else ()
        return place, "laptop" in fixtures and not hasattr(item.module, "laptop")  # type: ignore[attr-defined]

    items.sort(key=rank)
