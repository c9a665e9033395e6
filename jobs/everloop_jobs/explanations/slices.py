"""What a version relies on in each slice: the same answers, of the slice's rows alone."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from metrics import Array

_MOST = 20  # slices, the largest first
_LEAST = 50  # rows of a slice that were asked, below which a column's part is chance
_SHOWN = 10  # columns of each

Loss = Callable[[Array], float]  # by the weight of each row


def importances(
    losses: Mapping[str, Loss], sample: Array, parts: Sequence[tuple[str, str, Array]]
) -> list[dict[str, Any]]:
    """Return each slice's losses; `sample` are the rows that were asked, `parts` the slices."""
    made = []
    for column, value, index in sorted(parts, key=lambda each: -len(each[2])):
        weight = np.isin(sample, index).astype(float)
        rows = int(weight.sum())
        if rows >= _LEAST and len(made) < _MOST:
            found = sorted(_defined(losses, weight), key=lambda each: -each["loss"])
            if found:
                made.append(
                    {"column": column, "value": value, "rows": rows, "importance": found[:_SHOWN]}
                )
    return made


def _defined(losses: Mapping[str, Loss], weight: Array) -> Iterator[dict[str, Any]]:
    """Yield the losses that are defined: a slice may have one class alone."""
    for name, of in losses.items():
        loss = float(of(weight))
        if math.isfinite(loss):
            yield {"column": name, "loss": loss}
