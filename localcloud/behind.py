"""What rests is moto's: the services that only keep records. Their state is a journal, replayed."""

import io
import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, UnknownServiceError

from localcloud import wire
from localcloud.errors import AwsError

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

SERVICES = ("dynamodb", "iam", "ssm", "kms", "resource-groups-tagging-api", "secretsmanager")


class Behind:
    """moto's in-process server behind our front."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._lock = threading.Lock()
        self._app: Any = None

    def start(self) -> None:
        """Replay the journal of what was changed before."""

    def respond(self, service: str, request: wire.Request) -> wire.Answer:
        """Let moto answer; a service that neither of us has is refused by name."""
        if service not in SERVICES:
            trouble = (
                f"the local cloud has no service {service!r} ({request.method} {request.path})"
            )
            refusal = AwsError("NotImplemented", trouble, 501)
            try:
                protocol = wire.protocol_of(service, request)
            except UnknownServiceError:
                return wire.encode_error("s3", "rest-xml", refusal)
            return wire.encode_error(service, protocol, refusal)
        status, headers, body = self._pass_on(request)
        return wire.Answer(status, headers, body)

    def call(
        self, service: str, operation: str, params: dict[str, Any], role_arn: str | None
    ) -> dict[str, Any]:
        """Call a service behind us as a client would."""
        if service not in SERVICES:
            raise AwsError("NotImplemented", f"the local cloud has no service {service!r}", 501)
        client = boto3.client(
            service,
            endpoint_url=self._cloud.url,
            region_name=self._cloud.region,
            aws_access_key_id="cloud",
            aws_secret_access_key="cloud",
            config=Config(retries={"max_attempts": 1}, inject_host_prefix=False),
        )
        from botocore import xform_name

        try:
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**params)
        except ClientError as error:
            found = error.response["Error"]
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            raise AwsError(found["Code"], found.get("Message", ""), status) from error
        answer.pop("ResponseMetadata", None)
        return answer

    def _pass_on(self, request: wire.Request) -> tuple[int, dict[str, str], bytes]:
        from werkzeug.test import EnvironBuilder, run_wsgi_app

        with self._lock:
            if self._app is None:
                from moto.moto_server.werkzeug_app import (
                    DomainDispatcherApplication,
                    create_backend_app,
                )

                self._app = DomainDispatcherApplication(create_backend_app)
        builder = EnvironBuilder(
            method=request.method,
            path=request.raw_path,
            query_string=list(request.query.items(multi=True)) and None,
            headers=request.headers,
            input_stream=io.BytesIO(request.body),
            base_url=f"http://{request.host}/",
        )
        environ = builder.get_environ()
        environ["CONTENT_LENGTH"] = str(len(request.body))
        chunks, status, headers = run_wsgi_app(self._app, environ)
        return int(status.split()[0]), dict(headers), b"".join(chunks)
