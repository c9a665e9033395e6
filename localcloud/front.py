"""The front: one loopback port that answers for every service, routed as AWS's clients sign."""

import gzip
import json
import logging
import socket
import threading
import urllib.parse
from email.utils import formatdate
from functools import partial
from http import HTTPStatus
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import TYPE_CHECKING

from werkzeug.datastructures import MultiDict

from localcloud import wire
from localcloud.api import Call
from localcloud.errors import AwsError
from localcloud.heads import BadHead, Headers, read_head

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

log = logging.getLogger(__name__)

# Scope of the signature -> boto3's name, where the two differ.
_BY_SCOPE = {"states": "stepfunctions", "monitoring": "cloudwatch", "eventbridge": "events"}
_METHODS = {"GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"}
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_CHUNK_LINE = 1024
_MAX_BODY = 5 * 1024**3  # S3's own limit for one PutObject


def service_of(request: wire.Request) -> tuple[str, str, str]:
    """Return service, region and access key of a request, from its signature.

    Unsigned requests are told by target and form; what is left is S3, as on AWS.
    """
    authorization = request.headers.get("Authorization", "")
    credential = ""
    if "Credential=" in authorization:
        credential = authorization.split("Credential=", 1)[1].split(",", 1)[0]
    elif "X-Amz-Credential" in request.query:
        credential = request.query["X-Amz-Credential"]
    parts = credential.strip().split("/")
    key, region, scope = (
        (parts[0], parts[-3], parts[-2]) if len(parts) >= 5 else ("", "us-east-1", "")
    )
    if authorization.startswith("AWS ") or "AWSAccessKeyId" in request.query:
        scope = "s3"  # the old signature, which only S3 still knows
    if not scope:
        scope = _unsigned(request)
    service = _BY_SCOPE.get(scope, scope)
    if service == "sagemaker":
        service = _sagemaker_part(request)
    return service, region, key


def _unsigned(request: wire.Request) -> str:
    target = request.headers.get("X-Amz-Target", "").partition(".")[0]
    by_target = {
        "AWSStepFunctions": "states",
        "AWSEvents": "events",
        "AmazonSQS": "sqs",
        "SageMaker": "sagemaker",
        "Logs_20140328": "logs",
        "DynamoDB_20120810": "dynamodb",
        "GraniteServiceVersion20100801": "monitoring",
    }
    if target in by_target:
        return by_target[target]
    if request.path.startswith("/endpoints/"):
        return "sagemaker"
    if request.path.startswith("/2015-03-31/functions"):
        return "lambda"
    if b"Action=AssumeRole" in request.body[:4096]:
        return "sts"
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
    if request.path == "/_everloop/health":
        return wire.Answer(200, {"Content-Type": "text/plain"}, b"ok\n")
    if request.path == "/_everloop/access":
        told = json.dumps(cloud.roles.report()).encode()
        return wire.Answer(200, {"Content-Type": "application/json"}, told)
    if request.path == "/_everloop/calls":
        told = json.dumps(cloud.counted()).encode()
        return wire.Answer(200, {"Content-Type": "application/json"}, told)
    service, region, key = service_of(request)
    api = cloud.apis.get(service)
    if api is None:
        target = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        cloud.count(cloud.credentials.principal(key), service, target or request.path)
        return cloud.behind.respond(service, request)
    custom = getattr(api, "respond", None)
    principal = cloud.credentials.principal(key)
    call = Call(cloud.account, region, principal, cloud.clock.now())
    protocol = wire.protocol_of(service, request)
    try:
        if service != "s3" and request.headers.get("Content-Encoding") == "gzip":
            request.body = gzip.decompress(request.body)  # SDKs compress long PutMetricData
        if custom is not None:
            answer: wire.Answer = custom(call, request)
            return answer
        operation, url = wire.operation_of(service, protocol, request)
        params = wire.parse(service, operation, protocol, request, url)
        cloud.count(call.principal, service, operation)
        result = api.perform(call, operation, params)
        if cloud.strict:
            wire.check_output(service, operation, result)
        return wire.encode(service, operation, protocol, result)
    except AwsError as error:
        return wire.encode_error(service, protocol, error)
    except Exception as error:
        log.exception("%s %s failed", service, request.path)
        trouble = f"the local cloud failed: {type(error).__name__}: {error}"
        return wire.encode_error(service, protocol, AwsError("InternalFailure", trouble, 500))


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
            body = self._body(head.headers)
        except BadHead as error:
            text = wire.Answer(error.status, {"Content-Type": "text/plain"}, f"{error}\n".encode())
            self._send(text, "GET", lasts=False)
            return False
        raw_path, _, raw_query = head.target.partition("?")
        request = wire.Request(
            method=head.method,
            path=urllib.parse.unquote(raw_path),
            raw_path=raw_path,
            query=MultiDict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True)),
            headers=head.headers,
            body=body,
            host=head.headers.get("Host", ""),
        )
        return self._send(respond(self.server.cloud, request), head.method, head.lasts)

    def _body(self, headers: Headers) -> bytes:
        chunked = headers.get("Transfer-Encoding", "").lower() == "chunked"
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
        return self._chunks() if chunked else self._exactly(int(given))

    def _chunks(self) -> bytes:
        chunks = []
        left = _MAX_BODY
        try:
            while size := int(self.rfile.readline(_CHUNK_LINE).split(b";")[0], 16):
                left -= size
                if size < 0 or left < 0:
                    raise BadHead(413, f"the body has more than {_MAX_BODY} bytes")
                chunks.append(self._exactly(size))
                self.rfile.readline(_CHUNK_LINE)
        except ValueError as error:
            raise BadHead(400, f"a chunk of the body has no size: {error}") from error
        while self.rfile.readline(_CHUNK_LINE).strip():
            pass
        return b"".join(chunks)

    def _exactly(self, length: int) -> bytes:
        """Read so many bytes: half a body must never pass for a whole one."""
        data = self.rfile.read(length) if length else b""
        if len(data) < length:
            raise ConnectionError(f"the client left after {len(data)} of {length} bytes")
        return data

    def _send(self, answer: wire.Answer, method: str, lasts: bool) -> bool:
        body = answer.body
        bodiless = method == "HEAD" or answer.status in (204, 304)
        lines = [f"HTTP/1.1 {answer.status} {_PHRASES.get(answer.status, '')}"]
        now = self.server.cloud.clock.now().timestamp()
        lines.append(f"Date: {formatdate(now, usegmt=True)}")
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if "content-length" not in {name.lower() for name in answer.headers}:
            if not isinstance(body, bytes):
                lasts = False  # its end is the connection's
            elif not bodiless or method == "HEAD":
                lines.append(f"Content-Length: {len(body)}")
        if not lasts:
            lines.append("Connection: close")
        head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
        if isinstance(body, bytes):
            self.wfile.write(head if bodiless else head + body)
        else:
            self.wfile.write(head)
            try:
                for chunk in () if bodiless else body:
                    self.wfile.write(chunk)
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
