"""Stacks: made, changed, rolled back, removed, and still known after a restart."""

import json

import pytest
from botocore.exceptions import ClientError

TWO = """
Resources:
  First: {Type: AWS::SQS::Queue, Properties: {QueueName: first, VisibilityTimeout: 40}}
  Second:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: {deadLetterTargetArn: !GetAtt First.Arn, maxReceiveCount: 2}
Outputs:
  First: {Value: !Ref First, Description: the first}
"""


@pytest.fixture
def clients(cloud_with):
    _, factory = cloud_with("cloudformation", "sqs", "s3")
    return factory("cloudformation"), factory("sqs")


def _queues(sqs):
    return {url.rpartition("/")[2] for url in sqs.list_queues().get("QueueUrls", [])}


def _attributes(sqs, url):
    return sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]


def test_a_stack_makes_its_resources_and_tells_of_them(clients, create, refs):
    cloudformation, sqs = clients
    made = create(cloudformation, TWO)
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert made["Outputs"][0]["Description"] == "the first"
    assert refs(cloudformation)["First"] == made["Outputs"][0]["OutputValue"]
    assert refs(cloudformation)["Second"].rpartition("/")[2].startswith("demo-Second-")
    assert _attributes(sqs, refs(cloudformation)["First"])["VisibilityTimeout"] == "40"
    events = cloudformation.describe_stack_events(StackName="demo")["StackEvents"]
    assert events[0]["ResourceStatus"] == "CREATE_COMPLETE"
    assert events[0]["LogicalResourceId"] == "demo"
    order = [
        e["LogicalResourceId"] for e in reversed(events) if e["ResourceStatus"] == "CREATE_COMPLETE"
    ]
    assert order == ["First", "Second", "demo"]


def test_waiters_end(clients):
    cloudformation, sqs = clients
    cloudformation.create_stack(StackName="demo", TemplateBody=TWO)
    quick = {"Delay": 0.05, "MaxAttempts": 100}
    cloudformation.get_waiter("stack_create_complete").wait(StackName="demo", WaiterConfig=quick)
    cloudformation.delete_stack(StackName="demo")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="demo", WaiterConfig=quick)
    assert _queues(sqs) == set()


def test_a_failed_create_names_the_resource_and_leaves_nothing(clients, create):
    cloudformation, sqs = clients
    broken = TWO.replace("maxReceiveCount: 2", "maxReceiveCount: 0")
    made = create(cloudformation, broken)
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "failed to create: [Second]" in made["StackStatusReason"]
    assert "maxReceiveCount" in made["StackStatusReason"]
    assert _queues(sqs) == set()


def test_disabled_rollback_keeps_what_was_made(clients, create):
    cloudformation, sqs = clients
    broken = TWO.replace("maxReceiveCount: 2", "maxReceiveCount: 0")
    assert create(cloudformation, broken, DisableRollback=True)["StackStatus"] == "CREATE_FAILED"
    assert _queues(sqs) == {"first"}


def test_an_update_changes_in_place_replaces_adds_and_removes(clients, create, update, refs):
    cloudformation, sqs = clients
    create(cloudformation, TWO + "  Old: {Value: x}\n")
    before = refs(cloudformation)
    changed = """
Resources:
  First: {Type: AWS::SQS::Queue, Properties: {QueueName: renamed, VisibilityTimeout: 40}}
  Third: {Type: AWS::SQS::Queue, Properties: {QueueName: third}}
"""
    made = update(cloudformation, changed)
    assert made["StackStatus"] == "UPDATE_COMPLETE"
    assert made.get("Outputs", []) == []
    assert _queues(sqs) == {"renamed", "third"}
    assert refs(cloudformation)["First"] != before["First"]
    update(cloudformation, changed.replace("40", "50"))
    assert _attributes(sqs, refs(cloudformation)["First"])["VisibilityTimeout"] == "50"


def test_an_update_that_fails_leaves_everything_as_it_was(clients, create, update, refs):
    cloudformation, sqs = clients
    create(cloudformation, TWO)
    before = refs(cloudformation)
    broken = TWO.replace("40", "60").replace("maxReceiveCount: 2", "maxReceiveCount: 0")
    broken = broken.replace(
        "Outputs:", "  Extra: {Type: AWS::SQS::Queue, DependsOn: First}\nOutputs:"
    )
    made = update(cloudformation, broken)
    assert made["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "[Second]" in made["StackStatusReason"]
    assert refs(cloudformation) == before
    assert _attributes(sqs, before["First"])["VisibilityTimeout"] == "40"
    assert len(_queues(sqs)) == 2
    body = cloudformation.get_template(StackName="demo")["TemplateBody"]
    assert body == TWO


def test_an_update_without_changes_is_refused_as_aws_does(clients, create, update):
    cloudformation, _ = clients
    create(cloudformation, TWO)
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        update(cloudformation, TWO)


def test_what_is_retained_stays(clients, create, settled):
    cloudformation, sqs = clients
    kept = TWO.replace("First: {Type", "First: {DeletionPolicy: Retain, Type")
    stack = create(cloudformation, kept)
    cloudformation.delete_stack(StackName="demo")
    assert settled(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert _queues(sqs) == {"first"}
    with pytest.raises(ClientError, match="Stack with id demo does not exist"):
        cloudformation.describe_stacks(StackName="demo")


@pytest.mark.parametrize(
    ("policy", "left"), [("Retain", {"first"}), ("RetainExceptOnCreate", set()), ("Delete", set())]
)
def test_what_a_failed_creation_leaves_is_what_its_policy_keeps(clients, create, policy, left):
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html"""
    cloudformation, sqs = clients
    kept = TWO.replace("First: {Type", f"First: {{DeletionPolicy: {policy}, Type")
    broken = kept.replace("maxReceiveCount: 2", "maxReceiveCount: 0")
    assert create(cloudformation, broken)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert _queues(sqs) == left


@pytest.mark.parametrize(
    ("policy", "left"), [("Retain", {"extra"}), ("RetainExceptOnCreate", set()), ("Delete", set())]
)
def test_a_failed_update_takes_back_what_it_made_but_what_is_retained(
    clients, create, update, policy, left
):
    cloudformation, sqs = clients
    create(cloudformation, TWO)
    extra = f"{{DeletionPolicy: {policy}, Type: AWS::SQS::Queue, Properties: {{QueueName: extra}}}}"
    broken = TWO.replace("maxReceiveCount: 2", "maxReceiveCount: 0")
    broken = broken.replace("  Second:\n", f"  Extra: {extra}\n  Second:\n    DependsOn: Extra\n")
    assert update(cloudformation, broken)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert _queues(sqs) & {"extra"} == left


def test_what_is_retained_but_on_creation_stays_when_the_stack_goes(clients, create, settled):
    cloudformation, sqs = clients
    kept = TWO.replace("First: {Type", "First: {DeletionPolicy: RetainExceptOnCreate, Type")
    stack = create(cloudformation, kept)
    cloudformation.delete_stack(StackName="demo")
    assert settled(cloudformation, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    assert _queues(sqs) == {"first"}


def test_a_change_set_shows_changes_and_makes_them_when_told(clients, settled, refs):
    cloudformation, sqs = clients
    made = cloudformation.create_change_set(
        StackName="demo", ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=TWO
    )
    cloudformation.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    found = cloudformation.describe_change_set(ChangeSetName="one", StackName="demo")
    changes = [one["ResourceChange"] for one in found["Changes"]]
    assert [(one["Action"], one["LogicalResourceId"]) for one in changes] == [
        ("Add", "First"),
        ("Add", "Second"),
    ]
    assert _queues(sqs) == set()
    cloudformation.execute_change_set(ChangeSetName=made["Id"])
    assert settled(cloudformation, "demo")["StackStatus"] == "CREATE_COMPLETE"
    again = cloudformation.create_change_set(
        StackName="demo",
        ChangeSetName="two",
        TemplateBody=TWO.replace("40", "41").replace("QueueName: first", "QueueName: new"),
    )
    changes = cloudformation.describe_change_set(ChangeSetName=again["Id"])["Changes"]
    shown = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"] for c in changes}
    assert shown["First"]["Replacement"] == "True"
    assert shown["Second"]["Replacement"] == "False"
    none = cloudformation.create_change_set(
        StackName="demo", ChangeSetName="three", TemplateBody=TWO
    )
    empty = cloudformation.describe_change_set(ChangeSetName=none["Id"])
    assert empty["Status"] == "FAILED"
    assert "didn't contain changes" in empty["StatusReason"]


def test_roles_need_leave(clients):
    cloudformation, _ = clients
    template = json.dumps(
        {
            "Resources": {
                "R": {
                    "Type": "AWS::IAM::Role",
                    "Properties": {"RoleName": "r", "AssumeRolePolicyDocument": {}},
                }
            }
        }
    )
    with pytest.raises(ClientError, match=r"Requires capabilities : .*CAPABILITY_NAMED_IAM"):
        cloudformation.create_stack(StackName="demo", TemplateBody=template)
    summary = cloudformation.validate_template(TemplateBody=template)
    assert summary["Capabilities"] == ["CAPABILITY_NAMED_IAM"]


def test_a_template_is_read_from_s3_by_any_of_its_addresses(cloud_with, settled):
    cloud, factory = cloud_with("cloudformation", "sqs", "s3")
    factory("s3").create_bucket(Bucket="templates")
    factory("s3").put_object(Bucket="templates", Key="a/t.yaml", Body=TWO.encode())
    client = factory("cloudformation")
    for url in (
        f"{cloud.url}/templates/a/t.yaml",
        "https://s3.amazonaws.com/templates/a/t.yaml",
        "https://templates.s3.us-east-1.amazonaws.com/a/t.yaml",
    ):
        found = client.get_template_summary(TemplateURL=url)
        assert found["ResourceTypes"] == ["AWS::SQS::Queue"]
    with pytest.raises(ClientError, match="S3 error"):
        client.get_template_summary(TemplateURL="https://s3.amazonaws.com/templates/none")


def test_stacks_are_known_after_a_restart_and_can_be_changed(
    cloud_with, create, update, refs, tmp_path
):
    cloud, factory = cloud_with("cloudformation", "sqs", folder=tmp_path / "kept")
    create(factory("cloudformation"), TWO)
    cloud.stop()
    _, factory = cloud_with("cloudformation", "sqs", folder=tmp_path / "kept")
    client = factory("cloudformation")
    assert update(client, TWO.replace("40", "55"))["StackStatus"] == "UPDATE_COMPLETE"
    assert _attributes(factory("sqs"), refs(client)["First"])["VisibilityTimeout"] == "55"


def test_a_stack_that_was_being_made_when_the_cloud_ended_is_finished(
    cloud_with, create, settled, tmp_path
):
    cloud, factory = cloud_with("cloudformation", "sqs", folder=tmp_path / "kept")
    create(factory("cloudformation"), TWO)
    rows = cloud.store.table("cloudformation.stacks")
    key = next(iter(rows))
    rows[key] = {**rows[key], "Status": "CREATE_IN_PROGRESS"}  # as SIGKILL would leave it
    resources = cloud.store.table("cloudformation.resources")
    del resources[f"{key}/Second"]
    cloud.stop()
    _, factory = cloud_with("cloudformation", "sqs", folder=tmp_path / "kept")
    found = settled(factory("cloudformation"), "demo")
    assert found["StackStatus"] == "CREATE_COMPLETE"
    assert found["Outputs"][0]["OutputKey"] == "First"
