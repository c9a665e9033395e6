"""A short run of the fuzz: the same few cases each time; `make fuzz` is the long one."""

from pathlib import Path

import pytest
from fuzz.target import Target, run
from fuzz.targets import TARGETS, divided

_CASES = 300


@pytest.mark.parametrize(
    ("target", "cases"),
    [pytest.param(*pair, id=pair[0].name) for pair in divided(TARGETS, _CASES).items()],
)
def test_a_hostile_case_ends_as_it_should(target: Target, cases: int, tmp_path: Path) -> None:
    *_, outcome = run(target, cases, tmp_path)
    told = [f"{found.what}\nfirst case: {found.case}" for found in outcome.findings.values()]
    assert told == []


def test_cases_are_shared_out_among_the_targets() -> None:
    assert sum(divided(TARGETS, 20_000).values()) == 20_000
    assert min(divided(TARGETS, 1).values()) == 1
