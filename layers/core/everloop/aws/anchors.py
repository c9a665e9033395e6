"""Anchors: heads of the chains, copied to a bucket where nothing can be deleted for years."""

import json
from datetime import datetime, timedelta
from typing import Final

from everloop.aws import storage, table
from everloop.aws.settings import settings
from everloop.aws.table import model_key
from everloop.chain import Anchor
from everloop.errors import Conflict
from everloop.moments import moment, text

_OFTEN: Final = timedelta(days=1)


def anchor(model: str, now: datetime, *, at_most: timedelta = timedelta(0)) -> bool:
    """Anchor a chain's head as it is, unless it was anchored less than `at_most` ago.

    Its key says all, so that writing it twice is writing it once.
    """
    head = table.get(model_key(model, "CHAIN"))
    if head is None or head.get("anchored") == head["seq"]:
        return False
    before = head.get("anchored_at")
    if before and now - moment(before) < at_most:
        return False
    found = Anchor(model, int(head["seq"]), str(head["hash"]), text(now))
    document = json.dumps({"version": 1, **found.told()}, indent=1)
    storage.write_once(settings().anchor_bucket, found.key, document.encode(), "application/json")
    try:
        table.update(
            model_key(model, "CHAIN"),
            "SET #anchored = :seq, #anchored_at = :now",
            condition="attribute_exists(#pk)",
            seq=found.seq,
            now=text(now),
        )
    except Conflict:
        return True  # the head was deleted a moment ago: the anchor stands
    return True


def anchor_daily(model: str, now: datetime) -> bool:
    """Anchor a chain's head if none was anchored for a day."""
    return anchor(model, now, at_most=_OFTEN)
