"""Labelled traffic on its way to training: what a look made of it becomes a drop."""

import re
from collections.abc import Mapping
from typing import Any

from everloop.aws import storage
from everloop.aws.settings import settings
from everloop.decisions import late_labels
from everloop.errors import BadInput
from everloop.flows import report
from everloop.flows.report import logger
from everloop.records.installation import Installation
from everloop.spec import policy

_DAY = re.compile(r"\d{4}-\d\d-\d\d")


def drop(installed: Installation, findings: Mapping[str, Any]) -> int:
    """Copy the files that a look made of labelled traffic to the model's data; return how many.

    The same file is copied once. What somebody has deleted stays deleted. Raises BadInput for
    findings that name what no look of the model's made.
    """
    if not policy.learns_from_traffic(installed.spec):
        return 0
    copied = 0
    for made in late_labels.label_records(findings, "learned"):
        if made.get("new") and made.get("rows"):
            copied += _drop(installed.model, str(made.get("day")), str(made.get("key")))
    report.count("LabelledTrafficDropped", model=installed.model, value=copied)
    return copied


def _drop(model: str, day: str, source: str) -> bool:
    own = re.compile(rf"predictions/\d+d/{re.escape(model)}/learned/[0-9A-Za-z]+/{day}\.csv")
    if not _DAY.fullmatch(day) or not own.fullmatch(source):
        raise BadInput(f"labels.learned: {source!r} is no file that a look of {model} makes")
    bucket, key = settings().data_bucket, f"data/{model}/labelled-traffic/{day}.csv"
    if any(version.latest and version.marker for version in storage.versions_of(bucket, key)):
        logger.info("left labelled traffic out that was withdrawn", key=key)
        return False
    return storage.copy_new(f"s3://{settings().artefact_bucket}/{source}", bucket, key)
