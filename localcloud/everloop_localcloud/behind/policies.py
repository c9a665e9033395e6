"""AWS's own managed policies: read once in a process, and not for each IAM that moto makes.

They are 1,600, and a process may have one IAM after the other: whoever stops a cloud resets it.
"""

import copy
from functools import cache
from types import SimpleNamespace
from typing import Any

from moto.iam.models import IAMBackend
from moto.iam.utils import random_policy_id
from moto.moto_api._internal import mock_random
from moto.settings import load_iam_aws_managed_policies

_iam: Any = IAMBackend
_read = _iam._init_aws_policies


@cache
def _known(account: str, region: str) -> list[Any]:
    kept = mock_random.getstate()
    found: list[Any] = _read(SimpleNamespace(account_id=account, region_name=region))
    mock_random.setstate(kept)
    return found


def _copies(backend: Any) -> list[Any]:
    """Return what moto does, and draw as many ids as it does: a restart draws them again."""
    if not load_iam_aws_managed_policies():
        return []
    made = [copy.copy(policy) for policy in _known(backend.account_id, backend.region_name)]
    for policy in made:
        policy.id = random_policy_id()
        policy.tags, policy.versions = {}, [copy.copy(version) for version in policy.versions]
    return made


def install() -> None:
    """Have moto's IAM take copies from now on."""
    _iam._init_aws_policies = _copies
