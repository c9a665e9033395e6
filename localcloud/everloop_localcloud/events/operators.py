"""The operators of event patterns: each becomes a test of one value, worded as AWS words it."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from everloop_localcloud.events.pattern_json import InvalidPattern, Pairs

Test = Callable[[Any], bool]

_ONE_KEY = "Only one key allowed in match expression"
_TOO_MANY = "Too many elements in numeric expression"
_IPV4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+")
_IPV6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IP address that a text spells, if it does."""
    if not (_IPV4.fullmatch(text) or _IPV6.fullmatch(text)):
        return None
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def operator(pairs: Pairs) -> Test:
    """Compile `{"prefix": ...}` and its like, all but exists. Raises InvalidPattern."""
    if not pairs:
        raise InvalidPattern("Match expression name not found")
    name, value = pairs[0]
    compiler = _COMPILERS.get(name)
    if compiler is None:
        raise InvalidPattern(f"Unrecognized match type {name}")
    test = compiler(value)
    if len(pairs) > 1:
        raise InvalidPattern(_TOO_MANY if name in ("numeric", "anything-but") else _ONE_KEY)
    return test


def exists(pairs: Pairs) -> bool:
    """Return what `{"exists": ...}` asks for. Raises InvalidPattern."""
    value = pairs[0][1]
    if not isinstance(value, bool):
        raise InvalidPattern("exists match pattern must be either true or false.")
    if len(pairs) > 1:
        raise InvalidPattern(_ONE_KEY)
    return value


def _exactly(value: Any) -> Test:
    if not isinstance(value, str):
        raise InvalidPattern("exact match pattern must be a string")
    return lambda found: isinstance(found, str) and found == value


def _prefix(value: Any) -> Test:
    if isinstance(value, Pairs):
        wanted = _ignoring_case(value, "Prefix").lower()
        return lambda found: isinstance(found, str) and found.lower().startswith(wanted)
    if not isinstance(value, str):
        raise InvalidPattern("prefix match pattern must be a string")
    return lambda found: isinstance(found, str) and found.startswith(value)


def _suffix(value: Any) -> Test:
    if isinstance(value, Pairs):
        wanted = _ignoring_case(value, "Suffix").lower()
        return lambda found: isinstance(found, str) and found.lower().endswith(wanted)
    if not isinstance(value, str):
        raise InvalidPattern("suffix match pattern must be a string")
    return lambda found: isinstance(found, str) and found.endswith(value)


def _ignoring_case(pairs: Pairs, kind: str) -> str:
    if not pairs:
        raise InvalidPattern(f"{kind} expression name not found")
    name, value = pairs[0]
    if name != "equals-ignore-case":
        raise InvalidPattern(f"Unsupported {kind.lower()} pattern: {name}")
    if not isinstance(value, str):
        raise InvalidPattern("equals-ignore-case match pattern must be a string")
    if len(pairs) > 1:
        raise InvalidPattern(_ONE_KEY)
    return value


def _equals_ignore_case(value: Any) -> Test:
    if not isinstance(value, str):
        raise InvalidPattern("equals-ignore-case match pattern must be a string")
    wanted = value.lower()
    return lambda found: isinstance(found, str) and found.lower() == wanted


def _wildcard(value: Any) -> Test:
    if not isinstance(value, str):
        raise InvalidPattern("wildcard match pattern must be a string")
    pieces = [""]
    at = 0
    while at < len(value):
        letter, following = value[at], value[at + 1 : at + 2]
        # AWS counts the position in bytes, and the opening quote counts.
        position = len(value[:at].encode()) + 1
        if letter == "*":
            if following == "*":
                raise InvalidPattern(f"Consecutive wildcard characters at pos {position}")
            pieces.append("")
        elif letter == "\\":
            if following not in ("*", "\\") or not following:
                raise InvalidPattern(f"Invalid escape character at pos {position}")
            pieces[-1] += following
            at += 1
        else:
            pieces[-1] += letter
        at += 1
    return lambda found: isinstance(found, str) and _fits(found, pieces)


def _fits(text: str, pieces: list[str]) -> bool:
    """Tell whether the pieces occur in order, the first at the start and the last at the end."""
    if len(pieces) == 1:
        return text == pieces[0]
    first, last = pieces[0], pieces[-1]
    if len(text) < len(first) + len(last):
        return False
    if not (text.startswith(first) and text.endswith(last)):
        return False
    at, end = len(first), len(text) - len(last)
    for piece in pieces[1:-1]:
        at = text.find(piece, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def _cidr(value: Any) -> Test:
    if not isinstance(value, str):
        raise InvalidPattern("prefix match pattern must be a string")
    parts = value.split("/")
    if len(parts) != 2:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    if not re.fullmatch(r"[+-]?[0-9]+", parts[1]):
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    bits = int(parts[1])
    if bits < 0:
        raise InvalidPattern("Malformed CIDR, mask bits must not be negative")
    if not (_IPV4.fullmatch(parts[0]) or _IPV6.fullmatch(parts[0])):
        raise InvalidPattern(f"Nonstandard IP address: {parts[0]}")
    start = address(parts[0])
    if start is None:
        raise InvalidPattern(f"Invalid IP address: {parts[0]}")
    if bits >= start.max_prefixlen:
        raise InvalidPattern(f"IPv{start.version} mask bits must be < {start.max_prefixlen}")
    bottom = int(start)
    top = bottom | ((1 << (start.max_prefixlen - bits)) - 1)

    def test(found: Any) -> bool:
        if not isinstance(found, str):
            return False
        ip = address(found)
        return ip is not None and ip.version == start.version and bottom <= int(ip) <= top

    return test


def _numeric(value: Any) -> Test:
    if not isinstance(value, list) or isinstance(value, Pairs):
        raise InvalidPattern("Value of numeric must be an array.")
    if not value or not isinstance(value[0], str):
        raise InvalidPattern(
            f"Invalid member in numeric match: {_text(value[0]) if value else ']'}"
        )
    sign = value[0]
    if sign not in _COMPARISONS:
        raise InvalidPattern(f"Unrecognized numeric range operator: {sign}")
    if len(value) < 2 or not is_number(value[1]):
        raise InvalidPattern(f"Value of {'equals' if sign == '=' else sign} must be numeric")
    compare, limit = _COMPARISONS[sign], value[1]
    if len(value) == 2:
        return lambda found: is_number(found) and compare(found, limit)
    if sign not in (">", ">="):
        raise InvalidPattern(_TOO_MANY)
    upper = value[2]
    if not isinstance(upper, str):
        raise InvalidPattern(f"Bad value in numeric range: {_text(upper)}")
    if upper not in ("<", "<="):
        raise InvalidPattern(f"Bad numeric range operator: {upper}")
    if len(value) < 4 or not is_number(value[3]):
        raise InvalidPattern(f"Value of {upper} must be numeric")
    if len(value) > 4:
        raise InvalidPattern("Too many terms in numeric range expression")
    below, top = _COMPARISONS[upper], value[3]
    if limit >= top:
        raise InvalidPattern("Bottom must be less than top")
    return lambda found: is_number(found) and compare(found, limit) and below(found, top)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)


def _anything_but(value: Any) -> Test:
    if isinstance(value, Pairs):
        return _anything_but_pattern(value)
    if isinstance(value, list):
        if any(isinstance(item, bool | list) or item is None for item in value):
            raise InvalidPattern("Inside anything but list, start|null|boolean is not supported.")
        kinds = {isinstance(item, str) for item in value}
        if len(kinds) != 1:
            raise InvalidPattern(
                "Inside anything but list, either all values are number or string, "
                "mixed type is not supported"
            )
        unwanted = value
    elif isinstance(value, str) or is_number(value):
        unwanted = [value]
    else:
        raise InvalidPattern(
            "Value of anything-but must be an array or single string/number value."
        )
    return lambda found: isinstance(found, bool) or found not in unwanted


def _anything_but_pattern(pairs: Pairs) -> Test:
    if not pairs:
        raise InvalidPattern("Anything-But expression name not found")
    name, value = pairs[0]
    if name not in ("equals-ignore-case", "prefix", "suffix", "wildcard"):
        raise InvalidPattern(f"Unsupported anything-but pattern: {name}")
    single = isinstance(value, str) or is_number(value)
    if not single and (not isinstance(value, list) or isinstance(value, Pairs)):
        raise InvalidPattern(
            "Value of anything-but must be an array or single string/number value."
        )
    for item in [value] if single else value:
        if not isinstance(item, str):
            if name == "equals-ignore-case":
                raise InvalidPattern(
                    "Inside anything-but/equals-ignore-case list, "
                    "number|start|null|boolean is not supported."
                )
            kind = "wildcard" if name == "wildcard" else "prefix/suffix"
            raise InvalidPattern(f"{kind} match pattern must be a string")
        if not item and name in ("prefix", "suffix"):
            raise InvalidPattern("Null prefix/suffix not allowed")
    tests = [_COMPILERS[name](item) for item in ([value] if single else value)]
    if len(pairs) > 1:
        raise InvalidPattern(_TOO_MANY)
    return lambda found: not any(test(found) for test in tests)


_COMPILERS: dict[str, Callable[[Any], Test]] = {
    "exactly": _exactly,
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _equals_ignore_case,
    "wildcard": _wildcard,
    "cidr": _cidr,
    "numeric": _numeric,
    "anything-but": _anything_but,
}
