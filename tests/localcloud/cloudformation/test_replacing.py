"""What makes a new resource, what may not be replaced, and that a refusal leaves a stack whole."""

import json
from pathlib import Path

import cfnlint
import pytest
from botocore.exceptions import ClientError
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from everloop_localcloud.cloudformation import replacing
from everloop_localcloud.cloudformation.resources import KINDS
from proofs.stack import stack

TABLE = json.loads(Path(replacing.__file__).with_suffix(".json").read_text())
REFUSED = (
    "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
    "Rename {} and update the stack again."
)


@pytest.fixture
def clients(cloud_with):
    _, factory = cloud_with("cloudformation", "sqs", "events", "s3")
    return factory


def template(**resources):
    return json.dumps(
        {
            "Resources": {
                name: {"Type": kind, "Properties": properties}
                for name, (kind, properties) in resources.items()
            }
        }
    )


def key_of(kind):
    return {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": kind}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


def failures(cloudformation):
    events = cloudformation.describe_stack_events(StackName="demo")["StackEvents"]
    return {
        event["LogicalResourceId"]: event["ResourceStatusReason"]
        for event in events
        if event["ResourceStatus"] in ("UPDATE_FAILED", "CREATE_FAILED")
    }


# The table


def test_the_table_is_that_of_aws_schemas():
    schemas = Path(cfnlint.__file__).parent / "data" / "schemas" / "version.json"
    assert json.loads(schemas.read_text())["schema_date"].startswith(TABLE["of"])
    assert set(TABLE["types"]) == set(KINDS)
    for name, kind in KINDS.items():
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema

        def listed(member, schema=schema):
            return {each.removeprefix("/properties/") for each in schema.get(member, [])}

        created = listed("createOnlyProperties") | listed("conditionalCreateOnlyProperties")
        row = TABLE["types"][name]
        assert set(row["replacing"]) == created & kind.properties, name
        assert {row["name"]} <= set(row["replacing"]) if "name" in row else True, name
        if not listed("primaryIdentifier") & listed("readOnlyProperties"):
            assert set(row["identity"]) - {"GroupName"} == listed("primaryIdentifier"), name


def test_what_the_stack_is_made_of_is_in_the_table():
    used = {resource["Type"] for resource in stack().resources.values()}
    assert {name for name in used if not name.startswith("Custom::")} <= set(TABLE["types"])


def test_no_change_that_aws_makes_in_place_is_refused_for_what_the_stack_names():
    # What this cloud cannot change in place would be told of as its own limit.
    rigid = {name for name, kind in KINDS.items() if kind.rigid and "name" in TABLE["types"][name]}
    assert rigid == {
        "AWS::DynamoDB::Table",
        "AWS::Logs::LogGroup",
        "AWS::SSM::Parameter",
        "AWS::Scheduler::Schedule",
    }


# Names that people gave


ON_BUS = {"EventPattern": {"source": ["x"]}}


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("AWS::DynamoDB::Table", key_of("S"), key_of("N")),
        ("AWS::SQS::Queue", {}, {"FifoQueue": True}),
        ("AWS::Events::Rule", ON_BUS, {**ON_BUS, "EventBusName": "bus"}),
    ],
)
def test_what_has_a_custom_name_is_not_replaced(clients, create, update, kind, before, after):
    cloudformation = clients("cloudformation")
    named = {TABLE["types"][kind]["name"]: "mine"}
    bus = ("AWS::Events::EventBus", {"Name": "bus"})
    old = template(Named=(kind, {**named, **before}), Bus=bus)
    new = template(Named=(kind, {**named, **after}), Bus=bus)
    create(cloudformation, old)
    change = cloudformation.create_change_set(
        StackName="demo", ChangeSetName="look", TemplateBody=new
    )
    shown = cloudformation.describe_change_set(ChangeSetName=change["Id"])["Changes"]
    assert [each["ResourceChange"]["Replacement"] for each in shown] == ["True"]
    made = update(cloudformation, new)
    assert made["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert REFUSED.format("mine") in failures(cloudformation)["Named"]
    assert cloudformation.get_template(StackName="demo")["TemplateBody"] == json.loads(old)


def test_a_table_keeps_its_rows_when_its_replacement_is_refused(clients, create, update):
    cloudformation, dynamodb = clients("cloudformation"), clients("dynamodb")
    ledger = {"TableName": "ledger"}
    create(cloudformation, template(Ledger=("AWS::DynamoDB::Table", {**ledger, **key_of("S")})))
    dynamodb.put_item(TableName="ledger", Item={"pk": {"S": "kept"}})
    update(cloudformation, template(Ledger=("AWS::DynamoDB::Table", {**ledger, **key_of("N")})))
    assert dynamodb.scan(TableName="ledger")["Items"] == [{"pk": {"S": "kept"}}]
    renamed = template(Ledger=("AWS::DynamoDB::Table", {"TableName": "other", **key_of("N")}))
    assert update(cloudformation, renamed)["StackStatus"] == "UPDATE_COMPLETE"
    assert dynamodb.list_tables()["TableNames"] == ["other"]


def test_what_only_this_cloud_cannot_change_in_place_is_refused_in_its_own_words(
    clients, create, update
):
    cloudformation = clients("cloudformation")
    named = {"TableName": "ledger", **key_of("S")}
    create(cloudformation, template(Ledger=("AWS::DynamoDB::Table", named)))
    streaming = {**named, "StreamSpecification": {"StreamViewType": "KEYS_ONLY"}}
    update(cloudformation, template(Ledger=("AWS::DynamoDB::Table", streaming)))
    reason = failures(cloudformation)["Ledger"]
    assert "the local cloud cannot change StreamSpecification" in reason
    assert "Rename ledger" in reason


def test_what_has_no_custom_name_is_replaced(clients, create, update, refs):
    cloudformation, dynamodb = clients("cloudformation"), clients("dynamodb")
    create(cloudformation, template(Ledger=("AWS::DynamoDB::Table", key_of("S"))))
    before = refs(cloudformation)["Ledger"]
    made = update(cloudformation, template(Ledger=("AWS::DynamoDB::Table", key_of("N"))))
    assert made["StackStatus"] == "UPDATE_COMPLETE"
    assert dynamodb.list_tables()["TableNames"] == [refs(cloudformation)["Ledger"]] != [before]


def test_a_key_is_never_replaced(clients, create, update):
    cloudformation, kms = clients("cloudformation"), clients("kms")
    create(cloudformation, template(Key=("AWS::KMS::Key", {"Tags": [{"Key": "a", "Value": "1"}]})))
    tagged = {"Tags": [{"Key": "b", "Value": "2"}]}
    made = update(cloudformation, template(Key=("AWS::KMS::Key", tagged)))
    assert made["StackStatus"] == "UPDATE_COMPLETE"
    [key] = kms.list_keys()["Keys"]
    assert kms.list_resource_tags(KeyId=key["KeyId"])["Tags"] == [{"TagKey": "b", "TagValue": "2"}]
    other = template(
        Key=("AWS::KMS::Key", {**tagged, "KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"})
    )
    assert update(cloudformation, other)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "KeySpec, KeyUsage of AWS::KMS::Key cannot be changed" in failures(cloudformation)["Key"]
    assert len(kms.list_keys()["Keys"]) == 1


# Names under another logical id


def test_a_name_that_a_stack_has_is_not_made_again_under_another_logical_id(
    clients, create, update
):
    cloudformation, events = clients("cloudformation"), clients("events")
    rule = ("AWS::Events::Rule", {"Name": "mine", "EventPattern": {"source": ["x"]}})
    stack = create(cloudformation, template(Old=rule))
    made = update(cloudformation, template(New=rule))
    assert made["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert f"mine already exists in stack {stack['StackId']}" in failures(cloudformation)["New"]
    assert events.describe_rule(Name="mine")["State"] == "ENABLED"
    other = create(cloudformation, template(Theirs=rule), "other")
    assert other["StackStatus"] == "ROLLBACK_COMPLETE"
    assert stack["StackId"] in other["StackStatusReason"]
    renamed = ("AWS::Events::Rule", {"Name": "yours", "EventPattern": {"source": ["x"]}})
    assert update(cloudformation, template(New=renamed))["StackStatus"] == "UPDATE_COMPLETE"
    assert [each["Name"] for each in events.list_rules()["Rules"]] == ["yours"]


def test_a_name_is_free_only_after_the_update_that_gave_it_up(clients, create, update):
    cloudformation = clients("cloudformation")

    def queues(*names):
        named = zip("AB", names, strict=False)
        return template(**{one: ("AWS::SQS::Queue", {"QueueName": name}) for one, name in named})

    create(cloudformation, queues("one"))
    made = update(cloudformation, queues("two", "one"))
    assert made["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "one already exists in stack" in failures(cloudformation)["B"]
    urls = clients("sqs").list_queues()["QueueUrls"]
    assert [url.rpartition("/")[2] for url in urls] == ["one"]
    assert update(cloudformation, queues("two"))["StackStatus"] == "UPDATE_COMPLETE"
    assert update(cloudformation, queues("two", "one"))["StackStatus"] == "UPDATE_COMPLETE"


def test_a_resource_does_not_become_one_of_another_type(clients, create):
    cloudformation = clients("cloudformation")
    create(cloudformation, template(It=("AWS::SQS::Queue", {})))
    with pytest.raises(ClientError, match=r"Update of resource type is not permitted.*\[It\]"):
        cloudformation.update_stack(
            StackName="demo", TemplateBody=template(It=("AWS::Events::EventBus", {"Name": "it"}))
        )


# Rollback


def test_a_change_that_failed_half_way_is_taken_back_too(clients, create, update, refs):
    cloudformation, sqs = clients("cloudformation"), clients("sqs")
    rule = {"Name": "mine", "EventPattern": {"source": ["x"]}}
    create(cloudformation, template(Rule=("AWS::Events::Rule", rule)))
    # PutRule takes the new pattern; its target's address does not exist.
    broken = {
        "Name": "mine",
        "EventPattern": {"source": ["y"]},
        "Targets": [{"Id": "t", "Arn": "arn:aws:nowhere:us-east-1:123456789012:x"}],
    }
    made = update(cloudformation, template(Rule=("AWS::Events::Rule", broken)))
    assert made["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    found = clients("events").describe_rule(Name="mine")
    assert json.loads(found["EventPattern"]) == {"source": ["x"]}
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_a_rollback_goes_on_after_the_cloud_ended_within_it(
    cloud_with, create, update, settled, refs, tmp_path
):
    old = template(A=("AWS::SQS::Queue", {"QueueName": "a", "VisibilityTimeout": 40}))
    new = template(
        A=("AWS::SQS::Queue", {"QueueName": "a", "VisibilityTimeout": 50}),
        B=("AWS::SQS::Queue", {"QueueName": "b"}),
    )
    cloud, factory = cloud_with("cloudformation", "sqs", folder=tmp_path / "kept")
    create(factory("cloudformation"), old)
    update(factory("cloudformation"), new)
    rows = cloud.store.table("cloudformation.stacks")
    key = next(iter(rows))
    # As SIGKILL would leave it when all is done and one thing has failed.
    was = {"Template": old, "Processed": json.loads(old), "Parameters": {}}
    status = {"Status": "UPDATE_ROLLBACK_IN_PROGRESS", "Reason": "B failed", "Before": was}
    rows[key] = {**rows[key], **status}
    resources, steps = (
        cloud.store.table(f"cloudformation.{name}") for name in ("resources", "steps")
    )
    before = resources[f"{key}/A"]
    before = {**before, "Properties": {**before["Properties"], "VisibilityTimeout": 40}}
    after = resources[f"{key}/A"]["Properties"]
    step = {"LogicalId": "A", "Before": before, "After": after, "Replaces": False}
    steps[f"{key}/00000001"] = step
    steps[f"{key}/00000002"] = {"LogicalId": "B", "Before": None, "After": {}, "Replaces": False}
    cloud.stop()
    _, factory = cloud_with("cloudformation", "sqs", folder=tmp_path / "kept")
    client, sqs = factory("cloudformation"), factory("sqs")
    assert settled(client, "demo")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert set(refs(client)) == {"A"}
    [url] = sqs.list_queues()["QueueUrls"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert found["Attributes"]["VisibilityTimeout"] == "40"
