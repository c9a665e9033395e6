"""Which objects of a version's data were withdrawn since it was trained, and when."""

import json
from typing import Any

from everloop.aws import objects
from everloop.moments import text
from everloop.records.object_state import WITHDRAWN, object_id


def of_manifest(model: str, manifest: bytes) -> list[dict[str, Any]]:
    """Return what the ledger remembers of a manifest's objects that are in no later dataset."""
    try:
        listed = json.loads(manifest).get("objects") or []
        ids = [object_id(each["key"], each["version_id"]) for each in listed]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []  # who verifies the pack is told that it is no manifest
    states = objects.states_of(model, set(ids))
    found = (states.get(id) for id in ids)
    return [
        {"key": each.key, "version_id": each.version_id, "at": text(each.at), "why": each.reason}
        for each in found
        if each is not None and each.state == WITHDRAWN
    ]
