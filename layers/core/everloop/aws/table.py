"""The ledger's table: records read and written, one by one or all or nothing."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, dynamodb, translated
from everloop.aws.items import plain_item, wire, wire_item
from everloop.aws.settings import settings
from everloop.errors import Conflict, NotReady
from everloop.records.keys import PK, SK, Item, Key, Range
from everloop.records.writes import Delete, Put, Update, Write, names

_ITEMS_PER_READ = 100  # BatchGetItem's limit
_BEHIND = "\U0010ffff"  # behind all that a key's next character may be


class Cancelled(NotReady):
    """A transaction did not happen; `reasons` holds one code for each of its actions."""

    def __init__(self, subject: str, reasons: list[str]) -> None:
        super().__init__(f"{subject}: {', '.join(reasons)}")
        self.reasons = reasons

    def refused(self, index: int) -> bool:
        """Whether this action's condition did not hold; otherwise others were just faster."""
        return self.reasons[index : index + 1] == ["ConditionalCheckFailed"]


def get(key: Key) -> Item | None:
    """Read one item, as it is now."""
    with translated(f"ledger item {key}"):
        answer = dynamodb().get_item(
            TableName=settings().ledger_table, Key=wire_item(key.attributes), ConsistentRead=True
        )
    return plain_item(answer["Item"]) if "Item" in answer else None


def get_many(keys: Collection[Key]) -> Iterator[Item]:
    """Read those of these items that are there, in any order, 100 a call."""
    ordered = sorted(set(keys), key=lambda key: (key.pk, key.sk))
    for start in range(0, len(ordered), _ITEMS_PER_READ):
        part = [wire_item(key.attributes) for key in ordered[start : start + _ITEMS_PER_READ]]
        request: Any = {settings().ledger_table: {"Keys": part, "ConsistentRead": True}}
        while request:  # what did not fit into an answer comes with the next
            with translated(f"ledger items {ordered[start].pk}"):
                answer = dynamodb().batch_get_item(RequestItems=request)
            for item in answer["Responses"].get(settings().ledger_table, []):
                yield plain_item(item)
            request = answer.get("UnprocessedKeys")


def query(among: Range, *, newest_first: bool = False, limit: int | None = None) -> Iterator[Item]:
    """Read the items of a range in the order of their keys, as they are now."""
    condition, values = f"{PK} = :pk", {":pk": wire(among.pk)}
    if among.first:
        condition += f" AND {SK} BETWEEN :first AND :last"
        values |= {":first": wire(among.first), ":last": wire(among.prefix + _BEHIND)}
    elif among.prefix:
        condition += f" AND begins_with({SK}, :sk)"
        values[":sk"] = wire(among.prefix)
    request: dict[str, Any] = {
        "TableName": settings().ledger_table,
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ConsistentRead": True,
        "ScanIndexForward": not newest_first,
    }
    if limit is not None:
        request["Limit"] = limit
    count = 0
    while True:
        with translated(f"ledger items {among}"):
            answer = dynamodb().query(**request)
        for item in answer.get("Items", []):
            yield plain_item(item)
            count += 1
            if limit is not None and count >= limit:
                return
        if "LastEvaluatedKey" not in answer:
            return
        request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def newest(among: Range) -> Item | None:
    """Read the last item of a range."""
    return next(query(among, newest_first=True, limit=1), None)


def write(write: Write) -> None:
    """Do one write. Raises Conflict if its condition does not hold."""
    operation, request = _request(write)
    try:
        with translated(f"ledger item {write.key}"):
            getattr(dynamodb(), operation)(**request)
    except ClientError as error:
        if code_of(error) != "ConditionalCheckFailedException":
            raise
        raise Conflict(f"ledger item {write.key} is not as expected: {error}") from error


def written(write_: Write) -> bool:
    """Do one write; False where its condition does not hold: somebody else was first."""
    try:
        write(write_)
    except Conflict:
        return False
    return True


def transact(writes: Sequence[Write], subject: str) -> None:
    """Do all or nothing. Raises Cancelled with a code for each write."""
    actions: Any = [{_KINDS[type(each)]: _request(each)[1]} for each in writes]
    try:
        with translated(subject):
            dynamodb().transact_write_items(TransactItems=actions)
    except ClientError as error:
        if code_of(error) != "TransactionCanceledException":
            raise
        details: Any = error.response.get("CancellationReasons") or ()
        reasons = [str(each.get("Code", "None")) for each in details]
        raise Cancelled(subject, reasons) from error


_KINDS: Mapping[type[Write], str] = {Put: "Put", Update: "Update", Delete: "Delete"}


def _request(write: Write) -> tuple[str, dict[str, Any]]:
    """Return how DynamoDB calls a write, and its arguments."""
    request: dict[str, Any] = {"TableName": settings().ledger_table}
    if isinstance(write, Put):
        operation = "put_item"
        request["Item"] = wire_item(write.item)
    else:
        operation = "update_item" if isinstance(write, Update) else "delete_item"
        request["Key"] = wire_item(write.key.attributes)
    if isinstance(write, Update):
        request["UpdateExpression"] = write.change
    if write.condition:
        request["ConditionExpression"] = write.condition
    if called := names(write):
        request["ExpressionAttributeNames"] = called
    if write.values:
        values = {f":{name}": wire(value) for name, value in write.values.items()}
        request["ExpressionAttributeValues"] = values
    return operation, request
