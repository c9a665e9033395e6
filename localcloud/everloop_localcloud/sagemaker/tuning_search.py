"""What a tuning job tries next: at random, all of a grid, or where a Gaussian process expects most.

Pure: the same seed and the same trials give the same proposal.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from everloop_localcloud.sagemaker.tuning_ranges import Space, Values

_FIRST_AT_RANDOM = 3
_RANDOM_EVERY = 4  # and so many go anywhere, so that no search sticks to where it began
_CANDIDATES = 300
# Of so many kernels the likeliest is taken: no optimiser, so nothing that may not converge.
_LENGTHS = (0.2, 0.5, 1.2)
_NOISES = (1e-3, 1e-1)


@dataclass(frozen=True)
class Trial:
    """One training job so far: what it was given, and its score, higher being better.

    A trial that runs has no score yet; one that `failed` never will.
    """

    values: Values
    score: float | None = None
    failed: bool = False


def propose(
    space: Space, strategy: str, trials: Sequence[Trial], seed: int, known: Sequence[Trial] = ()
) -> Values | None:
    """Return what to try next; None once a grid is exhausted.

    `known` are trials of other searches that this one starts from. Hyperband tries at random, too:
    what it is good at is when to stop.
    """
    if strategy == "Grid":
        return next(itertools.islice(space.grid(), len(trials), None), None)
    rng = np.random.default_rng([seed, len(trials)])
    scored = [trial for trial in [*known, *trials] if trial.score is not None]
    turn = bool(trials) and len(trials) % _RANDOM_EVERY == 0
    anywhere = len(scored) < _FIRST_AT_RANDOM or turn
    if strategy in ("Random", "Hyperband") or anywhere:
        return space.values(rng.random(space.width).tolist())
    return _expected_best(space, [*known, *trials], rng)


def _expected_best(space: Space, trials: Sequence[Trial], rng: Any) -> Values:
    """Return the candidate with the largest expected improvement.

    Trials that run count with the score that is expected of them (so that parallel ones differ),
    failed ones with the worst (so that the search leaves where they failed).
    """
    from scipy.stats import norm

    scored = [trial for trial in trials if trial.score is not None]
    scores = [float(trial.score or 0.0) for trial in scored]
    failed = [trial for trial in trials if trial.failed]
    points = np.array([space.point(trial.values) for trial in [*scored, *failed]])
    told = np.array([*scores, *[min(scores)] * len(failed)])
    running = [t for t in trials if t.score is None and not t.failed]
    if running:
        extra = np.array([space.point(trial.values) for trial in running])
        told = np.append(told, _fitted(points, told).predict(extra))
        points = np.concatenate([points, extra])
    process = _fitted(points, told)
    best = space.point(scored[int(np.argmax(scores))].values)
    near = np.clip(best + rng.normal(0, 0.1, (_CANDIDATES // 4, space.width)), 0, 1)
    anywhere = rng.random((_CANDIDATES, space.width))
    # A candidate counts as what it becomes: integers are whole, a choice is one of its values.
    candidates = [space.values(point) for point in np.concatenate([anywhere, near]).tolist()]
    mean, deviation = process.predict(
        np.array([space.point(values) for values in candidates]), return_std=True
    )
    deviation = np.maximum(deviation, 1e-12)
    gain = mean - max(scores)
    expected = gain * norm.cdf(gain / deviation) + deviation * norm.pdf(gain / deviation)
    return candidates[int(np.argmax(expected))]


def _fitted(points: Any, scores: Any) -> Any:
    """Fit Gaussian processes with a few fixed kernels and return the likeliest."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import Matern, WhiteKernel

    fits = []
    for length, noise in itertools.product(_LENGTHS, _NOISES):
        kernel = Matern(length_scale=length, nu=2.5) + WhiteKernel(noise)
        regressor = GaussianProcessRegressor(kernel, optimizer=None, normalize_y=True)
        fits.append(regressor.fit(points, scores))
    return max(fits, key=lambda fit: float(fit.log_marginal_likelihood_value_))
