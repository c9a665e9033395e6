"""SageMaker is one class of many parts: none may take another's names."""

from collections import defaultdict

from everloop_localcloud.kernel.api import Api
from everloop_localcloud.sagemaker.api import SageMaker

# What is meant to be overridden: all of Api, two hooks, and what ABC keeps of its own.
SHARED = {"_abc_impl", "_job_kinds", "drop_associations", *vars(Api), "service"}


def test_no_part_of_sagemaker_hides_what_another_defines() -> None:
    owners = defaultdict(list)
    for part in SageMaker.__mro__[:-1]:
        for name in vars(part):
            if not name.startswith("__") and name not in SHARED:
                owners[name].append(part.__name__)
    assert {name: parts for name, parts in owners.items() if len(parts) > 1} == {}
