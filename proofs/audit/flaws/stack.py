"""Flaws of what rests: buckets, table, queues, topic and logs that are open, in plain, or lost."""

from proofs.audit.flaws import Flaw, change, drop

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
)
