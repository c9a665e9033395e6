"""Checksums that clients send with objects, and that S3 verifies, keeps and gives back."""

import base64
import hashlib
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

from everloop_localcloud.kernel.bodies import Body, pieces
from everloop_localcloud.s3.errors import S3Error

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


@cache
def _crc_table(polynomial: int) -> list[int]:
    table = []
    for number in range(256):
        for _ in range(8):
            number = (number >> 1) ^ (polynomial if number & 1 else 0)
        table.append(number)
    return table


def _crc(body: Body, polynomial: int, width: int) -> bytes:
    table = _crc_table(polynomial)
    mask = (1 << width) - 1
    value = mask
    for piece in pieces(body):
        for byte in piece:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
    return (value ^ mask).to_bytes(width // 8, "big")


def _crc32(body: Body) -> bytes:
    value = 0
    for piece in pieces(body):
        value = zlib.crc32(piece, value)
    return value.to_bytes(4, "big")


def _hash(body: Body, name: str) -> "hashlib._Hash":
    digest = hashlib.new(name, usedforsecurity=False)
    for piece in pieces(body):
        digest.update(piece)
    return digest


_DIGESTS: dict[str, Callable[[Body], bytes]] = {
    "CRC32": _crc32,
    "CRC32C": lambda body: _crc(body, 0x82F63B78, 32),
    "CRC64NVME": lambda body: _crc(body, 0x9A6C9329AC4BC9B5, 64),
    "SHA1": lambda body: _hash(body, "sha1").digest(),
    "SHA256": lambda body: _hash(body, "sha256").digest(),
}


def checksum(algorithm: str, body: Body) -> str:
    return base64.b64encode(_DIGESTS[algorithm](body)).decode()


def composite(algorithm: str, parts: list[str]) -> str:
    """Return the checksum of the parts' checksums, as S3 gives it for multipart uploads."""
    raw = b"".join(base64.b64decode(part) for part in parts)
    return f"{checksum(algorithm, raw)}-{len(parts)}"


def verified(request: dict[str, Any], data: Body) -> dict[str, str]:
    """Verify every checksum of a request against its data; return those that S3 keeps.

    Raises S3Error BadDigest, or InvalidDigest for what is no MD5.
    """
    _verify_md5(request.get("ContentMD5"), data)
    kept = {}
    for algorithm in ALGORITHMS:
        name = f"Checksum{algorithm}"
        given = request.get(name)
        if given is None:
            continue
        if given != checksum(algorithm, data):
            raise S3Error(
                "BadDigest",
                f"The {algorithm} you specified did not match the calculated checksum.",
            )
        kept[name] = given
    wanted = request.get("ChecksumAlgorithm")
    if wanted in ALGORITHMS and not kept:
        kept[f"Checksum{wanted}"] = checksum(wanted, data)
    if kept:
        kept["ChecksumType"] = "FULL_OBJECT"
    return kept


def _verify_md5(given: str | None, data: Body) -> None:
    if given is None:
        return
    try:
        wanted = base64.b64decode(given, validate=True)
    except ValueError:
        wanted = b""
    if len(wanted) != 16:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    if wanted != _hash(data, "md5").digest():
        raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")


def from_headers(headers: Any) -> dict[str, Any]:
    """Return the checksum members that a request's headers hold."""
    found = {
        f"Checksum{name}": headers.get(f"x-amz-checksum-{name.lower()}") for name in ALGORITHMS
    }
    return {"ContentMD5": headers.get("Content-MD5"), **found}


def md5(body: Body) -> str:
    return _hash(body, "md5").hexdigest()
