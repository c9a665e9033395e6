"""Capture by the endpoint's own code, where [privacy] keeps SageMaker's off.

What the code does is jobs/everloop_jobs/privacy/everloop_serving.py.
"""

from collections.abc import Mapping

from everloop.decisions import seals
from everloop.records.seal import Seal
from everloop.spec.personal import SERVING


def is_masked(environment: Mapping[str, str]) -> bool:
    """Whether a version's container runs what hides personal values."""
    return environment.get("SAGEMAKER_PROGRAM") == SERVING


def environment(seal: Seal, place: str, percent: int, key: str) -> dict[str, str]:
    """Return what a container in production is told besides: where to write, and how much."""
    baseline = seals.uri(seal.metadata, "baseline-uri", f"version {seal.version}")
    return {
        "EVERLOOP_CAPTURE": place,
        "EVERLOOP_CAPTURE_PERCENT": str(percent),
        "EVERLOOP_MASKING_KEY": key,
        "EVERLOOP_STATISTICS": f"{baseline}/statistics.json",
    }
