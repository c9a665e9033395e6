"""Flaws of state machines."""

from proofs.audit.flaws import Flaw
from proofs.planting import Entry

FLAWS = (
    Flaw(
        "task that is not tried again",
        Entry("statemachines/deploy.asl.yaml", "States/Delete staging/Retry"),
        *("own", "task-without-retry", "deploy/Delete staging"),
    ),
    Flaw(
        "task whose failure nobody reports",
        Entry("statemachines/evaluate.asl.yaml", "States/Judge candidate/Catch"),
        *("own", "task-without-catch", "evaluate/Judge candidate"),
    ),
    Flaw(
        "task that tries again what cannot succeed",
        Entry(
            "statemachines/train.asl.yaml",
            "States/Finish training/Retry/0/ErrorEquals/+",
            "States.ALL",
        ),
        *("own", "retry-of-everything", "train/Finish training"),
    ),
    Flaw(
        "machine that may hang for a year",
        Entry("statemachines/monitor.asl.yaml", "TimeoutSeconds"),
        *("own", "machine-without-timeout", "monitor"),
    ),
    Flaw(
        "callback that is waited for without end",
        Entry("statemachines/deploy.asl.yaml", "States/Start staging/TimeoutSeconds"),
        *("own", "callback-without-timeout", "deploy/Start staging"),
    ),
    Flaw(
        "step to nowhere",
        Entry(
            "statemachines/deploy.asl.yaml",
            "States/Staging begun?/Choices/0/Next",
            "Test end point",
        ),
        *("own", "next-to-nothing", "deploy/Staging begun?"),
    ),
    Flaw(
        "state that nothing leads to",
        Entry(
            "statemachines/evaluate.asl.yaml", "States/Judge candidate/Next", "Evaluation failed"
        ),
        *("own", "never-reached", "evaluate/Candidate judged"),
    ),
)
