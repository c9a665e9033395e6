"""Model cards of SageMaker: the copies of what packages' own cards say."""

from typing import Any, Final

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, sagemaker, translated
from everloop.errors import Conflict

PENDING_REVIEW: Final = "PendingReview"
APPROVED: Final = "Approved"
_NOT_THERE: Final = ("ResourceNotFound", "ResourceNotFoundException")


def find(name: str) -> tuple[str, str] | None:
    """Return a card's content and status; None where there is none."""
    try:
        with translated(f"model card {name}"):
            found = sagemaker().describe_model_card(ModelCardName=name)
    except ClientError as error:
        if code_of(error) in _NOT_THERE:
            return None
        raise
    return str(found["Content"]), str(found["ModelCardStatus"])


def create(name: str, content: str, status: str) -> None:
    """Make a card. Raises Conflict where there is one."""
    given: Any = status
    try:
        with translated(f"model card {name}"):
            sagemaker().create_model_card(
                ModelCardName=name, Content=content, ModelCardStatus=given
            )
    except ClientError as error:
        if code_of(error) == "ConflictException":
            raise Conflict(f"model card {name} is there already") from error
        raise


def update(name: str, *, content: str = "", status: str = "") -> None:
    """Change a card's content or its status: AWS takes one of both in a call."""
    with translated(f"model card {name}"):
        if content:
            sagemaker().update_model_card(ModelCardName=name, Content=content)
        if status:
            given: Any = status
            sagemaker().update_model_card(ModelCardName=name, ModelCardStatus=given)


def delete(name: str) -> bool:
    """Delete a card; False where it is gone."""
    try:
        with translated(f"model card {name}"):
            sagemaker().delete_model_card(ModelCardName=name)
    except ClientError as error:
        if code_of(error) in _NOT_THERE:
            return False
        raise
    return True
