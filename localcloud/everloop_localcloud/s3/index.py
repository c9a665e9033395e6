"""Which keys a bucket has, in order, and the versions of each: rows of the store, kept sorted."""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.store import Table


@dataclass(frozen=True)
class Version:
    """One version of an object, or a delete marker; "null" where the bucket had no versioning.

    `fields` are members that GetObject gives back as they were put (ContentType, Metadata, ...).
    """

    bucket: str
    key: str
    version_id: str
    sequence: int
    time: datetime
    size: int = 0
    etag: str = ""
    blob: str = ""
    is_marker: bool = False
    fields: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    checksums: dict[str, str] = field(default_factory=dict)
    parts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def row(self) -> str:
        return f"{self.bucket}/{self.version_id}/{self.key}"


class Keys:
    """The keys of one bucket in S3's order, each with its versions, oldest first."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.versions: dict[str, list[Version]] = {}

    def current(self, key: str) -> Version | None:
        """Return the newest version, also when it is a delete marker."""
        versions = self.versions.get(key)
        return versions[-1] if versions else None

    def add(self, version: Version) -> None:
        versions = self.versions.get(version.key)
        if versions is None:
            self.versions[version.key] = [version]
            bisect.insort(self.order, version.key)
        else:
            versions.append(version)

    def drop(self, version: Version) -> None:
        versions = self.versions[version.key]
        versions.remove(version)
        if not versions:
            del self.versions[version.key]
            del self.order[bisect.bisect_left(self.order, version.key)]

    def from_(self, start: str) -> Iterator[str]:
        """Yield the keys at and after `start`."""
        for position in range(bisect.bisect_left(self.order, start), len(self.order)):
            yield self.order[position]


class Index:
    """All versions of all buckets. Not locked: its owner is."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._buckets: dict[str, Keys] = {}
        versions = [Version(**row) for row in table.values()]
        for version in sorted(versions, key=lambda version: version.sequence):
            self.keys(version.bucket).add(version)

    def keys(self, bucket: str) -> Keys:
        return self._buckets.setdefault(bucket, Keys())

    def current(self, bucket: str, key: str) -> Version | None:
        return self.keys(bucket).current(key)

    def find(self, bucket: str, key: str, version_id: str) -> Version | None:
        for version in self.keys(bucket).versions.get(key, ()):
            if version.version_id == version_id:
                return version
        return None

    def put(self, version: Version) -> Version | None:
        """Add a version as the newest; return the one of the same id that it replaces."""
        keys = self.keys(version.bucket)
        replaced = None
        if version.version_id == "null":
            replaced = self.find(version.bucket, version.key, "null")
        self._table[version.row] = vars(version)
        keys.add(version)
        if replaced is not None:
            keys.drop(replaced)
        return replaced

    def change(self, old: Version, new: Version) -> None:
        """Put `new` in the place of `old`, of which it is an amendment."""
        versions = self.keys(old.bucket).versions[old.key]
        versions[versions.index(old)] = new
        self._table[new.row] = vars(new)

    def remove(self, version: Version) -> None:
        self.keys(version.bucket).drop(version)
        del self._table[version.row]

    def blobs(self) -> set[str]:
        return {str(row["blob"]) for row in self._table.values()}

    def forget_bucket(self, bucket: str) -> None:
        self._buckets.pop(bucket, None)
