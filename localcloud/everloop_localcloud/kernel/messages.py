"""HTTP requests and answers, as the front receives and sends them."""

from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from everloop_localcloud.kernel.bodies import Lying
from everloop_localcloud.kernel.heads import Headers


@dataclass
class Request:
    """An HTTP request as the front received it; `path` is decoded, what is raw is as sent."""

    method: str
    path: str
    raw_path: str
    query: MultiDict[str, str]
    headers: Headers
    body: bytes
    host: str = ""
    raw_query: str = ""
    long: Lying | None = None  # the body, where it lies in a file; `body` is empty then


@dataclass
class Answer:
    """An HTTP answer; `body` may be bytes, an iterable of them, or send itself to a socket.

    What sends itself has a `send_to(socket)` and a Content-Length among the headers.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = b""
