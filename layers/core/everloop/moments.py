"""Moments as AWS and we write them, as aware datetimes. Nothing here knows what time it is.

A moment has milliseconds and no more, so that what the ledger gives back equals what it got.
"""

import re
from datetime import UTC, datetime

from everloop.errors import BadInput, shown

_YEARS = (1970, 2999)
_FRACTION = re.compile(r"\.(\d+)")


def moment(value: object, *, field: str = "time") -> datetime:
    """Read a moment: ISO 8601 (Z, +0000, nine fraction digits) or epoch milliseconds.

    Raises BadInput naming `field` for anything else.
    """
    read = _read(value, field)
    if not _YEARS[0] <= read.year <= _YEARS[1]:  # sums with it would end where Python's time does
        raise BadInput(
            f"{field}: {shown(value)} is no time of ours; years {_YEARS[0]} to {_YEARS[1]} are"
        )
    return read.replace(microsecond=read.microsecond // 1000 * 1000)


def _read(value: object, field: str) -> datetime:
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    try:
        if isinstance(value, bool):
            raise ValueError("a boolean is no time")
        if isinstance(value, int | float) or (isinstance(value, str) and value.isdigit()):
            return datetime.fromtimestamp(float(value) / 1000, UTC)
        if isinstance(value, str):
            text = _FRACTION.sub(lambda match: "." + match[1][:6].ljust(6, "0"), value)
            read = datetime.fromisoformat(text)
            return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise BadInput(f"{field}: {shown(value)} is no time; give ISO 8601 with Z") from error
    raise BadInput(f"{field}: {shown(value)} is no time; give ISO 8601 with Z")


def text(when: datetime) -> str:
    """Write a moment as the ledger keeps it: UTC, milliseconds, Z; sorts as it passes."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{when.microsecond // 1000:03d}Z"


def epoch(when: datetime) -> int:
    """Return epoch seconds, as DynamoDB's TTL wants them."""
    return int(when.timestamp())
