"""Known vulnerabilities of a version's packages, by advisories in OSV's format that lie in a file.

osv.dev publishes those of PyPI as one archive. Without a source nothing can be judged, and an
absence of advisories is never told as "none known".
"""

import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from everloop.bom import purl
from everloop_cli.trouble import Trouble

Json = Mapping[str, Any]
_LONGEST: Final = 2000
_NOBODY: Final = "could not judge"


@dataclass(frozen=True)
class Judged:
    """What a source says: in words, for a bill of materials, and how many have a fix."""

    verdict: str
    found: Sequence[Json] = ()
    fixable: int = 0

    def document(self) -> Json:
        return {"verdict": self.verdict, "found": list(self.found)}


def judged(packages: Sequence[Json], source: Path | None) -> Judged:
    """Judge packages by the advisories of a source. Raises Trouble for one that cannot be read."""
    if source is None:
        return Judged(f"{_NOBODY}: no source of advisories was given")
    if not packages:
        return Judged(f"{_NOBODY}: which packages the version has is not known")
    by_name: dict[str, list[Json]] = {}
    newest, count = "", 0
    for record in _records(source):
        affected = [each for each in record.get("affected") or () if _is_pypi(each)]
        if record.get("withdrawn") or not affected:
            continue
        newest, count = max(newest, str(record.get("modified") or "")), count + 1
        for name in {canonicalize_name(each["package"]["name"]) for each in affected}:
            by_name.setdefault(name, []).append(record)
    if not count:
        return Judged(f"{_NOBODY}: {source.name} has no advisories of PyPI")
    found: list[Json] = []
    unread, fixable = list[str](), 0
    for package in packages:
        name = canonicalize_name(str(package["name"]))
        try:
            version = Version(str(package["version"]))
        except InvalidVersion:
            unread.append(f"{name} {package['version']}")
            continue
        for record in by_name.get(name, ()):
            is_affected, fixes = _affects(record, name, version)
            if is_affected:
                found.append(_vulnerability(record, package, fixes))
                fixable += bool(fixes)
    by = f"by {source.name}{_digest(source)}: {count} advisories of PyPI, the newest of {newest}"
    verdict = f"{len(found)} known in {len(packages)} packages, {fixable} with a fix, {by}"
    if unread:
        verdict += f"; {_NOBODY} {', '.join(unread[:10])}: that is no version of PyPI's"
    return Judged(verdict, found, fixable)


def _records(source: Path) -> Iterator[Json]:
    try:
        if source.is_dir():
            for path in sorted(source.rglob("*.json")):
                yield from _parsed(path.read_bytes(), path.name)
        elif zipfile.is_zipfile(source):
            with zipfile.ZipFile(source) as archive:
                for name in archive.namelist():
                    if name.endswith(".json"):
                        yield from _parsed(archive.read(name), name)
        else:
            yield from _parsed(source.read_bytes(), source.name)
    except OSError as error:
        raise Trouble(f"{source}: {error.strerror}; give a file of advisories") from error
    except zipfile.BadZipFile as error:
        raise Trouble(f"{source}: {error}; fetch the archive again") from error


def _parsed(data: bytes, name: str) -> Iterator[Json]:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Trouble(f"{name} is no JSON: {error}; advisories in OSV's format belong") from error
    for each in document if isinstance(document, list) else [document]:
        if not isinstance(each, dict) or "id" not in each:
            raise Trouble(f"{name} has something without an id; advisories in OSV's format belong")
        yield each


def _is_pypi(affected: Any) -> bool:
    package = affected.get("package") if isinstance(affected, Mapping) else None
    return isinstance(package, Mapping) and package.get("ecosystem") == "PyPI"


def _affects(record: Json, name: str, version: Version) -> tuple[bool, list[str]]:
    """Whether a version is affected, and which versions of its range repair it."""
    is_affected, fixes = False, list[str]()
    for each in record.get("affected") or ():
        if not _is_pypi(each) or canonicalize_name(each["package"]["name"]) != name:
            continue
        is_affected |= any(_same(version, listed) for listed in each.get("versions") or ())
        for part in each.get("ranges") or ():
            if part.get("type") == "ECOSYSTEM":
                within, repaired = _within(part.get("events") or (), version)
                is_affected |= within
                fixes += repaired
    return is_affected, sorted(set(fixes), key=Version)


def _within(events: Sequence[Mapping[str, str]], version: Version) -> tuple[bool, list[str]]:
    """Walk a range's events in the order of their versions, as OSV says they are evaluated."""
    steps = sorted(_steps(events), key=lambda step: step[0])
    inside = False
    for at, kind in steps:
        if at > version or (kind == "last_affected" and at == version):
            break
        inside = kind == "introduced"
    return inside, [str(at) for at, kind in steps if kind == "fixed" and at > version]


def _steps(events: Sequence[Mapping[str, str]]) -> Iterator[tuple[Version, str]]:
    for event in events:
        for kind, at in event.items():
            if kind in ("introduced", "fixed", "last_affected"):
                try:
                    yield Version(at), kind
                except InvalidVersion:
                    continue  # OSV lists such versions one by one, too


def _same(version: Version, listed: str) -> bool:
    try:
        return version == Version(listed)
    except InvalidVersion:
        return str(version) == listed


def _vulnerability(record: Json, package: Json, fixes: Sequence[str]) -> Json:
    name, version, id_ = str(package["name"]), str(package["version"]), str(record["id"])
    reference = purl(name, version)
    source = {"name": "OSV", "url": f"https://osv.dev/vulnerability/{id_}"}
    found: dict[str, Any] = {
        "bom-ref": f"{id_}:{reference}",
        "id": id_,
        "source": source,
        "references": [
            {"id": str(alias), "source": {"name": "OSV"}} for alias in record.get("aliases") or ()
        ],
        "description": str(record.get("summary") or record.get("details") or id_)[:_LONGEST],
        "recommendation": f"update {name} to {fixes[0]}" if fixes else "no fix is known",
        "affects": [{"ref": reference, "versions": [{"version": version, "status": "affected"}]}],
    }
    for ours, theirs in (("published", "published"), ("updated", "modified")):
        if record.get(theirs):
            found[ours] = str(record[theirs])
    return found


def _digest(source: Path) -> str:
    if not source.is_file():
        return ""
    with source.open("rb") as file:
        return f" (sha256 {hashlib.file_digest(file, 'sha256').hexdigest()[:12]}…)"
