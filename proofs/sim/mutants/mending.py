"""Flaws in waking, mending and the ledger."""

from proofs.sim.mutants.mutant import CORE, Mutant

FLAWS = (
    Mutant(
        "tell nobody of a violation",
        "functions/heed_violation.py",
        "    _tell(installed, trouble, answer)\n",
        "",
    ),
    Mutant(
        "tell again what was told",
        f"{CORE}/aws/people.py",
        'if known is not None and known["expires"] > epoch(time):',
        "if False:",
    ),
    Mutant(
        "pass over traffic that arrived late",
        "functions/plan_monitoring.py",
        "{since - timedelta(hours=1):%Y/%m/%d/%H}",
        "{until:%Y/%m/%d/%H}",
    ),
    Mutant(
        "look while another looks",
        "functions/plan_monitoring.py",
        "late_comer = looking.take_turn(model, execution, request.scheduled_at)",
        'late_comer = ""',
        why="a look's job that hangs past the next tick, with traffic that came before it",
    ),
    Mutant(
        "take a look that failed for one that was had",
        "functions/judge_findings.py",
        """    incidents.began(
        Message(
            kind="monitor-failed",""",
        """    monitoring.note_look(request.model, request.scheduled_at)
    incidents.began(
        Message(
            kind="monitor-failed",""",
    ),
    Mutant(
        "wake nobody",
        "functions/wake.py",
        "found = waking.look_at_run(fact.execution_arn)",
        'found = ""',
    ),
    Mutant(
        "wake no release",
        "functions/wake.py",
        "found = waking.look_at_endpoint(fact.endpoint)",
        'found = ""',
    ),
    Mutant(
        "take a wake that came late for an error",
        f"{CORE}/aws/machines.py",
        "if code_of(error) in _GONE:\n            return False\n        raise",
        "raise",
    ),
    Mutant(
        "wake before what was asked for has begun",
        f"{CORE}/flows/waking.py",
        "if not arrived and not (token.armed and serving.settled):",
        "if not arrived and not serving.settled:",
    ),
    Mutant(
        "leave the leases of the dead",
        f"{CORE}/flows/mending.py",
        "        if ledger.free_lease(model, kind, lease.holder):\n            yield",
        "        if False:\n            yield",
    ),
    Mutant(
        "leave the staging of the dead",
        f"{CORE}/flows/mending.py",
        "if kind == RELEASE and not _staging_is_gone(installed):",
        "if False:",
    ),
    Mutant(
        "conclude no run that nobody saw end",
        f"{CORE}/flows/mending.py",
        "in concluding.conclude_lost(installed, runs, now):",
        "in concluding.conclude_lost(installed, [], now):",
    ),
    Mutant(
        "mend no window",
        f"{CORE}/flows/mending.py",
        "    yield from _window(installed, now)\n",
        "",
    ),
    Mutant(
        "mend no judgement",
        f"{CORE}/flows/mending.py",
        "    yield from _judgements(installed, now)\n",
        "",
    ),
    Mutant(
        "mend no release",
        f"{CORE}/flows/mending.py",
        "    decision = yield from _release(installed, now)\n",
        '    decision = Decision(False, "")\n',
    ),
    Mutant(
        "mend no schedule",
        f"{CORE}/flows/mending.py",
        "    yield from _schedule(installed)\n",
        "",
    ),
    Mutant(
        "let two decisions have one place",
        f"{CORE}/aws/journal.py",
        """                        condition="attribute_not_exists(#pk)",
                    ),
                    table.action_update(
                        model_key(entry.model, "CHAIN"),
                        "SET #seq = :seq, #hash = :hash",
                        condition="attribute_not_exists(#seq) OR #seq = :before",
""",
        """                    ),
                    table.action_update(
                        model_key(entry.model, "CHAIN"),
                        "SET #seq = :seq, #hash = :hash",
""",
    ),
    Mutant(
        "tell the bus of no decision",
        f"{CORE}/aws/journal.py",
        '        publish("Decision Recorded", decision)\n',
        "",
    ),
    Mutant(
        "take any lease",
        f"{CORE}/aws/ledger.py",
        "OR #holder = :holder OR #until < :now)",
        "OR #holder <> :holder OR #holder = :holder)",
    ),
    Mutant(
        "leave what production serves from deleted",
        f"{CORE}/flows/mending.py",
        "        restored = making.restore(installed, serving)\n",
        '        restored = ""\n',
    ),
)
