"""The simulator's DynamoDB answers as the laptop's cloud does, whatever the ledger asks of it."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from everloop_localcloud.kernel.errors import AwsError
from proofs.sim.aws.dynamodb import DynamoDb
from proofs.sim.kernel import Kernel

KEY = {"pk": {"S": "MODEL#m"}, "sk": {"S": "WINDOW"}}


def put(condition: str = "", **more: Any) -> tuple[str, dict[str, Any]]:
    request: dict[str, Any] = {"Item": {**KEY, "amount": {"N": "1"}, "bearer": {"S": "a"}}, **more}
    return "PutItem", {**request, **({"ConditionExpression": condition} if condition else {})}


def update(expression: str, condition: str = "", **values: Any) -> tuple[str, dict[str, Any]]:
    request: dict[str, Any] = {"Key": KEY, "UpdateExpression": expression}
    if condition:
        request["ConditionExpression"] = condition
    if values:
        request["ExpressionAttributeValues"] = {f":{k}": v for k, v in values.items()}
    return "UpdateItem", request


ONE, TWO, A, B = {"N": "1"}, {"N": "2"}, {"S": "a"}, {"S": "b"}
CASES = {
    "a new item, where none may be": [put("attribute_not_exists(pk)")] * 2,
    "a counter that is not there yet": [update("ADD objects :n", n=TWO)] * 2,
    "set and remove": [put(), update("SET bearer = :b REMOVE amount", b=B)],
    "a lease that is free, mine or late": [
        put(),
        update(
            "SET bearer = :b", "bearer = :b OR (bearer <> :a AND amount < :two)", a=A, b=B, two=TWO
        ),
        update("SET bearer = :b", "bearer = :a AND attribute_exists(amount)", a=A, b=B),
        update("SET bearer = :a", "attribute_not_exists(nowhere) AND amount <= :n", a=A, n=ONE),
    ],
    "what is not there compares with nothing": [
        put(),
        update("SET bearer = :b", "nowhere < :two", b=B, two=TWO),
        update("SET bearer = :b", "NOT nowhere = :two", b=B, two=TWO),
    ],
    "another type is another value": [
        put(),
        update("SET bearer = :b", "amount = :s", b=B, s={"S": "1"}),
    ],
    "two attributes": [put(), update("SET afterwards = :two", "pk < sk", two=TWO)],
    "a value or what stands there": [
        update("SET amount = if_not_exists(amount, :n) + :n", n=ONE),
        update("SET amount = if_not_exists(amount, :n) + :n", n=ONE),
    ],
}


@pytest.mark.parametrize("calls", CASES.values(), ids=CASES)
def test_conditions_and_updates(calls: list[tuple[str, dict[str, Any]]]) -> None:
    assert [*_simulated(calls)] == [*_emulated(calls)]


def _simulated(calls: list[tuple[str, dict[str, Any]]]) -> Any:
    class Account:
        kernel = Kernel(1)

    table = DynamoDb(Account())
    for operation, request in calls:
        method = table.put_item if operation == "PutItem" else table.update_item
        try:
            method(None, request)
            yield "done"
        except AwsError as error:
            yield error.code
    yield table.items[KEY["pk"]["S"], KEY["sk"]["S"]]


@mock_aws
def _emulated(calls: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    client = boto3.client(
        "dynamodb", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    client.create_table(
        TableName="t",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
    )
    answers: list[Any] = []
    for operation, request in calls:
        method = client.put_item if operation == "PutItem" else client.update_item
        try:
            method(TableName="t", **request)
            answers.append("done")
        except ClientError as error:
            answers.append(error.response["Error"]["Code"])
    answers.append(client.get_item(TableName="t", Key=KEY)["Item"])
    return answers
