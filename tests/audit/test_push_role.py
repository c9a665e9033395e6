"""A repository's CI pushes by the template's own role: what that asks of the role is recorded."""

import json

import boto3
import pytest
from job_container import MEAN_PRICE

from everloop.aws import outside, settings, table
from everloop.records import decision
from everloop_cli import deliver
from everloop_cli.main import main
from everloop_localcloud.cloud import started
from proofs.stack import stack
from proofs.template import GIVEN

ROLE = "PushRole"
OUTPUTS = ("LedgerTable", "DataBucket", "ArtefactBucket", "EventBus", "NotificationTopic")


def small_stack():
    """Return a template with what the command looks for, called as the whole stack calls it."""
    data = stack().resolved(stack().resources["DataBucket"]["Properties"]["BucketName"])
    key = {"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}
    ledger = {
        "TableName": "everloop-ledger",
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": key,
        "AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    }
    made = {
        "DataBucket": ("S3::Bucket", {"BucketName": data}),
        "ArtefactBucket": ("S3::Bucket", {"BucketName": "everloop-artefacts"}),
        "LedgerTable": ("DynamoDB::Table", ledger),
        "EventBus": ("Events::EventBus", {"Name": "everloop"}),
        "NotificationTopic": ("SNS::Topic", {"TopicName": "everloop-notifications"}),
    }
    resources = {
        name: {"Type": f"AWS::{kind}", "Properties": properties}
        for name, (kind, properties) in made.items()
    }
    return {"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in OUTPUTS}}


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    """A cloud with a small stack, and the push role with its policies as the template has it."""
    cloud, front = started(tmp_path / "cloud")
    for name, value in {"ENDPOINT_URL": cloud.url, "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    request = {"StackName": "everloop", "TemplateBody": json.dumps(small_stack())}
    people(monkeypatch)
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(**request)
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="everloop", WaiterConfig={"Delay": 1}
    )
    role = stack().resolved(stack().of("AWS::IAM::Role")[ROLE])
    request = {key: role[key] for key in ("RoleName", "AssumeRolePolicyDocument")}
    cloud.call("iam", "CreateRole", request)
    for document in stack().documents(ROLE):
        if not document.with_key:
            grant = {"RoleName": role["RoleName"], "PolicyName": document.name}
            grant["PolicyDocument"] = json.dumps(document.content)
            cloud.call("iam", "PutRolePolicy", grant)
    yield cloud
    denied = cloud.roles.report()["denied"]
    settings.use(None)
    outside.forget(session=True)
    front.stop()
    cloud.stop()
    assert denied == []


def people(monkeypatch):
    """Work as the account's owner."""
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "ana")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    outside.forget(session=True)


def ci(cloud, monkeypatch):
    """Work as the push role."""
    arn = stack().resolved({"Fn::GetAtt": [ROLE, "Arn"]})
    for name, value in cloud.credentials.for_role(arn, "ci").items():
        monkeypatch.setenv(name, value)
    outside.forget(session=True)


def test_the_role_can_push_and_learn_what_became_of_it(cloud, monkeypatch, capsys):
    ci(cloud, monkeypatch)
    assert main(["push", str(MEAN_PRICE), "--no-wait", "--json"]) == 0
    pushed = json.loads(capsys.readouterr().out)
    people(monkeypatch)
    id = f"install:mean-price:{pushed['version_id']}"
    made = {"seq": 1, "hash": "0", "id": id, "go": True, "reason": "installed"}
    for each in (decision.put("mean-price", made), decision.mark("mean-price", id, 1)):
        table.write(each)
    ci(cloud, monkeypatch)
    assert deliver.answer("mean-price", pushed["version_id"])["installed"]


def test_who_may_assume_the_role_is_one_branch_of_one_repository():
    (statement,) = stack().trust(ROLE)
    assert statement["Principal"] == {"Federated": GIVEN["PushProviderArn"]}
    assert statement["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": GIVEN["PushSubject"],
        }
    }
