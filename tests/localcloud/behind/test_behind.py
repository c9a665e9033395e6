"""moto behind our front: answers unchanged, and nothing lost over a restart."""

import threading
import time

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.errors import AwsError

TABLE = {
    "TableName": "ledger",
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
    "BillingMode": "PAY_PER_REQUEST",
}
TRUST = '{"Version":"2012-10-17","Statement":[]}'
POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'


@pytest.fixture
def rerun(tmp_path):
    """Start a cloud on the same folder again and again."""
    running = []

    def rerun(**options):
        while running:
            cloud, front = running.pop()
            front.stop()
            cloud.stop()
        running.append(started(tmp_path / "cloud", services=["sts"], **options))
        return running[0][0]

    yield rerun
    for cloud, front in running:
        front.stop()
        cloud.stop()


def key(sk):
    return {"pk": {"S": "a"}, "sk": {"S": sk}}


def items_of(cloud):
    found = cloud.call("dynamodb", "Scan", {"TableName": "ledger"})["Items"]
    return {
        item["sk"]["S"]: {k: v for k, v in item.items() if k not in ("pk", "sk")} for item in found
    }


def test_items_of_every_kind_and_operation_survive(rerun):
    cloud = rerun()
    call = cloud.call
    call("dynamodb", "CreateTable", TABLE)
    every = {
        "binary": {"B": b"\x00\xff"},
        "binaries": {"BS": [b"1", b"2"]},
        "number": {"N": "1.5"},
        "numbers": {"NS": ["1", "2"]},
        "texts": {"SS": ["x", "y"]},
        "none": {"NULL": True},
        "yes": {"BOOL": True},
        "nested": {"M": {"$time": {"S": "é"}, "list": {"L": [{"B": b"\x01"}, {"N": "2"}]}}},
    }
    on = {"TableName": "ledger"}
    call("dynamodb", "PutItem", {**on, "Item": {**key("put"), **every}})
    for sk in ("updated", "deleted", "transacted"):
        call("dynamodb", "PutItem", {**on, "Item": {**key(sk), "n": {"N": "1"}}})
    add = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    call("dynamodb", "UpdateItem", {**on, "Key": key("updated"), **add})
    call("dynamodb", "DeleteItem", {**on, "Key": key("deleted")})
    call(
        "dynamodb",
        "BatchWriteItem",
        {"RequestItems": {"ledger": [{"PutRequest": {"Item": key("batched")}}]}},
    )
    call(
        "dynamodb",
        "TransactWriteItems",
        {
            "TransactItems": [
                {"Update": {**on, "Key": key("transacted"), **add}},
                {"Put": {**on, "Item": key("inserted")}},
                {"ConditionCheck": {
                    **on, "Key": key("put"), "ConditionExpression": "attribute_exists(pk)",
                }},
            ]
        },
    )  # fmt: skip
    before = items_of(cloud)
    assert before["put"] == every
    assert before["updated"] == before["transacted"] == {"n": {"N": "2"}}
    assert set(before) == {"put", "updated", "transacted", "batched", "inserted"}

    assert items_of(rerun()) == before


def test_tables_keep_their_settings_and_forget_what_was_deleted(rerun):
    cloud = rerun()
    cloud.call("dynamodb", "CreateTable", TABLE)
    cloud.call("dynamodb", "PutItem", {"TableName": "ledger", "Item": key("old")})
    cloud.call("dynamodb", "DeleteTable", {"TableName": "ledger"})
    arn = cloud.call("dynamodb", "CreateTable", TABLE)["TableDescription"]["TableArn"]
    ttl = {"Enabled": True, "AttributeName": "expires"}
    cloud.call(
        "dynamodb", "UpdateTimeToLive", {"TableName": "ledger", "TimeToLiveSpecification": ttl}
    )
    cloud.call("dynamodb", "PutItem", {"TableName": arn, "Item": key("by arn")})

    cloud = rerun()

    assert list(items_of(cloud)) == ["by arn"]
    told = cloud.call("dynamodb", "DescribeTimeToLive", {"TableName": "ledger"})
    assert told["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    assert arn == "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"


def test_a_restart_takes_items_not_writes(rerun):
    cloud = rerun()
    cloud.call("dynamodb", "CreateTable", TABLE)
    add = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    for _ in range(300):
        cloud.call("dynamodb", "UpdateItem", {"TableName": "ledger", "Key": key("k"), **add})
    cloud.call("dynamodb", "Scan", {"TableName": "ledger"})

    assert len(cloud.store.load("behind.journal")) == 1  # the table
    assert len(cloud.store.load("dynamodb.items.us-east-1.ledger")) == 1
    assert items_of(rerun()) == {"k": {"n": {"N": "300"}}}


def test_roles_parameters_secrets_and_keys_survive_with_their_ids(rerun):
    cloud = rerun()
    role = {"RoleName": "r", "AssumeRolePolicyDocument": TRUST}
    made = cloud.call("iam", "CreateRole", role)["Role"]
    policy = {"RoleName": "r", "PolicyName": "p", "PolicyDocument": POLICY}
    cloud.call("iam", "PutRolePolicy", policy)
    for value in ("1", "2"):
        parameter = {"Name": "/a/b", "Value": value, "Type": "String", "Overwrite": True}
        cloud.call("ssm", "PutParameter", parameter)
    secret = cloud.call("secretsmanager", "CreateSecret", {"Name": "s", "SecretString": "v"})
    kms = cloud.call("kms", "CreateKey", {})["KeyMetadata"]["KeyId"]
    sealed = cloud.call("kms", "Encrypt", {"KeyId": kms, "Plaintext": b"hush"})["CiphertextBlob"]

    cloud = rerun()

    again = cloud.call("iam", "GetRole", {"RoleName": "r"})["Role"]
    assert (again["RoleId"], again["Arn"]) == (made["RoleId"], made["Arn"])
    assert cloud.call("iam", "ListRolePolicies", {"RoleName": "r"})["PolicyNames"] == ["p"]
    parameter = cloud.call("ssm", "GetParameter", {"Name": "/a/b"})["Parameter"]
    assert (parameter["Value"], parameter["Version"]) == ("2", 2)
    found = cloud.call("secretsmanager", "GetSecretValue", {"SecretId": secret["ARN"]})
    assert (found["SecretString"], found["VersionId"]) == ("v", secret["VersionId"])
    assert cloud.call("kms", "Decrypt", {"CiphertextBlob": sealed})["Plaintext"] == b"hush"


def test_a_cloud_on_another_folder_starts_empty(rerun, tmp_path):
    rerun().call("dynamodb", "CreateTable", TABLE)
    cloud, front = started(tmp_path / "other", services=["sts"])
    assert cloud.call("dynamodb", "ListTables")["TableNames"] == []
    front.stop()
    cloud.stop()


def test_counters_are_exact_under_eight_threads(rerun):
    cloud = rerun()
    cloud.call("dynamodb", "CreateTable", TABLE)
    add = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    won = []

    def work(number):
        for turn in range(25):
            cloud.call("dynamodb", "UpdateItem", {"TableName": "ledger", "Key": key("n"), **add})
            put = {
                "TableName": "ledger",
                "Item": {**key(f"turn {turn}"), "who": {"N": str(number)}},
                "ConditionExpression": "attribute_not_exists(pk)",
            }
            try:
                cloud.call("dynamodb", "PutItem", put)
                won.append((turn, str(number)))
            except AwsError as error:
                assert error.code == "ConditionalCheckFailedException"

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    items = items_of(cloud)
    assert items.pop("n") == {"n": {"N": "200"}}
    assert {int(sk.split()[1]): item["who"]["N"] for sk, item in items.items()} == dict(won)
    assert len(won) == 25


def test_failures_pass_unchanged(cloud_with):
    cloud, client = cloud_with("sts")
    db = client("dynamodb")
    db.create_table(**TABLE)
    db.put_item(TableName="ledger", Item={**key("k"), "v": {"S": "there"}})
    refused = {
        "TableName": "ledger",
        "Item": key("k"),
        "ConditionExpression": "attribute_not_exists(pk)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    with pytest.raises(ClientError) as error:
        db.put_item(**refused)
    assert error.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert error.value.response["Item"]["v"] == {"S": "there"}
    with pytest.raises(AwsError) as inside:
        cloud.call("dynamodb", "PutItem", refused)
    assert inside.value.code == "ConditionalCheckFailedException"
    assert inside.value.fields["Item"]["v"] == {"S": "there"}

    put = {k: v for k, v in refused.items() if not k.startswith("Return")}
    other = {"TableName": "ledger", "Item": key("never")}
    with pytest.raises(AwsError) as inside:
        cloud.call(
            "dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": other}, {"Put": put}]}
        )
    reasons = [reason["Code"] for reason in inside.value.fields["CancellationReasons"]]
    assert reasons == ["None", "ConditionalCheckFailed"]
    assert list(items_of(cloud)) == ["k"]


def test_a_cancelled_transaction_changes_nothing(rerun):
    cloud = rerun()
    cloud.call("dynamodb", "CreateTable", TABLE)
    on = {"TableName": "ledger"}
    for sk in ("changed", "deleted", "checked", "bystander"):
        cloud.call("dynamodb", "PutItem", {**on, "Item": {**key(sk), "n": {"N": "1"}}})
    before = items_of(cloud)
    add = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}
    other = {"pk": {"S": "another partition"}, "sk": {"S": "new"}}
    actions = [
        {"Update": {**on, "Key": key("changed"), **add}},
        {"Delete": {**on, "Key": key("deleted")}},
        {"Put": {**on, "Item": key("new")}},
        {"Put": {**on, "Item": other}},
    ]
    refused = {**on, "Key": key("checked"), "ConditionExpression": "attribute_not_exists(pk)"}

    with pytest.raises(AwsError) as error:
        checked = [*actions, {"ConditionCheck": refused}]
        cloud.call("dynamodb", "TransactWriteItems", {"TransactItems": checked})
    assert error.value.code == "TransactionCanceledException"
    assert items_of(cloud) == before

    cloud.call("dynamodb", "TransactWriteItems", {"TransactItems": actions})
    after = items_of(cloud)
    assert after["changed"] == {"n": {"N": "2"}}
    assert set(after) == {"changed", "checked", "bystander", "new"}
    assert items_of(rerun()) == after


def test_a_query_pages_through_its_partition_in_order(rerun):
    cloud = rerun()
    cloud.call("dynamodb", "CreateTable", TABLE)
    for number in (5, 1, 3, 2, 4):
        cloud.call("dynamodb", "PutItem", {"TableName": "ledger", "Item": key(f"r#{number}")})
        other = {"pk": {"S": "b"}, "sk": {"S": f"r#{number}"}}
        cloud.call("dynamodb", "PutItem", {"TableName": "ledger", "Item": other})
    query = {
        "TableName": "ledger",
        "KeyConditionExpression": "pk = :p AND begins_with(sk, :s)",
        "ExpressionAttributeValues": {":p": {"S": "a"}, ":s": {"S": "r#"}},
        "Limit": 2,
    }
    for forward in (True, False):
        seen, start = [], {}
        while True:
            page = cloud.call("dynamodb", "Query", {**query, **start, "ScanIndexForward": forward})
            seen += [item["sk"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        expected = [f"r#{number}" for number in range(1, 6)]
        assert seen == (expected if forward else expected[::-1])
    empty = {**query, "ExpressionAttributeValues": {":p": {"S": "nobody"}, ":s": {"S": "r#"}}}
    assert cloud.call("dynamodb", "Query", empty)["Items"] == []
    assert cloud.call("dynamodb", "Scan", {"TableName": "ledger"})["Count"] == 10


def test_moto_makes_the_tables_that_do_not_slow_down(rerun):
    from moto.dynamodb.models import dynamodb_backends

    from everloop_localcloud.behind.tables import QuickTable

    rerun().call("dynamodb", "CreateTable", TABLE)
    assert type(dynamodb_backends["123456789012"]["us-east-1"].tables["ledger"]) is QuickTable


def test_a_malformed_transaction_is_an_aws_error(cloud_with):
    _, client = cloud_with("sts")
    db = client("dynamodb", parameter_validation=False)
    db.create_table(**TABLE)
    for put in ({"Item": {"pk": {"N": "1"}}}, {"Item": {"pk": {"S": "1"}}}, {}):
        with pytest.raises(ClientError):
            db.transact_write_items(TransactItems=[{"Put": {"TableName": "ledger", **put}}])
    assert db.scan(TableName="ledger")["Count"] == 0


def test_every_way_to_read_gives_an_item_whole(cloud_with):
    _, client = cloud_with("sts")
    db = client("dynamodb")
    db.create_table(**TABLE)
    item = {**key("k"), "raw": {"B": b"\x00\xff"}, "deep": {"M": {"l": {"L": [{"BS": [b"1"]}]}}}}
    db.put_item(TableName="ledger", Item=item)
    one = {"TableName": "ledger", "Key": key("k")}
    assert db.get_item(**one)["Item"] == item
    assert "Item" not in db.get_item(TableName="ledger", Key=key("other"))
    condition = {
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "a"}},
    }
    told = db.query(TableName="ledger", ReturnConsumedCapacity="TOTAL", **condition)
    assert (told["Items"], told["Count"], told["ScannedCount"]) == ([item], 1, 1)
    assert told["ConsumedCapacity"]["TableName"] == "ledger"
    assert db.scan(TableName="ledger")["Items"] == [item]
    batch = db.batch_get_item(RequestItems={"ledger": {"Keys": [key("k")]}})
    assert batch["Responses"] == {"ledger": [item]}
    both = db.transact_get_items(TransactItems=[{"Get": one}])
    assert both["Responses"] == [{"Item": item}]


def test_a_tables_name_has_3_to_255_characters(cloud_with):
    _, client = cloud_with("sts")
    for name in ("ab", "x" * 256):
        with pytest.raises(ClientError, match="TableName must be at least 3 characters long"):
            client("dynamodb").create_table(**{**TABLE, "TableName": name})
    client("dynamodb").create_table(**{**TABLE, "TableName": "abc"})


def test_what_could_not_survive_is_refused_by_name(cloud_with):
    _, client = cloud_with("sts")
    with pytest.raises(ClientError, match="dynamodb:ExecuteStatement"):
        client("dynamodb").execute_statement(Statement="SELECT * FROM ledger")


def test_a_service_that_is_nowhere_is_refused_by_name(cloud_with):
    cloud, client = cloud_with("sts")
    with pytest.raises(ClientError, match="no service 'glue'"):
        client("glue").get_databases()
    with pytest.raises(AwsError, match="no service 'glue'"):
        cloud.call("glue", "GetDatabases")
    with pytest.raises(AwsError, match="no operation 'Frobnicate'"):
        cloud.call("dynamodb", "Frobnicate")
    with pytest.raises(AwsError, match="TableName"):
        cloud.call("dynamodb", "Scan", {})


def test_nobody_chooses_another_account_by_a_header(cloud_with):
    _, client = cloud_with("sts")
    iam = client("iam")

    def add(request, **_):
        request.headers["x-moto-account-id"] = "999999999999"

    iam.meta.events.register("before-send", add)
    made = iam.create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]
    assert made["Arn"] == "arn:aws:iam::123456789012:role/r"


def test_items_expire_by_the_clouds_clock(rerun):
    cloud = rerun(speed=100_000)
    cloud.call("dynamodb", "CreateTable", TABLE)
    ttl = {"Enabled": True, "AttributeName": "expires"}
    cloud.call(
        "dynamodb", "UpdateTimeToLive", {"TableName": "ledger", "TimeToLiveSpecification": ttl}
    )
    soon = str(int(cloud.clock.now().timestamp()) + 24 * 3600)
    late = str(int(cloud.clock.now().timestamp()) + 100 * 365 * 24 * 3600)
    for sk, stamp in (("soon", soon), ("late", late), ("text", None)):
        expires = {"N": stamp} if stamp else {"S": "1"}
        item = {**key(sk), "expires": expires}
        cloud.call("dynamodb", "PutItem", {"TableName": "ledger", "Item": item})

    deadline = time.monotonic() + 30
    while "soon" in items_of(cloud):
        assert time.monotonic() < deadline, "the item did not expire"
        cloud.clock.sleep(3600)

    assert set(items_of(cloud)) == {"late", "text"}
    assert set(items_of(rerun())) == {"late", "text"}


def test_a_simulated_policy_decides_as_calls_are_judged(cloud_with):
    _, client = cloud_with("sts")
    iam = client("iam")
    iam.create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    iam.put_role_policy(RoleName="reader", PolicyName="s3", PolicyDocument=POLICY)

    def decided(role):
        told = iam.simulate_principal_policy(
            PolicySourceArn=f"arn:aws:iam::123456789012:role/{role}",
            ActionNames=["s3:GetObject", "sagemaker:CreateTrainingJob"],
        )
        assert told["IsTruncated"] is False
        return [one["EvalDecision"] for one in told["EvaluationResults"]]

    assert decided("reader") == ["allowed", "implicitDeny"]
    assert decided("nobody") == ["allowed", "allowed"]  # as roles that IAM lacks are not judged
