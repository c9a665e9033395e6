"""Flaws in when and how a model is trained."""

from proofs.sim.mutants.mutant import CORE, Mutant

FLAWS = (
    Mutant(
        "train whatever the governor says",
        "functions/start_training.py",
        "if not allowed.go:",
        "if False:",
    ),
    Mutant(
        "train although another training runs",
        "functions/start_training.py",
        'return _refuse(request, name, reason, {"later": True})',
        "pass",
    ),
    Mutant(
        "start before the token lies",
        "functions/start_training.py",
        """    ledger.put_token(
        Token(subject, request.token, request.model, request.execution, "", True), request.time
    )
    _record""",
        "    _record",
    ),
    Mutant(
        "log a task token",
        "functions/start_training.py",
        """    ledger.note_wait(request.model, TRAINING, request.execution, arn)
""",
        """    ledger.note_wait(request.model, TRAINING, request.execution, arn)
    logger.info("waits", request=str(request))
""",
    ),
    Mutant(
        "name a run by its delivery",
        "functions/start_training.py",
        "names.run_token(request.model, request.window, *fingerprint)",
        "names.digest([request.token])",
    ),
    Mutant(
        "forget what was started",
        "functions/start_training.py",
        "    _record(request, name, fingerprint, runs, allowed)\n",
        "",
    ),
    Mutant(
        "let an orphaned run go on",
        "functions/start_training.py",
        "if names.is_training_run(request.model, other.display_name, but=name):",
        "if False:",
    ),
    Mutant(
        "keep the training lease",
        "functions/finish_training.py",
        "    ledger.free_lease(request.model, TRAINING, request.execution)\n",
        "",
    ),
    Mutant(
        "forget that a window was trained",
        "functions/finish_training.py",
        'if not died and not again and not (request.run or {}).get("later"):',
        "if False:",
    ),
    Mutant(
        "take a dead machine for a failed training",
        "functions/finish_training.py",
        "died = request.error is not None and",
        "died = False and request.error is not None and",
    ),
    Mutant(
        "leave what arrived meanwhile",
        "functions/finish_training.py",
        "left = training.start_left_over(installed, request.time, but=request.window)",
        'return {"outcome": outcome, "ok": outcome not in (FAILED, STOPPED), "reason": ""}',
    ),
    Mutant(
        "tell nobody of a failed training",
        f"{CORE}/flows/concluding.py",
        "    people.notify(\n        Message(",
        "    (lambda *_: None)(\n        Message(",
    ),
    Mutant(
        "write a run down before it is told",
        "functions/finish_training.py",
        "    if outcome not in (REFUSED, NOTHING_LEFT):\n        concluding.tell(",
        "    if ended is not None:\n        ledger.put_run(request.model, ended)\n"
        "    if outcome not in (REFUSED, NOTHING_LEFT):\n        concluding.tell(",
        "seen only where every try dies behind it: one history in some hundred (seed 1108)",
    ),
    Mutant(
        "take a run for refused because its start was, when tried again",
        "functions/finish_training.py",
        "sees = not died and outcome not in (REFUSED, NOTHING_LEFT)",
        "sees = not died",
        "needs a pause within the seconds of a retry: one history in some hundred (seed 1230)",
    ),
    Mutant(
        "count as a failed training what AWS had no room for",
        f"{CORE}/flows/concluding.py",
        'lacked = trouble(str(found.get("reason") or ""))',
        "lacked = None",
    ),
    Mutant(
        "forget a run that waits for AWS",
        f"{CORE}/flows/training.py",
        "        pipelines.resume(execution)\n",
        "        return\n",
    ),
    Mutant(
        "spend more than the budget",
        f"{CORE}/decisions/governor.py",
        "if spent >= most:",
        "if False:",
    ),
    Mutant(
        "train the same data and code again",
        f"{CORE}/decisions/governor.py",
        "if fingerprint == (run.dataset_digest, run.bundle_digest) and run.outcome in _CONCLUSIVE:",
        "if False:",
    ),
    Mutant(
        "let violations not cool down",
        f"{CORE}/decisions/governor.py",
        "if last is not None and now - last < cooldown:",
        "if False:",
    ),
    Mutant(
        "cool down after what was written down only",
        f"{CORE}/decisions/governor.py",
        "if run.outcome == RUNNING:  # or",
        "if False:  # or",
        "takes a machine that dies between its training's end and its report: seed 1426 once",
    ),
    Mutant(
        "answer a violation that was answered",
        "functions/heed_violation.py",
        'if report.was_decided("retrain", id=trouble.fact, model=trouble.model):',
        "if False:",
        why="the answer rests on the event's own time, and is the same again, but for one that was "
        "refused for want of new data, or in a pause, and whose event comes again after it",
    ),
    Mutant(
        "count a run against itself",
        f"{CORE}/flows/training.py",
        "name=name, paused=installed.paused)",
        "paused=installed.paused)",
        "takes a machine that dies with its run written down, where this is the last run that the "
        "budget allows, and no other window follows: one history in some hundred",
    ),
    Mutant(
        "let a push end a pause",
        "functions/install_model.py",
        "    installed = ledger.installed(model)\n",
        "",
    ),
    Mutant(
        "train the last window only",
        f"{CORE}/decisions/windows.py",
        "        if outcome is None and trained_with(number, newer, keep) is None:\n"
        "            return number\n"
        "        newer.append((number, outcome))",
        "        return number if outcome is None else None",
    ),
    Mutant(
        "refuse what is older than the last training",
        "functions/start_training.py",
        "None,  # what was left over is older than what was trained last",
        "request.window,",
    ),
    Mutant(
        "train what a later dataset had",
        "functions/start_training.py",
        "if later is not None:",
        "if False:",
        "takes a start that is tried again from before a later training until after its end",
    ),
)
