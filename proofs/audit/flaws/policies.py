"""Flaws of policies: roles that may too much, and doors that are open to too many."""

from proofs.audit.flaws import Flaw, change, drop, resource, statement

_T = "template.yaml"

FLAWS = (
    Flaw(
        "bus that anybody may put events on",
        resource("""  FlawedBusPolicy:
    Type: AWS::Events::EventBusPolicy
    Properties: {EventBusName: !Ref Bus, StatementId: all, Action: events:PutEvents, Principal: "*"}
"""),
        *("own", "open-bus", "FlawedBusPolicy"),
    ),
    Flaw(
        "queue that anybody may send to",
        change(
            _T,
            "Principal: {Service: events.amazonaws.com}\n            Action: sqs:SendMessage\n            Resource: !GetAtt ArrivalsQueue.Arn\n            Condition: {ArnEquals: {aws:SourceArn: !GetAtt DataArrived.Arn}}\n",
            'Principal: "*"\n            Action: sqs:SendMessage\n            Resource: !GetAtt ArrivalsQueue.Arn\n',
        ),
        *("own", "public-principal", "ArrivalsQueuePolicy"),
    ),
    Flaw(
        "bucket that anybody may read by its policy",
        change(
            _T,
            "        Statement:\n",
            """        Statement:
          - {Effect: Allow, Principal: {AWS: "*"}, Action: s3:GetObject, Resource: !Sub "${DataBucket.Arn}/*"}
""",
            after="\n  DataBucketPolicy:\n",
        ),
        *("own", "public-principal", "DataBucketPolicy"),
    ),
    Flaw(
        "topic that a service may publish to for anybody",
        drop(
            _T,
            "            Condition: {StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}}\n",
            after="\n  NotificationTopicPolicy:\n",
        ),
        *("own", "service-without-source", "NotificationTopicPolicy cloudwatch.amazonaws.com"),
    ),
    Flaw(
        "role that a service may take for anybody",
        drop(
            _T,
            """            Condition:
              StringEquals: {aws:SourceAccount: !Ref AWS::AccountId}
              ArnEquals: {aws:SourceArn: !Sub "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:${AWS::StackName}-train"}
""",
            after="\n  TrainRole:\n",
        ),
        *("own", "trust-without-source", "TrainRole states.amazonaws.com"),
    ),
    Flaw(
        "role that is an administrator's",
        change(
            _T,
            "      ManagedPolicyArns: [",
            "      ManagedPolicyArns: [!Sub 'arn:${AWS::Partition}:iam::aws:policy/AdministratorAccess', ",
            after="\n  MonitorRole:\n",
        ),
        *("own", "administrator", "MonitorRole"),
    ),
    Flaw(
        "role with all of a service on everything",
        statement(
            "FreezeDataset", "            - {Effect: Allow, Action: 's3:*', Resource: '*'}\n"
        ),
        *("cloudsplaining", "ServiceWildcard", "FreezeDatasetRole s3"),
    ),
    Flaw(
        "actions that nobody counted",
        statement(
            "CollectData",
            "            - {Effect: Allow, Action: 'sqs:Get*', Resource: !GetAtt ArrivalsQueue.Arn}\n",
        ),
        *("own", "action-wildcard", "CollectDataRole/collect-data"),
    ),
    Flaw(
        "role that may pass any role to any service",
        statement(
            "StartTraining", "            - {Effect: Allow, Action: iam:PassRole, Resource: '*'}\n"
        ),
        *("own", "pass-role-unpinned", "StartTrainingRole/start-training"),
    ),
    Flaw(
        "role that may make itself an administrator",
        statement(
            "FinishTraining",
            "            - {Effect: Allow, Action: iam:CreatePolicyVersion, Resource: '*'}\n",
        ),
        *("cloudsplaining", "PrivilegeEscalation", "FinishTrainingRole CreateNewPolicyVersion"),
    ),
    Flaw(
        "role that may read every object of the account",
        statement(
            "JudgeCandidate", "            - {Effect: Allow, Action: s3:GetObject, Resource: '*'}\n"
        ),
        *("cloudsplaining", "DataExfiltration", "JudgeCandidateRole s3:GetObject"),
    ),
    Flaw(
        "misspelt action",
        statement(
            "PlanComparison",
            "            - {Effect: Allow, Action: sagemaker:DescribeModelPackages, Resource: '*'}\n",
        ),
        *("parliament", "UNKNOWN_ACTION", "PlanComparisonRole/plan-comparison"),
    ),
    Flaw(
        "misspelt action, as cfn-lint sees it in the translated template only",
        statement(
            "Wake",
            "            - {Effect: Allow, Action: dynamodb:GetItems, Resource: !GetAtt Ledger.Arn}\n",
        ),
        *("cfn-lint", "W3037", "WakeRole"),
    ),
    Flaw(
        "action on a resource of another type",
        statement(
            "TestEndpoint",
            "            - {Effect: Allow, Action: dynamodb:Query, Resource: !GetAtt FailedQueue.Arn}\n",
        ),
        *(
            "parliament",
            "RESOURCE_MISMATCH",
            "TestEndpointRole/test-endpoint dynamodb:Query",
        ),
    ),
    Flaw(
        "action on everything that could name its resource",
        statement(
            "HeedViolation", "            - {Effect: Allow, Action: sns:Subscribe, Resource: '*'}\n"
        ),
        *(
            "parliament",
            "RESOURCE_STAR",
            "HeedViolationRole/heed-violation sns:Subscribe",
        ),
    ),
    Flaw(
        "condition that the action does not know",
        statement(
            "HeedRegistry",
            "            - {Effect: Allow, Action: sns:Publish, Resource: !Ref NotificationTopic, Condition: {StringEquals: {s3:prefix: a}}}\n",
        ),
        *("parliament", "UNKNOWN_CONDITION_FOR_ACTION", "HeedRegistryRole/heed-registry"),
    ),
)
