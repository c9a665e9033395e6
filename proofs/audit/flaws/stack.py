"""Flaws of what rests: buckets, table, queues, topic and logs that are open, in plain, or lost."""

from proofs.audit.flaws import Flaw, resource, without

FLAWS = (
    # ------------------------------------------------------------ buckets and table
    Flaw(
        "bucket without encryption",
        without("DataBucket/Properties/BucketEncryption"),
        *("own", "bucket-unencrypted", "DataBucket"),
    ),
    Flaw(
        "bucket without versions",
        without("DataBucket/Properties/VersioningConfiguration"),
        *("checkov", "CKV_AWS_21", "DataBucket"),
    ),
    Flaw(
        "bucket that may be made public",
        without("DataBucket/Properties/PublicAccessBlockConfiguration"),
        *("checkov", "CKV_AWS_54", "DataBucket"),
    ),
    Flaw(
        "bucket that anybody reads",
        resource("ArtefactBucket/Properties/AccessControl", "PublicRead"),
        *("checkov", "CKV_AWS_20", "ArtefactBucket"),
    ),
    Flaw(
        "bucket without TLS",
        resource(
            "ArtefactBucketPolicy/Properties/PolicyDocument/Statement/Sid=TlsOnly/Condition",
            '{Bool: {aws:SecureTransport: "true"}}',
        ),
        *("own", "plain-http", "ArtefactBucket"),
    ),
    Flaw(
        "bucket whose readers nobody can look up",
        without("ArtefactBucket/Properties/LoggingConfiguration"),
        *("checkov", "CKV_AWS_18", "ArtefactBucket"),
    ),
    Flaw(
        "bucket that goes with the stack",
        without("ArtefactBucket/DeletionPolicy"),
        *("own", "lost-with-the-stack", "ArtefactBucket"),
    ),
    Flaw(
        "table without recovery in time",
        without("Ledger/Properties/PointInTimeRecoverySpecification"),
        *("checkov", "CKV_AWS_28", "Ledger"),
    ),
    Flaw(
        "table without expiry",
        without("Ledger/Properties/TimeToLiveSpecification"),
        *("own", "table-without-expiry", "Ledger"),
    ),
    Flaw(
        "table without encryption by KMS",
        resource("Ledger/Properties/SSESpecification", "{SSEEnabled: false}"),
        *("own", "table-unencrypted", "Ledger"),
    ),
    # ------------------------------------------------------------ queues, topic, logs
    Flaw(
        "queue without encryption",
        without("FailedQueue/Properties/SqsManagedSseEnabled|KmsMasterKeyId"),
        *("own", "queue-unencrypted", "FailedQueue"),
    ),
    Flaw(
        "queue without dead letters",
        without("ArrivalsQueue/Properties/RedrivePolicy"),
        *("cfn-lint", "ES6000", "ArrivalsQueue"),
    ),
    Flaw(
        "topic without encryption",
        without("NotificationTopic/Properties/KmsMasterKeyId"),
        *("checkov", "CKV_AWS_26", "NotificationTopic"),
    ),
    Flaw(
        "logs without encryption",
        without("MachineLogs/Properties/KmsKeyId"),
        *("checkov", "CKV_AWS_158", "MachineLogs"),
    ),
    Flaw(
        "logs that are kept for ever",
        without("FunctionLogs/Properties/RetentionInDays"),
        *("own", "logs-for-ever", "FunctionLogs"),
    ),
    Flaw(
        "dead letters without an alarm",
        without("EventsUndelivered/Properties/AlarmActions"),
        *("own", "unwatched", "UndeliveredQueue"),
    ),
)
