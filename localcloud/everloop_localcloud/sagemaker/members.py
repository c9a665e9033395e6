"""Members inside of members: which of them are acted upon, so that none is dropped in silence.

Of a request's own members each service declares what it reads. What lies deeper is declared here
for the operations whose requests are deep: what is not listed is refused by name.
"""

from collections.abc import Iterator
from typing import Any

from everloop_localcloud.kernel import wire
from everloop_localcloud.kernel.errors import AwsError

_NOTHING: tuple[Any, ...] = (None, False, "", [], {}, "None")
# Acted upon, or checked.
_HONOURED = {
    "CreateTrainingJob": """
        AlgorithmSpecification.ContainerArguments AlgorithmSpecification.ContainerEntrypoint
        AlgorithmSpecification.MetricDefinitions.Name AlgorithmSpecification.MetricDefinitions.Regex
        AlgorithmSpecification.TrainingImage AlgorithmSpecification.TrainingInputMode
        AlgorithmSpecification.AlgorithmName
        CheckpointConfig.LocalPath CheckpointConfig.S3Uri
        InputDataConfig.ChannelName InputDataConfig.ContentType InputDataConfig.InputMode
        InputDataConfig.DataSource.FileSystemDataSource
        InputDataConfig.DataSource.DatasetSource
        InputDataConfig.DataSource.S3DataSource.S3DataType
        InputDataConfig.DataSource.S3DataSource.S3Uri
        InputDataConfig.DataSource.S3DataSource.S3DataDistributionType
        OutputDataConfig.S3OutputPath
        ResourceConfig.InstanceCount ResourceConfig.InstanceType ResourceConfig.VolumeKmsKeyId
        ResourceConfig.InstancePreferences
        RetryStrategy.MaximumRetryAttempts
        StoppingCondition.MaxRuntimeInSeconds StoppingCondition.MaxWaitTimeInSeconds
        ExperimentConfig DebugHookConfig DebugRuleConfigurations ProfilerConfig RemoteDebugConfig
        ProfilerRuleConfigurations TensorBoardOutputConfig Tags VpcConfig
    """,
}
# Taken, and why it does no harm that nothing comes of it.
WITHOUT_EFFECT = {
    "CreateTrainingJob": {
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries": "metrics have times",
        "InputDataConfig.CompressionType": "AWS, too, leaves files as they are but in Pipe mode",
        "InputDataConfig.ShuffleConfig.Seed": "the order of files on a disk is nobody's",
        "OutputDataConfig.KmsKeyId": "the folder of the cloud is this machine's",
        "ResourceConfig.KeepAlivePeriodInSeconds": "no pool ever fits: each job starts anew",
        "ResourceConfig.VolumeSizeInGB": "a job has the disk of this machine",
        "StoppingCondition.MaxPendingTimeInSeconds": "jobs wait for no capacity",
    },
}


# What AWS does anyway; the SDK says so with each request.
_DEFAULTS = {
    "OutputDataConfig.CompressionType": "GZIP",
    "AlgorithmSpecification.TrainingImageConfig.TrainingRepositoryAccessMode": "Platform",
}


def check(operation: str, request: dict[str, Any]) -> None:
    """Raise AwsError for what a request asks for inside of its members, and that nothing reads."""
    if operation not in _HONOURED:
        return
    known = {*_HONOURED[operation].split(), *WITHOUT_EFFECT[operation]}
    shape = wire.service_model("sagemaker").operation_model(operation).input_shape
    assert shape is not None
    deep = {name: value for name, value in request.items() if _deep(shape.members[name])}
    asked = sorted({path for path in _paths(shape, deep, "") if not _listed(path, known)})
    if asked:
        trouble = f"the local cloud's sagemaker:{operation} does not honour {', '.join(asked)}"
        raise AwsError("NotImplemented", f"{trouble}: leave it out", 501)


def _deep(shape: Any) -> bool:
    if shape.type_name == "list":
        return _deep(shape.member)
    return bool(shape.type_name == "structure")


def _paths(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield the place of each value that stands for something, without its place in lists."""
    if value in _NOTHING:
        return
    if shape.type_name == "structure" and isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(shape.members[name], inner, f"{path}.{name}" if path else name)
    elif shape.type_name == "list" and isinstance(value, list):
        for inner in value:
            yield from _paths(shape.member, inner, path)
    elif _DEFAULTS.get(path) != value:
        yield path


def _listed(path: str, known: set[str]) -> bool:
    """Tell whether a place is listed, or lies below one that is."""
    parts = path.split(".")
    return any(".".join(parts[:end]) in known for end in range(1, len(parts) + 1))
