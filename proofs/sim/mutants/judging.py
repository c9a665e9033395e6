"""Flaws in who judges and approves."""

from proofs.sim.mutants.mutant import CORE, Mutant

FLAWS = (
    Mutant(
        "judge nobody",
        "functions/heed_registry.py",
        "judged = judging.start_evaluation(package)",
        'judged = Decision(False, "")',
    ),
    Mutant(
        "forget who approved",
        f"{CORE}/flows/approving.py",
        """    report.decided(
        "approve",""",
        """    (lambda *_, **__: None)(
        "approve",""",
    ),
    Mutant(
        "believe the event",
        f"{CORE}/flows/approving.py",
        "go=approval.status == APPROVED,",
        "go=told_at is not None or approval.status == APPROVED,",
    ),
    Mutant(
        "compare with nobody",
        "functions/plan_comparison.py",
        "if champion is None or champion == candidate.package.version:",
        "if True:",
    ),
    Mutant(
        "overrule people",
        "functions/judge_candidate.py",
        "if package.approval != PENDING:",
        "if False:",
    ),
    Mutant(
        "approve whatever the verdict",
        "functions/judge_candidate.py",
        "status = APPROVED if verdict.verdict == judgement.APPROVED else REJECTED",
        "status = APPROVED",
    ),
    Mutant(
        "ask nobody",
        "functions/judge_candidate.py",
        "people.notify(_question(candidate, verdict, request), installed.spec, request.time)",
        "pass",
    ),
    Mutant(
        "approve what is not better",
        f"{CORE}/decisions/judgement.py",
        "    if not better.go:\n",
        "    if False:\n",
    ),
    Mutant(
        "approve where a person decides",
        f"{CORE}/decisions/judgement.py",
        "if rules.by == PERSON:",
        "if False:",
    ),
    Mutant(
        "approve the first where a person decides",
        f"{CORE}/decisions/judgement.py",
        "if first and rules.first == PERSON:",
        "if False:",
    ),
)
