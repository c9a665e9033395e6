"""All that S3 keeps of a model, version by version: what holds a subject's rows, and its end.

Read first and changed then: what is to go is known before anything goes. Every version that holds a
row goes for good; where the newest does, what is left of it is written as a new one before.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from threading import Lock

from everloop import names
from everloop.aws import buckets, storage
from everloop.decisions.objects import ListedVersion, newest_first
from everloop_cli.forgetting import rows
from everloop_cli.forgetting.rows import Cleared, Unread
from everloop_cli.forgetting.subject import Subject
from everloop_jobs.formats.dialect import PANDAS, Dialect

Reader = Callable[[bytes, Subject], Cleared]
_READERS = 8
_LARGE = 32 * 1024 * 1024  # bytes; larger objects are read one after another
_ONE_AT_A_TIME = Lock()
_TEXTS = (".json", ".html", ".txt", ".md")
_TABLES = (".csv", ".csv.gz", ".jsonl", ".ndjson", ".parquet", ".pq")
# What a run needs while it runs, made of its rows and without their key: it goes with them.
_PASSING = ("requests", "answers", "algorithm", "checkpoints")
_DIGESTS = "baseline/trained-keys.bin"


@dataclass
class Affected:
    """An object that holds rows: what takes its place, and which versions go."""

    bucket: str
    key: str
    gone: list[str]
    rows: int
    # Makes what takes the newest version's place, when it is written; None where that stays.
    instead: Callable[[], bytes] | None = None
    hide: bool = False  # nothing is left of the newest, and older ones would show again
    markers: list[str] = field(default_factory=list)  # go as well, since no version stays
    places: Sequence[int] = ()


@dataclass
class Found:
    """What is to change, how many objects were looked at, and those that nobody can look into."""

    affected: list[Affected] = field(default_factory=list)
    looked_at: int = 0
    unread: dict[str, str] = field(default_factory=dict)


def dropped(bucket: str, prefix: str, subject: Subject, dialect: Dialect) -> Found:
    """Look through what people brought: drops, or labels."""

    def reader(key: str) -> Reader | None:
        return lambda data, whose: rows.table(data, whose, dialect)

    return _swept(bucket, prefix, subject, reader)


def made(bucket: str, model: str, subject: Subject) -> Found:
    """Look through what trainings, looks and endpoints wrote."""
    found, subject = Found(), replace(subject, ours=True)
    days = (f"predictions/{each}d/{model}/" for each in (7, 30, 90, 365))
    places = (f"runs/{model}/", f"capture/{model}/", f"scores/{model}/", *days)
    for place in (*places, f"comparisons/{model}/", f"monitoring/{model}/", f"releases/{model}/"):
        _add(found, _swept(bucket, place, subject, _made_reader))
    _along(bucket, found)
    return found


def _made_reader(key: str) -> Reader | None:
    if key.startswith("capture/"):
        return rows.captured
    if key.endswith(_TABLES):
        return lambda data, whose: rows.table(data, whose, PANDAS)
    return rows.text if key.endswith(_TEXTS) else None


def _add(found: Found, more: Found) -> None:
    found.affected += more.affected
    found.looked_at += more.looked_at
    found.unread |= more.unread


def _swept(
    bucket: str, prefix: str, subject: Subject, reader: Callable[[str], Reader | None]
) -> Found:
    found = Found()
    by_key = [(key, list(those)) for key, those in groupby(_listed(bucket, prefix), _key)]
    with ThreadPoolExecutor(_READERS) as pool:
        looked = pool.map(lambda each: _look(bucket, each[1], subject, reader), by_key)
        for (key, _), (affected, why) in zip(by_key, looked, strict=True):
            found.looked_at += 1
            if why:
                found.unread[f"s3://{bucket}/{key}"] = why
            if affected is not None:
                found.affected.append(affected)
    return found


def _key(version: ListedVersion) -> str:
    return version.key


def _listed(bucket: str, prefix: str) -> Iterator[ListedVersion]:
    after = ""
    while True:
        page, after = storage.versions_after(bucket, prefix, after)
        yield from sorted(page, key=_key)
        if not after:
            return


def _look(
    bucket: str,
    listed: Sequence[ListedVersion],
    subject: Subject,
    reader: Callable[[str], Reader | None],
) -> tuple[Affected | None, str]:
    """Return what is to change of a key, and why nobody could look into it."""
    key = listed[0].key
    look = reader(key)
    if look is None:
        return None, ""
    hits: dict[str, Cleared] = {}
    versions = [each for each in newest_first(listed) if not each.marker]
    for version in versions:
        if not version.size:
            continue
        if version.size > rows.MOST:
            return None, f"it has {version.size} bytes, and {rows.MOST} are read at most"
        try:
            with _ONE_AT_A_TIME if version.size > _LARGE else nullcontext():
                cleared = look(storage.read(bucket, key, version.version_id), subject)
        except Unread as error:
            return None, str(error)
        if cleared.rows:
            hits[version.version_id] = replace(cleared, data=b"")  # made again when it is needed
    if not hits:
        return None, ""
    affected = Affected(bucket, key, list(hits), max(each.rows for each in hits.values()))
    newest = next((each for each in versions if each.latest), None)
    stays = [each for each in versions if each.version_id not in hits]
    cleared_newest = hits.get(newest.version_id) if newest else None
    if newest is not None and cleared_newest is not None:
        affected.places = cleared_newest.places
        if cleared_newest.left:
            data = partial(storage.read, bucket, key, newest.version_id)
            affected.instead = lambda: look(data(), subject).data
        else:
            affected.hide = bool(stays)
    if not stays and affected.instead is None:
        affected.markers = [each.version_id for each in listed if each.marker]
    return affected, ""


def _along(bucket: str, found: Found) -> None:
    """Let what lies beside tables go along: by place, or whole where it has no key."""
    _work_of_batches(bucket, found)
    runs: dict[str, dict[str, Sequence[int]]] = {}
    for each in found.affected:
        parts = each.key.split("/")
        if parts[0] == "runs" and len(parts) > 4 and parts[3] in ("train", "validation", "holdout"):
            runs.setdefault("/".join(parts[:3]), {})[parts[3]] = each.places
    known = {each.key for each in found.affected}
    for run, parts_of_run in sorted(runs.items()):
        for key, listed in groupby(_listed(bucket, f"{run}/"), _key):
            versions = [each for each in listed if not each.marker]
            below = key.removeprefix(f"{run}/")
            if key in known or not versions:
                continue
            if below == "holdout/groups.csv" and parts_of_run.get("holdout"):
                gone = [each.version_id for each in versions]
                places = parts_of_run["holdout"]
                beside = partial(_beside, bucket, key, places)
                found.affected.append(Affected(bucket, key, gone, len(places), beside))
            elif below.partition("/")[0] in _PASSING or below == _DIGESTS:
                gone = [each.version_id for each in versions]
                found.affected.append(Affected(bucket, key, gone, 0))


def _beside(bucket: str, key: str, places: Sequence[int]) -> bytes:
    """Return what is left of a file that lies beside a table, row by row."""
    return rows.lines_at(storage.read(bucket, key), places).data


def _work_of_batches(bucket: str, found: Found) -> None:
    """Let go what a batch was scored with: requests and answers have no key, and nobody needs them
    once its scores are there.
    """
    parts = [each.key.split("/") for each in found.affected]
    batches = {"/".join(each[:3]) for each in parts if each[0] == "scores" and len(each) > 3}
    for batch in sorted(batches):
        work = f"{names.work_of(batch)}/"
        found.affected = [each for each in found.affected if not each.key.startswith(work)]
        for key, listed in groupby(_listed(bucket, work), _key):
            gone = [each.version_id for each in listed if not each.marker]
            if gone:
                found.affected.append(Affected(bucket, key, gone, 0))


def end(affected: Iterable[Affected]) -> None:
    """Write what stays, and delete for good what does not."""
    for each in affected:
        if each.instead is not None:
            kind = buckets.content_type(each.bucket, each.key)
            storage.write(each.bucket, each.key, each.instead(), kind)
        elif each.hide:
            buckets.delete(each.bucket, each.key)
        for version in (*each.gone, *each.markers):
            buckets.delete(each.bucket, each.key, version)


def versions_of(affected: Iterable[Affected]) -> Mapping[str, Sequence[str]]:
    """Return which versions of which objects went, by key."""
    return {each.key: each.gone for each in affected}
