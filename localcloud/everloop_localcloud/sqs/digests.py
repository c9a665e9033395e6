"""The MD5 digests of messages, which SDKs verify."""

import hashlib
import struct
from typing import Any


def of_body(body: str) -> str:
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def of_attributes(attributes: dict[str, Any]) -> str:
    """Digest message attributes: name, type and value of each, sorted by name, with lengths."""
    digest = hashlib.md5(usedforsecurity=False)

    def add(part: bytes) -> None:
        digest.update(struct.pack("!I", len(part)) + part)

    for name in sorted(attributes):
        attribute = attributes[name]
        add(name.encode())
        add(attribute["DataType"].encode())
        if attribute["DataType"].startswith("Binary"):
            digest.update(b"\x02")
            add(attribute["BinaryValue"])
        else:
            digest.update(b"\x01")
            add(attribute["StringValue"].encode())
    return digest.hexdigest()
