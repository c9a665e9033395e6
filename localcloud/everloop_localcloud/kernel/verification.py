"""Whether a request was signed with the secret of its key, for those who share a machine.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
import secrets
import urllib.parse
from collections.abc import Callable
from pathlib import Path

from everloop_localcloud.kernel.bodies import sha256
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.signatures import fields_of
from everloop_localcloud.kernel.wire import Request

_ALGORITHM = "AWS4-HMAC-SHA256"
_PATH = re.compile(r"/+")


def own_secret(file: Path) -> str:
    """Return the secret of this cloud's users; it is made once, and only its owner reads it."""
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_text(secrets.token_hex(20))
    except FileExistsError:
        file.chmod(0o600)
    return file.read_text().strip()


def check(request: Request, service: str, secret_of: Callable[[str], str | None]) -> None:
    """Raise AwsError, as AWS words it, where a signed request has another signature than it should.

    `secret_of` gives the secret of an access key, None where there is no such key.
    """
    fields = _fields(request)
    if fields is None:
        if request.method == "OPTIONS" or not _is_signed(request):
            return  # what may come unsigned is not ours to judge
        raise _mismatch(service, f"with --verify-secrets, sign with {_ALGORITHM}")
    credential, signed_headers, signature, stamp = fields
    key, *scope = credential.split("/")
    secret = secret_of(key)
    if secret is None:
        code = "InvalidAccessKeyId" if service == "s3" else "UnrecognizedClientException"
        raise AwsError(code, f"this cloud gave no key {key!r}, or its role was forgotten", 403)
    names = signed_headers.split(";")
    if len(scope) != 4 or "host" not in names:
        raise _mismatch(service, "its scope or its signed headers are not whole")
    canonical = _canonical(request, service, names)
    text = "\n".join([_ALGORITHM, stamp, "/".join(scope), _sha256(canonical)])
    signing = f"AWS4{secret}".encode()
    for part in scope:
        signing = _hmac(signing, part)
    if not hmac.compare_digest(_hmac(signing, text).hex(), signature):
        raise _mismatch(service, "check the secret access key:  everloop env  prints it")


def _fields(request: Request) -> tuple[str, str, str, str] | None:
    """Return credential, signed headers, signature and time; None where one is not there."""
    authorization = request.headers.get("Authorization", "")
    query = request.query
    if authorization.startswith(_ALGORITHM):
        found = dict(fields_of(authorization))
        stamp = request.headers.get("X-Amz-Date", "")
    elif query.get("X-Amz-Algorithm") == _ALGORITHM and not authorization:
        found = {name: query.get(f"X-Amz-{name}", "") for name in ("Credential", "Signature")}
        found["SignedHeaders"] = query.get("X-Amz-SignedHeaders", "")
        stamp = query.get("X-Amz-Date", "")
    else:
        return None
    whole = [found.get(name, "") for name in ("Credential", "SignedHeaders", "Signature")]
    return (whole[0], whole[1], whole[2], stamp) if all(whole) and stamp else None


def _is_signed(request: Request) -> bool:
    query = request.query
    return (
        "Authorization" in request.headers
        or "AWSAccessKeyId" in query
        or any(name.startswith("X-Amz-") for name in query)
    )


def _canonical(request: Request, service: str, names: list[str]) -> str:
    path = request.raw_path
    if service != "s3":  # S3 alone takes a path as it is, and quotes it once
        path = urllib.parse.quote(_PATH.sub("/", path), safe="/~")
    pairs = [
        tuple(pair.partition("=")[::2])
        for pair in request.raw_query.split("&")
        if pair and not pair.startswith("X-Amz-Signature=")
    ]
    query = "&".join(f"{name}={value}" for name, value in sorted(pairs))
    headers = "".join(
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in names
    )
    return "\n".join(
        [request.method, path, query, headers, ";".join(names), _payload(request, service)]
    )


def _payload(request: Request, service: str) -> str:
    """Return the body's hash. S3 compares what was said of it with the body itself, later on."""
    said = request.headers.get("x-amz-content-sha256")
    if service == "s3" and said is not None:
        return said
    if service == "s3" and "X-Amz-Signature" in request.query:
        return "UNSIGNED-PAYLOAD"
    return sha256(request.body if request.long is None else request.long)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("latin-1", "replace")).hexdigest()


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode("latin-1", "replace"), hashlib.sha256).digest()


def _mismatch(service: str, why: str) -> AwsError:
    code = "SignatureDoesNotMatch"
    if service not in ("s3", "iam", "sts", "sns", "cloudformation"):
        code = "InvalidSignatureException"
    told = "The request signature we calculated does not match the signature you provided"
    return AwsError(code, f"{told}; {why}.", 403)
