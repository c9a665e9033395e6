"""What doctor finds in a model's data: files set aside, and what serves and was trained on
something that was withdrawn since.
"""

import json
from collections.abc import Iterator
from typing import Any

from everloop.records.object_state import SET_ASIDE
from everloop_cli import withdrawn
from everloop_cli.records import Records
from everloop_cli.site import Site


def of_model(
    site: Site, records: Records, model: str, versions: list[Any], serves: int | None
) -> Iterator[tuple[str, str]]:
    """Yield what a person may want to know of a model's data, each with what fixes it."""
    states = records.objects(model).values()
    aside = [each for each in states if each.state == SET_ASIDE]
    if aside:
        said = f"{len(aside)} files are set aside, and in no dataset: {aside[0].reason}"
        yield said, f"everloop data list {model}"
    live = [version for version in versions if version["version"] == serves]
    for each in withdrawn.trained_on(site, records, model, live)["versions"]:
        said = (
            f"version {each['version']} serves, and was trained on {each['objects']} objects that "
            f"were withdrawn since: {', '.join(each['keys'][:3])}"
        )
        said += "; the version that is trained after the next drop is without them"
        yield said, f"everloop drop {model} FILES"


def of_bucket(site: Site) -> Iterator[tuple[str, str]]:
    """Yield that the data bucket tells EventBridge nothing: another tool replaced its setting."""
    bucket = site.output("DataBucket")
    found: dict[str, Any] = dict(site.s3.get_bucket_notification_configuration(Bucket=bucket))
    found.pop("ResponseMetadata", None)
    if "EventBridgeConfiguration" in found:
        return
    said = (
        f"{bucket} tells EventBridge of nothing: its notification setting was replaced. The sweep "
        "finds what comes and goes, later than events do"
    )
    wanted = json.dumps({**found, "EventBridgeConfiguration": {}})
    command = "aws s3api put-bucket-notification-configuration"
    yield said, f"{command} --bucket {bucket} --notification-configuration '{wanted}'"
