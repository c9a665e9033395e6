"""Keys of KMS that sign: used by people's own credentials, never by the stack."""

from typing import Final

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, translated
from everloop.aws.outside import kms
from everloop.errors import BadInput

# By the curve that a public key names in its first bytes (RFC 5480), and how that signs.
_ALGORITHMS: Final = {
    bytes.fromhex("06082a8648ce3d030107"): ("ECC_NIST_P256", "ECDSA_SHA_256"),
    bytes.fromhex("06052b81040022"): ("ECC_NIST_P384", "ECDSA_SHA_384"),
    bytes.fromhex("06052b81040023"): ("ECC_NIST_P521", "ECDSA_SHA_512"),
}
_HEAD: Final = 32
_WRONG: Final = ("NotFoundException", "UnsupportedOperationException", "ValidationException")


def public_key(key: str) -> tuple[bytes, str]:
    """Return a key's public half, as DER, and by which algorithm it signs. Raises BadInput."""
    try:
        with translated(f"key {key}"):
            found = kms().get_public_key(KeyId=key)
    except ClientError as error:
        if code_of(error) in _WRONG or "InvalidKeyUsage" in code_of(error):
            raise BadInput(f"key {key}: {error}") from error
        raise
    public = bytes(found["PublicKey"])
    signs = [how for curve, (_, how) in _ALGORITHMS.items() if curve in public[:_HEAD]]
    if not signs or found.get("KeyUsage") != "SIGN_VERIFY":
        known = ", ".join(spec for spec, _ in _ALGORITHMS.values())
        raise BadInput(f"key {key} does not sign so; give one of {known}, for SIGN_VERIFY")
    return public, signs[0]


def sign(key: str, algorithm: str, text: bytes) -> bytes:
    """Return a key's signature, as DER."""
    with translated(f"key {key}"):
        answer = kms().sign(KeyId=key, Message=text, MessageType="RAW", SigningAlgorithm=algorithm)
    return bytes(answer["Signature"])
