"""Feature groups of SageMaker's Feature Store: their definitions, not their records."""

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from everloop.aws.clients import code_of, sagemaker, translated
from everloop.errors import BadInput

_NOT_THERE = ("ResourceNotFound", "ResourceNotFoundException")
_DENIED = ("AccessDeniedException", "AccessDenied")


def find(name: str) -> Mapping[str, Any] | None:
    """Describe a group; None where there is none. Raises BadInput for one that we may not read."""
    try:
        with translated(f"feature group {name}"):
            return dict(sagemaker().describe_feature_group(FeatureGroupName=name))
    except ClientError as error:
        if code_of(error) in _NOT_THERE:
            return None
        if code_of(error) in _DENIED:
            raise BadInput(
                f"the stack may not read feature group {name}; have its ARN added to the stack's "
                "parameter FeatureGroups, and where its offline store lies to FeatureStores"
            ) from error
        raise


def create(request: Mapping[str, Any]) -> None:
    """Make a group. Raises NotReady where somebody makes it now, NoCapacity for a quota."""
    with translated(f"feature group {request['FeatureGroupName']}"):
        sagemaker().create_feature_group(**request)


def extend(name: str, features: Sequence[Mapping[str, Any]]) -> None:
    """Give a group further features; records of before have no values of them."""
    with translated(f"feature group {name}"):
        added: Any = list(features)
        sagemaker().update_feature_group(FeatureGroupName=name, FeatureAdditions=added)
