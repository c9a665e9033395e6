"""Fairness: how a version treats groups of people, against the group that each is compared with.

Measured on the holdout for each version, on the labels of the training part before that, and again
on live rows by the monitor. Which values are too far is [fairness].bars, and the judge applies
them; a group of few rows is said and not judged.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from container import JobError
from fairness import amounts, choices
from fairness.definitions import Value
from fairness.groups import Groups, compared, groups_of
from metrics import Array
from outcomes import Amounts, Choices
from problems import Problem

_SEED = 7


def family(problem: Problem) -> Any:
    """Return the module that measures such a problem. Raises JobError where none does."""
    if problem.fairness is None:
        raise JobError(f"[fairness]: nothing measures it for {problem.spec['problem']}")
    return {"choices": choices, "amounts": amounts}[problem.fairness]


def declared() -> dict[str, dict[str, Any]]:
    """Return what bars may name, by family, as the layer keeps it in spec/fairness.json."""
    return {
        name: {each: measure.kind for each, measure in module.MEASURES.items()}
        for name, module in (("choices", choices), ("amounts", amounts))
    }


def measured(
    problem: Problem, target: Array, score: Array, columns: pd.DataFrame
) -> dict[str, Any]:
    """Return the fairness of answers, as evaluation.json and comparison.json have it.

    `columns` says to which groups the rows belong, by `groups.columns_of`. The intervals hold
    together for all that the bars judge (Bonferroni). Raises JobError for groups that are not
    there.
    """
    rules, module = problem.spec["fairness"], family(problem)
    seen, found = problem.treated(target, score), groups_of(columns, problem.spec)
    together = max(1, compared(found, rules["least_rows"]) * max(1, len(rules["bars"])))
    level = 1 - (1 - rules["confidence"]) / together
    random = np.random.default_rng(_SEED)
    records = []
    for groups in found:
        sides = {name: seen.of(rows) for name, rows in groups.rows.items()}
        each = against_reference(groups, sides, module, level, rules["least_rows"], random)
        records.append(_column(groups, list(each)))
    return {
        "confidence": rules["confidence"],
        "corrected_for": together,
        "columns": records,
    }


def against_reference(
    groups: Groups,
    sides: Mapping[str, Choices | Amounts],
    module: Any,
    level: float,
    least: int,
    random: np.random.Generator,
) -> Iterator[tuple[str, int, Mapping[str, Value] | None]]:
    """Yield each group's name and rows, and what is measured of it: None where rows are too few."""
    reference = sides[groups.reference]
    for name, side in sorted(sides.items()):
        if name == groups.reference:
            continue
        enough = min(len(side.said), len(reference.said)) >= least
        values = module.measured(reference, side, level, random) if enough else None
        yield name, len(side.said), values


def _column(
    groups: Groups, found: Sequence[tuple[str, int, Mapping[str, Value] | None]]
) -> dict[str, Any]:
    return {
        "column": groups.column,
        "reference": {"value": groups.reference, "rows": len(groups.rows[groups.reference])},
        "unknown_rows": groups.unknown,
        "groups": [
            {
                "value": name,
                "rows": rows,
                "measures": {each: value.record() for each, value in values.items()},
            }
            for name, rows, values in found
            if values is not None
        ],
        "too_small": [{"value": name, "rows": rows} for name, rows, values in found if not values],
    }
