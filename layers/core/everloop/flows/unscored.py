"""What lies below score/ and no event reported: found by the sweep, and collected as if it had."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from everloop.aws import ledger, seen
from everloop.decisions.objects import ListedVersion
from everloop.decisions.sweeping import PATIENCE, is_new
from everloop.facts import is_model_name
from everloop.flows import batches, report, withdrawing
from everloop.flows.report import logger
from everloop.names import digest, to_score
from everloop.records.sweep import Sweep

PREFIX: Final = "score/"


def look(page: Sequence[ListedVersion], sweep: Sweep, now: datetime) -> list[str]:
    """Collect what is current and never came to us; return what kept a model from that."""
    by_model: dict[str, list[ListedVersion]] = defaultdict(list)
    for one in page:
        parts = one.key.split("/", 2)
        if len(parts) == 3 and is_model_name(parts[1]) and _is_fresh(one, sweep, now):
            by_model[parts[1]].append(one)
    troubled = []
    for model, fresh in sorted(by_model.items()):
        try:
            _collect(model, fresh, now)
        except Exception as error:  # the tick says so, once it has done what it can
            logger.exception("could not sweep what is to be scored", model=model)
            troubled.append(f"{model}: {type(error).__name__}: {error}")
    return troubled


def _is_fresh(one: ListedVersion, sweep: Sweep, now: datetime) -> bool:
    """Whether an object is current, new since the last pass, and reported by now if ever."""
    folder = one.key.endswith("/") and one.size == 0
    late = now - one.modified > PATIENCE
    return one.latest and not one.marker and not folder and late and is_new(sweep, one.modified)


def _collect(model: str, fresh: Sequence[ListedVersion], now: datetime) -> None:
    known = seen.among(to_score(model), [one.id for one in fresh])
    came = [one for one in fresh if one.id not in known]
    if not came:
        return
    shown = withdrawing.shown([one.key for one in came])
    report.decided(
        "reconcile",
        id=f"{model}:{digest(sorted(one.id for one in came))}",
        model=model,
        time=now,
        go=True,
        reason=f"{len(came)} objects to score lay in S3 that no event reported: {shown}",
        subject="score",
    )
    installed = ledger.find_installed(model)
    batches.collect(model, installed, [withdrawing.arrived(one) for one in came], now)
