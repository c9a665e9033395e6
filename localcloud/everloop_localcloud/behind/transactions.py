"""Tell moto's tables which items a transaction names, so that no more is copied to roll back to."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from everloop_localcloud.behind.keys import Key, is_key, table_of, typed


@contextlib.contextmanager
def announced(account: str, region: str, body: bytes) -> Iterator[None]:
    """Prepare the tables for a TransactWriteItems; call with the lock of the backends held."""
    tables: dict[str, tuple[Any, list[Any]]] = {}
    for name, key in _named(body):
        table = table_of(account, region, name)
        if table is None:
            continue
        keys = tables.setdefault(table.name, (table, []))[1]
        if is_key(table, key):
            keys.append((*typed(table, key), None)[:2])
    for table, keys in tables.values():
        table.begin(keys)
    try:
        yield
    finally:
        for table, _ in tables.values():
            table.end()


def _named(body: bytes) -> Iterator[tuple[str, Key]]:
    """Yield table and key or item of a transaction's actions, as far as they make sense."""
    try:
        request = json.loads(body)
    except ValueError:
        return  # moto tells the client
    actions = request.get("TransactItems") if isinstance(request, dict) else None
    for action in actions if isinstance(actions, list) else ():
        for what in action.values() if isinstance(action, dict) else ():
            if isinstance(what, dict) and isinstance(what.get("TableName"), str):
                key = what.get("Key") or what.get("Item")
                yield what["TableName"], key if isinstance(key, dict) else {}
