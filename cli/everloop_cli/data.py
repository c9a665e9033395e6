"""What is in the datasets of a model, and what a person takes out of it, or brings back."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from everloop.moments import text
from everloop.records.object_state import PRESENT, SET_ASIDE
from everloop_cli.calling import call
from everloop_cli.records import Records
from everloop_cli.site import Site
from everloop_cli.trouble import Trouble

_PER_CALL = 500  # what change_data takes


def listed(site: Site, model: str, *, everything: bool = False) -> list[dict[str, Any]]:
    """Return what was withdrawn or set aside, by key; with `everything` what is in datasets, too.

    Raises Trouble for a model that nobody installed and nothing came for.
    """
    records = Records(site)
    states = records.objects(model)
    if not states and not records.has_data(model):
        records.known(model)
    rows = [
        {
            "id": state.id,
            "key": state.key,
            "version_id": state.version_id,
            "state": state.state,
            "reason": state.reason,
            "at": text(state.at),
            "by": state.by,
            "marker": state.marker,
        }
        for state in sorted(states.values(), key=lambda state: (state.key, state.at))
    ]
    if not everything:
        return [row for row in rows if row["state"] != PRESENT]
    rows += [
        {
            "id": each["id"],
            "key": each["key"],
            "version_id": each["version_id"],
            "state": PRESENT,
            "reason": "",
            "at": each["arrived_at"],
            "by": "",
            "window": each["window"],
        }
        for each in records.arrivals(model)
        if each["id"] not in states
    ]
    return sorted(rows, key=lambda row: str(row["key"]))


def next_dataset(site: Site, model: str) -> dict[str, Any] | None:
    """Return what the next dataset would be; None to who may not ask for it."""
    request = {"action": "look", "model": model, "keys": {}, "reason": "looks"}
    try:
        found: dict[str, Any] | None = call(site, "change-data", request)["next_dataset"]
    except Trouble:
        return None
    return found


def undrop(site: Site, model: str, names: Iterable[str], reason: str) -> dict[str, Any]:
    """Delete objects, so that they are in no later dataset; return what changed, and what not."""
    bucket = site.output("DataBucket")
    markers: dict[str, str] = {}
    refused = ""
    for key in dict.fromkeys(_named(site, model, names)):
        try:
            answer = site.s3.delete_object(Bucket=bucket, Key=key)
        except ClientError as error:
            refused = f"S3 did not delete {key}: {error}"
            break
        markers[key] = answer.get("VersionId") or ""
    done = _change(site, "undrop", model, markers, reason)  # also of a part: it is deleted
    if refused:
        raise Trouble(f"{refused}. Deleted before it: {len(markers)} objects")
    return done


def restore(
    site: Site, model: str, names: Iterable[str], reason: str, *, set_aside: bool = False
) -> dict[str, Any]:
    """Bring objects back into the next dataset; with `set_aside` all that were set aside."""
    bucket, wanted = site.output("DataBucket"), list(names)
    if set_aside:
        states = Records(site).objects(model).values()
        wanted += [each.key for each in states if each.state == SET_ASIDE]
    if not wanted:
        raise Trouble("say which: everloop data restore MODEL KEY, or --set-aside for all of those")
    removed: dict[str, str] = {}
    for key in [_full(model, name) for name in dict.fromkeys(wanted)]:
        removed[key] = ""
        for marker in _markers_above(site, bucket, key):
            try:
                site.s3.delete_object(Bucket=bucket, Key=key, VersionId=marker)
            except ClientError as error:
                raise Trouble(
                    f"S3 did not take away the delete marker of {key}: {error}"
                ) from error
            removed[key] = marker
    return _change(site, "restore", model, removed, reason)


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
