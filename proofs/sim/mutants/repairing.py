"""Flaws in waking, repairing and the ledger."""

from proofs.planting import Code, Together
from proofs.sim.mutants.mutant import Mutant

FLAWS = (
    Mutant("tell nobody of a violation", Code("functions.on_violation", "_notify(...)")),
    Mutant(
        "notify again of what people know",
        Code("aws.people", "known is not None and notification.counts(known, time)", "False"),
    ),
    Mutant(
        "pass over traffic that arrived late",
        Code(
            "functions.plan_monitoring",
            "f'{_traffic(model)}{since - timedelta(hours=1):%Y/%m/%d/%H}'",
            "f'{_traffic(model)}{until:%Y/%m/%d/%H}'",
        ),
    ),
    Mutant(
        "look while another looks",
        Code("functions.plan_monitoring", "looking.take_turn(...)", "''"),
        why="a look's job that hangs past the next tick, with traffic that came before it",
    ),
    Mutant(
        "take a look that failed for one that was had",
        Code(
            "functions.judge_findings._blind",
            "report.decided(...)",
            "...\nmonitoring.note_look(request.model, request.scheduled_at)",
        ),
    ),
    Mutant(
        "wake nobody", Code("functions.resume_execution", "resuming.resume_after_run(...)", "''")
    ),
    Mutant(
        "wake no release",
        Code("functions.resume_execution", "resuming.resume_after_endpoint(...)", "''"),
    ),
    Mutant(
        "take a wake that came late for an error",
        Code("aws.machines", "if code_of(error) in _GONE:\n    return False"),
    ),
    Mutant(
        "wake before what was requested has begun",
        Code("flows.resuming", "token.armed and serving.settled", "serving.settled"),
    ),
    Mutant(
        "leave the leases of the dead", Code("flows.repairing", "ledger.free_lease(...)", "False")
    ),
    Mutant(
        "leave the staging of the dead",
        Code("flows.repairing", "kind == RELEASE and (not _staging_is_gone(installed))", "False"),
    ),
    Mutant(
        "conclude no run that nobody saw end",
        Code(
            "flows.repairing",
            "concluding.conclude_lost(installed, runs, now)",
            "concluding.conclude_lost(installed, [], now)",
        ),
    ),
    Mutant("repair no window", Code("flows.repairing", "yield from _window(installed, now)")),
    Mutant(
        "repair no judgement", Code("flows.repairing", "yield from _judgements(installed, now)")
    ),
    Mutant(
        "repair no release",
        Code("flows.repairing", "(yield from _release(installed, now))", "Decision(False, '')"),
    ),
    Mutant("repair no schedule", Code("flows.repairing", "yield from _schedule(installed)")),
    Mutant(
        "let two decisions have one place",
        Together(
            Code("records.decision.put", "Put(...)", "Put(key(model, decision['seq']), decision)"),
            Code(
                "records.decision.move_head",
                "set_of(...)",
                "set_of(head_key(model), {'seq': decision['seq'], 'hash': decision['hash']})",
            ),
        ),
    ),
    Mutant("tell the bus of no decision", Code("aws.journal", "publish(...)")),
    Mutant(
        "take any lease",
        Code(
            "records.lease.take",
            "'(attribute_not_exists(#holder) OR #holder = :free OR #holder = :holder OR #until < :now)'",
            "'(attribute_not_exists(#holder) OR #holder = :free OR #holder <> :holder OR #holder = :holder)'",
        ),
    ),
    Mutant(
        "leave what production serves from deleted",
        Code("flows.repairing", "making.restore(...)", "''"),
    ),
)
