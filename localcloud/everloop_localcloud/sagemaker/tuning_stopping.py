"""Which training jobs of a search are stopped before their end, by what they have printed so far.

Pure. Scores are higher where they are better; a job's resource is how often it told its score.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.errors import validation

Record = dict[str, Any]
_FEWEST = 3  # so many others must have come as far before anybody is judged by them
_THIRD = 3  # one of so many goes on at each of Hyperband's rungs
_MOST_RESOURCE = 20_000
# Where AWS looks for the largest resource if it is not given.
_EPOCHS = ("epochs", "numepochs", "n-epochs", "n_epochs", "num_epochs")


@dataclass(frozen=True)
class Run:
    """A training job's scores, one per epoch, and whether it runs."""

    name: str
    scores: tuple[float, ...]
    running: bool


@dataclass(frozen=True)
class Median:
    """Early stopping as AWS documents it.

    A job is stopped whose latest score is worse than the median of the running averages that
    earlier jobs had at the same epoch.
    https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-early-stopping.html
    """

    def losers(self, runs: Sequence[Run]) -> list[str]:
        found = []
        for run in runs:
            epoch = len(run.scores)
            if not (run.running and epoch):
                continue
            averages = [
                statistics.fmean(other.scores[:epoch])
                for other in runs
                if not other.running and len(other.scores) >= epoch
            ]
            if len(averages) >= _FEWEST and run.scores[-1] < statistics.median(averages):
                found.append(run.name)
        return found


@dataclass(frozen=True)
class Hyperband:
    """Successive halving, asynchronously: at each rung only the best third goes on.

    Rungs are `least` epochs and three times as many each; at `most` every job is stopped.
    """

    least: int
    most: int

    def losers(self, runs: Sequence[Run]) -> list[str]:
        found = []
        for run in runs:
            if not run.running:
                continue
            epoch = len(run.scores)
            if epoch >= self.most or self._behind(run, epoch, runs):
                found.append(run.name)
        return found

    def _behind(self, run: Run, epoch: int, runs: Sequence[Run]) -> bool:
        if epoch < self.least:
            return False
        rung = self.least
        while rung * _THIRD <= epoch:
            rung *= _THIRD
        scores = [other.scores[rung - 1] for other in runs if len(other.scores) >= rung]
        if len(scores) < _FEWEST:
            return False
        better = sum(score > run.scores[rung - 1] for score in scores)
        return better >= max(1, len(scores) // _THIRD)


def read_rule(config: Record, static: Record) -> Median | Hyperband | None:
    """Return how a search stops jobs early; None where it does not. Raises AwsError.

    `static` are the hyperparameters that all jobs have.
    """
    early = config.get("TrainingJobEarlyStoppingType", "Off") == "Auto"
    given = (config.get("StrategyConfig") or {}).get("HyperbandStrategyConfig")
    if config["Strategy"] != "Hyperband":
        if given is not None:
            raise validation("HyperbandStrategyConfig goes with the Strategy Hyperband only")
        return Median() if early else None
    if early:
        raise validation(
            "TrainingJobEarlyStoppingType must be Off with Hyperband, which stops jobs by itself"
        )
    given = given or {}
    most = given.get("MaxResource") or _inferred(static)
    least = given.get("MinResource", 1)
    if not 1 <= least <= most <= _MOST_RESOURCE:
        raise validation(
            f"HyperbandStrategyConfig: MinResource {least} and MaxResource {most} must be"
            f" 1 <= MinResource <= MaxResource <= {_MOST_RESOURCE}"
        )
    return Hyperband(least, most)


def _inferred(static: Record) -> int:
    for name in _EPOCHS:
        text = str(static.get(name, "")).strip('"')
        if text.isascii() and text.isdigit():
            return int(text)
    raise validation(
        "HyperbandStrategyConfig lacks MaxResource, and no static hyperparameter tells it"
        f" ({', '.join(_EPOCHS)})"
    )
