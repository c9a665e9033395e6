"""What stands in for SageMaker's machines: images, told by repository, and memory of instances."""

import re
import sys
from importlib.util import find_spec
from pathlib import Path

from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.sagemaker.algorithms import built_in

_GIB = 1024**3
# GiB for each virtual CPU, by what the family begins with; and virtual CPUs by size.
# https://aws.amazon.com/sagemaker/ai/pricing/
_PER_CPU = {"m": 4, "c": 2, "r": 8, "g": 4, "p": 8, "t": 4, "x": 16, "inf": 2, "trn": 4}
_CPUS = {"medium": 1, "large": 2, "xlarge": 4}
_TYPE = re.compile(r"ml\.([a-z]+)\d[a-z0-9-]*\.(?:(\d+)xlarge|(medium|large|xlarge))")

# What the Python environment that runs the cloud must have, to stand in for an image.
_LOCAL = {
    "sagemaker-scikit-learn": "sklearn",
    built_in.XGBOOST: "xgboost",
    "pytorch-training": "torch",
    "pytorch-inference": "torch",
}
_PINS = Path(__file__).parent / "pins"
_IMAGE = re.compile(r"(?:[^/]+/)?(?P<repository>[^/:@]+)(?::(?P<tag>[^@]+))?(?:@.+)?$")


def interpreter(image: str) -> Path:
    """Return the Python that stands in for the image. Raises AwsError where there is none."""
    name = repository(image)
    if name in built_in.AWS_ONLY:
        raise validation(
            f"image {image} is not available locally: {name} is a built-in algorithm that runs on"
            f" AWS only; of those there is here: {built_in.XGBOOST}"
        )
    module = _LOCAL.get(name)
    if module is None:
        there = ", ".join(sorted(_LOCAL))
        raise validation(f"image {image} is not available locally; there is: {there}")
    if find_spec(module) is None:
        raise validation(
            f"image {image} is not available locally: {module} stands in for it, and is not"
            f" installed. Install it where the cloud runs: {sys.executable} -m pip install {module}"
        )
    return Path(sys.executable)


def pins(image: str) -> Path:
    """Return the file of the package versions that an image has. Raises AwsError without one."""
    found = _IMAGE.search(image)
    tag = (found["tag"] if found else None) or ""
    for path in sorted(_PINS.glob(f"{repository(image)}-*.txt"), reverse=True):
        version = path.stem.removeprefix(f"{repository(image)}-")
        if tag == version or tag.startswith(f"{version}-"):
            return path
    there = ", ".join(path.stem for path in sorted(_PINS.glob("*.txt")))
    raise validation(f"--images exact has no package versions of {image}; there are {there}")


def repository(image: str) -> str:
    found = _IMAGE.search(image)
    return found["repository"] if found else image


def memory(instance: str) -> int:
    """Return an instance's memory in bytes, roughly; 0 for a type whose memory is not known."""
    found = _TYPE.fullmatch(instance)
    if found is None or found[1] not in _PER_CPU:
        return 0
    cpus = 4 * int(found[2]) if found[2] else _CPUS[found[3]]
    return cpus * _PER_CPU[found[1]] * _GIB
