"""The front: one loopback port that answers for every service, routed as AWS's clients sign."""

import gzip
import json
import logging
import socket
import threading
import urllib.parse
from email.utils import formatdate
from functools import partial
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from typing import TYPE_CHECKING

from werkzeug.datastructures import Headers, MultiDict

from localcloud import wire
from localcloud.api import Call
from localcloud.errors import AwsError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

log = logging.getLogger(__name__)

# Scope of the signature -> boto3's name, where the two differ.
_BY_SCOPE = {"states": "stepfunctions", "monitoring": "cloudwatch", "eventbridge": "events"}
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


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one send: two sends cost a delayed acknowledgement, 40 ms
    disable_nagle_algorithm = True
    server: "_Server"

    def handle_expect_100(self) -> bool:
        proceed = super().handle_expect_100()
        self.wfile.flush()
        return proceed

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)

    def _answer(self) -> None:
        try:
            body = self._body()
        except ValueError as error:
            self.send_error(413, str(error))
            self.close_connection = True
            return
        # Not self.path: Python folds leading slashes there, and S3's keys may begin with some.
        raw_path, _, raw_query = self.requestline.split(" ")[1].partition("?")
        request = wire.Request(
            method=self.command,
            path=urllib.parse.unquote(raw_path),
            raw_path=raw_path,
            query=MultiDict(urllib.parse.parse_qsl(raw_query, keep_blank_values=True)),
            headers=Headers(self.headers.items()),
            body=body,
            host=self.headers.get("Host", ""),
        )
        answer = respond(self.server.cloud, request)
        self._send(answer)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            chunks = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                chunks.append(self._exactly(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(chunks)
        length = int(self.headers.get("Content-Length") or 0)
        if length > _MAX_BODY:
            raise ValueError(f"the body has {length} bytes; at most {_MAX_BODY} are taken")
        return self._exactly(length)

    def _exactly(self, length: int) -> bytes:
        """Read so many bytes: half a body must never pass for a whole one."""
        data = self.rfile.read(length) if length else b""
        if len(data) < length:
            raise ConnectionError(f"the client left after {len(data)} of {length} bytes")
        return data

    def _send(self, answer: wire.Answer) -> None:
        self.send_response_only(answer.status)
        body = answer.body
        bodiless = self.command == "HEAD" or answer.status in (204, 304)
        sized = {name.lower() for name in answer.headers}
        now = self.server.cloud.clock.now().timestamp()
        self.send_header("Date", formatdate(now, usegmt=True))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if isinstance(body, bytes):
            if "content-length" not in sized and not (bodiless and self.command != "HEAD"):
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if not bodiless:
                self.wfile.write(body)
        else:
            if "content-length" not in sized:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            try:
                for chunk in () if bodiless else body:
                    self.wfile.write(chunk)
            finally:
                getattr(body, "close", lambda: None)()
        self.wfile.flush()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _answer


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
