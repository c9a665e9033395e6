"""Measures of fairness: those of fairness.json, which `make problems` writes from the jobs."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

RATIO = "ratio"  # of which fair is 1; of a difference it is 0


@cache
def _table() -> dict[str, dict[str, str]]:
    document: dict[str, dict[str, str]] = json.loads(
        files(__package__).joinpath("fairness.json").read_text()
    )
    return document


def measures(family: str) -> Mapping[str, str]:
    """Return the measures of a family, each with the kind of number that it is."""
    return _table()[family]


def is_ratio(measure: str) -> bool:
    return any(known.get(measure) == RATIO for known in _table().values())
