"""Heads of HTTP/1.1 requests: read off a stream, their headers found whatever their case."""

import re
from collections.abc import Iterable, Iterator, MutableMapping
from dataclasses import dataclass
from io import BufferedIOBase
from typing import TypeVar, overload

_T = TypeVar("_T")
_LINE = 65_536  # bytes, of the request line and of all headers together
_HEADERS = 200
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
_REQUEST = re.compile(r"([!-~]+) ([!-~\x80-\xff]+) HTTP/1\.([01])").fullmatch


class Headers(MutableMapping[str, str]):
    """Headers by name, in any case; what came twice is joined by a comma, as HTTP has it."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, tuple[str, str]] = {}
        for name, value in pairs:
            key = name.lower()
            known = self._values.get(key)
            self._values[key] = (
                (name, value) if known is None else (known[0], f"{known[1]},{value}")
            )

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()][1]

    def __setitem__(self, name: str, value: str) -> None:
        self._values[name.lower()] = (name, value)

    def __delitem__(self, name: str) -> None:
        del self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self._values.values()])

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str) -> str: ...
    @overload
    def get(self, name: str, /, default: _T) -> str | _T: ...
    def get(self, name: str, /, default: object = None) -> object:
        known = self._values.get(name.lower())  # the mapping's own way costs three calls more
        return default if known is None else known[1]

    def by_key(self) -> list[tuple[str, str]]:
        """Return the names in lower case, each with its value."""
        return [(key, value) for key, (_, value) in self._values.items()]

    def copy(self) -> "Headers":
        return Headers(self._values.values())


@dataclass
class Head:
    """What stands above a request's body. `lasts` tells whether the connection goes on after it."""

    method: str
    target: str
    headers: Headers
    lasts: bool


class BadHead(Exception):
    """Why a head cannot be taken, and the status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def read_head(stream: BufferedIOBase) -> Head | None:
    """Read the next request's head; None where the client has left. Raises BadHead."""
    line = stream.readline(_LINE + 1)
    while line in (b"\r\n", b"\n"):  # some clients end a body with one too many
        line = stream.readline(_LINE + 1)
    if not line:
        return None
    if len(line) > _LINE:
        raise BadHead(414, f"the request line has more than {_LINE} bytes")
    first = _REQUEST(line.decode("latin-1").rstrip("\r\n"))
    if first is None:
        raise BadHead(400, f"{line[:100]!r} is no request line of HTTP/1.1")
    headers = Headers(_pairs(stream))
    method, target, minor = first.groups()
    if target.startswith(("http://", "https://")):  # as a proxy would be asked
        host, slash, rest = target.split("//", 1)[1].partition("/")
        headers["Host"], target = host, slash + rest if slash else "/"  # it outranks the header
    connection = headers.get("Connection", "").lower()
    lasts = "close" not in connection and (minor == "1" or "keep-alive" in connection)
    return Head(method, target, headers, lasts)


def _pairs(stream: BufferedIOBase) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    left = _LINE
    while True:
        line = stream.readline(left + 1)
        if line in (b"\r\n", b"\n"):
            return pairs
        left -= len(line)
        if left < 0 or len(pairs) == _HEADERS:
            raise BadHead(431, f"more than {_HEADERS} headers, or more than {_LINE} bytes of them")
        if not line.endswith(b"\n"):
            raise BadHead(400, "the request ends within its headers")
        name, colon, value = line.decode("latin-1").partition(":")
        value = value.strip()
        if not colon or not _NAME(name) or "\r" in value or "\0" in value:
            raise BadHead(400, f"{line[:100]!r} is no header")
        pairs.append((name, value))
