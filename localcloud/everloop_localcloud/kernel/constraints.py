"""What botocore's models say of values beyond their types: enumerations, lengths, ranges, patterns.

Botocore leaves these to AWS; a request that breaks them is answered here as AWS words it.
"""

import re
from functools import lru_cache
from typing import Any

_SHOWN = 256  # AWS repeats the value it refuses; nobody reads a megabyte of it
_MATCHED = 4096  # longer values have no pattern that tells much, and patterns may be slow


def broken(shape: Any, value: Any) -> list[str]:
    """Return what breaks the shape, each as AWS's validation errors have it."""
    found: list[str] = []
    _visit(shape, value, "", found)
    return found


def told(failures: list[str]) -> str:
    """Join failures into AWS's message."""
    count = f"{len(failures)} validation error{'s' if len(failures) > 1 else ''} detected: "
    return count + "; ".join(failures)


def _visit(shape: Any, value: Any, path: str, found: list[str]) -> None:  # noqa: C901 # a branch for each shape
    kind = shape.type_name
    if kind == "structure":
        if not getattr(shape, "is_document_type", False):
            for name, item in value.items():
                member = shape.members.get(name)
                if member is not None and item is not None:
                    _visit(member, item, f"{path}.{_lower(name)}" if path else _lower(name), found)
    elif kind == "list":
        _length(shape, value, path, found)
        for number, item in enumerate(value, 1):
            _visit(shape.member, item, f"{path}.{number}.member", found)
    elif kind == "map":
        _length(shape, value, path, found)
        for key, item in value.items():
            _visit(shape.key, key, f"{path}.key", found)
            _visit(shape.value, item, f"{path}.{key}.member", found)
    elif kind == "string":
        _text(shape, value, path, found)
    elif kind in ("integer", "long", "float", "double"):
        most = shape.metadata.get("max")
        if most is not None and value > most:
            _add(found, value, path, f"Member must have value less than or equal to {most}")
    elif kind == "blob" and isinstance(value, bytes | bytearray):
        _length(shape, value, path, found)


def _text(shape: Any, value: Any, path: str, found: list[str]) -> None:
    if not isinstance(value, str):
        return
    allowed = shape.metadata.get("enum")
    if allowed and value not in allowed:
        _add(found, value, path, f"Member must satisfy enum value set: [{', '.join(allowed)}]")
    if _length(shape, value, path, found) and len(value) <= _MATCHED:
        pattern = shape.metadata.get("pattern")
        compiled = _compiled(pattern) if pattern else None
        if compiled is not None and not compiled.fullmatch(value):
            _add(found, value, path, f"Member must satisfy regular expression pattern: {pattern}")


def _length(shape: Any, value: Any, path: str, found: list[str]) -> bool:
    most = shape.metadata.get("max")
    if most is None or len(value) <= most:
        return True
    _add(found, value, path, f"Member must have length less than or equal to {most}")
    return False


def _add(found: list[str], value: Any, path: str, constraint: str) -> None:
    text = repr(value) if isinstance(value, bytes | bytearray) else str(value)
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    found.append(f"Value '{shown}' at '{path}' failed to satisfy constraint: {constraint}")


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


@lru_cache(maxsize=2048)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return the pattern, or nothing where it is one that only Java's expressions can be."""
    try:
        return re.compile(pattern)
    except re.error:
        return None
