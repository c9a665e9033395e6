"""What a run waits for that its prepare job put: records on their way into an offline store.

The job wrote it into features.json; what it says of its own failure counts for nothing.
"""

from typing import Any, Final

from everloop.aws import storage
from everloop.aws.settings import settings
from everloop.decisions.infrastructure import FEATURES
from everloop.errors import BadInput
from everloop.flows.report import logger
from everloop.records.installation import Installation
from everloop.records.shortage import Trouble

_STEP: Final = "Preprocess"
_KEPT: Final = ("group", "records", "digest", "written_until")
_MOST: Final = 600  # characters of the reason that are kept


def lacked(installed: Installation, arn: str, failed_step: str) -> Trouble | None:
    """Return what a run that failed waits for; None where it failed for another reason."""
    note = _note(installed, arn) if failed_step == _STEP else {}
    if note.get("waits") is not True:
        return None
    return Trouble(FEATURES, "OfflineStore", message=str(note.get("why") or "")[:_MOST])


def learned(installed: Installation, arn: str) -> dict[str, Any]:
    """Return which records a run learned from, by the names of [features]."""
    groups = _note(installed, arn).get("groups")
    return {
        str(each["name"]): {key: each.get(key) for key in _KEPT}
        for each in (groups if isinstance(groups, list) else [])
        if isinstance(each, dict) and each.get("name") in installed.spec["features"]
    }


def _note(installed: Installation, arn: str) -> dict[str, Any]:
    """Read what the job put down of features; nothing where it put down none."""
    run = arn.rpartition("/")[2]
    if not run or not installed.spec.get("features"):
        return {}
    place = f"runs/{installed.model}/{run}/files/features.json"
    try:
        return storage.find_json(f"s3://{settings().artefact_bucket}/{place}") or {}
    except BadInput as error:
        logger.warning("could not read features", run=arn, why=str(error))
        return {}
