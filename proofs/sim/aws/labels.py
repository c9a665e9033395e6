"""What a monitor's job makes of labels: it keeps predictions, and joins labels with all it knows.

A prediction is named by the key of the file that it was captured in.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from proofs.sim.aws import content
from proofs.sim.aws.s3 import S3

Params = dict[str, Any]


@dataclass(frozen=True)
class Joined:
    """Predictions that a look knew, and the label files whose predictions were among them."""

    predictions: list[str] = field(default_factory=list)
    labels: set[str] = field(default_factory=set)


def look(s3: S3, request: Params) -> Joined:
    """Keep what was captured, by day, under the look's own name; join what labels there are."""
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in request["ProcessingInputs"]}
    outputs = {
        each["OutputName"]: each["S3Output"]["S3Uri"]
        for each in request["ProcessingOutputConfig"]["Outputs"]
    }
    if "late" not in inputs or "predictions" not in outputs:
        return Joined()
    bucket, described, *_ = _listed(s3, inputs["late"])
    given = json.loads(s3.objects[bucket, described][-1].data)
    captured = _listed(s3, inputs["capture"])[1:] if "capture" in inputs else []
    known = list(captured)
    for key in given["predictions"]:
        known += json.loads(s3.objects[bucket, key][-1].data)
    _, _, prefix = outputs["predictions"].removeprefix("s3://").partition("/")
    for day in {_day(key) for key in captured}:
        own = [key for key in captured if _day(key) == day]
        s3.put(bucket, f"{prefix}/{day}/{given['look']}.csv.gz", json.dumps(own).encode())
    labels = set()
    if "labels" in inputs:
        home, *files = _listed(s3, inputs["labels"])
        labels = {key for key in files if _prediction(s3, home, key) in known}
    return Joined(known, labels)


def _listed(s3: S3, manifest: str) -> tuple[str, ...]:
    """Return the bucket of what a manifest lists, and the keys."""
    bucket, _, key = manifest.removeprefix("s3://").partition("/")
    first, *names = content.read_json(s3.objects[bucket, key][-1].data)
    bucket, _, root = first["prefix"].removeprefix("s3://").partition("/")
    return (bucket, *(root + name for name in names))


def _day(key: str) -> str:
    return "-".join(key.split("/")[4:7])


def _prediction(s3: S3, bucket: str, key: str) -> str:
    return s3.objects[bucket, key][-1].data.decode().split("\n")[1].partition(",")[0]
