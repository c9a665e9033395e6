"""How far a sample is from its reference, and what of that chance alone explains.

Each bound holds for one comparison with probability 1 - `alpha` where both samples come from the
same distribution; `alpha` is small, because a look makes many comparisons.
"""

import math
from collections.abc import Mapping

import numpy as np

from metrics import Array


def ks_distance(reference: Array, current: Array) -> float:
    """Return the largest difference of the two empirical distribution functions, 0 to 1."""
    if not len(reference) or not len(current):
        return math.nan
    # To single precision: clients send a tenth as float32, or with ten digits.
    old, new = np.sort(_single(reference)), np.sort(_single(current))
    points = np.concatenate([old, new])
    a = np.searchsorted(old, points, side="right") / len(old)
    b = np.searchsorted(new, points, side="right") / len(new)
    return float(np.abs(a - b).max())


def ks_noise(reference_rows: int, current_rows: int, alpha: float) -> float:
    """Return what ks_distance stays below by chance.

    The two-sample Kolmogorov-Smirnov test's critical value, sqrt(-ln(alpha/2)/2 (1/n + 1/m)):
    Smirnov (1948); Knuth, The Art of Computer Programming, volume 2, 3.3.1.
    """
    return math.sqrt(-math.log(alpha / 2) / 2 * _sizes(reference_rows, current_rows))


def repeated(reference: Array, current: Array) -> float:
    """Return by how much one single value's share has grown most: 1 where all became one value.

    A sensor that hangs at the median moves the distribution functions by half as much.
    """
    if not len(reference) or not len(current):
        return math.nan
    old, new = _single(reference), _single(current)
    values, counts = np.unique(new, return_counts=True)
    sorted_old = np.sort(old)
    before = np.searchsorted(sorted_old, values, side="right")
    before = before - np.searchsorted(sorted_old, values, side="left")
    return float(max(0.0, (counts / len(new) - before / len(old)).max()))


def repeated_noise(reference_rows: int, current_rows: int, alpha: float) -> float:
    """Return what `repeated` stays below by chance: a value's share is a step of the function."""
    return 2 * ks_noise(reference_rows, current_rows, alpha)


def variation(reference: Mapping[str, float], current: Mapping[str, float]) -> float:
    """Return the total variation distance of two counts, 0 to 1.

    That is the share of rows that would need another category to be as before. The largest
    difference of one category's share, which is never more, does not see many small ones change.
    """
    n, m = sum(reference.values()), sum(current.values())
    if not n or not m:
        return math.nan
    names = {*reference, *current}
    return sum(abs(reference.get(k, 0) / n - current.get(k, 0) / m) for k in names) / 2


def variation_noise(
    reference: Mapping[str, float], current: Mapping[str, float], alpha: float
) -> float:
    """Return what `variation` stays below by chance.

    Its mean is at most half the sum of the categories' standard errors (Jensen), and it is above
    its mean by more than sqrt(-ln(alpha)/2 (1/n + 1/m)) with probability alpha at most: one row
    changes it by 1/n (McDiarmid, 1989, "On the method of bounded differences").
    """
    n, m = int(sum(reference.values())), int(sum(current.values()))
    sizes = _sizes(n, m)
    shares = [
        (reference.get(k, 0) + current.get(k, 0)) / max(1, n + m) for k in {*reference, *current}
    ]
    mean = sum(math.sqrt(p * (1 - p) * sizes) for p in shares) / 2
    return mean + math.sqrt(-math.log(alpha) / 2 * sizes)


def share_noise(share: float, reference_rows: int, current_rows: int, alpha: float) -> float:
    """Return by how much a share of this size differs by chance; 0 for one of nothing or all.

    Bernstein's inequality: sqrt(2 p (1 - p) L s) + 2/3 L s, where L = -ln(alpha), s = 1/n + 1/m.
    """
    if not 0 < share < 1:
        return 0.0
    scale = -math.log(alpha) * _sizes(reference_rows, current_rows)
    return math.sqrt(2 * share * (1 - share) * scale) + 2 / 3 * scale


def unseen(counts: Mapping[str, float], rows: int) -> float:
    """Estimate the share of values that a sample of these counts has not shown.

    Good and Turing: what was seen once is as frequent as what was not seen at all (Good, 1953).
    Counts may be those of the most frequent values only; the others are not shown either.
    """
    if not rows:
        return 1.0
    untold = max(0.0, rows - sum(counts.values())) / rows
    once = sum(1 for count in counts.values() if count == 1) / rows
    return min(1.0, untold + max(once, untold))


def _single(values: Array) -> Array:
    top = float(np.finfo(np.float32).max)
    return np.asarray(np.clip(values, -top, top), dtype=np.float32).astype(float)


def _sizes(n: int, m: int) -> float:
    """Return 1/n + 1/m, at most what one row on each side would be."""
    return 1 / max(n, 1) + 1 / max(m, 1)
