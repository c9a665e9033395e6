"""What stands in for SageMaker's machines: images, told by repository, and memory of instances."""

import re
import sys
from pathlib import Path

from everloop_localcloud.kernel.errors import validation

_GIB = 1024**3
# GiB for each virtual CPU, by what the family begins with; and virtual CPUs by size.
# https://aws.amazon.com/sagemaker/ai/pricing/
_PER_CPU = {"m": 4, "c": 2, "r": 8, "g": 4, "p": 8, "t": 4, "x": 16, "inf": 2, "trn": 4}
_CPUS = {"medium": 1, "large": 2, "xlarge": 4}
_TYPE = re.compile(r"ml\.([a-z]+)\d[a-z0-9-]*\.(?:(\d+)xlarge|(medium|large|xlarge))")

# The Python environment that runs the cloud has scikit-learn, pandas, NumPy and SciPy.
_LOCAL = {"sagemaker-scikit-learn"}
_IMAGE = re.compile(r"(?:[^/]+/)?(?P<repository>[^/:@]+)(?::(?P<tag>[^@]+))?(?:@.+)?$")


def interpreter(image: str) -> Path:
    """Return the Python that stands in for the image. Raises AwsError where there is none."""
    found = _IMAGE.search(image)
    repository = found["repository"] if found else image
    if repository not in _LOCAL:
        there = ", ".join(sorted(_LOCAL))
        raise validation(f"image {image} is not available locally; there is: {there}")
    return Path(sys.executable)


def memory(instance: str) -> int:
    """Return an instance's memory in bytes, roughly; 0 for a type whose memory is not known."""
    found = _TYPE.fullmatch(instance)
    if found is None or found[1] not in _PER_CPU:
        return 0
    cpus = 4 * int(found[2]) if found[2] else _CPUS[found[3]]
    return cpus * _PER_CPU[found[1]] * _GIB
