"""DynamoDB's items: each kept after it was changed, put back at the start, expired by TTL."""

import base64
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

from everloop_localcloud.behind.keys import Key, key_names, plain_name, table_of, typed
from everloop_localcloud.kernel.account import Account

log = logging.getLogger(__name__)

_OPERATIONS = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
_SWEEP_SECONDS = 3600.0  # AWS promises days
_OLDEST_SECONDS = 5 * 365 * 24 * 3600  # AWS leaves alone what would have expired that long ago


def is_item_operation(operation: str) -> bool:
    return operation in _OPERATIONS


class Items:
    """Rows of the store that mirror the items of moto's tables; `lock` is that of the backends."""

    def __init__(self, cloud: Account, lock: "threading.RLock") -> None:
        self._cloud = cloud
        self._lock = lock
        self._names = cloud.store.table("dynamodb.tables")

    def load(self) -> None:
        """Put the kept items into their tables, which exist again."""
        for name, row in list(self._names.items()):
            table = self._table(row["region"], row["table"])
            if table is None:
                log.error("table %s is gone; its items are left alone", name)
                continue
            for item in self._cloud.store.load(name).values():
                table.put_item(json.loads(item["item"]), overwrite=True)

    def start(self) -> None:
        self._cloud.clock.after(_SWEEP_SECONDS, self._sweep)

    def keep(self, region: str, operation: str, body: bytes) -> None:
        """Keep what a successful operation made of the items that it names."""
        for name, item, key in _touched(operation, json.loads(body)):
            table = self._table(region, name)
            if table is None:
                continue
            given = item if item is not None else key
            assert given is not None
            self._keep_one(region, table, {n: given[n] for n in key_names(table)})

    def drop_table(self, region: str, table: str) -> None:
        name = _row_name(region, plain_name(table))
        for key in self._cloud.store.load(name):
            self._cloud.store.write(name, key, None)
        self._names.pop(name, None)

    def _keep_one(self, region: str, table: Any, key: Key) -> None:
        name = _row_name(region, table.name)
        if name not in self._names:
            self._names[name] = {"region": region, "table": table.name}
        row = json.dumps(key, sort_keys=True, default=str)
        found = table.get_item(*typed(table, key))
        kept = {"item": json.dumps(_attributes(found))} if found is not None else None
        self._cloud.store.write(name, row, kept)

    def _table(self, region: str, name: str) -> Any:
        return table_of(self._cloud.account, region, name)

    def _sweep(self) -> None:
        """Delete what TTL says has expired, by the cloud's time."""
        try:
            now = self._cloud.clock.now().timestamp()
            with self._lock:
                for region, table, key in list(self._expired(now)):
                    table.delete_item(*typed(table, key))
                    self._keep_one(region, table, key)
        finally:
            self._cloud.clock.after(_SWEEP_SECONDS, self._sweep)

    def _expired(self, now: float) -> Iterator[tuple[str, Any, Key]]:
        for row in self._names.values():
            table = self._table(row["region"], row["table"])
            if table is None or table.ttl.get("TimeToLiveStatus") != "ENABLED":
                continue
            for item in table.all_items():
                attributes = _attributes(item)
                stamp = attributes.get(table.ttl["AttributeName"], {}).get("N")
                if stamp is not None and now - _OLDEST_SECONDS < float(stamp) < now:
                    yield row["region"], table, {n: attributes[n] for n in key_names(table)}


def _touched(
    operation: str, request: dict[str, Any]
) -> Iterator[tuple[str, Key | None, Key | None]]:
    """Yield table, item or else key, for all that an operation may have changed."""
    if operation == "BatchWriteItem":
        for table, writes in request["RequestItems"].items():
            for write in writes:
                item = write.get("PutRequest", {}).get("Item")
                yield table, item, write.get("DeleteRequest", {}).get("Key")
    elif operation == "TransactWriteItems":
        for action in request["TransactItems"]:
            for kind, what in action.items():
                if kind != "ConditionCheck":
                    yield what["TableName"], what.get("Item"), what.get("Key")
    else:
        yield request["TableName"], request.get("Item"), request.get("Key")


def _row_name(region: str, table: str) -> str:
    return f"dynamodb.items.{region}.{table}"


def _attributes(item: Any) -> dict[str, Any]:
    """Return an item's attributes as requests have them; moto's own writing decodes some blobs."""
    return {name: _plain_value(value) for name, value in item.attrs.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, list):
        return [_plain_value(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain_value(item) for name, item in value.items()}
    if hasattr(value, "type"):
        return {value.type: _plain_value(value.value)}
    return value
