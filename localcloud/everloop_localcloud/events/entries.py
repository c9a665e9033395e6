"""What callers put on a bus: entries checked as AWS checks them, each on its own."""

import json
import uuid
from typing import Any

from everloop_localcloud.kernel import surrogates
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.clock import stamp
from everloop_localcloud.kernel.errors import validation

MAX_REQUEST_BYTES = 1_048_576


def check_request(entries: list[dict[str, Any]]) -> None:
    """Refuse a request as a whole. Raises AwsError ValidationException."""
    if not 1 <= len(entries) <= 10:
        bound = "less than or equal to 10" if entries else "greater than or equal to 1"
        raise validation(
            f"1 validation error detected: Value '{entries}' at 'entries' failed to satisfy "
            f"constraint: Member must have length {bound}"
        )
    if sum(size_of(entry) for entry in entries) > MAX_REQUEST_BYTES:
        raise validation("Total size of the entries in the request is over the limit.")


def size_of(entry: dict[str, Any]) -> int:
    """Return an entry's size as AWS counts it: 14 bytes for a time, UTF-8 for the rest."""
    size = 14 if entry.get("Time") else 0
    for member in ("Source", "DetailType", "Detail"):
        size += len((entry.get(member) or "").encode())
    return size + sum(len(resource.encode()) for resource in entry.get("Resources") or [])


def refusal(entry: dict[str, Any]) -> dict[str, str] | None:
    """Return the error of an entry that is not taken."""
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            reason = f"{member} is a required argument."
            return _failed("InvalidArgument", f"Parameter {member} is not valid. Reason: {reason}")
    if entry["Source"].startswith("aws."):
        return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = surrogates.loads(entry["Detail"])
    except ValueError as error:
        return _failed("MalformedDetail", f"Detail is malformed: {error}")
    if not isinstance(detail, dict):
        return _failed("MalformedDetail", "Detail is malformed.")
    return None


def _failed(code: str, message: str) -> dict[str, str]:
    return {"ErrorCode": code, "ErrorMessage": message}


def event_of(entry: dict[str, Any], call: Call) -> dict[str, Any]:
    """Return the event that an accepted entry becomes."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": call.account,
        "time": stamp(entry.get("Time") or call.time),
        "region": call.region,
        "resources": list(entry.get("Resources") or []),
        "detail": json.loads(entry["Detail"]),
    }
