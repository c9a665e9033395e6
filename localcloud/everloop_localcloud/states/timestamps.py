"""Times as state machines write them: RFC 3339, with seconds and an offset."""

import re
from datetime import UTC, datetime

_RFC3339 = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:\d{2})")


def parse(text: str) -> datetime:
    """Read a time; fractions below a microsecond are cut. Raises ValueError."""
    found = _RFC3339.fullmatch(text)
    if found is None:
        raise ValueError(text)
    offset = "+00:00" if found[3] == "Z" else found[3]
    fraction = (found[2] or "").ljust(6, "0")[:6]
    return datetime.fromisoformat(f"{found[1]}.{fraction}{offset}")


def written(moment: datetime) -> str:
    """Write a time as the context object has it: UTC, milliseconds, Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
