"""Which service a request is for: by its signature, else by target, path and form."""

import re

from everloop_localcloud.kernel import signatures
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.messages import Request

# Scope of the signature -> boto3's name, where the two differ.
_BY_SCOPE = {
    "states": "stepfunctions",
    "monitoring": "cloudwatch",
    "eventbridge": "events",
    "servicequotas": "service-quotas",
}

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
    "ServiceQuotasV20190624": "servicequotas",
    "AnyScaleFrontendService": "application-autoscaling",
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


def service_of(request: Request) -> tuple[str, str, str]:
    """Return service, region and access key of a request, from its signature.

    Unsigned requests are told by target and form; what is left is S3, as on AWS.
    """
    scope = signatures.scope_of(request)
    name = scope.service or _unsigned(request)
    service = _BY_SCOPE.get(name, name)
    if service == "sagemaker":
        service = _sagemaker_part(request)
    return service, scope.region or "us-east-1", scope.key


def check_target(service: str, request: Request) -> None:
    """Refuse what was signed for one service and is meant for another."""
    meant = _BY_TARGET.get(request.headers.get("X-Amz-Target", "").partition(".")[0])
    if meant and _BY_SCOPE.get(meant, meant) != service:
        told = f"Credential should be scoped to correct service: '{meant}'."
        raise AwsError("InvalidSignatureException", told, 403)


def _unsigned(request: Request) -> str:
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


def _sagemaker_part(request: Request) -> str:
    if "X-Amz-Target" in request.headers:
        return "sagemaker"
    if request.path.startswith("/endpoints/"):
        return "sagemaker-runtime"
    if request.path.startswith("/BatchPutMetrics") or request.path.startswith("/BatchGetMetrics"):
        return "sagemaker-metrics"
    if request.path.startswith(("/FeatureGroup", "/BatchGetRecord", "/BatchWriteRecord")):
        return "sagemaker-featurestore-runtime"
    return "sagemaker"
