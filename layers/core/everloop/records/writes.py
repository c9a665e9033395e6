"""Changes of the ledger as plain values: what is written where, and what must hold for it.

Expressions call an attribute `#name` and a value `:name`, so that nobody has to know DynamoDB's
573 reserved words.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from everloop.records.keys import PK, Key

_NAME = re.compile(r"#(\w+)")
Values = Mapping[str, Any]

EXISTS = f"attribute_exists(#{PK})"
NEW = f"attribute_not_exists(#{PK})"


@dataclass(frozen=True)
class Put:
    """Write a whole item."""

    key: Key
    attributes: Values
    condition: str = ""
    values: Values = field(default_factory=dict)

    @property
    def item(self) -> dict[str, Any]:
        return {**self.key.attributes, **self.attributes}


@dataclass(frozen=True)
class Update:
    """Change some attributes of an item."""

    key: Key
    change: str
    condition: str = ""
    values: Values = field(default_factory=dict)


@dataclass(frozen=True)
class Delete:
    """Take an item out."""

    key: Key
    condition: str = ""
    values: Values = field(default_factory=dict)


Write = Put | Update | Delete


def names(write: Write) -> dict[str, str]:
    """Return the attributes that a write's expressions call by name."""
    change = write.change if isinstance(write, Update) else ""
    return {f"#{name}": name for name in sorted(_NAME.findall(f"{change} {write.condition}"))}


def set_of(key: Key, attributes: Values, condition: str = "", **values: Any) -> Update:
    """Return the update that sets these attributes; `values` are the condition's own."""
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in attributes)
    return Update(key, change, condition, {**attributes, **values})
