"""The body of a request: read off its connection whole, into memory or into a file."""

from collections.abc import Callable
from io import BufferedIOBase

from everloop_localcloud.kernel.bodies import LONG, PIECE, Spool
from everloop_localcloud.kernel.heads import BadHead, Headers

_CHUNK_LINE = 1024
_MAX_BODY = 5 * 1024**3  # S3's own limit for one PutObject


def may_be_long(headers: Headers) -> bool:
    """Tell whether a body is to lie in a file; how long a chunked one is nobody knows."""
    given = headers.get("Content-Length") or "0"
    chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
    return chunked or (given.isascii() and given.isdigit() and int(given) > LONG)


def received(
    source: BufferedIOBase, sink: BufferedIOBase, headers: Headers, spool: Spool | None
) -> bytes:
    """Return the body, or write it to the spool and return nothing."""
    encoding = headers.get("Transfer-Encoding", "").lower()
    if encoding not in ("", "identity", "chunked"):
        raise BadHead(501, f"the Transfer-Encoding {encoding[:40]!r} is not known; chunked is")
    chunked = encoding == "chunked"
    given = headers.get("Content-Length") or "0"
    if not chunked:
        if not (given.isascii() and given.isdigit()):
            raise BadHead(400, f"{given[:100]!r} is no Content-Length")
        if int(given) > _MAX_BODY:
            trouble = f"the body has {given[:20]} bytes; at most {_MAX_BODY} are taken"
            raise BadHead(413, trouble)
    if headers.get("Expect", "").lower() == "100-continue":
        sink.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        sink.flush()
    parts: list[bytes] = []
    write = parts.append if spool is None else spool.write
    if chunked:
        _chunks(source, write)
    else:
        _exactly(source, int(given), write)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _chunks(source: BufferedIOBase, write: Callable[[bytes], object]) -> None:
    left = _MAX_BODY
    try:
        while size := int(source.readline(_CHUNK_LINE).split(b";")[0], 16):
            left -= size
            if size < 0 or left < 0:
                raise BadHead(413, f"the body has more than {_MAX_BODY} bytes")
            _exactly(source, size, write)
            if source.readline(_CHUNK_LINE).strip():
                raise BadHead(400, f"a chunk of {size} bytes does not end where its size says")
    except ValueError as error:
        raise BadHead(400, f"a chunk of the body has no size: {error}") from error
    while source.readline(_CHUNK_LINE).strip():
        pass


def _exactly(source: BufferedIOBase, length: int, write: Callable[[bytes], object]) -> None:
    """Read so many bytes: half a body must never pass for a whole one."""
    left = length
    while left:
        data = source.read(min(left, PIECE))
        if not data:
            raise BadHead(400, f"the body ended after {length - left} of {length} bytes")
        write(data)
        left -= len(data)
