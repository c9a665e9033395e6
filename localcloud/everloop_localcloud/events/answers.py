"""What the operations of EventBridge have in common: names, tags and pages."""

import re
from typing import Any

from everloop_localcloud.kernel.errors import validation

_NAME = re.compile(r"[.\-_A-Za-z0-9]+")


def check_name(name: str, longest: int) -> None:
    if not _NAME.fullmatch(name) or len(name) > longest:
        raise validation(
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+ "
            f"and have at most {longest} characters"
        )


def tags_of(given: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given or []}


def page(items: list[Any], request: dict[str, Any], member: str) -> dict[str, Any]:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise validation("Parameter NextToken is not valid.")
    first = int(token)
    last = first + (request.get("Limit") or 100)
    answer: dict[str, Any] = {member: items[first:last]}
    if last < len(items):
        answer["NextToken"] = str(last)
    return answer
