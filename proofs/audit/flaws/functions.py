"""Flaws of what moves: events, functions and machines that drop, hide, or take too much."""

from proofs.audit.flaws import TEMPLATE, Flaw, resource, without
from proofs.planting import Entry

FLAWS = (
    # ------------------------------------------------------------ events
    Flaw(
        "target without dead letters",
        without("OnPackageChanged/Properties/Events/PackageChanged/Properties/DeadLetterConfig"),
        *(
            "own",
            "target-without-dead-letters",
            "OnPackageChangedPackageChanged/OnPackageChangedPackageChangedLambdaTarget",
        ),
    ),
    Flaw(
        "target without dead letters, as the serverless rules see it",
        without("OnViolation/Properties/Events/AlarmRaised/Properties/DeadLetterConfig"),
        *("cfn-lint", "ES4000", "OnViolationAlarmRaised"),
    ),
    Flaw(
        "target without retries of its own",
        without("OnViolation/Properties/Events/ViolationFound/Properties/RetryPolicy"),
        *(
            "own",
            "target-without-retry",
            "OnViolationViolationFound/OnViolationViolationFoundLambdaTarget",
        ),
    ),
    Flaw(
        "schedule without dead letters",
        without("ReconcileTick/Properties/Target/DeadLetterConfig"),
        *("own", "target-without-dead-letters", "ReconcileTick"),
    ),
    Flaw(
        "function that drops an event it cannot handle",
        without("Fn::ForEach::Asynchronous/1/ResumeExecution"),
        *("own", "invoked-without-destination", "ResumeExecution"),
    ),
    Flaw(
        "function that drops a tick of a schedule made by the code",
        without("Fn::ForEach::Asynchronous/1/PlanMonitoring"),
        *("own", "invoked-without-destination", "PlanMonitoring"),
    ),
    Flaw(
        "queue that may take all concurrency",
        without("CollectData/Properties/Events/Arrivals/Properties/ScalingConfig"),
        *("own", "queue-unbounded", "CollectDataArrivals"),
    ),
    Flaw(
        "batch that one bad message sends back",
        without("CollectData/Properties/Events/Arrivals/Properties/FunctionResponseTypes"),
        *("own", "batch-all-or-nothing", "CollectDataArrivals"),
    ),
    # ------------------------------------------------------------ functions
    Flaw(
        "function without traces",
        resource("ProbeEndpoint/Properties/Tracing", "PassThrough"),
        *("cfn-lint", "WS1000", "ProbeEndpoint"),
    ),
    Flaw(
        "function on a runtime that is gone",
        resource("PlanRelease/Properties/Runtime", "python3.7"),
        *("cfn-lint", "E2531", "PlanRelease"),
    ),
    Flaw(
        "function with credentials in its environment",
        resource(
            "FinishRelease/Properties/Environment",
            "{Variables: {AWS_SECRET: "
            + "".join(
                ("wJalrXUtnFEMI", "/K7MDENG/bPxR", "fiCYzzzzzzzKEY")
            )  # in parts: it looks real
            + "}}",
        ),
        *("checkov", "CKV_AWS_45", "FinishRelease"),
    ),
    Flaw(
        "function that logs every event",
        resource(
            "JudgeFindings/Properties/Environment",
            '{Variables: {POWERTOOLS_LOGGER_LOG_EVENT: "true"}}',
        ),
        *("own", "event-logged-by-switch", "JudgeFindings"),
    ),
    Flaw(
        "function that logs where nothing is ever deleted",
        resource("PauseModels/Properties/LoggingConfig", "{LogGroup: /aws/lambda/other}"),
        *("own", "logs-for-ever", "PauseModels"),
    ),
    Flaw(
        "function that people call, without an alarm",
        without("CommandsFail"),
        *("own", "unwatched", "PauseModels"),
    ),
    Flaw(
        "function of a machine whose executions fail in silence",
        without("Fn::ForEach::MachinesFail/1/Deploy"),
        *("own", "unwatched", "StartRollout"),
    ),
    Flaw(
        "function that anybody's bucket may invoke",
        resource(
            "FlawedPermission",
            "{Type: AWS::Lambda::Permission, Properties: {FunctionName: !Ref ResumeExecution, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}}",
        ),
        *("own", "permission-without-source", "FlawedPermission"),
    ),
    Flaw(
        "variables without encryption by the stack's key",
        Entry(TEMPLATE, "Globals/Function/KmsKeyArn"),
        *("checkov", "CKV_AWS_173", "ResumeExecution"),
    ),
    # ------------------------------------------------------------ machines and the rest
    Flaw(
        "machine without logs",
        without("MonitorMachine/Properties/Logging"),
        *("own", "machine-unlogged", "MonitorMachine"),
    ),
    Flaw(
        "machine without traces",
        without("EvaluateMachine/Properties/Tracing"),
        *("own", "machine-untraced", "EvaluateMachine"),
    ),
    Flaw(
        "machine whose executions may run twice",
        resource("DeployMachine/Properties/Type", "EXPRESS"),
        *("own", "machine-express", "DeployMachine"),
    ),
    Flaw(
        "property that there is not",
        resource("UndeliveredQueue/Properties/MessageRetention", "1209600"),
        *("cfn-lint", "E3002", "UndeliveredQueue"),
    ),
)
