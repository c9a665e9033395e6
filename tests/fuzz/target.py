"""A target of the fuzz: hostile cases, and what must hold for each of them."""

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.strategies import SearchStrategy

ROOT = Path(__file__).parents[2]
# What a case leaves behind must not weigh on the thousandth one after it.
_CASES_PER_GROUND = 250

Check = Callable[[Any], None]


@dataclass(frozen=True)
class Target:
    """Cases and the ground they are checked on; a check raises for a case that breaks a promise.

    `share` is how many of a run's cases are this target's, beside the others' shares.
    """

    name: str
    cases: SearchStrategy[Any]
    ground: Callable[[Path], AbstractContextManager[Check]]
    share: int


@dataclass
class Finding:
    """Something that broke, where, with the first case that broke it."""

    what: str
    case: str
    times: int = 1


@dataclass
class Outcome:
    cases: int = 0
    exhausted: bool = False  # there are no more different cases
    findings: dict[str, Finding] = field(default_factory=dict)


def run(target: Target, count: int, folder: Path, first_seed: int = 0) -> Iterator[Outcome]:
    """Check `count` cases; yield the outcome so far after each ground. A seed gives its cases."""
    outcome = Outcome()
    number = first_seed
    while outcome.cases < count and not outcome.exhausted:
        place = folder / f"{target.name}-{number}"
        place.mkdir(parents=True)
        with target.ground(place) as check:
            _round(target, check, min(_CASES_PER_GROUND, count - outcome.cases), number, outcome)
        number += 1
        yield outcome


def _round(target: Target, check: Check, count: int, number: int, outcome: Outcome) -> None:
    done = outcome.cases + count

    @seed(number)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(target.cases)
    def one(case: Any) -> None:
        outcome.cases += 1
        try:
            check(case)
        except Exception as error:
            what = _where(error)
            known = outcome.findings.get(what)
            if known is None:
                outcome.findings[what] = Finding(f"{what}: {error}"[:600], repr(case)[:2000])
            else:
                known.times += 1

    one()
    if outcome.cases < done:  # a strategy may have fewer different cases
        outcome.exhausted = True


def _where(error: Exception) -> str:
    """Name an error by its class and by the last lines of ours that it went through."""
    frames = [
        f"{Path(frame.filename).relative_to(ROOT)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(ROOT) and ".venv" not in frame.filename
    ]
    return f"{type(error).__name__} at {' < '.join(reversed(frames[-3:]))}"
