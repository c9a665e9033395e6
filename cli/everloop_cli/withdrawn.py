"""Which versions of a model were trained on objects that were withdrawn since."""

import json
from typing import Any

from botocore.exceptions import ClientError

from everloop.moments import text
from everloop.records.object_state import WITHDRAWN, object_id
from everloop_cli import show
from everloop_cli.records import Records
from everloop_cli.site import Site

_MOST = 200  # versions whose manifests are read, the newest first
_SHOWN = 20  # keys of each


def trained_on(site: Site, records: Records, model: str, versions: list[Any]) -> dict[str, Any]:
    """Return each version that was trained on something withdrawn since, with what that was.

    `versions` are the registered ones, newest first. Manifests are read only where something was
    withdrawn; of how many there were, `looked_at` says.
    """
    gone = [each for each in records.objects(model).values() if each.state == WITHDRAWN]
    found: list[dict[str, Any]] = []
    unread: list[str] = []
    looked_at = versions[:_MOST] if gone else []
    ids = {each.id for each in gone}
    # A delete marker takes a key out with all its older contents, also those that expired since.
    keys: dict[str, str] = {}
    for each in gone:
        if each.marker:
            keys[each.key] = max(text(each.at), keys.get(each.key, ""))
    manifests: dict[str, dict[str, Any] | None] = {}
    for version in looked_at:
        uri = _dataset_of(site, version["arn"])
        if uri not in manifests:
            manifests[uri] = _read(site, uri)
        manifest = manifests[uri]
        if manifest is None:
            unread.append(str(version["version"]))
            continue
        of = [
            each["key"]
            for each in manifest["objects"]
            if object_id(each["key"], each["version_id"]) in ids
            or str(manifest["frozen_at"]) < keys.get(each["key"], "")
        ]
        if of:
            found.append(
                {"version": version["version"], "objects": len(of), "keys": sorted(of)[:_SHOWN]}
            )
    return {"versions": found, "withdrawn": len(gone), "unread": unread}


def _dataset_of(site: Site, arn: str) -> str:
    package = site.sagemaker.describe_model_package(ModelPackageName=arn)
    return str(package.get("CustomerMetadataProperties", {}).get("dataset-uri") or "")


def _read(site: Site, uri: str) -> dict[str, Any] | None:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not bucket or not key:
        return None
    try:
        body = site.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError:
        return None  # said: its version is among those that could not be read
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("objects"), list) else None


def show_trained_on(told: dict[str, Any], serves: int | None) -> None:
    """Print which versions were trained on what was withdrawn, if any were."""
    for each in told["versions"]:
        now = ", and serves now" if each["version"] == serves else ""
        show.out.print(
            f"Version {each['version']} was trained on {each['objects']} objects that were "
            f"withdrawn since{now}: {', '.join(each['keys'][:3])}",
            style=show.WAIT,
            markup=False,
            soft_wrap=True,
        )
    if told["unread"]:
        said = f"The dataset of version {', '.join(told['unread'])} could not be read."
        show.out.print(said, style=show.WAIT, markup=False)
