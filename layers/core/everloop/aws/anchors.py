"""Anchors: heads of the chains, copied to a bucket where nothing can be deleted for years."""

import json
from datetime import datetime, timedelta
from typing import Final

from everloop.aws import storage, table
from everloop.aws.settings import settings
from everloop.chain import Anchor, anchor_of
from everloop.moments import text
from everloop.records import decision as records

_OFTEN: Final = timedelta(days=1)


def anchor(model: str, now: datetime, *, at_most: timedelta = timedelta(0)) -> bool:
    """Anchor a chain's head as it is, unless it was anchored less than `at_most` ago.

    Its key says all, so that writing it twice is writing it once.
    """
    item = table.get(records.head_key(model))
    if item is None:
        return False
    head = records.head_of(item)
    if head.anchored == head.seq:
        return False
    if head.anchored_at is not None and now - head.anchored_at < at_most:
        return False
    new_anchor = Anchor(model, head.seq, head.hash, text(now))
    document = json.dumps({"version": 1, **new_anchor.as_dict()}, indent=1)
    storage.write_once(
        settings().anchor_bucket, new_anchor.key, document.encode(), "application/json"
    )
    table.written(records.anchor_head(model, head.seq, now))  # it may be gone: the anchor stands
    return True


def anchor_daily(model: str, now: datetime) -> bool:
    """Anchor a chain's head if none was anchored for a day."""
    return anchor(model, now, at_most=_OFTEN)


def all_of(model: str) -> list[Anchor]:
    """Return the heads that were anchored, also those that a delete marker lies on.

    None where the stack has no bucket for them: an older template's.
    """
    bucket = settings().anchor_bucket
    if not bucket:
        return []
    by_key: dict[str, Anchor | None] = {}
    after = ""
    while True:
        page, after = storage.versions_after(bucket, f"chains/{model}/", after)
        for one in page:
            if not one.marker:
                by_key[one.key] = anchor_of(one.key, text(one.modified))
        if not after:
            break
    return [anchor for anchor in by_key.values() if anchor is not None]
