"""SageMaker's runtime: InvokeEndpoint."""

import time
from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.host import Invocation
from everloop_localcloud.sagemaker.hosting import Hosting
from everloop_localcloud.sagemaker.instance import LOG_GROUP, Answer
from everloop_localcloud.sagemaker.reads import RUNTIME

Record = dict[str, Any]

_LARGEST = 25 * 1024 * 1024  # AWS's limit for one request to a real-time endpoint
_LONGEST_MESSAGE = 4096
_PASSED = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}
_UNSUPPORTED = (
    "EnableExplanations",
    "InferenceComponentName",
    "PrefixAwareId",
    "SessionId",
    "TargetContainerHostname",
    "TargetModel",
)


class SageMakerRuntime(Api):
    service = "sagemaker-runtime"
    reads = RUNTIME

    @operation
    def invoke_endpoint(self, call: Call, request: Record) -> Record:
        began = time.perf_counter()
        name = request["EndpointName"]
        for member in _UNSUPPORTED:
            if member in request:
                raise AwsError("ValidationError", f"the local cloud does not take {member}")
        body = _body(request)
        hosting: Hosting = self.cloud.apis["sagemaker"].hosting
        host = hosting.hosts.get(name)
        if host is None:
            raise AwsError(
                "ValidationError", f"Endpoint {name} of account {call.account} not found."
            )
        headers = {
            header: request[member] for member, header in _PASSED.items() if member in request
        }
        headers.setdefault("Content-Type", "application/octet-stream")
        answer, variant = host.invoke(
            Invocation(
                body=body,
                headers=headers,
                began=began,
                variant=request.get("TargetVariant"),
                inference_id=request.get("InferenceId"),
                attributes=request.get("CustomAttributes"),
            )
        )
        if not 200 <= answer.status < 300:
            raise self._model_error(call, name, answer)
        told = {
            "Body": answer.body,
            "ContentType": answer.content_type,
            "InvokedProductionVariant": variant,
        }
        if answer.attributes is not None:
            told["CustomAttributes"] = answer.attributes
        return told

    def _model_error(self, call: Call, name: str, answer: Answer) -> AwsError:
        whose = "client" if 400 <= answer.status < 500 else "server"
        message = answer.body.decode("utf-8", "replace")[:_LONGEST_MESSAGE]
        group = f"{LOG_GROUP}/{name}"
        where = (
            f"https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
            f"#logEventViewer:group={group} in account {call.account}"
        )
        return AwsError(
            "ModelError",
            f"Received {whose} error ({answer.status}) from primary with message"
            f' "{message}". See {where} for more information.',
            424,
            OriginalStatusCode=answer.status,
            OriginalMessage=message,
            LogStreamArn=self.cloud.arn("logs", f"log-group:{group}"),
        )


def _body(request: Record) -> bytes:
    body = request.get("Body") or b""
    data: bytes = body.encode() if isinstance(body, str) else body
    if len(data) > _LARGEST:
        raise AwsError(
            "ValidationError", f"the body has {len(data)} bytes; at most {_LARGEST} are taken", 413
        )
    return data
