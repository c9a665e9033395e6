"""Flaws of policies: roles that may too much, and doors that are open to too many."""

from proofs.audit.flaws import Flaw, resource, statement, without

FLAWS = (
    Flaw(
        "bus that anybody may put events on",
        resource(
            "FlawedBusPolicy",
            '{Type: AWS::Events::EventBusPolicy, Properties: {EventBusName: !Ref Bus, StatementId: all, Action: events:PutEvents, Principal: "*"}}',
        ),
        *("own", "open-bus", "FlawedBusPolicy"),
    ),
    Flaw(
        "queue that anybody may send to",
        resource(
            "ArrivalsQueuePolicy/Properties/PolicyDocument/Statement/Effect=Allow",
            '{Effect: Allow, Principal: "*", Action: sqs:SendMessage, Resource: !GetAtt ArrivalsQueue.Arn}',
        ),
        *("own", "public-principal", "ArrivalsQueuePolicy"),
    ),
    Flaw(
        "bucket that anybody may read by its policy",
        resource(
            "DataBucketPolicy/Properties/PolicyDocument/Statement/+",
            '{Effect: Allow, Principal: {AWS: "*"}, Action: s3:GetObject, Resource: !Sub "${DataBucket.Arn}/*"}',
        ),
        *("own", "public-principal", "DataBucketPolicy"),
    ),
    Flaw(
        "topic that a service may publish to for anybody",
        without(
            "NotificationTopicPolicy/Properties/PolicyDocument/Statement/Effect=Allow/Condition"
        ),
        *("own", "service-without-source", "NotificationTopicPolicy cloudwatch.amazonaws.com"),
    ),
    Flaw(
        "role that a service may take for anybody",
        without("TrainRole/Properties/AssumeRolePolicyDocument/Statement/*/Condition"),
        *("own", "trust-without-source", "TrainRole states.amazonaws.com"),
    ),
    Flaw(
        "role that is an administrator's",
        resource(
            "MonitorRole/Properties/ManagedPolicyArns/+",
            "!Sub 'arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess'",
        ),
        *("own", "administrator", "MonitorRole"),
    ),
    Flaw(
        "role with all of a service on everything",
        statement("FreezeDataset", "{Effect: Allow, Action: 's3:*', Resource: '*'}"),
        *("cloudsplaining", "ServiceWildcard", "FreezeDatasetRole s3"),
    ),
    Flaw(
        "actions that nobody counted",
        statement(
            "CollectData",
            "{Effect: Allow, Action: 'sqs:Get*', Resource: !GetAtt ArrivalsQueue.Arn}",
        ),
        *("own", "action-wildcard", "CollectDataRole/collect-data"),
    ),
    Flaw(
        "role that may pass any role to any service",
        statement("StartTraining", "{Effect: Allow, Action: iam:PassRole, Resource: '*'}"),
        *("own", "pass-role-unpinned", "StartTrainingRole/start-training"),
    ),
    Flaw(
        "role that may make itself an administrator",
        statement(
            "FinishTraining", "{Effect: Allow, Action: iam:CreatePolicyVersion, Resource: '*'}"
        ),
        *("cloudsplaining", "PrivilegeEscalation", "FinishTrainingRole CreateNewPolicyVersion"),
    ),
    Flaw(
        "role that may read every object of the account",
        statement("JudgeCandidate", "{Effect: Allow, Action: s3:GetObject, Resource: '*'}"),
        *("cloudsplaining", "DataExfiltration", "JudgeCandidateRole s3:GetObject"),
    ),
    Flaw(
        "misspelt action",
        statement(
            "PlanComparison",
            "{Effect: Allow, Action: sagemaker:DescribeModelPackages, Resource: '*'}",
        ),
        *("parliament", "UNKNOWN_ACTION", "PlanComparisonRole/plan-comparison"),
    ),
    Flaw(
        "misspelt action, as cfn-lint sees it in the translated template only",
        statement(
            "ResumeExecution",
            "{Effect: Allow, Action: dynamodb:GetItems, Resource: !GetAtt Ledger.Arn}",
        ),
        *("cfn-lint", "W3037", "ResumeExecutionRole"),
    ),
    Flaw(
        "action on a resource of another type",
        statement(
            "ProbeEndpoint",
            "{Effect: Allow, Action: dynamodb:Query, Resource: !GetAtt FailedQueue.Arn}",
        ),
        *(
            "parliament",
            "RESOURCE_MISMATCH",
            "ProbeEndpointRole/probe-endpoint dynamodb:Query",
        ),
    ),
    Flaw(
        "action on everything that could name its resource",
        statement("OnViolation", "{Effect: Allow, Action: sns:Subscribe, Resource: '*'}"),
        *(
            "parliament",
            "RESOURCE_STAR",
            "OnViolationRole/on-violation sns:Subscribe",
        ),
    ),
    Flaw(
        "condition that the action does not know",
        statement(
            "OnPackageChanged",
            "{Effect: Allow, Action: sns:Publish, Resource: !Ref NotificationTopic, Condition: {StringEquals: {'s3:prefix': a}}}",
        ),
        *("parliament", "UNKNOWN_CONDITION_FOR_ACTION", "OnPackageChangedRole/on-package-changed"),
    ),
)
