"""A training run, step by step: SageMaker's steps and jobs, their logs, and the ledger's words."""

from everloop.aws import billed, run_steps
from everloop.errors import BadInput
from everloop.reading import home, models
from everloop.views.run import Run, cost_of
from everloop.views.run_steps import RunDetail, RunStep, outcome
from everloop.views.timeline import TimelineEntry

_LINES = 400  # of a log, the newest


def detail(model: str, name: str, step: str = "") -> RunDetail:
    """Return a run with its steps, and the log of `step`, else of its newest job.

    Raises BadInput for a run that the ledger does not know.
    """
    run = next((each for each in models.trainings(model) if each.name == name), None)
    if run is None:
        raise BadInput(f"{model!r} has no run {name!r}: everloop runs {model}")
    execution = run_steps.execution_of(model, name)
    found = run_steps.of_execution(execution) if execution else []
    prices = home.prices()
    steps = [
        RunStep(
            step=each.step,
            status=each.status,
            outcome=outcome(each.status),
            began=each.began,
            ended=each.ended,
            took=each.ended - each.began if each.ended else None,
            kind=each.kind,
            job=each.job,
            instance=" + ".join(dict.fromkeys(m.instance for m in each.machines)),
            instances=sum(m.count for m in each.machines),
            cost=cost_of(billed.together(each.machines) or None, prices),
            failure=each.failure,
        )
        for each in found
    ]
    with_log = [each for each in steps if each.job]
    chosen = next((each for each in with_log if each.step == step), None)
    failed = [each for each in with_log if each.outcome == "bad"]
    shown = chosen or next(reversed(failed or with_log), None)
    return RunDetail(
        run=run,
        execution=execution,
        steps=steps,
        log_of=shown.step if shown else "",
        log=run_steps.printed(shown.kind, shown.job, _LINES) if shown else [],
        currency=prices.currency if prices else "",
        decisions=[each for each in models.decided(model) if _is_about(each, run, execution)],
    )


def _is_about(decision: TimelineEntry, run: Run, execution: str) -> bool:
    if execution and decision.subject == execution:
        return True
    window = decision.facts.get("window")
    return run.window is not None and window == run.window
