"""Instances that bring disks of their own, which their hardware encrypts.

SageMaker refuses a key for the volumes of jobs on them. An endpoint config takes one, which does
not encrypt such disks.
"""

from typing import Final

# As the SageMaker SDK tells them (3.27.0, common_utils.volume_size_supported): a `d` in the
# family, and these.
_FAMILIES: Final = ("g5", "g6", "g7e", "p5", "p6-b200", "trn1", "trn2")


def has_own_disk(instance: str) -> bool:
    """Tell whether an instance type (ml.g5.xlarge) has disks whose volume takes no key."""
    family = instance.removeprefix("ml.").partition(".")[0]
    return "d" in family or family.startswith(_FAMILIES)
