"""A person's records in Feature Store: gone from the online store; an offline store only grows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from everloop.aws import feature_records
from everloop_cli.forgetting.subject import Subject


@dataclass(frozen=True)
class Group:
    """A feature group whose records are named by the subject's column."""

    name: str
    online: bool
    there: bool

    def forget(self, id: str, at: datetime) -> str:
        """Delete the record from the online store; return what stays, in words."""
        if not self.there:
            return ""
        if self.online:
            feature_records.delete_record(self.name, id, at)
        return (
            f"{self.name}: the offline store keeps what was put, since Feature Store only adds to "
            "it; delete the rows in its table where that is Iceberg, else write it anew"
        )


def of(spec: Mapping[str, Any], subject: Subject) -> list[Group]:
    """Return the groups that a spec names and whose records the key may name."""
    return [
        Group(
            str(section["group"]),
            bool(section["online"]),
            bool(section["online"])
            and feature_records.has_record(str(section["group"]), subject.key),
        )
        for section in (spec.get("features") or {}).values()
        if section["id"] == subject.column or section["on"] == subject.column
    ]
