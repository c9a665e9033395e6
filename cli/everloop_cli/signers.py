"""What signs: a key of KMS, whose private half nobody sees, or a key file, by openssl."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from everloop.model_signature import pem
from everloop_cli.trouble import Trouble

_HASHES: Final = {"prime256v1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"}
_SECONDS: Final = 60


@dataclass(frozen=True)
class Signed:
    """A signature, as DER, and the public key, as PEM."""

    signature: bytes
    public_key: str


def by_kms(key: str, text: bytes) -> Signed:
    """Sign with a key of KMS. Raises Trouble for one that signs otherwise."""
    from everloop.aws import signing
    from everloop.errors import BadInput

    try:
        der, algorithm = signing.public_key(key)
    except BadInput as error:
        raise Trouble(str(error)) from error
    return Signed(signing.sign(key, algorithm, text), pem(der))


def by_file(path: Path | None, text: bytes) -> Signed:
    """Sign with a private key's file. Raises Trouble."""
    if path is None or not path.is_file():
        raise Trouble(f"{path}: there is no such file; give a private key in PEM")
    key = ["-in", str(path), "-passin", "pass:"]
    told = _openssl(["pkey", *key, "-noout", "-text"], path).decode(errors="replace")
    curve = next((name for name in _HASHES if f"ASN1 OID: {name}" in told), None)
    if curve is None:
        raise Trouble(f"{path}: its curve is none of {', '.join(_HASHES)}; give such a key")
    public = _openssl(["pkey", *key, "-pubout"], path).decode()
    sign = ["dgst", f"-{_HASHES[curve]}", "-passin", "pass:", "-sign", str(path)]
    return Signed(_openssl(sign, path, text), public)


def _openssl(words: list[str], path: Path, text: bytes = b"") -> bytes:
    program = shutil.which("openssl")
    if program is None:
        raise Trouble("openssl was not found, which signs with a key file; use --kms-key")
    done = subprocess.run(
        [program, *words], input=text, capture_output=True, timeout=_SECONDS, check=False
    )
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[0]
        raise Trouble(f"{path}: {last}; give a private key in PEM without a passphrase")
    return done.stdout
