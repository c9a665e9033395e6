"""What rests is moto's: services that only keep records. What changed them is kept and replayed.

Changes of DynamoDB's items are kept as items (items.py), so that a restart takes as long as
there are items, not writes; every other successful change is kept as the request that made it.
"""

import json
import logging
import secrets
import sys
import threading
import urllib.parse
from io import BytesIO
from typing import Any

import boto3
from botocore import xform_name
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, UnknownServiceError
from werkzeug.datastructures import MultiDict

from everloop_localcloud.behind import moto_calls
from everloop_localcloud.behind.items import Items, is_item_operation
from everloop_localcloud.kernel import models, signatures, wire
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.api import refuse
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.heads import Headers

log = logging.getLogger(__name__)

SERVICES = ("dynamodb", "iam", "ssm", "kms", "secretsmanager")
_WARM = ("dynamodb", "iam")
_READS = (
    *("Get", "List", "Describe", "BatchGet", "Query", "Scan", "TransactGet", "Simulate", "Verify"),
    *("Encrypt", "Decrypt", "ReEncrypt", "GenerateDataKey", "GenerateMac", "GenerateRandom"),
    "Sign",
)
_NOT_SIMULATED = ("PolicyInputList", "PermissionsBoundaryPolicyInputList", "ContextEntries")


class Behind:
    """moto's backends behind our front. They are global: one running cloud per process has them."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self._lock = threading.RLock()  # moto's backends are plain dicts: one request at a time
        self._clients: dict[str, Any] = {}
        self._next = 0
        self.items = Items(cloud, self._lock)
        self._load()

    def _load(self) -> None:
        """Bring back what was there: replay the changes, then put the items into their tables."""
        from moto.core.config import default_user_config

        default_user_config["iam"]["load_aws_managed_policies"] = True  # roles attach them
        for service in SERVICES:
            if f"moto.{service}.models" in sys.modules:
                moto_calls.backend(service).reset()  # of a cloud that this process ran before
                moto_calls.track_nothing(service)
        for key, entry in sorted(self._cloud.store.load("behind.journal").items()):
            self._replay(key, entry)
            self._next = int(key) + 1
        self.items.load()

    def start(self) -> None:
        """Let items expire, and have moto import what the first calls need."""
        self.items.start()
        self._cloud.spawn(self._warm, name="warm moto")

    def respond(self, service: str, request: wire.Request) -> wire.Answer:
        """Let moto answer; a service that neither of us has is refused by name."""
        if service not in SERVICES:
            return _refused(service, request)
        protocol = wire.protocol_of(service, request)
        region = signatures.scope_of(request).region or self._cloud.region
        try:
            operation, url = wire.operation_of(service, protocol, request)
            params = wire.parse(service, operation, protocol, request, url)
            wire.check_input(service, operation, params)
            headers = dict(request.headers.items())
            if (service, operation) == ("iam", "SimulatePrincipalPolicy"):
                return self._simulated(params, self._principal(headers))
            check_honoured(service, operation, params)
            if (service, operation) == ("dynamodb", "CreateTable"):
                _check_table_name(params["TableName"])
            self._check(service, operation, headers, request.body)
            status, told, body = self._answer(service, operation, region, headers, request.body)
        except AwsError as error:
            return wire.encode_error(service, protocol, error)
        answer = wire.Answer(status, told, body)
        if self._cloud.strict and status < 300:
            wire.check_written(service, operation, answer)
        return answer

    def call(
        self, service: str, operation: str, params: dict[str, Any], role_arn: str | None
    ) -> dict[str, Any]:
        """Call a service behind us as a client would, without a network in between."""
        if service not in SERVICES:
            raise AwsError("NotImplemented", f"the local cloud has no service {service!r}", 501)
        try:
            method = getattr(self._client(service), xform_name(operation))
        except AttributeError:
            trouble = f"{service} has no operation {operation!r}"
            raise AwsError("UnknownOperationException", trouble) from None
        if role_arn is not None:
            self._cloud.roles.check(role_arn, service, operation, params)
        try:
            answer: dict[str, Any] = method(**params)
        except ClientError as error:
            found = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            known = {"Error", "ResponseMetadata", "message", "Message"}
            rest = {name: value for name, value in error.response.items() if name not in known}
            raise AwsError(found["Code"], found.get("Message", ""), status, **rest) from error
        except BotoCoreError as error:
            raise AwsError("ValidationException", str(error)) from error
        answer.pop("ResponseMetadata", None)
        return answer

    def _check(self, service: str, operation: str, headers: dict[str, str], body: bytes) -> None:
        """Judge a call by the policies of the role that makes it."""
        principal = self._principal(headers)
        if ":assumed-role/" in principal:
            params = json.loads(body) if body.startswith(b"{") else {}
            self._cloud.roles.check(principal, service, operation, params)

    def _principal(self, headers: dict[str, str]) -> str:
        key = headers.get("Authorization", "").partition("Credential=")[2].partition("/")[0]
        return self._cloud.credentials.principal(key)

    def _simulated(self, given: dict[str, Any], caller: str) -> wire.Answer:
        """Answer what a principal may do by its policies, as calls are judged here.

        Raises AwsError where `caller` may not ask: else nothing of IAM is judged.
        """
        operation = "SimulatePrincipalPolicy"
        asked = f"iam:{operation}"
        if self._cloud.roles.decision(caller, asked, given["PolicySourceArn"]) != "allowed":
            trouble = f"User: {caller} is not authorized to perform: {asked} on resource: "
            raise AwsError("AccessDenied", trouble + given["PolicySourceArn"], 403)
        for member in _NOT_SIMULATED:
            if given.get(member):
                trouble = f"the local cloud does not take {member} of {operation}"
                raise AwsError("InvalidInput", trouble)
        results = [
            {
                "EvalActionName": action,
                "EvalResourceName": resource,
                "EvalDecision": self._cloud.roles.decision(
                    given["PolicySourceArn"], action, resource
                ),
            }
            for action in given["ActionNames"]
            for resource in given.get("ResourceArns", ["*"])
        ]
        answer = {"EvaluationResults": results, "IsTruncated": False}
        return wire.encode("iam", operation, "query", answer)

    def _client(self, service: str) -> Any:
        with self._lock:
            client = self._clients.get(service)
            if client is None:
                session: Any = boto3.session.Session(botocore_session=models.session())
                client = session.client(
                    service,
                    region_name=self._cloud.region,
                    aws_access_key_id="cloud",
                    aws_secret_access_key="cloud",
                    config=Config(retries={"max_attempts": 0}, inject_host_prefix=False),
                )
                client.meta.events.register("before-send", self._instead_of_sending)
                self._clients[service] = client
            return client

    def _instead_of_sending(self, request: Any, **_: Any) -> AWSResponse:
        headers = {
            name: value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        raw = request.body or b""
        body = raw.encode() if isinstance(raw, str) else bytes(raw)
        sent = wire.Request("POST", "/", "/", MultiDict(), Headers(headers.items()), body)
        scope = headers["Authorization"].split("Credential=", 1)[1].split(",", 1)[0].split("/")
        answer = self.respond(scope[-2], sent)
        told = HTTPHeaders.from_pairs(answer.headers.items())
        return AWSResponse(request.url, answer.status, told, _Raw(answer.body))

    def _answer(
        self, service: str, operation: str, region: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        if service == "dynamodb" and is_item_operation(operation):
            with self._lock:
                answer = moto_calls.dispatch(self._cloud.account, service, region, headers, body)
                if answer[0] < 300:
                    self.items.keep(region, operation, body)
            return answer
        if operation.startswith(_READS):
            with self._lock:
                return moto_calls.dispatch(self._cloud.account, service, region, headers, body)
        with self._lock:
            seed = secrets.randbits(64)
            answer = moto_calls.dispatch(self._cloud.account, service, region, headers, body, seed)
            if answer[0] < 300:
                self._keep(service, operation, region, headers, body, seed)
        return answer

    def _keep(
        self,
        service: str,
        operation: str,
        region: str,
        headers: dict[str, str],
        body: bytes,
        seed: int,
    ) -> None:
        if service == "iam":
            changed = urllib.parse.parse_qs(body.decode()).get("RoleName", [None])[0]
            self._cloud.roles.forget(changed)  # a policy is of any number of roles
            self._spread(operation, body)
        if service == "dynamodb" and operation == "DeleteTable":
            self.items.drop_table(region, json.loads(body)["TableName"])
        wanted = ("x-amz-target", "content-type", "authorization")
        entry: dict[str, Any] = {
            "service": service,
            "region": region,
            "headers": {n: v for n, v in headers.items() if n.lower() in wanted},
            "body": body,
            "seed": seed,
        }
        if service == "kms" and operation == "CreateKey":
            entry["material"] = moto_calls.key_material(self._cloud.account, region)
        self._cloud.store.write("behind.journal", f"{self._next:012d}", entry)
        self._next += 1

    def _spread(self, operation: str, body: bytes) -> None:
        """Note that services do not know a new role yet."""
        if operation == "CreateRole":
            name = urllib.parse.parse_qs(body.decode())["RoleName"][0]
            self._cloud.propagation.made("role", name)

    def _replay(self, key: str, entry: dict[str, Any]) -> None:
        service, region = entry["service"], entry["region"]
        status, _, body = moto_calls.dispatch(
            self._cloud.account, service, region, entry["headers"], entry["body"], entry["seed"]
        )
        if status >= 300:
            log.error("change %s of %s could not be repeated: %s", key, service, body.decode())
        elif "material" in entry:
            moto_calls.restore_material(self._cloud.account, region, entry["material"])

    def _warm(self) -> None:
        """Have moto import what the first calls need."""
        for service in _WARM:
            with self._lock:
                moto_calls.backend(service)
                moto_calls.handler(service)
        moto_calls.quick()


def _check_table_name(name: str) -> None:
    """Refuse what DynamoDB does; its model has the limits of ARNs, and moto none."""
    if not 3 <= len(name) <= 255:
        raise AwsError(
            "ValidationException",
            "TableName must be at least 3 characters long and at most 255 characters long",
        )


def check_honoured(service: str, operation: str, params: dict[str, Any]) -> None:
    """Raise AwsError for an operation or a parameter that moto does not know."""
    if operation not in moto_calls.answers(service):
        trouble = f"the local cloud does not answer {service}:{operation}"
        raise AwsError("NotImplemented", trouble, 501)
    refuse(service, operation, moto_calls.unread(service, operation), params)


class _Raw(BytesIO):
    """A body as botocore reads one from a connection."""

    def stream(self, **_: Any) -> Any:
        while piece := self.read():
            yield piece


def _refused(service: str, request: wire.Request) -> wire.Answer:
    trouble = f"the local cloud has no service {service!r} ({request.method} {request.path})"
    refusal = AwsError("NotImplemented", trouble, 501)
    try:
        protocol = wire.protocol_of(service, request)
    except UnknownServiceError:
        return wire.encode_error("s3", "rest-xml", refusal)
    return wire.encode_error(service, protocol, refusal)
