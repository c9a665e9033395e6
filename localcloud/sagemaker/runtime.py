"""SageMaker's runtime: InvokeEndpoint."""

from typing import Any

from localcloud.api import Api, Call, operation
from localcloud.errors import AwsError

Record = dict[str, Any]
_LARGEST = 25 * 1024 * 1024  # AWS's limit for one request to a real-time endpoint
_PASSED = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
}


class SageMakerRuntime(Api):
    service = "sagemaker-runtime"

    @operation
    def invoke_endpoint(self, call: Call, request: Record) -> Record:
        name = request["EndpointName"]
        body = request.get("Body") or b""
        if isinstance(body, str):
            body = body.encode()
        if len(body) > _LARGEST:
            raise AwsError("ValidationError", f"Request body is larger than {_LARGEST} bytes", 413)
        control: Any = self.cloud.apis["sagemaker"]
        host = control.hosts.get(name)
        if host is None:
            raise AwsError(
                "ValidationError", f"Endpoint {name} of account {call.account} not found."
            )
        variant = request.get("TargetVariant")
        if variant is not None and variant not in host.fleet.variants:
            raise AwsError("ValidationError", f"Variant {variant} of endpoint {name} not found.")
        headers = {
            header: str(request[member]) for member, header in _PASSED.items() if member in request
        }
        headers.setdefault("Content-Type", "application/octet-stream")
        status, content_type, answer, served = host.invoke(
            body, headers, variant=variant, inference_id=request.get("InferenceId")
        )
        if status >= 400:
            message = answer.decode("utf-8", "replace")[:1024]
            link = (
                f"https://{call.region}.console.aws.amazon.com/cloudwatch/home?region={call.region}"
                f"#logEventViewer:group=/aws/sagemaker/Endpoints/{name} in account {call.account}"
            )
            raise AwsError(
                "ModelError",
                f"Received {'client' if status < 500 else 'server'} error ({status}) from primary "
                f'with message "{message}". See {link} for more information.',
                424,
                OriginalStatusCode=status,
                OriginalMessage=message,
                LogStreamArn=self.cloud.arn("logs", f"log-group:/aws/sagemaker/Endpoints/{name}"),
            )
        return {"Body": answer, "ContentType": content_type, "InvokedProductionVariant": served}
