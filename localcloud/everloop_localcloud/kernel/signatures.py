"""Signatures: who a request says it comes from, and what AWS refuses before it looks further.

Nothing here is secret: any key is the user of that name, so what was signed is not verified unless
the cloud was told to (verification.py). What a wrong client setting breaks on AWS is refused here
as there: no signature, one that is malformed, another region's or service's, and one whose time has
passed. A signature in the query is an address, which any web page can have a browser visit: it
reads S3 and puts objects, and changes nothing else.
"""

import re
import urllib.parse
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from everloop_localcloud.kernel.addresses import addressed
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.wire import Request

_SKEW = timedelta(minutes=15)
_ALGORITHMS = ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
_STAMPED = re.compile(r"[0-9]{8}T[0-9]{6}Z").fullmatch
_INCOMPLETE = "IncompleteSignatureException"
_STAMP = "%Y%m%dT%H%M%SZ"
# Who has no key yet asks for one without a signature.
_UNSIGNED = ("AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")
_QUERY_MARKS = ("X-Amz-Credential", "X-Amz-Signature", "AWSAccessKeyId")
_GLOBAL = {"s3", "iam", "sts"}  # reachable from any region


@dataclass(frozen=True)
class Scope:
    """What a credential says: access key, region and service, as signed; "" where it says none."""

    key: str = ""
    region: str = ""
    service: str = ""


def scope_of(request: Request) -> Scope:
    """Return the scope of a request's credential; of a malformed one as much as there is."""
    authorization = request.headers.get("Authorization", "")
    if _is_old(request):
        key = authorization[4:].partition(":")[0] or request.query.get("AWSAccessKeyId", "")
        return Scope(key, "", "s3")  # the old signature, which only S3 still knows
    parts = _credential(request).strip().split("/")
    return Scope(parts[0], parts[-3], parts[-2]) if len(parts) >= 5 else Scope()


def check(request: Request, service: str, region: str, now: datetime | None = None) -> None:
    """Raise AwsError where AWS would refuse the request for its signature alone.

    `service` is where the request belongs by its scope or, unsigned, by its target. The clock is
    the real one: clients sign with it, whatever the cloud's own clock says.
    """
    authorization = request.headers.get("Authorization", "")
    presigned = any(mark in request.query for mark in _QUERY_MARKS)
    if presigned and not authorization:
        _check_address(request, service)
    if _is_old(request):
        return
    if not authorization and not presigned:
        _check_unsigned(request, service)
        return
    if authorization:
        _check_form(authorization, service)
        _check_time(request, service, now or datetime.now(UTC))
    elif service != "s3":  # S3 checks its presigned URLs itself
        _check_presigned(request, now or datetime.now(UTC))
    signed = scope_of(request)
    if not signed.service:
        raise _incomplete(
            service,
            f"Credential {_credential(request)!r} must be key/date/region/service/aws4_request",
        )
    if service not in _GLOBAL and signed.region != region:
        raise _mismatch(
            f"Credential should be scoped to a valid region, not '{signed.region}': this cloud is "
            f"{region} (set AWS_DEFAULT_REGION={region})."
        )


def _check_address(request: Request, service: str) -> None:
    """Refuse what may not be asked for by a signature in the query."""
    if service == "s3":
        taken = request.method in ("GET", "HEAD") or (
            request.method == "PUT" and _is_object(request)
        )
    else:  # it tells somebody else who one is, such as a cluster of Kubernetes
        taken = (request.method, request.query.getlist("Action"), request.body) == (
            *("GET", ["GetCallerIdentity"]),
            b"",
        )
    if not taken:
        raise AwsError(
            "AccessDenied",
            f"A signature in the query gets and puts objects of S3; {service} takes this "
            f"{request.method} with an Authorization header only, which no link can carry.",
            403,
        )


def _is_object(request: Request) -> bool:
    return bool(addressed(request)[1])


def _is_old(request: Request) -> bool:
    """Tell whether a request has the old signature; a header outranks what the query says."""
    authorization = request.headers.get("Authorization", "")
    if authorization:
        return authorization.startswith("AWS ")
    return "AWSAccessKeyId" in request.query


def fields_of(authorization: str) -> list[tuple[str, str]]:
    """Return the fields of an Authorization header after its algorithm, as they came."""
    rest = authorization.partition(" ")[2]
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    return [(name, value) for name, _, value in pairs]


def _credential(request: Request) -> str:
    authorization = request.headers.get("Authorization", "")
    if authorization:
        return dict(fields_of(authorization)).get("Credential", "")
    return str(request.query.get("X-Amz-Credential", ""))


def _check_unsigned(request: Request, service: str) -> None:
    if service == "s3":
        if request.method == "OPTIONS":
            return  # browsers ask this before they sign
        raise AwsError("AccessDenied", "Access Denied: the request is not signed", 403)
    if service == "sts" and _asks_for_first_key(request):
        return
    code = "MissingAuthenticationTokenException"
    if service in ("iam", "sts", "sns", "cloudformation"):
        code = "MissingAuthenticationToken"
    raise AwsError(code, "Missing Authentication Token: the request is not signed", 403)


def _asks_for_first_key(request: Request) -> bool:
    """Tell whether a call of STS is one that needs no signature, whoever reads its body."""
    if "Content-Encoding" in request.headers:
        return False  # what is unpacked later may say something else
    form = urllib.parse.parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    actions = [value for name, value in form if name == "Action"]
    actions += request.query.getlist("Action")
    return len(actions) == 1 and actions[0] in _UNSIGNED


def _check_form(authorization: str, service: str) -> None:
    algorithm = authorization.partition(" ")[0]
    if algorithm not in _ALGORITHMS:
        raise _incomplete(
            service, f"Unsupported Authorization type {algorithm!r}; use {_ALGORITHMS[0]}"
        )
    given = [name for name, _ in fields_of(authorization)]
    for name in ("Credential", "SignedHeaders", "Signature"):
        if name not in given:
            raise _incomplete(service, f"Authorization header requires '{name}' parameter.")
        if given.count(name) > 1:  # whoever acts is who signed
            raise _incomplete(service, f"Authorization header has '{name}' more than once.")


def _check_time(request: Request, service: str, now: datetime) -> None:
    text = request.headers.get("X-Amz-Date")
    if text is None:
        return  # Date may stand in for it
    signed = _moment(service, text)
    if abs(now - signed) <= _SKEW:
        return
    if service == "s3":
        raise AwsError(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            403,
            RequestTime=text,
            ServerTime=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            MaxAllowedSkewMilliseconds=int(_SKEW.total_seconds() * 1000),
        )
    if signed < now:
        bound = (now - _SKEW).strftime(_STAMP)
        told = f"Signature expired: {text} is now earlier than {bound} ({now:{_STAMP}} - 15 min.)"
    else:
        bound = (now + _SKEW).strftime(_STAMP)
        told = f"Signature not yet current: {text} is still later than {bound}"
    raise _mismatch(told)


def _check_presigned(request: Request, now: datetime) -> None:
    for name in ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"):
        if name not in request.query:
            raise _incomplete("", f"the query string requires {name!r}")
    signed = _moment("", request.query["X-Amz-Date"])
    lasts = request.query.get("X-Amz-Expires", "900")
    if not lasts.isdigit():
        raise _incomplete("", f"X-Amz-Expires {lasts!r} is no number of seconds")
    if now > signed + timedelta(seconds=min(int(lasts), 604_800)) + _SKEW:
        raise _mismatch(f"Signature expired: {request.query['X-Amz-Date']} plus {lasts} s is past")


def _moment(service: str, text: str) -> datetime:
    try:
        if not _STAMPED(text):
            raise ValueError(text)
        return datetime.fromisoformat(text)  # five times as fast as strptime; every request's
    except ValueError:
        told = f"Date must be in ISO-8601 'basic format'. Got '{text}'."
        raise _incomplete(service, told) from None


def _incomplete(service: str, message: str) -> AwsError:
    if service == "s3":
        told = f"The authorization header is malformed; {message}"
        return AwsError("AuthorizationHeaderMalformed", told, 400)
    return AwsError(_INCOMPLETE, message, 400)


def _mismatch(message: str) -> AwsError:
    return AwsError("InvalidSignatureException", message, 403)
