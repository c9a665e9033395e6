"""A training job that prepares, trains and evaluates: `[train] in_one_job`.

What it runs is jobs/everloop_jobs/in_one_job.py. Its outputs lie where those of three jobs would.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

Json = dict[str, Any]
_CHANNELS: Final = "/opt/ml/input/data"
ENTRY: Final = ("python3", f"{_CHANNELS}/jobs/in_one_job.py")


def arguments(
    training: Mapping[str, Any],
    *,
    inputs: Mapping[str, Any],
    environment: Mapping[str, Any],
    outputs_uri: Any,
    evaluation_reads: Iterable[str],
    code_inside: bool,
) -> Json:
    """Return the request of the one job, from the request of the training alone.

    `inputs` and `environment` are those that the preparation would have as a job of its own.
    """
    algorithm = {**training["AlgorithmSpecification"], "ContainerEntrypoint": list(ENTRY)}
    told = {
        "EVERLOOP_OUTPUT_URI": outputs_uri,
        "EVERLOOP_EVALUATION_READS": " ".join(evaluation_reads),
        **({"EVERLOOP_CODE_INSIDE": "1"} if code_inside else {}),
    }
    return {
        **training,
        "AlgorithmSpecification": algorithm,
        "Environment": {**environment, **told},
        "InputDataConfig": [_channel(name, uri) for name, uri in inputs.items()],
    }


def _channel(name: str, uri: Any) -> Json:
    source = {
        "S3DataType": "S3Prefix",
        "S3Uri": uri,
        "S3DataDistributionType": "FullyReplicated",
    }
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}}
