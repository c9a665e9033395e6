"""The answer to one request, whatever goes wrong on the way to it."""

import logging
import zlib
from functools import partial

from botocore.exceptions import UnknownServiceError

from everloop_localcloud.kernel import signatures, verification, wire
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.front.admission import OWN_PATH, admitted
from everloop_localcloud.kernel.front.itself import answer_about_itself
from everloop_localcloud.kernel.front.routing import check_target, service_of
from everloop_localcloud.kernel.front.served import Served
from everloop_localcloud.kernel.messages import Answer, Request

log = logging.getLogger(__name__)

_LARGEST_UNPACKED = 64 * 1024**2


def respond(cloud: Served, request: Request) -> Answer:
    """Answer one request; whatever goes wrong is an AWS error, never a dropped connection."""
    service, region, key = service_of(request)
    try:
        told = admitted(cloud, service, request)
        if request.path.startswith(OWN_PATH):
            return answer_about_itself(cloud, request)
        if service != "s3" and request.long is not None:
            request.body, request.long = request.long.read(), None
        if told is not None:
            return _answered_page(cloud, service, region, key, request, told)
        return _answered(cloud, service, region, key, request)
    except AwsError as error:
        return _refusal(service, request, error)
    except RecursionError:
        trouble = "the request is nested too deeply to be read"
        return _refusal(service, request, AwsError("ValidationException", trouble))
    except Exception as error:
        log.exception("%s %s failed", service, request.path)
        trouble = f"the local cloud failed: {type(error).__name__}: {error}"
        return _refusal(service, request, AwsError("InternalFailure", trouble, 500))


def turned_away(cloud: Served, request: Request) -> Answer | None:
    """Return the answer to what may not come in, told by its head alone; None where it may."""
    service, _, _ = service_of(request)
    try:
        admitted(cloud, service, request)
    except AwsError as error:
        return _refusal(service, request, error)
    return None


def _answered_page(
    cloud: Served,
    service: str,
    region: str,
    key: str,
    request: Request,
    told: dict[str, str],
) -> Answer:
    """Answer a web page that a bucket's CORS rules let in, with what its browser is told."""
    if request.method == "OPTIONS":
        return Answer(200, told)
    try:
        answer = _answered(cloud, service, region, key, request)
    except AwsError as error:
        answer = _refusal(service, request, error)
    answer.headers |= told
    return answer


def _answered(cloud: Served, service: str, region: str, key: str, request: Request) -> Answer:
    signatures.check(request, service, cloud.region)
    if cloud.secret is not None:
        secret = partial(cloud.credentials.secret_of, users_secret=cloud.secret)
        verification.check(request, service, secret)
    check_target(service, request)
    principal = cloud.credentials.principal(key)
    if service != "s3" and request.headers.get("Content-Encoding") == "gzip":
        request.body = _unpacked(request.body)  # SDKs compress long PutMetricData
    api = cloud.apis.get(service)
    if api is None:
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        cloud.count(principal, service, target or request.path)
        return cloud.behind.respond(service, request)
    call = Call(cloud.account, region, principal, cloud.clock.now())
    custom = getattr(api, "respond", None)
    if custom is not None:
        answer: Answer = custom(call, request)
        return answer
    protocol = wire.protocol_of(service, request)
    operation, url = wire.operation_of(service, protocol, request)
    params = wire.parse(service, operation, protocol, request, url)
    cloud.count(call.principal, service, operation)
    return wire.encode(service, operation, protocol, api.perform(call, operation, params))


def _unpacked(body: bytes) -> bytes:
    try:
        unpack = zlib.decompressobj(wbits=31)
        plain = unpack.decompress(body, _LARGEST_UNPACKED)
    except zlib.error as error:
        told = f"the body is not gzip, as Content-Encoding says: {error}"
        raise AwsError("SerializationException", told) from error
    if not unpack.eof:
        told = f"the gzipped body is cut off, or unpacks to more than {_LARGEST_UNPACKED} bytes"
        raise AwsError("SerializationException", told)
    return plain


def _refusal(service: str, request: Request, error: AwsError) -> Answer:
    try:
        protocol = wire.protocol_of(service, request)
    except UnknownServiceError:
        service, protocol = "s3", "rest-xml"
    answer = wire.encode_error(service, protocol, error)
    answer.headers |= getattr(error, "headers", {})
    return answer
