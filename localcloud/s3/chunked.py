"""aws-chunked bodies: chunks with signatures, and trailers with checksums."""

from localcloud import wire
from localcloud.s3.errors import S3Error


def decoded(request: wire.Request) -> wire.Request:
    """Return the request with its body as it was meant, and trailers as headers."""
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
    body, trailers = _split(request.body)
    length = headers.get("x-amz-decoded-content-length")
    if length is not None and length.isdigit() and int(length) != len(body):
        raise S3Error(
            "IncompleteBody",
            "You did not provide the number of bytes specified by the Content-Length HTTP header",
        )
    headers["Content-Length"] = str(len(body))
    for name, value in trailers.items():
        headers[name] = value
    return wire.Request(
        method=request.method,
        path=request.path,
        raw_path=request.raw_path,
        query=request.query,
        headers=headers,
        body=body,
        host=request.host,
        raw_query=request.raw_query,
    )


def _split(body: bytes) -> tuple[bytes, dict[str, str]]:
    data, position = [], 0
    while True:
        end = body.find(b"\r\n", position)
        size_text = body[position:end].split(b";")[0]
        if end < 0:
            raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
        try:
            size = int(size_text, 16)
        except ValueError:
            raise S3Error("InvalidRequest", f"{size_text!r} is no size of a chunk") from None
        position = end + 2
        if size == 0:
            break
        if position + size + 2 > len(body):
            raise S3Error("IncompleteBody", "The request body terminated unexpectedly")
        data.append(body[position : position + size])
        position += size + 2
    trailers = {}
    for line in body[position:].decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            trailers[name.strip().lower()] = value.strip()
    return b"".join(data), trailers
