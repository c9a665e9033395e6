"""Flaws in who judges and approves."""

from proofs.planting import Code
from proofs.sim.mutants.mutant import Mutant

FLAWS = (
    Mutant(
        "judge nobody",
        Code(
            "functions.on_package_changed", "judging.start_evaluation(...)", "Decision(False, '')"
        ),
    ),
    Mutant(
        "forget who approved",
        Code("flows.approving._record_approval", "report.decided", "lambda *_, **__: None"),
    ),
    Mutant(
        "believe the event",
        Code(
            "flows.approving",
            "approval.status == APPROVED",
            "spoken.changed_at is not None or approval.status == APPROVED",
        ),
    ),
    Mutant(
        "compare with nobody",
        Code(
            "functions.plan_comparison",
            "champion is None or champion == candidate.package.version",
            "True",
        ),
    ),
    Mutant(
        "overrule people",
        Code(
            "functions.judge_candidate", "now is None or now.package.approval != PENDING", "False"
        ),
    ),
    Mutant(
        "approve whatever the verdict",
        Code(
            "functions.judge_candidate",
            "APPROVED if verdict.verdict == judgement.APPROVED else REJECTED",
            "APPROVED",
        ),
    ),
    Mutant(
        "ask nobody",
        Code(
            "functions.judge_candidate",
            "people.notify(_question(candidate, verdict, request), installed.spec, request.time)",
        ),
    ),
    Mutant("approve what is not better", Code("decisions.judgement", "not better.go", "False")),
    Mutant(
        "approve where a person decides", Code("decisions.judgement", "rules.by == PERSON", "False")
    ),
    Mutant(
        "approve the first where a person decides",
        Code("decisions.judgement", "first and rules.first == PERSON", "False"),
    ),
)
