"""A role may do what its policies say, and nothing else; people may do everything."""

import json

import pytest
from role_maker import allow, refusal, role_maker

from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.access.demands import Demand
from everloop_localcloud.kernel.access.evaluation import evaluate, statements_of

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"
BUCKET = "arn:aws:s3:::data"


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    services = ["sts", "s3", "sqs", "events", "stepfunctions", "sagemaker"]
    cloud, front = started(tmp_path_factory.mktemp("cloud"), services=services)
    yield cloud
    front.stop()
    cloud.stop()


@pytest.fixture(scope="module")
def role(cloud):
    return role_maker(cloud)


@pytest.fixture(scope="module", autouse=True)
def things(cloud):
    cloud.call("s3", "CreateBucket", {"Bucket": "data"})
    cloud.call("s3", "PutObject", {"Bucket": "data", "Key": "in/a", "Body": b"x"})
    cloud.call(
        "dynamodb",
        "CreateTable",
        {
            "TableName": "ledger",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )


def test_a_role_does_what_it_may_and_is_told_what_it_may_not(role):
    client = role(allow("s3:GetObject", f"{BUCKET}/in/*"))
    assert client("s3").get_object(Bucket="data", Key="in/a")["Body"].read() == b"x"
    error = refusal(lambda: client("s3").put_object(Bucket="data", Key="in/a", Body=b"y"))
    assert error["Code"] == "AccessDenied"
    assert error["Message"].endswith(
        "is not authorized to perform: s3:PutObject on resource: arn:aws:s3:::data/in/a "
        "because no identity-based policy allows the s3:PutObject action"
    )
    assert f"assumed-role/{client.name}/session" in error["Message"]


def test_who_may_not_list_is_not_told_what_is_missing(role):
    read = allow("s3:GetObject", f"{BUCKET}/*")
    blind, seeing = role(read), role(read, allow("s3:ListBucket", BUCKET))
    missing = {"Bucket": "data", "Key": "nothing"}
    assert refusal(lambda: blind("s3").get_object(**missing))["Code"] == "AccessDenied"
    assert refusal(lambda: blind("s3").head_object(**missing))["Code"] == "403"
    assert refusal(lambda: seeing("s3").get_object(**missing))["Code"] == "NoSuchKey"


def test_each_action_of_a_transaction_is_judged(role):
    client = role(allow("dynamodb:PutItem", TABLE))
    item = {"TableName": "ledger", "Item": {"pk": {"S": "a"}}}
    client("dynamodb").transact_write_items(TransactItems=[{"Put": item}])
    delete = {"TableName": "ledger", "Key": {"pk": {"S": "a"}}}
    error = refusal(
        lambda: client("dynamodb").transact_write_items(
            TransactItems=[{"Put": item}, {"Delete": delete}]
        )
    )
    assert error["Code"] == "AccessDeniedException"
    assert "dynamodb:DeleteItem" in error["Message"]


def test_a_copy_is_a_read_of_the_version_that_it_names_and_a_write(cloud, role):
    version = cloud.call("s3", "PutObject", {"Bucket": "data", "Key": "in/b", "Body": b"x"})
    source = {"Bucket": "data", "Key": "in/b", "VersionId": version.get("VersionId", "null")}
    copy = {"Bucket": "data", "Key": "out/b", "CopySource": source}
    may = role(allow("s3:GetObjectVersion", f"{BUCKET}/in/*"), allow("s3:PutObject", f"{BUCKET}/*"))
    may("s3").copy_object(**copy)
    error = refusal(lambda: role(allow("s3:GetObject", f"{BUCKET}/*"))("s3").copy_object(**copy))
    assert "s3:PutObject" in error["Message"]
    latest = role(allow("s3:GetObject", f"{BUCKET}/*"), allow("s3:PutObject", f"{BUCKET}/*"))
    assert "s3:GetObjectVersion" in refusal(lambda: latest("s3").copy_object(**copy))["Message"]


def test_passing_a_role_is_judged_by_role_and_service(role):
    other = role()
    passed = {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    create = allow("states:CreateStateMachine")
    wait = {"StartAt": "Wait", "States": {"Wait": {"Type": "Succeed"}}}
    machine = {"definition": json.dumps(wait), "roleArn": other.arn}
    may = role(create, allow("iam:PassRole", other.arn, **passed))
    may("stepfunctions").create_state_machine(name="mine", **machine)
    may_not = role(create, allow("iam:PassRole", f"{other.arn}-else", **passed))
    error = refusal(lambda: may_not("stepfunctions").create_state_machine(name="o", **machine))
    assert "iam:PassRole" in error["Message"]


def test_a_changed_policy_counts_at_once(cloud, role):
    client = role()
    assert refusal(lambda: client("sqs").create_queue(QueueName="q"))
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("sqs:*")]})
    grant = {"RoleName": client.name, "PolicyName": "more", "PolicyDocument": document}
    cloud.call("iam", "PutRolePolicy", grant)
    client("sqs").create_queue(QueueName="q")


def test_a_changed_managed_policy_counts_at_once_for_all_who_have_it(cloud, role):
    def document(*statements):
        return json.dumps({"Version": "2012-10-17", "Statement": statements})

    nothing = document(allow("sts:GetCallerIdentity"))
    made = cloud.call("iam", "CreatePolicy", {"PolicyName": "team", "PolicyDocument": nothing})
    policy = {"PolicyArn": made["Policy"]["Arn"]}
    clients = [role(), role()]
    for client in clients:
        cloud.call("iam", "AttachRolePolicy", {"RoleName": client.name, **policy})
        assert refusal(lambda client=client: client("sqs").create_queue(QueueName="team"))
    more = document(allow("sqs:*"))
    cloud.call(
        "iam", "CreatePolicyVersion", {**policy, "PolicyDocument": more, "SetAsDefault": True}
    )
    for client in clients:
        client("sqs").create_queue(QueueName="team")


def test_what_a_machine_does_needs_its_role(cloud, role):
    client = role()
    task = "arn:aws:states:::aws-sdk:s3:listObjectsV2"
    definition = {
        "StartAt": "List",
        "QueryLanguage": "JSONata",
        "States": {
            "List": {"Type": "Task", "Resource": task, "Arguments": {"Bucket": "data"}, "End": True}
        },
    }
    call = cloud.call
    machine = {"name": "m", "definition": json.dumps(definition), "roleArn": client.arn}
    arn = call("stepfunctions", "CreateStateMachine", machine)["stateMachineArn"]
    run = call("stepfunctions", "StartExecution", {"stateMachineArn": arn})["executionArn"]
    told = {"status": "RUNNING"}
    while told["status"] == "RUNNING":
        told = call("stepfunctions", "DescribeExecution", {"executionArn": run})
    assert told["status"] == "FAILED"
    assert "s3:ListBucket" in told["cause"]


DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": f"{BUCKET}/secret/*"}


@pytest.mark.parametrize(
    ("statements", "action", "resource", "context", "allowed"),
    [
        pytest.param([allow("s3:Get*", f"{BUCKET}/*")], "s3:GetObject", f"{BUCKET}/a", {}, True),
        pytest.param([allow("s3:*"), DENY], "s3:GetObject", f"{BUCKET}/secret/a", {}, False),
        pytest.param([], "s3:GetObject", f"{BUCKET}/a", {}, False, id="nothing says anything"),
        pytest.param([allow("S3:getobject")], "s3:GetObject", "x", {}, True, id="any case"),
        pytest.param(
            [allow("s3:*", f"{BUCKET}/[a]")], "s3:GetObject", f"{BUCKET}/a", {}, False, id="literal"
        ),
        pytest.param(
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}],
            "iam:PassRole",
            "x",
            {},
            False,
            id="not-action",
        ),
        pytest.param(
            [allow("a:B", StringLike={"a:key": "x*"})], "a:B", "r", {"a:key": ["xy"]}, True
        ),
        pytest.param(
            [allow("a:B", StringLike={"a:key": "x*"})], "a:B", "r", {}, False, id="no key"
        ),
        pytest.param(
            [allow("a:B", StringEqualsIfExists={"a:key": "x"})],
            "a:B",
            "r",
            {},
            True,
            id="if-exists",
        ),
        pytest.param(
            [allow("a:B", StringNotEquals={"a:key": "x"})], "a:B", "r", {"a:key": ["x"]}, False
        ),
        pytest.param([allow("a:B", Null={"a:key": "true"})], "a:B", "r", {}, True, id="null"),
        pytest.param(
            [allow("a:B", **{"ForAnyValue:StringEquals": {"a:key": ["x"]}})],
            "a:B",
            "r",
            {"a:key": ["y", "x"]},
            True,
            id="for-any-value",
        ),
        pytest.param(
            [allow("a:B", **{"ForAllValues:StringEquals": {"a:key": ["x"]}})],
            "a:B",
            "r",
            {"a:key": ["y", "x"]},
            False,
            id="for-all-values",
        ),
        pytest.param(
            [allow("a:B", Sideways={"a:key": "x"})],
            "a:B",
            "r",
            {"a:key": ["x"]},
            False,
            id="unknown",
        ),
    ],
)
def test_policies_are_judged_as_iam_judges_them(statements, action, resource, context, allowed):
    found = list(statements_of("p", {"Statement": statements}))
    assert evaluate(found, Demand(action, resource, context), {}).allowed is allowed
