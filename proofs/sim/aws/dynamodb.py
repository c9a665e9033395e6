"""DynamoDB: one table of items with pk and sk, conditions, transactions and pages."""

from collections import defaultdict
from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from proofs.sim.aws.expressions import Item, holds, updated

Params = dict[str, Any]
_PAGE = 40  # items; far below AWS's 1 MB, so that every loop over pages is run
_BATCH = 3  # items of a batch's answer; AWS may give fewer than were asked for, too
_SAME_TOKEN_SECONDS = 600.0


class DynamoDb:
    def __init__(self, account: Any) -> None:
        self._account = account
        self.items: dict[tuple[str, str], Item] = {}  # to read
        self._sort_keys: dict[str, set[str]] = defaultdict(set)  # by partition
        self._tokens: dict[str, float] = {}

    def within(self, pk: str, prefix: str) -> list[Item]:
        """Return the items of a partition whose place in it begins with a text, in order."""
        places = sorted(sk for sk in self._sort_keys[pk] if sk.startswith(prefix))
        return [self.items[pk, sk] for sk in places]

    def get_item(self, caller: Any, params: Params) -> Params:
        found = self.items.get(_key(params["Key"]))
        return {"Item": found} if found is not None else {}

    def batch_get_item(self, caller: Any, params: Params) -> Params:
        found: Params = {}
        unprocessed: Params = {}
        for table, asked in params["RequestItems"].items():
            now, later = asked["Keys"][:_BATCH], asked["Keys"][_BATCH:]
            found[table] = [self.items[key] for each in now if (key := _key(each)) in self.items]
            if later:
                unprocessed[table] = {**asked, "Keys": later}
        return {"Responses": found, "UnprocessedKeys": unprocessed}

    def put_item(self, caller: Any, params: Params) -> Params:
        self._check(params, _key(params["Item"]))
        self._put(params)
        return {}

    def update_item(self, caller: Any, params: Params) -> Params:
        self._check(params, _key(params["Key"]))
        self._update(params)
        return {}

    def delete_item(self, caller: Any, params: Params) -> Params:
        self._check(params, _key(params["Key"]))
        self._delete(params)
        return {}

    def query(self, caller: Any, params: Params) -> Params:
        pk = params["ExpressionAttributeValues"][":pk"]["S"]
        condition = params["KeyConditionExpression"]
        keys = [
            (pk, sk) for sk in self._sort_keys[pk] if holds(condition, self.items[pk, sk], params)
        ]
        forward = params.get("ScanIndexForward", True)
        keys.sort(key=lambda key: key[1].encode(), reverse=not forward)
        start = params.get("ExclusiveStartKey")
        if start is not None:
            last = _key(start)[1].encode()
            keys = [k for k in keys if (k[1].encode() > last if forward else k[1].encode() < last)]
        size = min(params.get("Limit") or _PAGE, _PAGE)
        page = keys[:size]
        answer: Params = {"Items": [self.items[key] for key in page], "Count": len(page)}
        if len(keys) > size:
            answer["LastEvaluatedKey"] = {"pk": {"S": page[-1][0]}, "sk": {"S": page[-1][1]}}
        return answer

    def transact_write_items(self, caller: Any, params: Params) -> Params:
        token = params.get("ClientRequestToken")
        now = self._account.kernel.now
        if token and now - self._tokens.get(token, -1e9) < _SAME_TOKEN_SECONDS:
            return {}  # the same transaction again: done already
        actions = [next(iter(each.items())) for each in params["TransactItems"]]
        reasons = [self._refused(kind, request) for kind, request in actions]
        if any(reason["Code"] != "None" for reason in reasons):
            codes = ", ".join(reason["Code"] for reason in reasons)
            raise AwsError(
                "TransactionCanceledException",
                f"Transaction cancelled, please refer cancellation reasons for specific reasons "
                f"[{codes}]",
                CancellationReasons=reasons,
            )
        for kind, request in actions:
            if kind == "Put":
                self._put(request)
            elif kind == "Update":
                self._update(request)
            elif kind == "Delete":
                self._delete(request)
        if token:
            self._tokens[token] = now
        return {}

    def _refused(self, kind: str, request: Params) -> Params:
        key = _key(request["Item"] if kind == "Put" else request["Key"])
        if holds(request.get("ConditionExpression", ""), self.items.get(key), request):
            return {"Code": "None"}
        return {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}

    def _check(self, params: Params, key: tuple[str, str]) -> None:
        if not holds(params.get("ConditionExpression", ""), self.items.get(key), params):
            raise AwsError("ConditionalCheckFailedException", "The conditional request failed")

    def _put(self, request: Params) -> None:
        self._write(_key(request["Item"]), dict(request["Item"]))

    def _update(self, request: Params) -> None:
        key = _key(request["Key"])
        self._write(key, updated(self.items.get(key, dict(request["Key"])), request))

    def _write(self, key: tuple[str, str], item: Item) -> None:
        self.items[key] = item
        self._sort_keys[key[0]].add(key[1])

    def _delete(self, request: Params) -> None:
        pk, sk = _key(request["Key"])
        self.items.pop((pk, sk), None)
        self._sort_keys[pk].discard(sk)


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]
