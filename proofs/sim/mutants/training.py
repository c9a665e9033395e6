"""Flaws in when and how a model is trained."""

from proofs.planting import Code
from proofs.sim.mutants.mutant import Mutant

FLAWS = (
    Mutant(
        "train whatever the governor says",
        Code("functions.start_training", "not allowed.go", "False"),
    ),
    Mutant(
        "train although another training runs",
        Code(
            "functions.start_training",
            "return _refuse(request, name, reason, {'later': True}, later=True)",
        ),
    ),
    Mutant(
        "start before the token lies", Code("functions.start_training", "ledger.put_token(...)")
    ),
    Mutant(
        "log a task token",
        Code(
            "functions.start_training",
            "ledger.note_wait(...)",
            "...\nlogger.info('waits', request=str(request))",
        ),
    ),
    Mutant(
        "name a run by its delivery",
        Code("functions.start_training", "names.run_token(...)", "names.digest([request.token])"),
    ),
    Mutant("forget what was started", Code("functions.start_training", "ledger.put_run(...)")),
    Mutant(
        "let an orphaned run go on",
        Code("functions.start_training", "names.is_training_run(...)", "False"),
    ),
    Mutant(
        "keep the training lease",
        Code("functions.finish_training", "ledger.free_lease(...)", everywhere=True),
    ),
    Mutant(
        "forget that a window was trained",
        Code(
            "functions.finish_training",
            "not request.died and (not again) and (not request.later)",
            "False",
        ),
    ),
    Mutant(
        "take a dead machine for a failed training",
        Code(
            "functions.finish_training",
            "self.error is not None and self.error.get('Error') not in _FOR_GOOD",
            "False and self.error is not None and (self.error.get('Error') not in _FOR_GOOD)",
        ),
    ),
    Mutant(
        "leave what arrived meanwhile",
        Code(
            "functions.finish_training",
            "left = training.start_left_over(...)",
            "from types import SimpleNamespace as Some\n"
            "left = Some(decision=Some(go=False, reason=''))",
        ),
    ),
    Mutant(
        "tell nobody of a failed training",
        Code("flows.concluding.notify", "people.notify(Message(...), ...)"),
    ),
    Mutant(
        "write a run down before people are notified",
        Code(
            "functions.finish_training",
            "concluding.notify(...)",
            "if ended is not None:\n    ledger.put_run(request.model, ended)\n...",
        ),
        why="seen only where every try dies behind it: one history in some hundred (seed 1108)",
    ),
    Mutant(
        "take a run for refused because its start was, when tried again",
        Code(
            "functions.finish_training",
            "not request.died and outcome not in (REFUSED, NOTHING_LEFT)",
            "not request.died",
        ),
        why="needs a pause within the seconds of a retry: one history in some hundred (seed 1230)",
    ),
    Mutant(
        "count as a failed training what AWS had no room for",
        Code("flows.concluding", "trouble(...)", "None"),
    ),
    Mutant(
        "forget a run that waits for AWS", Code("flows.training", "pipelines.resume(...)", "return")
    ),
    Mutant("spend more than the budget", Code("decisions.governor", "spent >= most", "False")),
    Mutant(
        "train the same data and code again",
        Code(
            "decisions.governor",
            "fingerprint == (run.dataset_digest, run.bundle_digest) and run.outcome in _CONCLUSIVE",
            "False",
        ),
    ),
    Mutant(
        "let violations not cool down",
        Code("decisions.governor", "last is not None and now - last < cooldown", "False"),
    ),
    Mutant(
        "cool down after what was written down only",
        Code("decisions.governor", "run.outcome == RUNNING", "False"),
        why="takes a machine that dies between its training's end and its report: seed 1426 once",
    ),
    Mutant(
        "answer a violation that was answered",
        Code("functions.on_violation", "report.was_decided(...)", "False"),
        why="the answer rests on the event's own time, and is the same again, but for one "
        "that was refused for want of new data, or in a pause, and whose event comes "
        "again after it",
    ),
    Mutant(
        "count a run against itself",
        Code(
            "flows.training",
            "may_train(...)",
            "may_train(DATA, runs, limits, now, paused=installed.paused)",
        ),
        why="takes a machine that dies with its run written down, where this is the last run "
        "that the budget allows, and no other window follows: one history in some hundred",
    ),
    Mutant(
        "let a push end a pause",
        Code("functions.install_model", "installed = ledger.installed(...)"),
    ),
    Mutant(
        "train the last window only",
        Code(
            "decisions.windows",
            "if outcome is None and trained_with(number, newer, keep) is None:\n"
            "    return number\n"
            "newer.append((number, outcome))",
            "return number if outcome is None else None",
        ),
    ),
    Mutant(
        "refuse what is older than the last training",
        Code(
            "functions.start_training",
            "ledger.take_lease(request.model, TRAINING, request.execution, None, ...)",
            "ledger.take_lease(request.model, TRAINING, request.execution, request.window, request.time, request.time + _LEASE)",
        ),
    ),
    Mutant(
        "train what a later dataset had",
        Code("functions.start_training", "later is not None", "False"),
        why="takes a start that is tried again from before a later training until after its end",
    ),
)
