"""Volumes of jobs: a key is refused where the instance has disks that its hardware encrypts.

"You can't request a VolumeKmsKeyId when using an instance type with local storage":
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
"""

from typing import Any

from everloop_localcloud.kernel.errors import validation

# As the SageMaker SDK tells them: a `d` in the family (m5d, g4dn, p4d), and these.
_FAMILIES = ("g5", "g6", "g7e", "p5", "p6-b200", "trn1", "trn2")


def check_key(resources: dict[str, Any]) -> None:
    """Raise AwsError where a cluster asks for a key that its volume cannot have."""
    instance = resources.get("InstanceType", "")
    family = instance.removeprefix("ml.").partition(".")[0]
    if resources.get("VolumeKmsKeyId") and ("d" in family or family.startswith(_FAMILIES)):
        raise validation(
            f"VolumeKmsKeyId is not supported for the instance type {instance}, which has local "
            "storage: it is encrypted by a hardware module of the instance"
        )
