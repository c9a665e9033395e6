"""Record how a training ended, give the lease back, and start what was left over.

Called by statemachines/train.asl.yaml, with the run that ended or the error that ended it.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import arrivals, ledger, registry, storage
from everloop.decisions.infrastructure import trouble_of
from everloop.errors import message_of
from everloop.flows import concluding, instances, planning, scoring, shortages, tracking, training
from everloop.flows.concluding import Conclusion
from everloop.flows.report import logger
from everloop.records.installation import Installation
from everloop.records.lease import TRAINING
from everloop.records.run import FAILED, REGISTERED, RUNNING, STOPPED, WAITING, of_machine
from everloop.records.window import NOTHING_LEFT, REFUSED

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_FOR_GOOD = ("BadInput", "States.Runtime", "States.QueryEvaluationError")  # another attempt ends so


@dataclass(frozen=True)
class Request:
    model: str
    window: int
    cause: str
    execution: str
    time: datetime
    run: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None

    @property
    def died(self) -> bool:
        """Whether the machine broke, and another attempt may not."""
        return self.error is not None and self.error.get("Error") not in _FOR_GOOD

    @property
    def later(self) -> bool:
        return self.error is None and bool((self.run or {}).get("later"))

    @property
    def failed_for_good(self) -> str:
        """The pipeline execution that nobody looks at again, as its end could not be concluded."""
        ended = self.error is not None and not self.died
        return str((self.run or {}).get("run") or "") if ended else ""


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {outcome, ok, reason, wait_seconds}; ok is False only where somebody should look.

    Where there are seconds to wait, the machine does, and tries the same again.
    """
    request = requests.read(Request, event)
    name = request.execution.rpartition(":")[2]
    installed = ledger.installed(request.model)
    concluded = _concluded(request, installed)
    if concluded.lacked is not None:
        return _wait(request, installed, concluded)
    concluded, again = concluding.with_files(installed, concluded, request.window, request.time)
    outcome, arn = concluded.outcome, concluded.arn or request.failed_for_good
    # What the machine did not live to see goes on: reconcile's next look finds the same run. And
    # what waits for its turn, or for its budget, is trained later.
    runs = ledger.runs(request.model)
    # A start that was refused when it was tried again says nothing of the run it had started.
    sees = not request.died and outcome not in (REFUSED, NOTHING_LEFT)
    ended = of_machine(runs, name) if sees else None
    if ended is not None:
        rows = _rows_trained(concluded.package_arn) if outcome == REGISTERED else None
        ended = dataclasses.replace(ended, outcome=outcome, ended_at=request.time, rows=rows)
        ended = tracking.noted(installed, ended, arn, concluded.package_arn)
        runs = [run for run in runs if run.name != ended.name] + [ended]
    if outcome not in (REFUSED, NOTHING_LEFT):
        concluding.notify(
            installed,
            concluded,
            runs,
            name=name,
            window=request.window,
            cause=request.cause,
            time=request.time,
        )
    if ended is not None:
        ledger.put_run(request.model, ended)
    if ended is not None or outcome in (REGISTERED, NOTHING_LEFT):
        shortages.over(installed, TRAINING, request.time)
    if not request.died and not again and not request.later:
        arrivals.note_outcome(request.model, request.window, outcome)
    mine = ended.bundle_digest if ended else installed.bundle_digest
    scoring.clear(installed, arn, mine)
    ledger.free_lease(request.model, TRAINING, request.execution)
    if outcome in (REGISTERED, REFUSED, NOTHING_LEFT):
        left = training.start_left_over(installed, request.time, but=request.window)
    else:
        left = training.start_after_end(request.model, request.window, request.time)
    logger.info("looked for more", go=left.decision.go, why=left.decision.reason)
    ok = outcome not in (FAILED, STOPPED)
    return {"outcome": outcome, "ok": ok, "reason": concluded.reason, "wait_seconds": 0}


def _wait(request: Request, installed: Installation, concluded: Conclusion) -> dict[str, Any]:
    """Keep window, run and lease for the next try; where none will come, keep window and run."""
    assert concluded.lacked is not None
    name = request.execution.rpartition(":")[2]
    step = "" if request.error else str((request.run or {}).get("failed_step") or "")
    runs = ledger.runs(request.model)
    following = planning.after(installed, runs, name, step, concluded.lacked, request.time)
    for run in ledger.runs(request.model):
        if run.execution == name and run.outcome == RUNNING:
            ledger.put_run(request.model, dataclasses.replace(run, outcome=WAITING))
    decided = instances.retry(
        installed, TRAINING, str(request.window), concluded.lacked, following, request.time
    )
    if decided.held:
        ledger.free_lease(request.model, TRAINING, request.execution)
        training.start_left_over(installed, request.time, but=request.window)
    return shortages.answer(decided)


def _concluded(request: Request, installed: Installation) -> Conclusion:
    """Return how the training ended, and why, from the run or from the error that ended it."""
    if request.error is None:
        return concluding.conclusion(installed, request.run or {})
    error = request.error
    lacked = trouble_of(error)
    if lacked is not None:
        return Conclusion(shortages.WAITS, lacked.message, lacked=lacked)
    return Conclusion(FAILED, f"the machine failed: {error.get('Error')}: {message_of(error)}")


def _rows_trained(package_arn: str) -> int | None:
    """Return how many rows the version was trained on: the governor estimates new ones by it."""
    baseline = registry.describe(package_arn).uri("baseline-uri").rstrip("/")
    dataset = storage.read_json(f"{baseline}/statistics.json").get("dataset")
    count = dataset.get("item_count") if isinstance(dataset, Mapping) else None
    return int(count) if isinstance(count, int | float) else None
