"""Volumes of jobs: a key is refused where the instance has disks that its hardware encrypts.

"You can't request a VolumeKmsKeyId when using an instance type with local storage":
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html
"""

from typing import Any

from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.preferences import of_job

# As the SageMaker SDK tells them: a `d` in the family (m5d, g4dn, p4d), and these.
_FAMILIES = ("g5", "g6", "g7e", "p5", "p6-b200", "trn1", "trn2")


def check_key(resources: dict[str, Any]) -> None:
    """Raise AwsError where a cluster asks for a key that its volume cannot have."""
    for instance, _ in of_job(resources):
        family = instance.removeprefix("ml.").partition(".")[0]
        if not resources.get("VolumeKmsKeyId") or not (
            "d" in family or family.startswith(_FAMILIES)
        ):
            continue
        raise validation(
            f"VolumeKmsKeyId is not supported for the instance type {instance}, which has local "
            "storage: it is encrypted by a hardware module of the instance"
        )
