"""Which images have a stand-in on this machine, told by repository."""

import re
import sys
from pathlib import Path

from localcloud.errors import validation

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
