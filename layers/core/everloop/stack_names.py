"""Which names a stack may have: what AWS would refuse only in the middle of a deployment."""

import re
from typing import Final

# The longest of the names that the template makes of the stack's is a bucket's, of 63 characters at
# most: <stack>-artefacts-<account of 12 digits>-<region>.
_BUCKET: Final = 63
_AROUND: Final = len("-artefacts-") + 12 + len("-")
_LONGEST_REGION: Final = "us-isof-south-1"
_SHAPE: Final = re.compile(r"[a-z][a-z0-9-]*")
# S3 keeps these beginnings of buckets' names for itself.
_BEGINNINGS: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_TAKEN: Final = ("default",)  # every account has an event bus and a group of schedules of this name


def longest(region: str | None = None) -> int:
    """Return how many characters a stack's name may have in a region; without one, in any."""
    return _BUCKET - _AROUND - len(region or _LONGEST_REGION)


def problem(stack: str, region: str | None = None) -> str | None:
    """Say why no stack can have this name, and which could; None where it can."""
    if not _SHAPE.fullmatch(stack):
        return (
            f"a stack cannot be called {stack!r}: buckets are named after it, so it begins with a "
            "small letter, and has small letters, digits and hyphens only, as in everloop-prod"
        )
    if len(stack) > longest(region):
        where = f"in {region}" if region else "to fit every region"
        return (
            f"a stack cannot be called {stack!r}: that is {len(stack)} characters, and "
            f"{longest(region)} are the most {where} (a bucket's name has the stack's, the "
            f"account's and the region's in it, and {_BUCKET} characters at most)"
        )
    if stack in _TAKEN:
        return f"a stack cannot be called {stack!r}: every account has an event bus of that name"
    if stack.startswith(_BEGINNINGS):
        return (
            f"a stack cannot be called {stack!r}: S3 keeps names that begin with "
            f"{', '.join(_BEGINNINGS)} for itself"
        )
    return None
