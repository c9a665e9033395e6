"""KMS: the key of a model's tokens, made of the stack's own, which never leaves it."""

from everloop.aws.clients import translated
from everloop.aws.outside import kms
from everloop.errors import BadInput


def key(masking_key: str, message: bytes) -> bytes:
    """Return a model's key. Raises BadInput where the stack has none to make it of."""
    if not masking_key:
        raise BadInput("the stack has no key of tokens yet; deploy the template of this version")
    with translated(masking_key):
        answer = kms().generate_mac(KeyId=masking_key, Message=message, MacAlgorithm="HMAC_SHA_256")
    return bytes(answer["Mac"])
