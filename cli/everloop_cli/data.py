"""data list, undrop, restore: what is in the datasets of a model, and what a person takes out."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from everloop.records.object_state import PRESENT, SET_ASIDE, WITHDRAWN
from everloop_cli import show
from everloop_cli.calling import call
from everloop_cli.records import Records
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

_STYLES = {PRESENT: show.GOOD, SET_ASIDE: show.WAIT, WITHDRAWN: show.BAD}
_PER_CALL = 500  # what change_data takes


def run(arguments: argparse.Namespace) -> int:
    site = Site(arguments.stack)
    return {"list": _list, "undrop": _undrop, "restore": _restore}[arguments.action](
        site, arguments
    )


def _list(site: Site, arguments: argparse.Namespace) -> int:
    records, model = Records(site), arguments.model
    states = records.objects(model)
    if not states and not records.has_data(model):
        records.known(model)
    rows = sorted(states.values(), key=lambda row: (row["key"], row["at"]))
    if arguments.all:
        ids = set(states)
        rows += [
            {
                "key": each["key"],
                "version_id": each["version_id"],
                "state": PRESENT,
                "reason": "",
                "at": each["arrived_at"],
                "by": "",
                "window": each["window"],
            }
            for each in records.arrivals(model)
            if each["id"] not in ids
        ]
        rows.sort(key=lambda row: row["key"])
    if not arguments.all:
        rows = [row for row in rows if row["state"] != PRESENT]
    newest, following = records.newest_dataset(model), _next(site, model)
    if arguments.json:
        told = {"dataset": newest, "next_dataset": following}
        show.emit_json({"model": model, **told, "objects": rows})
        return 0
    for row in rows:
        # Not a table: a key that a cell breaks in two cannot be copied.
        word = show.mark(f"{row['state']:<9}", _STYLES.get(row["state"], show.QUIET))
        by = f" by {row['by']}" if row["by"] else ""
        said = f"  {str(row['at'])[:19]}{by}: {row['reason']}" if row["reason"] else ""
        show.out.print(word, f"{row['key']}{said}", soft_wrap=True, markup=False)
    if not rows:
        show.out.print(f"nothing of {model} was withdrawn or set aside", style=show.QUIET)
    if newest:
        said = f"newest dataset: window {newest['window']}, {newest['digest'][:12]}"
        show.out.print(said, style=show.QUIET)
    _show_next(following)
    return 0


def _next(site: Site, model: str) -> dict[str, Any] | None:
    """Return what the next dataset would be; None to who may not ask for it."""
    request = {"action": "look", "model": model, "keys": {}, "reason": "looks"}
    try:
        found: dict[str, Any] | None = call(site, "change-data", request)["next_dataset"]
    except Trouble:
        return None
    return found


def _undrop(site: Site, arguments: argparse.Namespace) -> int:
    model, bucket = arguments.model, site.output("DataBucket")
    reason = arguments.reason or "taken out with everloop data undrop"
    keys = list(dict.fromkeys(_named(site, model, arguments.keys)))
    markers: dict[str, str] = {}
    refused = ""
    for key in keys:
        try:
            answer = site.s3.delete_object(Bucket=bucket, Key=key)
        except ClientError as error:
            refused = f"S3 did not delete {key}: {error}"
            break
        markers[key] = answer.get("VersionId") or ""
    done = _change(site, "undrop", model, markers, reason)  # also of a part: it is deleted
    if refused:
        raise Trouble(f"{refused}. Deleted before it: {len(markers)} objects")
    return _tell(arguments, done, "taken out: in no later dataset of", "undrop")


def _restore(site: Site, arguments: argparse.Namespace) -> int:
    model, bucket = arguments.model, site.output("DataBucket")
    reason = arguments.reason or "brought back with everloop data restore"
    names = list(arguments.keys)
    if arguments.set_aside:
        states = Records(site).objects(model).values()
        names += [row["key"] for row in states if row["state"] == SET_ASIDE]
    if not names:
        raise Trouble("say which: everloop data restore MODEL KEY, or --set-aside for all of those")
    keys = [_full(model, name) for name in dict.fromkeys(names)]
    removed: dict[str, str] = {}
    for key in keys:
        removed[key] = ""
        for marker in _markers_above(site, bucket, key):
            try:
                site.s3.delete_object(Bucket=bucket, Key=key, VersionId=marker)
            except ClientError as error:
                raise Trouble(
                    f"S3 did not take away the delete marker of {key}: {error}"
                ) from error
            removed[key] = marker
    done = _change(site, "restore", model, removed, reason)
    return _tell(arguments, done, "brought back: in the next dataset of", "restore")


def _tell(arguments: argparse.Namespace, done: dict[str, Any], said: str, what: str) -> int:
    if arguments.json:
        told = {"left": done["left"], "next_dataset": done["next_dataset"]}
        show.emit_json({"model": arguments.model, what: done["changed"], **told})
    else:
        if done["changed"]:
            show.out.print(f"{said} {arguments.model}: {len(done['changed'])} objects")
        for key, why in done["left"].items():
            show.out.print(f"{key}: {why}", markup=False, soft_wrap=True)
        _show_next(done["next_dataset"])
    return 1 if done["left"] and not done["changed"] else 0


def _show_next(following: dict[str, Any] | None) -> None:
    if following is not None:
        said = f"the next dataset: {following['objects']} objects, {following['digest'][:12]}"
        show.out.print(said, style=show.QUIET)


def _change(
    site: Site, action: str, model: str, keys: Mapping[str, str], reason: str
) -> dict[str, Any]:
    done: dict[str, Any] = {"changed": [], "left": {}, "next_dataset": None}
    names = list(keys)
    for start in range(0, len(names), _PER_CALL):
        some = {name: keys[name] for name in names[start : start + _PER_CALL]}
        request = {"action": action, "model": model, "keys": some, "reason": reason}
        answer = call(site, "change-data", request)
        done["changed"] += answer["changed"]
        done["left"] |= answer["left"]
        done["next_dataset"] = answer["next_dataset"]
    return done


def _named(site: Site, model: str, names: Iterable[str]) -> Iterator[str]:
    """Yield the keys that names mean, which must be there; one that ends in / means all below."""
    bucket = site.output("DataBucket")
    for name in names:
        full = _full(model, name)
        pages = site.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=full)
        below = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        found = below if name.endswith("/") else [key for key in below if key == full]
        if not found:
            raise Trouble(f"{full} is not there. What is: everloop data list {model} --all")
        yield from found


def _full(model: str, name: str) -> str:
    prefix = f"data/{model}/"
    return name if name.startswith(prefix) else prefix + name.lstrip("/")


def _markers_above(site: Site, bucket: str, key: str) -> list[str]:
    """Return the delete markers above a key's newest version, the newest first."""
    pages = site.s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key)
    markers, newest = [], None
    for page in pages:
        for entry in page.get("DeleteMarkers", ()):
            if entry["Key"] == key:
                markers.append((entry["LastModified"], bool(entry["IsLatest"]), entry["VersionId"]))
        for version in page.get("Versions", ()):
            if version["Key"] == key:
                newest = max(newest or version["LastModified"], version["LastModified"])
    if not any(latest for _, latest, _ in markers) or newest is None:
        return []
    return [id for when, _, id in sorted(markers, reverse=True) if when >= newest]
