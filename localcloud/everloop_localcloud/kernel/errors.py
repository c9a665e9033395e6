"""The one error that an API of the local cloud answers with."""

from typing import Any


class AwsError(Exception):
    """An error answer as AWS gives it: `code` and `message` reach the client as they are.

    `fields` are further members of the error's shape, where botocore's model has some.
    """

    def __init__(self, code: str, message: str, status: int = 400, **fields: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


def validation(message: str) -> AwsError:
    """Return the ValidationException that most JSON services answer with."""
    return AwsError("ValidationException", message)
