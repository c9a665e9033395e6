"""aws-chunked bodies: chunks with signatures, and trailers with checksums."""

import dataclasses
import io
from collections.abc import Callable
from typing import BinaryIO

from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.bodies import PIECE, Spool
from everloop_localcloud.s3.errors import S3Error

_LONGEST_LINE = 64 * 1024  # of a chunk's head, and of all trailers


def decoded(request: wire.Request) -> wire.Request:
    """Return the request with its body as it was meant, and trailers as headers.

    A body that lies in a file is written anew beside it.
    """
    encodings = [
        part.strip() for part in request.headers.get("Content-Encoding", "").split(",") if part
    ]
    streaming = request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
    if not streaming and "aws-chunked" not in encodings:
        return request
    headers = request.headers.copy()
    rest = [name for name in encodings if name != "aws-chunked"]
    headers.pop("Content-Encoding", None)
    if rest:
        headers["Content-Encoding"] = ",".join(rest)
    body, long, size = b"", None, 0
    if request.long is None:
        plain = io.BytesIO()
        trailers = _split(io.BytesIO(request.body), plain.write)
        body = plain.getvalue()
        size = len(body)
    else:
        long = Spool(request.long.path.parent)
        with request.long.path.open("rb") as source:
            try:
                trailers = _split(source, long.write)
            except BaseException:
                long.close()
                raise
        size = len(long)
    changed = dataclasses.replace(request, headers=headers, body=body, long=long)
    length = headers.get("x-amz-decoded-content-length")
    if length is not None and length.isdigit() and int(length) != size:
        close(changed)
        raise S3Error(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )
    headers["Content-Length"] = str(size)
    for name, value in trailers.items():
        headers[name] = value
    return changed


def close(request: wire.Request) -> None:
    """Let go of the file of a long body, if nobody took it."""
    if isinstance(request.long, Spool):
        request.long.close()


def _split(source: BinaryIO, write: Callable[[bytes], object]) -> dict[str, str]:
    """Write what the chunks hold; return the trailers."""
    while True:
        line = source.readline(_LONGEST_LINE)
        if not line.endswith(b"\r\n"):
            raise _cut()
        size_text = line[:-2].split(b";")[0]
        try:
            size = int(size_text, 16)
        except ValueError:
            raise S3Error("InvalidRequest", f"{size_text!r} is no size of a chunk") from None
        if size == 0:
            break
        while size > 0:
            piece = source.read(min(size, PIECE))
            if not piece:
                raise _cut()
            write(piece)
            size -= len(piece)
        if len(source.read(2)) < 2:
            raise _cut()
    trailers = {}
    for text in source.read(_LONGEST_LINE).decode("latin-1").split("\r\n"):
        name, colon, value = text.partition(":")
        if colon:
            trailers[name.strip().lower()] = value.strip()
    return trailers


def _cut() -> S3Error:
    return S3Error("IncompleteBody", "The request body terminated unexpectedly")
