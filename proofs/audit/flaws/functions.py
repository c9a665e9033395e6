"""Flaws of what moves: events, functions and machines that drop, hide, or take too much."""

from proofs.audit.flaws import Flaw, change, drop, resource

_T = "template.yaml"
_DESTINATION = """      EventInvokeConfig:
        MaximumRetryAttempts: 2
        MaximumEventAgeInSeconds: 21600
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt FailedQueue.Arn}}
"""
_LETTERS = "            DeadLetterConfig: {Arn: !GetAtt UndeliveredQueue.Arn}\n"
_RETRIES = "            RetryPolicy: {MaximumRetryAttempts: 60, MaximumEventAgeInSeconds: 21600}\n"
_LOGGING = "      Logging: {Level: ERROR, IncludeExecutionData: true, Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt MachineLogs.Arn}}]}\n"

FLAWS = (
    # ------------------------------------------------------------ events
    Flaw(
        "target without dead letters",
        drop(_T, _LETTERS, after="\n        PackageChanged:\n"),
        *(
            "own",
            "target-without-dead-letters",
            "HeedRegistryPackageChanged/HeedRegistryPackageChangedLambdaTarget",
        ),
    ),
    Flaw(
        "target without dead letters, as the serverless rules see it",
        drop(_T, _LETTERS, after="\n        AlarmRaised:\n"),
        *("cfn-lint", "ES4000", "HeedViolationAlarmRaised"),
    ),
    Flaw(
        "target without retries of its own",
        drop(_T, _RETRIES, after="\n        ViolationFound:\n"),
        *(
            "own",
            "target-without-retry",
            "HeedViolationViolationFound/HeedViolationViolationFoundLambdaTarget",
        ),
    ),
    Flaw(
        "schedule without dead letters",
        drop(
            _T,
            "        DeadLetterConfig: {Arn: !GetAtt UndeliveredQueue.Arn}\n",
            after="\n  ReconcileTick:\n",
        ),
        *("own", "target-without-dead-letters", "ReconcileTick"),
    ),
    Flaw(
        "function that drops an event it cannot handle",
        drop(_T, _DESTINATION, after="\n  Wake:\n"),
        *("own", "invoked-without-destination", "Wake"),
    ),
    Flaw(
        "function that drops a tick of a schedule made by the code",
        drop(_T, _DESTINATION, after="\n  PlanMonitoring:\n"),
        *("own", "invoked-without-destination", "PlanMonitoring"),
    ),
    Flaw(
        "queue that may take all concurrency",
        drop(
            _T,
            "            ScalingConfig: {MaximumConcurrency: 2} # all batches of a model write one window's item\n",
        ),
        *("own", "queue-unbounded", "CollectDataArrivals"),
    ),
    Flaw(
        "batch that one bad message sends back",
        drop(_T, "            FunctionResponseTypes: [ReportBatchItemFailures]\n"),
        *("own", "batch-all-or-nothing", "CollectDataArrivals"),
    ),
    # ------------------------------------------------------------ functions
    Flaw(
        "function without traces",
        change(
            _T,
            "    Properties:\n",
            "    Properties:\n      Tracing: PassThrough\n",
            after="\n  TestEndpoint:\n",
        ),
        *("cfn-lint", "WS1000", "TestEndpoint"),
    ),
    Flaw(
        "function on a runtime that is gone",
        change(
            _T,
            "    Properties:\n",
            "    Properties:\n      Runtime: python3.7\n",
            after="\n  PlanRelease:\n",
        ),
        *("cfn-lint", "E2531", "PlanRelease"),
    ),
    Flaw(
        "function with credentials in its environment",
        change(
            _T,
            "    Properties:\n",
            "    Properties:\n      Environment: {Variables: {AWS_SECRET: "
            + "".join(
                ("wJalrXUtnFEMI", "/K7MDENG/bPxR", "fiCYzzzzzzzKEY")
            )  # in parts: it looks real
            + "}}\n",
            after="\n  FinishRelease:\n",
        ),
        *("checkov", "CKV_AWS_45", "FinishRelease"),
    ),
    Flaw(
        "function that logs every event",
        change(
            _T,
            "    Properties:\n",
            '    Properties:\n      Environment: {Variables: {POWERTOOLS_LOGGER_LOG_EVENT: "true"}}\n',
            after="\n  JudgeFindings:\n",
        ),
        *("own", "event-logged-by-switch", "JudgeFindings"),
    ),
    Flaw(
        "function that logs where nothing is ever deleted",
        change(
            _T,
            "    Properties:\n",
            "    Properties:\n      LoggingConfig: {LogGroup: /aws/lambda/other}\n",
            after="\n  PauseModels:\n",
        ),
        *("own", "logs-for-ever", "PauseModels"),
    ),
    Flaw(
        "function without an alarm",
        drop(_T, "      Dimensions: [{Name: FunctionName, Value: !Ref StartRollout}]\n"),
        *("own", "unwatched", "StartRollout"),
    ),
    Flaw(
        "function that anybody's bucket may invoke",
        resource("""  FlawedPermission:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Wake, Action: lambda:InvokeFunction, Principal: s3.amazonaws.com}
"""),
        *("own", "permission-without-source", "FlawedPermission"),
    ),
    Flaw(
        "variables without encryption by the stack's key",
        drop(
            _T,
            "    KmsKeyArn: !If [HasKey, !Ref KmsKeyArn, !Ref AWS::NoValue] # of the variables, which name things and hold no secret\n",
        ),
        *("checkov", "CKV_AWS_173", "Wake"),
    ),
    # ------------------------------------------------------------ machines and the rest
    Flaw(
        "machine without logs",
        drop(_T, _LOGGING, after="\n  MonitorMachine:\n"),
        *("own", "machine-unlogged", "MonitorMachine"),
    ),
    Flaw(
        "machine without traces",
        drop(_T, "      Tracing: {Enabled: true}\n", after="\n  EvaluateMachine:\n"),
        *("own", "machine-untraced", "EvaluateMachine"),
    ),
    Flaw(
        "machine whose executions may run twice",
        change(
            _T,
            "    Properties:\n",
            "    Properties:\n      Type: EXPRESS\n",
            after="\n  DeployMachine:\n",
        ),
        *("own", "machine-express", "DeployMachine"),
    ),
    Flaw(
        "property that there is not",
        change(
            _T,
            "      MessageRetentionPeriod: 1209600\n",
            "      MessageRetention: 1209600\n",
            after="\n  UndeliveredQueue:",
        ),
        *("cfn-lint", "E3002", "UndeliveredQueue"),
    ),
    Flaw(
        "comment that has an auditor look away",
        change(
            _T,
            "  Bus:\n    Type: AWS::Events::EventBus\n",
            "  Bus: # checkov:" + "skip=CKV_AWS_1:quiet\n    Type: AWS::Events::EventBus\n",
        ),
        *("own", "silenced", "template.yaml"),
    ),
)
