"""Each resource type: what the template says is what the service's own API says."""

import json

import boto3
import pytest

from everloop_localcloud.cloud import started

TEMPLATE = """
Parameters: {Days: {Type: Number, Default: 30}}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: kept-data
      VersioningConfiguration: {Status: Enabled}
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - {ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}, BucketKeyEnabled: true}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true, BlockPublicPolicy: "true"}
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
      LifecycleConfiguration:
        Rules:
          - {Id: uploads, Status: Enabled, AbortIncompleteMultipartUpload: {DaysAfterInitiation: 7}}
          - {Id: old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: !Ref Days}}
          - {Id: capture, Status: Enabled, Prefix: capture/, ExpirationInDays: !Ref Days}
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Deny, Principal: "*", Action: "s3:*", Resource: !GetAtt Bucket.Arn}]
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: dead, MessageRetentionPeriod: 1209600}}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: [events.amazonaws.com, sns.amazonaws.com]}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: news, DisplayName: News}}
  TopicPolicy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: cloudwatch.amazonaws.com}
            Action: sns:Publish
            Resource: !Ref Topic
  Subscription:
    Type: AWS::SNS::Subscription
    Properties:
      {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn, RawMessageDelivery: true}
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: domain}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      Name: moved
      EventBusName: !Ref Bus
      EventPattern: {source: [everloop], detail: {model: [{prefix: a}]}}
      State: DISABLED
      Targets:
        - Id: queue
          Arn: !GetAtt Queue.Arn
          RetryPolicy: {MaximumRetryAttempts: 5, MaximumEventAgeInSeconds: 600}
          InputTransformer: {InputPathsMap: {m: $.detail.model}, InputTemplate: '{"model": <m>}'}
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: worker
      Path: /service/
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: [scheduler.amazonaws.com, lambda.amazonaws.com]}
            Action: sts:AssumeRole
      ManagedPolicyArns: [arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess, !Ref Managed]
      Policies:
        - PolicyName: inline
          PolicyDocument:
            Statement:
              - {Effect: Allow, Action: sqs:SendMessage, Resource: "*"}
              - {Effect: Allow, Action: ["logs:*", "xray:Put*"], Resource: "*"}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: reading
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: sns:Publish, Resource: !Ref Topic}]
  Policy:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: more
      Roles: [!Ref Role]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: events:PutEvents, Resource: !GetAtt Bus.Arn}]
  Group: {Type: AWS::Scheduler::ScheduleGroup, Properties: {Name: loop}}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: tick
      GroupName: !Ref Group
      ScheduleExpression: rate(5 minutes)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        {Arn: !GetAtt Queue.Arn, RoleArn: !GetAtt Role.Arn, Input: '{"x": 1}',
         RetryPolicy: {MaximumRetryAttempts: 2}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /loop, RetentionInDays: !Ref Days}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: dead-letters
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{Name: QueueName, Value: !GetAtt Queue.QueueName}]
      Statistic: Maximum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      TreatMissingData: notBreaching
      AlarmActions: [!Ref Topic]
  Both:
    Type: AWS::CloudWatch::CompositeAlarm
    Properties: {AlarmName: both, AlarmRule: !Sub 'ALARM("${Alarm}")', ActionsEnabled: false}
  Board:
    Type: AWS::CloudWatch::Dashboard
    Properties: {DashboardName: board, DashboardBody: '{"widgets": []}'}
  Key: {Type: AWS::KMS::Key, Properties: {Description: ours, EnableKeyRotation: true}}
  Alias: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/ours, TargetKeyId: !Ref Key}}
  Setting: {Type: AWS::SSM::Parameter, Properties: {Name: /a/b, Type: String, Value: !Ref Days}}
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: inline
      Role: !GetAtt Role.Arn
      Runtime: python3.13
      Handler: index.handler
      Timeout: !Ref Days
      DeadLetterConfig: {TargetArn: !GetAtt Queue.Arn}
      TracingConfig: {Mode: Active}
      LoggingConfig: {LogGroup: !Ref Logs, LogFormat: JSON}
      Tags: [{Key: part, Value: test}]
      Code: {ZipFile: "def handler(event, context):\\n    return 'inline'\\n"}
  Permission:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !Ref Function
      Action: lambda:InvokeFunction
      Principal: events.amazonaws.com
      SourceArn: !GetAtt Rule.Arn
"""
SERVICES = (
    *("s3", "sqs", "sns", "events", "scheduler", "logs", "cloudwatch"),
    *("lambda", "sts", "cloudformation"),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """One stack for all tests of this file; the last one changes and removes it."""
    cloud, front = started(tmp_path_factory.mktemp("cloud"), services=SERVICES, strict=True)

    def factory(service):
        return boto3.client(
            service,
            endpoint_url=cloud.url,
            region_name="us-east-1",
            aws_access_key_id="tester",
            aws_secret_access_key="secret",
        )

    client = factory("cloudformation")
    client.create_stack(
        StackName="demo", TemplateBody=TEMPLATE, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    quick = {"Delay": 0.1, "MaxAttempts": 600}
    client.get_waiter("stack_create_complete").wait(StackName="demo", WaiterConfig=quick)
    found = client.list_stack_resources(StackName="demo")["StackResourceSummaries"]
    yield factory, {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}
    cloud.stop()
    front.stop()


def test_a_bucket_is_as_the_template_says(made):
    s3, where = made[0]("s3"), {"Bucket": "kept-data"}
    assert s3.get_bucket_versioning(**where)["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(**where)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    assert encryption[0]["BucketKeyEnabled"] is True
    block = s3.get_public_access_block(**where)["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"] and block["BlockPublicPolicy"]
    assert "EventBridgeConfiguration" in s3.get_bucket_notification_configuration(**where)
    rules = s3.get_bucket_lifecycle_configuration(**where)["Rules"]
    by_id = {rule["ID"]: rule for rule in rules}
    assert by_id["uploads"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}
    assert by_id["old"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert by_id["capture"]["Expiration"] == {"Days": 30}
    assert by_id["capture"]["Filter"] == {"Prefix": "capture/"}
    assert json.loads(s3.get_bucket_policy(**where)["Policy"])["Statement"][0]["Effect"] == "Deny"


def test_queues_topics_and_their_policies_are_as_the_template_says(made):
    factory, refs = made
    sqs, sns = factory("sqs"), factory("sns")
    queue = sqs.get_queue_attributes(QueueUrl=refs["Queue"], AttributeNames=["All"])["Attributes"]
    assert queue["MessageRetentionPeriod"] == "1209600"
    assert "sns.amazonaws.com" in queue["Policy"]
    topic = sns.get_topic_attributes(TopicArn=refs["Topic"])["Attributes"]
    assert topic["DisplayName"] == "News"
    assert "cloudwatch.amazonaws.com" in topic["Policy"]
    subscription = sns.list_subscriptions_by_topic(TopicArn=refs["Topic"])["Subscriptions"][0]
    assert subscription["SubscriptionArn"] == refs["Subscription"]
    raw = sns.get_subscription_attributes(SubscriptionArn=refs["Subscription"])["Attributes"]
    assert raw["RawMessageDelivery"] == "true"


def test_rules_and_schedules_are_as_the_template_says(made):
    factory, refs = made
    events, scheduler = factory("events"), factory("scheduler")
    assert refs["Rule"] == "domain|moved"
    rule = events.describe_rule(Name="moved", EventBusName="domain")
    assert rule["State"] == "DISABLED"
    pattern = {"source": ["everloop"], "detail": {"model": [{"prefix": "a"}]}}
    assert json.loads(rule["EventPattern"]) == pattern
    target = events.list_targets_by_rule(Rule="moved", EventBusName="domain")["Targets"][0]
    assert target["RetryPolicy"] == {"MaximumRetryAttempts": 5, "MaximumEventAgeInSeconds": 600}
    assert target["InputTransformer"]["InputPathsMap"] == {"m": "$.detail.model"}
    schedule = scheduler.get_schedule(Name="tick", GroupName="loop")
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["Target"]["RetryPolicy"]["MaximumRetryAttempts"] == 2
    assert schedule["Target"]["RoleArn"].endswith(":role/service/worker")


def test_roles_have_the_policies_that_the_template_says(made):
    iam = made[0]("iam")
    attached = iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]
    assert {one["PolicyName"] for one in attached} == {"AmazonS3ReadOnlyAccess", "reading"}
    assert set(iam.list_role_policies(RoleName="worker")["PolicyNames"]) == {"inline", "more"}
    inline = iam.get_role_policy(RoleName="worker", PolicyName="inline")["PolicyDocument"]
    assert inline["Statement"][0]["Action"] == "sqs:SendMessage"


def test_logs_alarms_and_dashboards_are_as_the_template_says(made):
    factory, refs = made
    group = factory("logs").describe_log_groups(logGroupNamePrefix="/loop")["logGroups"][0]
    assert group["retentionInDays"] == 30
    cloudwatch = factory("cloudwatch")
    alarm = cloudwatch.describe_alarms(AlarmNames=["dead-letters"])["MetricAlarms"][0]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": "dead"}]
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (0.0, "notBreaching")
    assert alarm["AlarmActions"] == [refs["Topic"]]
    found = cloudwatch.describe_alarms(AlarmNames=["both"], AlarmTypes=["CompositeAlarm"])
    assert found["CompositeAlarms"][0]["AlarmRule"] == 'ALARM("dead-letters")'
    assert found["CompositeAlarms"][0]["ActionsEnabled"] is False
    assert cloudwatch.get_dashboard(DashboardName="board")["DashboardBody"] == '{"widgets": []}'


def test_keys_and_parameters_are_as_the_template_says(made):
    factory, refs = made
    kms = factory("kms")
    assert kms.describe_key(KeyId="alias/ours")["KeyMetadata"]["KeyId"] == refs["Key"]
    assert kms.get_key_rotation_status(KeyId=refs["Key"])["KeyRotationEnabled"] is True
    assert factory("ssm").get_parameter(Name="/a/b")["Parameter"]["Value"] == "30"


def test_functions_are_as_the_template_says(made):
    functions = made[0]("lambda")
    found = functions.get_function(FunctionName="inline")
    configuration = found["Configuration"]
    assert configuration["Timeout"] == 30
    assert configuration["DeadLetterConfig"]["TargetArn"].endswith(":dead")
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert configuration["LoggingConfig"]["LogGroup"] == "/loop"
    assert found["Tags"] == {"part": "test"}
    assert "rule/domain/moved" in functions.get_policy(FunctionName="inline")["Policy"]
    assert functions.invoke(FunctionName="inline")["Payload"].read() == b'"inline"'
    written = made[0]("logs").filter_log_events(logGroupName="/loop")["events"]
    assert [json.loads(one["message"])["type"] for one in written] == [
        "platform.start",
        "platform.report",
    ]


def test_every_type_can_be_changed_and_removed(made, update, settled):
    factory, before = made
    client = factory("cloudformation")
    changed = TEMPLATE.replace("Default: 30", "Default: 60").replace("DISABLED", "ENABLED")
    changed = changed.replace("rate(5 minutes)", "rate(9 minutes)").replace("News}", "Latest}")
    changed = changed.replace("action: sns:Publish", "action: sns:*").replace("ours,", "theirs,")
    changed = changed.replace("Threshold: 0", "Threshold: 3")
    changed = changed.replace(
        "LogGroupName: /loop,", "LogGroupName: /loop, KmsKeyId: !GetAtt Key.Arn,"
    )
    changed = changed.replace(
        "Timeout: !Ref Days", "Timeout: !Ref Days\n      KmsKeyArn: !GetAtt Key.Arn"
    )
    stack = update(client, changed, Parameters=[{"ParameterKey": "Days", "ParameterValue": "60"}])
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stack.get("StackStatusReason")
    assert (
        factory("events").describe_rule(Name="moved", EventBusName="domain")["State"] == "ENABLED"
    )
    schedule = factory("scheduler").get_schedule(Name="tick", GroupName="loop")
    assert schedule["ScheduleExpression"] == "rate(9 minutes)"
    groups = factory("logs").describe_log_groups(logGroupNamePrefix="/loop")["logGroups"]
    assert groups[0]["retentionInDays"] == 60
    key = factory("lambda").get_function_configuration(FunctionName="inline")["KMSKeyArn"]
    assert groups[0]["kmsKeyId"] == key
    alarm = factory("cloudwatch").describe_alarms(AlarmNames=["dead-letters"])["MetricAlarms"][0]
    assert alarm["Threshold"] == 3.0
    topic = factory("sns").get_topic_attributes(TopicArn=before["Topic"])["Attributes"]
    assert topic["DisplayName"] == "Latest"
    plain = changed.replace(" KmsKeyId: !GetAtt Key.Arn,", "").replace(
        "KmsKeyArn: !GetAtt Key.Arn", ""
    )
    stack = update(client, plain, Parameters=[{"ParameterKey": "Days", "ParameterValue": "60"}])
    assert stack["StackStatus"] == "UPDATE_COMPLETE", stack.get("StackStatusReason")
    groups = factory("logs").describe_log_groups(logGroupNamePrefix="/loop")["logGroups"]
    assert "kmsKeyId" not in groups[0]
    configuration = factory("lambda").get_function_configuration(FunctionName="inline")
    assert not configuration.get("KMSKeyArn")
    client.delete_stack(StackName="demo")
    assert settled(client, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert factory("s3").list_buckets()["Buckets"] == []
    assert factory("events").list_event_buses(NamePrefix="domain")["EventBuses"] == []
    assert factory("iam").list_roles()["Roles"] == []
    assert factory("iam").list_policies(Scope="Local")["Policies"] == []
    assert factory("lambda").list_functions()["Functions"] == []
