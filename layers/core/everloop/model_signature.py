"""Signatures of a sealed model in OpenSSF's model-signing format: a statement, and a bundle of it.

Pure. What is signed is an in-toto statement of the model's digest, wrapped as DSSE says; the bundle
is Sigstore's. So a signature needs the digest of what was sealed, and not its bytes.
"""

import base64
import hashlib
import json
from typing import Any, Final

FILE: Final = "model.tar.gz"
_BUNDLE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"


def statement(digest: str) -> bytes:
    """Return what is said of a model whose file has this sha256, in hex."""
    resources = [{"name": ".", "algorithm": "sha256", "digest": digest}]
    whole = hashlib.sha256(bytes.fromhex(digest)).hexdigest()  # over all resources, here one
    said = {
        "_type": _STATEMENT,
        "subject": [{"name": FILE, "digest": {"sha256": whole}}],
        "predicateType": _PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": [],
            },
            "resources": resources,
        },
    }
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode()


def signed_text(said: bytes) -> bytes:
    """Return what a key signs: a statement with its type and length before it (DSSE's PAE)."""
    return f"DSSEv1 {len(_PAYLOAD)} {_PAYLOAD} {len(said)} ".encode() + said


def bundle(said: bytes, signature: bytes, public_key: str) -> dict[str, Any]:
    """Return the signature's file; `public_key` is PEM, and is named by its digest."""
    return {
        "mediaType": _BUNDLE,
        "verificationMaterial": {
            "publicKey": {"hint": hashlib.sha256(public_key.encode()).hexdigest()},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(said).decode(),
            "payloadType": _PAYLOAD,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }


def pem(der: bytes) -> str:
    """Return a public key as PEM: in lines of 64, as OpenSSL and everybody writes it."""
    plain = base64.b64encode(der).decode()
    lines = [plain[at : at + 64] for at in range(0, len(plain), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])
