"""Which operation an HTTP request to S3 is: by method, path, query and headers."""

import urllib.parse
from functools import cache

from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.addresses import addressed
from everloop_localcloud.s3.errors import S3Error


def route(request: wire.Request) -> tuple[str, str, str]:
    """Return operation, bucket and key.

    Raises S3Error MethodNotAllowed for what is no operation of S3.
    """
    bucket, key = addressed(request)
    level = 2 if key else 1 if bucket else 0
    for wanted, name in _routes().get((request.method, level), ()):
        if wanted.keys() <= request.query.keys() and all(
            not value or request.query[part] == value for part, value in wanted.items()
        ):
            return _told_by_headers(name, request), bucket, key
    message = "The specified method is not allowed against this resource."
    raise S3Error("MethodNotAllowed", message, 405, Method=request.method)


def _told_by_headers(name: str, request: wire.Request) -> str:
    if "x-amz-copy-source" in request.headers:
        return {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}.get(name, name)
    return name


# Operations that share method, path and required query with another, which is the one meant.
_NOT_ROUTED = {
    *("CopyObject", "UploadPartCopy", "GetBucketLifecycle", "PutBucketLifecycle"),
    *("GetBucketNotification", "PutBucketNotification", "ListDirectoryBuckets"),
    *("CreateSession", "WriteGetObjectResponse"),
}
# Query parameters without which the path alone would be another operation.
_TELLING = {
    "UploadPart": ("uploadId", "partNumber"),
    "ListParts": ("uploadId",),
    "AbortMultipartUpload": ("uploadId",),
    "CompleteMultipartUpload": ("uploadId",),
    "GetBucketAnalyticsConfiguration": ("id",),
    "GetBucketIntelligentTieringConfiguration": ("id",),
    "GetBucketInventoryConfiguration": ("id",),
    "GetBucketMetricsConfiguration": ("id",),
}


@cache
def _routes() -> dict[tuple[str, int], list[tuple[dict[str, str], str]]]:
    """Routes per method and level (service, bucket, object); those with most query first."""
    routes: dict[tuple[str, int], list[tuple[dict[str, str], str]]] = {}
    model = wire.service_model("s3")
    for name in model.operation_names:
        if name in _NOT_ROUTED:
            continue
        http = model.operation_model(name).http
        path, _, query = http["requestUri"].partition("?")
        level = 2 if "{Key" in path else 1 if "{Bucket" in path else 0
        wanted = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        wanted |= dict.fromkeys(_TELLING.get(name, ()), "")
        routes.setdefault((http["method"], level), []).append((wanted, name))
    for candidates in routes.values():
        candidates.sort(key=lambda row: -len(row[0]))
    return routes
