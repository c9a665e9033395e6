"""The error that CloudFormation answers with for what is wrong with a template or a request."""

from everloop_localcloud.kernel.errors import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)
