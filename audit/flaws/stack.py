"""Flaws of the template: what is open, unencrypted, unbounded, unwatched, or lost."""

from audit.flaws import Flaw, change, drop, resource

_T = "template.yaml"
_PUBLIC = "      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true}\n"
_ENCRYPTED = """      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault: !If
              - HasKey
              - {SSEAlgorithm: aws:kms, KMSMasterKeyID: !Ref KmsKeyArn}
              - {SSEAlgorithm: AES256}
            BucketKeyEnabled: true
"""
_DESTINATION = """      EventInvokeConfig:
        MaximumRetryAttempts: 2
        MaximumEventAgeInSeconds: 21600
        DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt FailedQueue.Arn}}
"""
_LETTERS = "            DeadLetterConfig: {Arn: !GetAtt UndeliveredQueue.Arn}\n"
_RETRIES = "            RetryPolicy: {MaximumRetryAttempts: 60, MaximumEventAgeInSeconds: 21600}\n"
_LOGGING = "      Logging: {Level: ERROR, IncludeExecutionData: true, Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt MachineLogs.Arn}}]}\n"
_ACTIONS = "      AlarmActions: [!Ref NotificationTopic]\n"

FLAWS = (
    # ------------------------------------------------------------ buckets and table
    Flaw(
        "bucket without encryption",
        drop(_T, _ENCRYPTED, after="\n  DataBucket:\n"),
        *("own", "bucket-unencrypted", "DataBucket"),
    ),
    Flaw(
        "bucket without versions",
        drop(_T, "      VersioningConfiguration: {Status: Enabled}\n", after="\n  DataBucket:\n"),
        *("checkov", "CKV_AWS_21", "DataBucket"),
    ),
    Flaw(
        "bucket that may be made public",
        drop(_T, _PUBLIC, after="\n  DataBucket:\n"),
        *("checkov", "CKV_AWS_54", "DataBucket"),
    ),
    Flaw(
        "bucket that anybody reads",
        change(
            _T,
            "    Properties:\n",
            "    Properties:\n      AccessControl: PublicRead\n",
            after="\n  ArtefactBucket:\n",
        ),
        *("checkov", "CKV_AWS_20", "ArtefactBucket"),
    ),
    Flaw(
        "bucket without TLS",
        change(
            _T,
            'aws:SecureTransport: "false"',
            'aws:SecureTransport: "true"',
            after="\n  ArtefactBucketPolicy:\n",
        ),
        *("own", "plain-http", "ArtefactBucket"),
    ),
    Flaw(
        "bucket whose readers nobody can look up",
        drop(
            _T,
            """      LoggingConfiguration: !If
        - HasAccessLogs
        - {DestinationBucketName: !Ref AccessLogBucket, LogFilePrefix: !Sub "${AWS::StackName}-artefacts/"}
        - !Ref AWS::NoValue
""",
        ),
        *("checkov", "CKV_AWS_18", "ArtefactBucket"),
    ),
    Flaw(
        "bucket that goes with the stack",
        drop(_T, "    DeletionPolicy: Retain\n", after="\n  ArtefactBucket:\n"),
        *("own", "lost-with-the-stack", "ArtefactBucket"),
    ),
    Flaw(
        "table without recovery in time",
        drop(_T, "      PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}\n"),
        *("checkov", "CKV_AWS_28", "Ledger"),
    ),
    Flaw(
        "table without expiry",
        drop(_T, "      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}\n"),
        *("own", "table-without-expiry", "Ledger"),
    ),
    Flaw(
        "table without encryption by KMS",
        change(
            _T,
            "SSESpecification: {SSEEnabled: true, SSEType: KMS,",
            "SSESpecification: {SSEEnabled: false,",
        ),
        *("own", "table-unencrypted", "Ledger"),
    ),
    # ------------------------------------------------------------ queues, topic, logs
    Flaw(
        "queue without encryption",
        drop(
            _T,
            """      SqsManagedSseEnabled: !If [HasKey, !Ref AWS::NoValue, true]
      KmsMasterKeyId: !If [HasKey, !Ref KmsKeyArn, !Ref AWS::NoValue]
""",
            after="\n  FailedQueue:",
        ),
        *("own", "queue-unencrypted", "FailedQueue"),
    ),
    Flaw(
        "queue without dead letters",
        drop(
            _T,
            "      RedrivePolicy: {deadLetterTargetArn: !GetAtt ArrivalsDeadQueue.Arn, maxReceiveCount: 5}\n",
        ),
        *("cfn-lint", "ES6000", "ArrivalsQueue"),
    ),
    Flaw(
        "topic without encryption",
        drop(
            _T,
            "      KmsMasterKeyId: !If [HasKey, !Ref KmsKeyArn, !Ref AWS::NoValue]\n",
            after="\n  NotificationTopic:\n",
        ),
        *("checkov", "CKV_AWS_26", "NotificationTopic"),
    ),
    Flaw(
        "logs without encryption",
        drop(
            _T,
            "      KmsKeyId: !If [HasKey, !Ref KmsKeyArn, !Ref AWS::NoValue]\n",
            after="\n  MachineLogs:\n",
        ),
        *("checkov", "CKV_AWS_158", "MachineLogs"),
    ),
    Flaw(
        "logs that are kept for ever",
        drop(_T, "      RetentionInDays: !Ref LogRetentionDays\n", after="\n  FunctionLogs:\n"),
        *("own", "logs-for-ever", "FunctionLogs"),
    ),
    Flaw(
        "dead letters without an alarm",
        drop(_T, _ACTIONS, after="\n  EventsUndelivered:\n"),
        *("own", "unwatched", "UndeliveredQueue"),
    ),
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
