"""The front: one loopback port that answers for every service, routed as AWS's clients sign."""

import contextlib
import errno
import json
import logging
import os
import re
import socket
import threading
import urllib.parse
import zlib
from collections.abc import Callable
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING, Any

from botocore.exceptions import UnknownServiceError
from werkzeug.datastructures import MultiDict

from everloop_localcloud.kernel import gate, memory, signatures, verification, wire
from everloop_localcloud.kernel.api import Call
from everloop_localcloud.kernel.bodies import LONG, PIECE, Spool
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.heads import BadHead, Head, Headers, read_head
from everloop_localcloud.s3 import cors
from everloop_localcloud.s3.blobs import INCOMING
from everloop_localcloud.s3.copying import source_of
from everloop_localcloud.s3.routing import addressed

if TYPE_CHECKING:
    from everloop_localcloud.cloud import Cloud

log = logging.getLogger(__name__)

# Scope of the signature -> boto3's name, where the two differ.
_BY_SCOPE = {"states": "stepfunctions", "monitoring": "cloudwatch", "eventbridge": "events"}
_METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CHUNK_LINE = 1024
_OWN_PATH = "/_everloop/"
_LINE_ENDS = re.compile(r"[\r\n\0]+")
_LARGEST_UNPACKED = 64 * 1024**2
_MAX_BODY = 5 * 1024**3  # S3's own limit for one PutObject


def service_of(request: wire.Request) -> tuple[str, str, str]:
    """Return service, region and access key of a request, from its signature.

    Unsigned requests are told by target and form; what is left is S3, as on AWS.
    """
    scope = signatures.scope_of(request)
    name = scope.service or _unsigned(request)
    service = _BY_SCOPE.get(name, name)
    if service == "sagemaker":
        service = _sagemaker_part(request)
    return service, scope.region or "us-east-1", scope.key


# The first part of X-Amz-Target -> the scope that such a request is signed for.
_BY_TARGET = {
    "AWSStepFunctions": "states",
    "AWSEvents": "events",
    "AmazonSQS": "sqs",
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "DynamoDB_20120810": "dynamodb",
    "GraniteServiceVersion20100801": "monitoring",
    "AmazonSSM": "ssm",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
# The API's version, which a form names beside its action -> the scope.
_BY_VERSION = {
    b"2010-05-08": "iam",
    b"2011-06-15": "sts",
    b"2010-03-31": "sns",
    b"2010-05-15": "cloudformation",
    b"2010-08-01": "monitoring",
    b"2012-11-05": "sqs",
}


def _unsigned(request: wire.Request) -> str:
    target = request.headers.get("X-Amz-Target", "").partition(".")[0]
    if target in _BY_TARGET:
        return _BY_TARGET[target]
    if request.path.startswith("/endpoints/"):
        return "sagemaker"
    if request.path.startswith("/2015-03-31/functions"):
        return "lambda"
    if request.path.startswith("/schedules") or request.path.startswith("/schedule-groups"):
        return "scheduler"
    body = request.body if request.long is None else next(request.long.pieces(), b"")
    version = re.search(rb"Version=(\d{4}-\d{2}-\d{2})", body[:4096])
    if version and version[1] in _BY_VERSION and b"Action=" in body[:4096]:
        return _BY_VERSION[version[1]]
    return "s3"


def _sagemaker_part(request: wire.Request) -> str:
    if "X-Amz-Target" in request.headers:
        return "sagemaker"
    if request.path.startswith("/endpoints/"):
        return "sagemaker-runtime"
    if request.path.startswith("/BatchPutMetrics") or request.path.startswith("/BatchGetMetrics"):
        return "sagemaker-metrics"
    if request.path.startswith(("/FeatureGroup", "/BatchGetRecord", "/BatchWriteRecord")):
        return "sagemaker-featurestore-runtime"
    return "sagemaker"


def respond(cloud: "Cloud", request: wire.Request) -> wire.Answer:
    """Answer one request; whatever goes wrong is an AWS error, never a dropped connection."""
    service, region, key = service_of(request)
    try:
        told = _admitted(cloud, service, request)
        if request.path.startswith(_OWN_PATH):
            return _told_of_itself(cloud, request)
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


def turned_away(cloud: "Cloud", request: wire.Request) -> wire.Answer | None:
    """Return the answer to what may not come in, told by its head alone; None where it may."""
    service, _, _ = service_of(request)
    try:
        _admitted(cloud, service, request)
    except AwsError as error:
        return _refusal(service, request, error)
    return None


def _admitted(cloud: "Cloud", service: str, request: wire.Request) -> dict[str, str] | None:
    """Return what a browser is told for its page; None for a program. No body is needed for it.

    Raises Refused where a request is for another host, or of a page that no bucket lets in.
    """
    cloud.gate.check_host(request.host)
    page = gate.page_of(request.headers, request.host)
    if page is None:
        return None
    api: Any = cloud.apis.get("s3")
    if service != "s3" or api is None or request.path.startswith(_OWN_PATH):
        raise gate.foreign(page)
    bucket, _ = addressed(request)
    method, asked = request.method, []
    if request.method == "OPTIONS":
        method = request.headers.get("Access-Control-Request-Method", "")
        asked = cors.asked_headers(request.headers.get("Access-Control-Request-Headers", ""))
    rule = cors.rule_for(api.cors_rules(bucket), page, method, asked)
    if rule is None:
        raise gate.foreign(page)
    source = request.headers.get("x-amz-copy-source")
    # A copy reads another bucket, which must let the page in, too.
    if source is not None and not cors.rule_for(api.cors_rules(source_of(source)[0]), page, "GET"):
        raise gate.foreign(page)
    return cors.told(rule, page, asked)


def _told_of_itself(cloud: "Cloud", request: wire.Request) -> wire.Answer:
    """Answer what is no call of AWS's: how the cloud is, and who called what."""
    if request.method not in ("GET", "HEAD"):
        told = f"{request.path} takes GET, not {request.method}"
        raise AwsError("MethodNotAllowed", told, 405)
    name = request.path.removeprefix(_OWN_PATH)
    if name == "health":
        pid = str(os.getpid())  # by which a client knows that this is no other server
        return wire.Answer(200, {"Content-Type": "text/plain", "X-Everloop-Pid": pid}, b"ok\n")
    known: dict[str, Callable[[], Any]] = {
        "access": cloud.roles.report,
        "calls": cloud.counted,
        "memory": partial(memory.report, cloud),
    }
    if name not in known:
        raise AwsError("NoSuchKey", f"there is no {_OWN_PATH}{name}", 404)
    content = json.dumps(known[name]()).encode()
    return wire.Answer(200, {"Content-Type": "application/json"}, content)


def _answered_page(
    cloud: "Cloud",
    service: str,
    region: str,
    key: str,
    request: wire.Request,
    told: dict[str, str],
) -> wire.Answer:
    """Answer a web page that a bucket's CORS rules let in, with what its browser is told."""
    if request.method == "OPTIONS":
        return wire.Answer(200, told)
    try:
        answer = _answered(cloud, service, region, key, request)
    except AwsError as error:
        answer = _refusal(service, request, error)
    answer.headers |= told
    return answer


def _sandboxed(answer: wire.Answer, request: wire.Request) -> wire.Answer:
    """Give what a browser shows an origin of its own: an object's scripts are not this cloud's."""
    if request.headers.get("Sec-Fetch-Mode") == "navigate":
        answer.headers["Content-Security-Policy"] = "sandbox allow-scripts"
    return answer


def _answered(
    cloud: "Cloud", service: str, region: str, key: str, request: wire.Request
) -> wire.Answer:
    signatures.check(request, service, cloud.region)
    if cloud.secret is not None:
        secret = partial(cloud.credentials.secret_of, users_secret=cloud.secret)
        verification.check(request, service, secret)
    _check_target(service, request)
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
        answer: wire.Answer = custom(call, request)
        return answer
    protocol = wire.protocol_of(service, request)
    operation, url = wire.operation_of(service, protocol, request)
    params = wire.parse(service, operation, protocol, request, url)
    cloud.count(call.principal, service, operation)
    return wire.encode(service, operation, protocol, api.perform(call, operation, params))


def _check_target(service: str, request: wire.Request) -> None:
    """Refuse what was signed for one service and is meant for another."""
    meant = _BY_TARGET.get(request.headers.get("X-Amz-Target", "").partition(".")[0])
    if meant and _BY_SCOPE.get(meant, meant) != service:
        told = f"Credential should be scoped to correct service: '{meant}'."
        raise AwsError("InvalidSignatureException", told, 403)


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


def _refusal(service: str, request: wire.Request, error: AwsError) -> wire.Answer:
    try:
        protocol = wire.protocol_of(service, request)
    except UnknownServiceError:
        service, protocol = "s3", "rest-xml"
    answer = wire.encode_error(service, protocol, error)
    answer.headers |= getattr(error, "headers", {})
    return answer


class _Handler(StreamRequestHandler):
    wbufsize = -1  # head and body in one send: two sends cost a delayed acknowledgement, 40 ms
    disable_nagle_algorithm = True
    server: "_Server"

    def handle(self) -> None:
        while self._one():
            pass

    def _one(self) -> bool:
        """Answer the next request; tell whether another may follow on this connection."""
        try:
            head = read_head(self.rfile)
            if head is None:
                return False
            if head.method not in _METHODS:
                raise BadHead(501, f"no service answers the method {head.method[:20]}")
            to_file = self._may_be_long(head.headers)
            spool = Spool(self.server.cloud.folder / INCOMING) if to_file else None
        except BadHead as error:
            self._refuse(error)
            return False
        except OSError as error:
            self._refuse(BadHead(507, f"the body cannot be kept: {error.strerror}"))
            return False
        with contextlib.nullcontext() if spool is None else spool:
            return self._one_with(head, spool)

    def _refuse(self, error: BadHead) -> None:
        text = wire.Answer(error.status, {"Content-Type": "text/plain"}, f"{error}\n".encode())
        self._send(text, "GET", lasts=False)

    def _one_with(self, head: Head, spool: Spool | None) -> bool:
        raw_path, _, raw_query = head.target.partition("?")
        request = wire.Request(
            method=head.method,
            path=urllib.parse.unquote(raw_path),
            raw_path=raw_path,
            query=MultiDict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True)),
            headers=head.headers,
            body=b"",
            host=head.headers.get("Host", ""),
            raw_query=raw_query,
            long=spool,
        )
        if spool is not None and (refusal := turned_away(self.server.cloud, request)):
            return self._send(refusal, head.method, lasts=False)  # its body is not waited for
        try:
            request.body = self._body(head.headers, spool)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._refuse(BadHead(507, f"the body cannot be kept: {error.strerror}"))
            return False
        except BadHead as error:
            self._refuse(error)
            return False
        answer = _sandboxed(respond(self.server.cloud, request), request)
        return self._send(answer, head.method, head.lasts)

    @staticmethod
    def _may_be_long(headers: Headers) -> bool:
        """Tell whether a body is to lie in a file; how long a chunked one is nobody knows."""
        given = headers.get("Content-Length") or "0"
        chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        return chunked or (given.isascii() and given.isdigit() and int(given) > LONG)

    def _body(self, headers: Headers, spool: Spool | None) -> bytes:
        """Return the body, or write it to the spool and return nothing."""
        encoding = headers.get("Transfer-Encoding", "").lower()
        if encoding not in ("", "identity", "chunked"):
            raise BadHead(501, f"the Transfer-Encoding {encoding[:40]!r} is not known; chunked is")
        chunked = encoding == "chunked"
        given = headers.get("Content-Length") or "0"
        if not chunked:
            if not (given.isascii() and given.isdigit()):
                raise BadHead(400, f"{given[:100]!r} is no Content-Length")
            if int(given) > _MAX_BODY:
                trouble = f"the body has {given[:20]} bytes; at most {_MAX_BODY} are taken"
                raise BadHead(413, trouble)
        if headers.get("Expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        parts: list[bytes] = []
        write = parts.append if spool is None else spool.write
        if chunked:
            self._chunks(write)
        else:
            self._exactly(int(given), write)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _chunks(self, write: Callable[[bytes], object]) -> None:
        left = _MAX_BODY
        try:
            while size := int(self.rfile.readline(_CHUNK_LINE).split(b";")[0], 16):
                left -= size
                if size < 0 or left < 0:
                    raise BadHead(413, f"the body has more than {_MAX_BODY} bytes")
                self._exactly(size, write)
                if self.rfile.readline(_CHUNK_LINE).strip():
                    raise BadHead(400, f"a chunk of {size} bytes does not end where its size says")
        except ValueError as error:
            raise BadHead(400, f"a chunk of the body has no size: {error}") from error
        while self.rfile.readline(_CHUNK_LINE).strip():
            pass

    def _exactly(self, length: int, write: Callable[[bytes], object]) -> None:
        """Read so many bytes: half a body must never pass for a whole one."""
        left = length
        while left:
            data = self.rfile.read(min(left, PIECE))
            if not data:
                raise BadHead(400, f"the body ended after {length - left} of {length} bytes")
            write(data)
            left -= len(data)

    def _send(self, answer: wire.Answer, method: str, lasts: bool) -> bool:
        body = answer.body
        bodiless = method == "HEAD" or answer.status in (204, 304)
        lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}"]
        now = self.server.cloud.clock.now().timestamp()
        lines.append(f"Date: {formatdate(now, usegmt=True)}")
        # A line's end within a header would begin another one, or the body.
        lines += [_LINE_ENDS.sub(" ", f"{name}: {value}") for name, value in answer.headers.items()]
        if "content-length" not in {name.lower() for name in answer.headers}:
            if not isinstance(body, bytes):
                lasts = False  # its end is the connection's
            elif not bodiless or method == "HEAD":
                lines.append(f"Content-Length: {len(body)}")
        if not lasts:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        if isinstance(body, bytes):
            self.wfile.write(head)  # the buffer joins the two without a copy of what is long
            self.wfile.write(b"" if bodiless else body)
        else:
            self.wfile.write(head)
            try:
                if not bodiless and hasattr(body, "send_to"):
                    self.wfile.flush()
                    body.send_to(self.connection)
                elif not bodiless:
                    self.wfile.writelines(body)
            finally:
                getattr(body, "close", lambda: None)()
        self.wfile.flush()
        return lasts


class _Server(ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256
    cloud: "Cloud"

    def handle_error(self, request: object, client_address: object) -> None:
        log.debug("connection from %s broke", client_address, exc_info=True)


class Front:
    """The HTTP server of one cloud, on 127.0.0.1 only."""

    def __init__(self, cloud: "Cloud") -> None:
        self._server = _Server(("127.0.0.1", cloud.port), _Handler)
        self._server.cloud = cloud
        self._server.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        # The poll only bounds how long stop() takes.
        serve = partial(self._server.serve_forever, poll_interval=0.05)
        threading.Thread(target=serve, name="front", daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
