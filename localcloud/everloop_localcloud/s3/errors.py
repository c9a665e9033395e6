"""S3's errors, worded as S3 words them."""

from typing import Any

from everloop_localcloud.kernel.errors import AwsError


class S3Error(AwsError):
    """An AwsError whose answer carries headers too, such as x-amz-delete-marker."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        headers: dict[str, str] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(code, message, status, **fields)
        self.headers = headers or {}


def no_such_bucket(bucket: str) -> S3Error:
    return S3Error("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=bucket)


def no_such_key(key: str, headers: dict[str, str] | None = None) -> S3Error:
    return S3Error("NoSuchKey", "The specified key does not exist.", 404, headers, Key=key)


def no_such_version(key: str, version_id: str) -> S3Error:
    message = "The specified version does not exist."
    return S3Error("NoSuchVersion", message, 404, Key=key, VersionId=version_id)


def no_such_upload(upload_id: str) -> S3Error:
    message = (
        "The specified upload does not exist. The upload ID may be invalid, or the upload may "
        "have been aborted or completed."
    )
    return S3Error("NoSuchUpload", message, 404, UploadId=upload_id)


def method_not_allowed(headers: dict[str, str]) -> S3Error:
    message = "The specified method is not allowed against this resource."
    return S3Error("MethodNotAllowed", message, 405, headers, ResourceType="DeleteMarker")


def precondition_failed(condition: str) -> S3Error:
    message = "At least one of the pre-conditions you specified did not hold"
    return S3Error("PreconditionFailed", message, 412, Condition=condition)


def invalid_argument(name: str, value: Any, message: str) -> S3Error:
    return S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)


def not_found(headers: dict[str, str] | None = None) -> S3Error:
    """Return what every HEAD answers for what is not there: it has no body to say more."""
    return S3Error("404", "Not Found", 404, headers)
