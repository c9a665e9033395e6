"""moto's DynamoDB table, without its costs that grow with the table or with what is read.

moto sorts all items for every Query and Scan by comparing them in Python, and copies the whole
table once per action of a transaction, to be able to roll back. With a few thousand items that is
seconds per call; here a Query looks at one partition, and weighs only what it asks for of it, and
a transaction copies what it names.
What moto reads it writes member by member as the model says, trying several spellings of each
name; items are JSON already but for their bytes. And it looks up for each call which methods its
class has: a tenth of what a call costs.
"""

import base64
import copy
import json
from collections.abc import Callable
from functools import cache
from typing import Any

from moto.core import responses as core
from moto.dynamodb import models, responses
from moto.dynamodb.comparisons import get_comparison_func
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.models.table import Table

Key = tuple[DynamoType, DynamoType | None]


class QuickTable(Table):
    """A table whose calls cost what they touch. One call at a time: the backends' lock is held."""

    _partition: DynamoType | None = None
    _wanted: Callable[[Item], bool] | None = None  # of a partition's items, where few are asked for
    _in_transaction: list[Key] | None = None
    _snapshot: "QuickTable | None" = None

    def query(
        self,
        hash_key: DynamoType | None,
        range_comparison: str | None,
        range_objs: list[DynamoType],
        limit: Any,
        exclusive_start_key: dict[str, Any],
        scan_index_forward: bool,
        projection_expressions: list[list[str]] | None,
        index_name: str | None = None,
        *rest: Any,
        **named: Any,
    ) -> tuple[list[Item], int, dict[str, Any] | None]:
        self._partition = hash_key if index_name is None else None
        # Where there is a limit, moto tells by what comes behind it whether there is more.
        if self._partition is not None and range_comparison and limit is None:
            self._wanted = _within(range_comparison, range_objs)
        try:
            return super().query(
                hash_key,
                range_comparison,
                range_objs,
                limit,
                exclusive_start_key,
                scan_index_forward,
                projection_expressions,
                index_name,
                *rest,
                **named,
            )
        finally:
            self._partition = self._wanted = None

    def all_items(self) -> list[Item]:
        """Return the items in the order of their keys; within a Query, those of its partition."""
        partitions: Any = self.items.values()
        if self._partition is not None:
            there = self._partition in self.items  # looking up in moto's defaultdict would add it
            partitions = [self.items[self._partition]] if there else []
        if self.range_key_attr:
            found = [item for partition in partitions for item in partition.values()]
            if self._wanted is not None:
                found = list(filter(self._wanted, found))
            return sorted(found, key=_both_keys)
        return sorted(partitions, key=_hash_key)

    def begin(self, keys: list[Key]) -> None:
        """Say which items a transaction is going to name."""
        self._in_transaction, self._snapshot = keys, None

    def end(self) -> None:
        self._in_transaction = self._snapshot = None

    def __deepcopy__(self, memo: dict[int, Any]) -> "QuickTable":
        """Return what a transaction rolls back to: only what it names is copied.

        Outside of one that was announced (moto used without our front), all of it is.
        """
        if self._in_transaction is None:
            whole = copy.copy(self)
            memo[id(self)] = whole
            vars(whole).update(copy.deepcopy(vars(self), memo))
            return whole
        if self._snapshot is None:
            snapshot = copy.copy(self)
            snapshot.end()
            snapshot.items = self.items.copy()
            for hash_key, range_key in self._in_transaction:
                if hash_key not in snapshot.items:
                    continue
                if range_key is None:
                    snapshot.items[hash_key] = copy.deepcopy(self.items[hash_key])
                    continue
                if snapshot.items[hash_key] is self.items[hash_key]:
                    snapshot.items[hash_key] = dict(self.items[hash_key])
                if range_key in snapshot.items[hash_key]:
                    item = self.items[hash_key][range_key]
                    snapshot.items[hash_key][range_key] = copy.deepcopy(item)
            self._snapshot = snapshot
        return self._snapshot


def _within(comparison: str, given: list[DynamoType]) -> Callable[[Any], bool]:
    """Return whether an item's range key is as asked for; moto asks that of each item again."""
    compare = get_comparison_func(comparison)
    values = [each.cast_value for each in given]
    return lambda item: bool(compare(item.range_key.cast_value, *values))


def _hash_key(item: Item) -> Any:
    return item.hash_key.cast_value


def _both_keys(item: Any) -> Any:
    return (item.hash_key.cast_value, item.range_key.cast_value)


_READING = {"GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems"}


class QuickResult(responses.DynamoResult):
    """Items that were read, written as the JSON that they are."""

    def execute_result(self, context: Any) -> Any:
        operation = context.operation_model
        asked = context.response.headers.get("Content-Type", "")
        if operation.name not in _READING or not asked.startswith("application/x-amz-json"):
            return super().execute_result(context)
        found: Any = self.result
        members = operation.output_shape.members
        told = {name: found[name] for name in members if found.get(name) is not None}
        return 200, {"Content-Type": asked}, json.dumps(told, default=_text_of)


def _text_of(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{value!r} is nothing that an item has")


def install() -> None:
    """Have moto make such tables and answers from now on."""
    models.Table = QuickTable  # type: ignore[attr-defined]
    responses.DynamoResult = QuickResult  # type: ignore[misc]
    core.method_names_from_class = cache(core.method_names_from_class)  # type: ignore[attr-defined]
