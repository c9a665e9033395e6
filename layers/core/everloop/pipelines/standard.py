"""The pipeline of a model, rendered from its spec: the same folder gives the same bytes.

The result follows AWS's pipeline definition schema, version 2020-12-01.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from everloop.names import BELOW_BARS_STEP
from everloop.pipelines.disks import has_own_disk
from everloop.pipelines.processing import Json, Machine, processing
from everloop.spec.images import USES, image_uri
from everloop.spec.model_spec import ModelSpec

_EXECUTION = {"Get": "Execution.PipelineExecutionId"}
TRAINED: Json = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
PARAMETERS: list[Json] = [
    {"Name": "DatasetUri", "Type": "String"},
    {"Name": "DatasetDigest", "Type": "String"},
    {"Name": "Cause", "Type": "String", "DefaultValue": "request"},
]


@dataclass(frozen=True)
class Site:
    """Where the pipeline runs: bucket for outputs, region, role of its jobs, scripts of `jobs/`."""

    artefact_bucket: str
    region: str
    role_arn: str
    jobs_uri: str
    kms_key_id: str | None = None


@dataclass(frozen=True)
class BundleRef:
    """A pushed bundle: its place in S3 and its digest (sha256, hex)."""

    uri: str
    digest: str


def render(spec: ModelSpec, site: Site, bundle: BundleRef) -> str:
    """Return the pipeline's definition as JSON. Raises BadInput for an unknown image or region."""
    made = StandardSteps(spec, site, bundle, *images_of(spec, site.region))
    definition = {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": PARAMETERS,
        "Steps": [made.preprocess(), made.train(), made.evaluate(), made.meets_bars()],
    }
    return json.dumps(definition, sort_keys=True, separators=(",", ":"))


def images_of(spec: ModelSpec, region: str) -> tuple[str, str]:
    """Return what a model trains in, and what it serves from. Raises BadInput."""
    train = spec.train
    made = [image_uri(train.framework, train.version, region, use) for use in USES]
    return made[0], made[1]


def lineage(bundle: BundleRef) -> Json:
    """Return the metadata of a package that says what it was made from, and by which run."""
    return {
        "dataset-digest": {"Get": "Parameters.DatasetDigest"},
        "dataset-uri": {"Get": "Parameters.DatasetUri"},
        "bundle-digest": bundle.digest,
        "bundle-uri": bundle.uri,
        "cause": {"Get": "Parameters.Cause"},
        "run": {"Get": "Execution.PipelineExecutionArn"},
    }


class StandardSteps:
    """The steps of the default pipeline, each on its own.

    `model` is where a step finds the trained model: an S3 URI, or a function of the definition.
    """

    def __init__(
        self, spec: ModelSpec, site: Site, bundle: BundleRef, image: str, serving_image: str
    ) -> None:
        self._spec = spec
        self._site = site
        self._bundle = bundle
        self._image = image
        self._serving_image = serving_image

    def preprocess(self) -> Json:
        """Run preprocess.py on the frozen dataset: train, validation, holdout and baseline out."""
        outputs = ("train", "validation", "holdout", "baseline")
        dataset = {"Get": "Parameters.DatasetUri"}
        # Outputs of a job that failed are lost: what became of each file is put there by the job.
        files = {"EVERLOOP_FILES_URI": self._run("files/files.json")}
        instance = self._spec.prepare.instance
        return self._processing(
            "Preprocess", "prepare.py", instance, {"dataset": dataset}, outputs, files
        )

    def train(self) -> Json:
        """Run train.py in script mode on the outputs of `preprocess`."""
        train = self._spec.train
        seconds = train.time_limit_minutes * 60
        own = {name: json.dumps(value) for name, value in sorted(train.hyperparameters.items())}
        script_mode = {  # values are JSON, as the SageMaker SDK writes and the toolkit reads them
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(self._bundle.uri),
            "sagemaker_region": json.dumps(self._site.region),
            "sagemaker_container_log_level": "20",
        }
        arguments: Json = {
            "AlgorithmSpecification": {"TrainingImage": self._image, "TrainingInputMode": "File"},
            "HyperParameters": {**own, **script_mode},
            "InputDataConfig": [self._channel("train"), self._channel("validation")],
            "OutputDataConfig": {"S3OutputPath": self._run("model")},
            "ResourceConfig": {
                "InstanceType": train.instance,
                "InstanceCount": 1,
                "VolumeSizeInGB": train.volume_gb,
            },
            "RoleArn": self._site.role_arn,
            "StoppingCondition": {"MaxRuntimeInSeconds": seconds},
        }
        if self._site.kms_key_id:
            arguments["OutputDataConfig"]["KmsKeyId"] = self._site.kms_key_id
            if not has_own_disk(train.instance):
                arguments["ResourceConfig"]["VolumeKmsKeyId"] = self._site.kms_key_id
        if train.spot:
            arguments["EnableManagedSpotTraining"] = True
            # Spot capacity may be hours away. After these the job ends, people are notified, and
            # the machine that waits for it tries again.
            arguments["StoppingCondition"]["MaxWaitTimeInSeconds"] = seconds + 6 * 3600
        return _step("Train", "Training", arguments)

    def evaluate(self, model: Any = TRAINED) -> Json:
        """Measure the model on the holdout of `preprocess`."""
        inputs = {"model": model, "holdout": _output_of("Preprocess", "holdout")}
        instance = self._spec.evaluate.instance
        step = self._processing("Evaluate", "evaluate.py", instance, inputs, ("evaluation",))
        step["PropertyFiles"] = [
            {
                "PropertyFileName": "evaluation",
                "OutputName": "evaluation",
                "FilePath": "evaluation.json",
            }
        ]
        return step

    def meets_bars(self, model: Any = TRAINED) -> Json:
        """Register the model where it meets the spec's bars, or fail and say by how much."""
        conditions: list[Json] = []
        sentence: list[str] = []
        for metric, bar in sorted(self._spec.evaluate.metrics.items()):
            higher = self._spec.higher_is_better(metric)
            value = _measured(metric)
            least = bar.min if higher else bar.max
            kind = "GreaterThanOrEqualTo" if higher else "LessThanOrEqualTo"
            conditions.append({"Type": kind, "LeftValue": value, "RightValue": least})
            word = "at least" if higher else "at most"
            sentence.append(f"{metric} {word} {least}")
        if not conditions:  # no bars: whatever was evaluated is registered
            rows = {"Std:JsonGet": {"PropertyFile": _EVALUATION, "Path": "rows"}}
            conditions.append({"Type": "GreaterThan", "LeftValue": rows, "RightValue": 0})
            sentence = ["a row that can be evaluated"]
        # What was reached is in evaluation.json: AWS documents no Std:JsonGet but in conditions.
        message = f"Below the bars: wanted are {', '.join(sentence)}"
        fail = {"Name": BELOW_BARS_STEP, "Type": "Fail", "Arguments": {"ErrorMessage": message}}
        arguments = {"Conditions": conditions, "IfSteps": [self.register(model)]}
        arguments["ElseSteps"] = [fail]
        return {"Name": "MeetsBars", "Type": "Condition", "Arguments": arguments}

    def register(self, model: Any = TRAINED) -> Json:
        """Add the model to its own group, pending, with all that later stages read."""
        evaluation = _join(_output_of("Evaluate", "evaluation"), "evaluation.json")
        baseline = _output_of("Preprocess", "baseline")
        arguments = {
            "ModelPackageGroupName": self._spec.name,
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [
                    {
                        "Image": self._serving_image,
                        "ModelDataUrl": model,
                        "Environment": {
                            "SAGEMAKER_PROGRAM": "inference.py",
                            "SAGEMAKER_SUBMIT_DIRECTORY": self._bundle.uri,
                            "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                            "SAGEMAKER_REGION": self._site.region,
                        },
                    }
                ],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": ["text/csv"],
            },
            "ModelMetrics": {
                "ModelQuality": {
                    "Statistics": {"ContentType": "application/json", "S3Uri": evaluation}
                }
            },
            "DriftCheckBaselines": {
                "ModelDataQuality": {
                    "Statistics": {
                        "ContentType": "application/json",
                        "S3Uri": _join(baseline, "statistics.json"),
                    },
                    "Constraints": {
                        "ContentType": "application/json",
                        "S3Uri": _join(baseline, "constraints.json"),
                    },
                }
            },
            "MetadataProperties": {"GeneratedBy": {"Get": "Execution.PipelineExecutionArn"}},
            "CustomerMetadataProperties": {
                **lineage(self._bundle),
                "holdout-uri": _join(_output_of("Preprocess", "holdout"), "data.csv"),
                "evaluation-uri": evaluation,
                "predictions-uri": _join(_output_of("Evaluate", "evaluation"), "predictions.csv"),
                "baseline-uri": baseline,
            },
        }
        return _step("Register", "RegisterModel", arguments)

    def _processing(
        self,
        name: str,
        script: str,
        instance: str,
        inputs: Mapping[str, Any],
        outputs: Iterable[str],
        environment: Mapping[str, Any] = MappingProxyType({}),
    ) -> Json:
        train, site = self._spec.train, self._site
        machine = Machine(
            self._image,
            instance,
            train.volume_gb,
            train.time_limit_minutes * 60,
            site.region,
            site.role_arn,
            site.kms_key_id,
        )
        code = self._bundle.uri.rpartition("/")[0] + "/"  # bundle and spec.json
        sources = {"code": code, "jobs": site.jobs_uri, **inputs}
        written = {output: self._run(output) for output in outputs}
        return _step(name, "Processing", processing(script, machine, sources, written, environment))

    def _channel(self, name: str) -> Json:
        source = {
            "S3DataType": "S3Prefix",
            "S3Uri": _output_of("Preprocess", name),
            "S3DataDistributionType": "FullyReplicated",
        }
        return {
            "ChannelName": name,
            "ContentType": "text/csv",
            "DataSource": {"S3DataSource": source},
        }

    def _run(self, what: str) -> Json:
        root = f"s3://{self._site.artefact_bucket}/runs/{self._spec.name}"
        return {"Std:Join": {"On": "/", "Values": [root, _EXECUTION, what]}}


_EVALUATION = {"Get": "Steps.Evaluate.PropertyFiles.evaluation"}


def _measured(metric: str) -> Json:
    return {"Std:JsonGet": {"PropertyFile": _EVALUATION, "Path": f"metrics.{metric}.value"}}


def _output_of(step: str, name: str) -> Json:
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}


def _join(base: Json, name: str) -> Json:
    return {"Std:Join": {"On": "/", "Values": [base, name]}}


def _step(name: str, kind: str, arguments: Json) -> Json:
    """A step whose calls are tried again for seconds, as AWS does it by itself.

    A quota, capacity, spot and jobs that AWS itself broke have no policy here: a pipeline would try
    them in silence and without jitter, a quota of 0 as well. The machine that waits for the
    pipeline tells of them, and lets it go on (docs/how-it-works.md).
    """
    policy = {
        "ExceptionType": ["Step.SERVICE_FAULT", "Step.THROTTLING"],
        "IntervalSeconds": 5,
        "BackoffRate": 2.0,
        "MaxAttempts": 5,
    }
    return {"Name": name, "Type": kind, "Arguments": arguments, "RetryPolicies": [policy]}
