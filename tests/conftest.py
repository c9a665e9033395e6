"""What holds for all tests: no verdict depends on how fast this machine happens to be, and a cloud
that is started as a process checks every answer of its own."""

import gc
import os
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import useragent
from e2e import prepared
from hypothesis import settings

settings.register_profile("everloop", deadline=None)
settings.load_profile("everloop")
os.environ.setdefault("LOCALCLOUD_STRICT", "1")
# Every session would read the models of the services that it calls anew; they are files.
botocore.session.create_loader = cache(botocore.session.create_loader)
# Each call writes its user agent of the same words anew, character by character.
_cleaned = cache(useragent.sanitize_user_agent_string_component)
useragent.sanitize_user_agent_string_component = _cleaned

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


def pytest_report_header() -> str:
    asked = os.environ.get("STORIES") or "those that are named"
    return f"long stories: {asked} (STORIES=all, or 1/3: every third file)"


def _leave_out_stories(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep of the long stories the files that were asked for by name, and what STORIES says: all,
    or the files of a part, as 2/3.
    """
    asked = os.environ.get("STORIES", "")
    if asked == "all":
        return
    long = [item for item in items if item.get_closest_marker("long")]
    kept = {Path(word.partition("::")[0]).resolve() for word in config.args}
    if asked:
        part, parts = (int(number) for number in asked.split("/"))
        kept |= set(sorted({item.path for item in long})[part - 1 :: parts])
    out = [item for item in long if item.path not in kept]
    config.hook.pytest_deselected(items=out)
    left = set(out)
    items[:] = [item for item in items if item not in left]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    _leave_out_stories(config, items)

    def rank(item: pytest.Item) -> tuple[int, bool]:
        place = next(
            (place for place, start in enumerate(_LONG) if item.nodeid.startswith(start)),
            len(_LONG),
        )
        # Who shares a cloud comes after who has one alone: it is up no longer than it is used.
        fixtures = item.fixturenames if isinstance(item, pytest.Function) else ()
        return place, "laptop" in fixtures and not hasattr(item.module, "laptop")  # type: ignore[attr-defined]

    items.sort(key=rank)
