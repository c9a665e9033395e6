"""Flaws of state machines."""

from proofs.audit.flaws import Flaw, change, drop

_CATCH = '    Catch: [{ErrorEquals: [States.ALL], Output: "{% $states.errorOutput %}", Next: Report failure}]\n'
_DEPLOY, _EVALUATE = "statemachines/deploy.asl.yaml", "statemachines/evaluate.asl.yaml"
_TRAIN, _MONITOR = "statemachines/train.asl.yaml", "statemachines/monitor.asl.yaml"

FLAWS = (
    Flaw(
        "task that is not tried again",
        drop(
            _DEPLOY,
            """    Retry:
      - ErrorEquals: [SageMaker.SageMakerException, SageMaker.SdkClientException]
        IntervalSeconds: 5
        BackoffRate: 2
        MaxAttempts: 4
        JitterStrategy: FULL
""",
        ),
        *("own", "task-without-retry", "deploy/Delete staging"),
    ),
    Flaw(
        "task whose failure nobody reports",
        drop(_EVALUATE, _CATCH, after="  Judge candidate:\n"),
        *("own", "task-without-catch", "evaluate/Judge candidate"),
    ),
    Flaw(
        "task that tries again what cannot succeed",
        change(
            _TRAIN,
            "ErrorEquals: [Lambda.ServiceException,",
            "ErrorEquals: [States.ALL, Lambda.ServiceException,",
            after="  Finish training:\n",
        ),
        *("own", "retry-of-everything", "train/Finish training"),
    ),
    Flaw(
        "machine that may hang for a year",
        drop(_MONITOR, "TimeoutSeconds: 108000"),
        *("own", "machine-without-timeout", "monitor"),
    ),
    Flaw(
        "callback that is waited for without end",
        drop(_DEPLOY, "    TimeoutSeconds: 10800", after="  Start staging:\n"),
        *("own", "callback-without-timeout", "deploy/Start staging"),
    ),
    Flaw(
        "step to nowhere",
        change(_DEPLOY, "    Next: Test endpoint\n", "    Next: Test end point\n"),
        *("own", "next-to-nothing", "deploy/Staging begun?"),
    ),
    Flaw(
        "state that nothing leads to",
        change(_EVALUATE, "    Next: Candidate judged\n", "    Next: Evaluation failed\n"),
        *("own", "never-reached", "evaluate/Candidate judged"),
    ),
)
