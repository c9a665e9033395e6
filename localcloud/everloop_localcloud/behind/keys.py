"""moto's tables of DynamoDB by name, and the keys of their items."""

from typing import Any

Key = dict[str, Any]


def table_of(account: str, region: str, name: str) -> Any:
    """Return a table by its name or ARN; None where there is none."""
    from moto.dynamodb.models import dynamodb_backends

    return dynamodb_backends[account][region].tables.get(plain_name(name))


def plain_name(table: str) -> str:
    return table.rpartition("/")[2]  # a table may be named by its ARN


def key_names(table: Any) -> list[str]:
    return [name for name in (table.hash_key_attr, table.range_key_attr) if name]


def typed(table: Any, key: Key) -> list[Any]:
    from moto.dynamodb.models.dynamo_type import DynamoType

    return [DynamoType(key[name]) for name in key_names(table)]


def is_key(table: Any, key: Key) -> bool:
    """Tell whether a request's key, or item, has a value of the right type for each key."""
    types = [table.hash_key_type, table.range_key_type]
    return all(
        isinstance(key.get(name), dict) and isinstance(key[name].get(kind), str)
        for name, kind in zip(key_names(table), types, strict=False)
    )
