"""The ledger's table: single items, queries and transactions, in plain values."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, dynamodb, translated
from everloop.aws.items import Item, plain_item, wire, wire_item
from everloop.aws.settings import settings
from everloop.errors import Conflict, NotReady

_ITEMS_PER_READ = 100  # BatchGetItem's limit


class Cancelled(NotReady):
    """A transaction did not happen; `reasons` holds one code for each of its actions."""

    def __init__(self, subject: str, reasons: list[str]) -> None:
        super().__init__(f"{subject}: {', '.join(reasons)}")
        self.reasons = reasons

    def refused(self, index: int) -> bool:
        """Whether this action's condition did not hold; otherwise others were just faster."""
        return self.reasons[index : index + 1] == ["ConditionalCheckFailed"]


def model_key(model: str, sk: str) -> dict[str, str]:
    return {"pk": f"MODEL#{model}", "sk": sk}


def get(key: Mapping[str, str]) -> Item | None:
    """Read one item, as it is now."""
    with translated(f"ledger item {key['pk']} {key['sk']}"):
        answer = dynamodb().get_item(
            TableName=settings().ledger_table, Key=wire_item(key), ConsistentRead=True
        )
    return plain_item(answer["Item"]) if "Item" in answer else None


def get_many(pk: str, sks: Collection[str]) -> Iterator[Item]:
    """Read those items of a partition that are there, in any order, 100 a call."""
    wanted = sorted(set(sks))
    for start in range(0, len(wanted), _ITEMS_PER_READ):
        keys = [wire_item({"pk": pk, "sk": sk}) for sk in wanted[start : start + _ITEMS_PER_READ]]
        asked: Any = {settings().ledger_table: {"Keys": keys, "ConsistentRead": True}}
        while asked:  # what did not fit into an answer comes with the next
            with translated(f"ledger items {pk}"):
                answer = dynamodb().batch_get_item(RequestItems=asked)
            for item in answer["Responses"].get(settings().ledger_table, []):
                yield plain_item(item)
            asked = answer.get("UnprocessedKeys")


def query(
    pk: str, prefix: str = "", *, newest_first: bool = False, limit: int | None = None
) -> Iterator[Item]:
    """Read the items of a partition whose sort key begins with `prefix`, as they are now."""
    condition, values = "pk = :pk", {":pk": wire(pk)}
    if prefix:
        condition, values = condition + " AND begins_with(sk, :sk)", {**values, ":sk": wire(prefix)}
    request: dict[str, Any] = {
        "TableName": settings().ledger_table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        "ScanIndexForward": not newest_first,
    }
    if limit is not None:
        request["Limit"] = limit
    found = 0
    while True:
        with translated(f"ledger items {pk} {prefix}"):
            answer = dynamodb().query(**request)
        for item in answer.get("Items", []):
            yield plain_item(item)
            found += 1
            if limit is not None and found >= limit:
                return
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def put(item: Mapping[str, Any], *, condition: str = "", **values: Any) -> None:
    """Write an item. Raises Conflict if the condition does not hold."""
    request = _put(item, condition, values)
    _single(f"{item['pk']} {item['sk']}", "put_item", request)


def update(key: Mapping[str, str], expression: str, *, condition: str = "", **values: Any) -> None:
    """Change an item; `values` are the `:names` of the expressions. Raises Conflict."""
    _single(f"{key['pk']} {key['sk']}", "update_item", _update(key, expression, condition, values))


def delete(key: Mapping[str, str], *, condition: str = "", **values: Any) -> None:
    """Delete an item. Raises Conflict if the condition does not hold."""
    request = {"TableName": settings().ledger_table, "Key": wire_item(key)}
    _single(f"{key['pk']} {key['sk']}", "delete_item", _conditioned(request, condition, values))


def action_put(item: Mapping[str, Any], *, condition: str = "", **values: Any) -> dict[str, Any]:
    return {"Put": _put(item, condition, values)}


def action_update(
    key: Mapping[str, str], expression: str, *, condition: str = "", **values: Any
) -> dict[str, Any]:
    return {"Update": _update(key, expression, condition, values)}


def transact(actions: Sequence[dict[str, Any]], subject: str) -> None:
    """Do all or nothing. Raises Cancelled with a code for each action."""
    try:
        with translated(subject):
            dynamodb().transact_write_items(TransactItems=list(actions))  # type: ignore[arg-type]
    except ClientError as error:
        if code_of(error) != "TransactionCanceledException":
            raise
        found: Any = error.response.get("CancellationReasons") or ()
        reasons = [str(each.get("Code", "None")) for each in found]
        raise Cancelled(subject, reasons) from error


def _single(subject: str, operation: str, request: dict[str, Any]) -> None:
    try:
        with translated(f"ledger item {subject}"):
            getattr(dynamodb(), operation)(**request)
    except ClientError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        raise Conflict(f"ledger item {subject} is not as expected: {error}") from error


def _put(item: Mapping[str, Any], condition: str, values: dict[str, Any]) -> dict[str, Any]:
    request = {"TableName": settings().ledger_table, "Item": wire_item(item)}
    return _conditioned(request, condition, values)


def _update(
    key: Mapping[str, str], expression: str, condition: str, values: dict[str, Any]
) -> dict[str, Any]:
    request = {
        "TableName": settings().ledger_table,
        "Key": wire_item(key),
        "UpdateExpression": expression,
    }
    return _conditioned(request, condition, values)


def _conditioned(
    request: dict[str, Any], condition: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    if condition:
        request["ConditionExpression"] = condition
    used = request.get("UpdateExpression", "") + " " + condition
    # Every attribute is written #name: nobody has to know DynamoDB's 573 reserved words.
    names = {
        word
        for word in used.replace("(", " ").replace(")", " ").replace(",", " ").split()
        if word.startswith("#")
    }
    if names:
        request["ExpressionAttributeNames"] = {name: name[1:] for name in names}
    if values:
        request["ExpressionAttributeValues"] = {f":{key}": wire(v) for key, v in values.items()}
    return request
