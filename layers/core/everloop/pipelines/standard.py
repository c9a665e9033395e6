"""The pipeline of a model, rendered from its spec: the same folder gives the same bytes.

The result follows AWS's pipeline definition schema, version 2020-12-01.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from everloop.names import BELOW_BARS_STEP
from everloop.pipelines import one_job, training, tuning
from everloop.pipelines.processing import Json, Machine, processing
from everloop.pipelines.transform import accepted, scoring, transform
from everloop.spec import model_images, personal, policy
from everloop.spec.instances import first
from everloop.spec.model_images import Images
from everloop.spec.model_spec import ModelSpec

_EXECUTION = {"Get": "Execution.PipelineExecutionId"}
TRAINED: Json = {"Get": "Steps.Train.ModelArtifacts.S3ModelArtifacts"}
_DATASET = {"Get": "Parameters.DatasetUri"}
MODEL = "Model"  # the step whose container answers a transform job
_REQUESTS = "requests"  # rows for a transform job: jobs/everloop_jobs/transform_files.py
_ANSWERS = {"Get": "Steps.Score.TransformOutput.S3OutputPath"}
_CHANNELS = "algorithm"  # what a built-in algorithm is trained on: jobs/everloop_jobs/channels.py
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
    made = StandardSteps(spec, site, bundle, images_of(spec, site.region))
    definition = {
        "Version": "2020-12-01",
        "Metadata": {},
        "Parameters": PARAMETERS,
        "Steps": made.steps(),
    }
    return json.dumps(definition, sort_keys=True, separators=(",", ":"))


def images_of(spec: ModelSpec, region: str) -> Images:
    """Return what a model trains in, serves from, and is judged in. Raises BadInput."""
    return model_images.of(policy.document(spec), region)


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

    def __init__(self, spec: ModelSpec, site: Site, bundle: BundleRef, images: Images) -> None:
        self._spec = spec
        self._site = site
        self._bundle = bundle
        self._images = images
        self._document = policy.document(spec)
        self._code_inside = model_images.has_code_inside(self._document)
        self._transformed = model_images.is_transformed(self._document)
        self._in_one_job = spec.train.in_one_job

    def steps(self) -> list[Json]:
        """Return the whole pipeline's."""
        if self._in_one_job:
            return [self.train(), self.meets_bars()]
        model = self.trained
        made = [self.preprocess(), self.train(), *self.score(model)]
        return [*made, self.evaluate(model), self.meets_bars(model)]

    def preprocess(self) -> Json:
        """Run preprocess.py on the frozen dataset: train, validation, holdout and baseline out."""
        outputs = ["train", "validation", "holdout", "baseline", *self._spec.prepare.channels]
        if self._spec.train.algorithm:
            outputs.append(_CHANNELS)
        if self._transformed:
            outputs.append(_REQUESTS)
        instance, (inputs, environment) = first(self._spec.prepare.instance), self._prepared_from()
        return self._processing("Preprocess", "prepare.py", instance, inputs, outputs, environment)

    def _prepared_from(self) -> tuple[Json, Json]:
        """Return inputs and environment of the preparation, in a job of its own or in the one."""
        return {"dataset": _DATASET}, {**self._files(), **self._told()}

    def train(self) -> Json:
        """Train on the outputs of `preprocess`, once or as [tune] says."""
        channels = ("train", "validation", *self._spec.prepare.channels)
        around = training.Around(
            self._images.training,
            self._code_inside,
            self._bundle.uri,
            self._site.region,
            self._site.role_arn,
            self._site.kms_key_id,
            {name: self._channel(name) for name in channels},
            self._run("model"),
            self._run("checkpoints"),
        )
        arguments = training.arguments(self._document, around)
        if self._in_one_job:
            inputs, environment = self._prepared_from()
            arguments = one_job.arguments(
                arguments,
                inputs={**self._sources(), **inputs},
                environment={
                    **environment,
                    "AWS_DEFAULT_REGION": self._site.region,
                },
                outputs_uri=self._run(),
                evaluation_reads=self._spec.evaluation_reads,
                code_inside=self._code_inside,
            )
        names = self._spec.track.metrics
        if names and not self._spec.train.algorithm:  # AWS knows what its own algorithms print
            arguments["AlgorithmSpecification"]["MetricDefinitions"] = tuning.printed(names)
        if self._spec.tune is not None:
            tuned = tuning.arguments(self._document, arguments)
            return _step(tuning.STEP, "Tuning", tuned)
        return _step("Train", "Training", arguments)

    @property
    def trained(self) -> Json:
        """Where the model is that `train` brings."""
        return TRAINED if self._spec.tune is None else tuning.best(self._run("model"))

    def score(self, model: Any = TRAINED) -> list[Json]:
        """Let the serving container answer the holdout, where no job can import the model."""
        if not self._transformed:
            return []
        container = self._container(model)
        made = {"ExecutionRoleArn": self._site.role_arn, "PrimaryContainer": container}
        how = scoring(
            self._document, first(self._spec.evaluate.transform_instance), self._site.kms_key_id
        )
        job = transform(
            {"Get": "Steps.Model.ModelName"},
            _join(_output_of("Preprocess", _REQUESTS), ""),
            self._run("answers"),
            how,
        )
        return [_step(MODEL, "Model", made), _step("Score", "Transform", job)]

    def evaluate(self, model: Any = TRAINED) -> Json:
        """Measure the model on the holdout of `preprocess`."""
        inputs = {"model": model, "holdout": _output_of("Preprocess", "holdout")}
        if self._transformed:
            inputs["answers"] = _ANSWERS
        inputs |= {name: _output_of("Preprocess", name) for name in self._spec.evaluation_reads}
        instance = first(self._spec.evaluate.instance)
        step = self._processing(
            "Evaluate", "evaluate.py", instance, inputs, ("evaluation",), self._told()
        )
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
            value = self._measured(f"metrics.{metric}.value")
            least = bar.min if higher else bar.max
            kind = "GreaterThanOrEqualTo" if higher else "LessThanOrEqualTo"
            conditions.append({"Type": kind, "LeftValue": value, "RightValue": least})
            word = "at least" if higher else "at most"
            sentence.append(f"{metric} {word} {least}")
        if not conditions:  # no bars: whatever was evaluated is registered
            rows = self._measured("rows")
            conditions.append({"Type": "GreaterThan", "LeftValue": rows, "RightValue": 0})
            sentence = ["a row that can be evaluated"]
        # What was reached is in evaluation.json: AWS documents no Std:JsonGet but in conditions.
        message = f"Below the bars: wanted are {', '.join(sentence)}"
        fail = {"Name": BELOW_BARS_STEP, "Type": "Fail", "Arguments": {"ErrorMessage": message}}
        arguments = {"Conditions": conditions, "IfSteps": [self.register(model)]}
        arguments["ElseSteps"] = [fail]
        # Where the file is named by its place, nothing says by itself which step writes it.
        after = {"DependsOn": ["Train"]} if self._in_one_job else {}
        return {"Name": "MeetsBars", "Type": "Condition", "Arguments": arguments, **after}

    def register(self, model: Any = TRAINED) -> Json:
        """Add the model to its own group, pending, with all that later stages read."""
        evaluation = _join(self._made("Evaluate", "evaluation"), "evaluation.json")
        baseline = self._made("Preprocess", "baseline")
        arguments = {
            "ModelPackageGroupName": self._spec.name,
            "ModelApprovalStatus": "PendingManualApproval",
            "InferenceSpecification": {
                "Containers": [self._container(model)],
                "SupportedContentTypes": ["text/csv"],
                "SupportedResponseMIMETypes": [accepted(self._document)],
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
                "holdout-uri": _join(self._made("Preprocess", "holdout"), "data.csv"),
                "evaluation-uri": evaluation,
                "predictions-uri": _join(self._made("Evaluate", "evaluation"), "predictions.csv"),
                "baseline-uri": baseline,
                **(
                    {"features-uri": _join(baseline, "features.json")}
                    if self._spec.features
                    else {}
                ),
                **(
                    {"requests-uri": _output_of("Preprocess", _REQUESTS)}
                    if self._transformed
                    else {}
                ),
                **(
                    {"data-report-uri": self._run("files/data.html")}
                    if self._spec.data.is_read
                    else {}
                ),
            },
        }
        return _step("Register", "RegisterModel", arguments)

    def _container(self, model: Any) -> Json:
        """What serves the model: in the registry, and in the transform job that scores it."""
        environment = {}
        if not self._spec.train.algorithm:
            environment = {
                "SAGEMAKER_PROGRAM": personal.program(self._document),
                "SAGEMAKER_SUBMIT_DIRECTORY": training.CODE
                if self._code_inside
                else self._bundle.uri,
                "SAGEMAKER_CONTAINER_LOG_LEVEL": "20",
                "SAGEMAKER_REGION": self._site.region,
            }
        return {
            "Image": self._images.serving,
            "ModelDataUrl": model,
            "Environment": environment,
        }

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
            self._images.jobs,
            instance,
            train.volume_gb,
            train.time_limit_minutes * 60,
            site.region,
            site.role_arn,
            site.kms_key_id,
        )
        sources = {**self._sources(), **inputs}
        written = {output: self._run(output) for output in outputs}
        return _step(name, "Processing", processing(script, machine, sources, written, environment))

    def _channel(self, name: str) -> Json:
        """Return where the preparation leaves a channel."""
        if self._spec.train.algorithm:
            return _join(_output_of("Preprocess", _CHANNELS), name)
        return _output_of("Preprocess", name)

    def _told(self) -> Json:
        """Return what reports, and an MLflow server where one is named, say of their run."""
        started = {"Get": "Execution.StartDateTime"}
        return {
            "EVERLOOP_RUN": {"Get": "Execution.PipelineExecutionArn"},
            "EVERLOOP_STARTED": {"Std:Join": {"On": "", "Values": [started]}},
            "EVERLOOP_DATASET_DIGEST": {"Get": "Parameters.DatasetDigest"},
            "EVERLOOP_BUNDLE_DIGEST": self._bundle.digest,
        }

    def _sources(self) -> Json:
        """Return what every job of ours has as inputs: the bundle with spec.json, our scripts."""
        return {"code": self._bundle.uri.rpartition("/")[0] + "/", "jobs": self._site.jobs_uri}

    def _files(self) -> Json:
        """Return where the job puts what became of each file: outputs of failed jobs are lost."""
        return {"EVERLOOP_FILES_URI": self._run("files/files.json")}

    def _made(self, step: str, name: str) -> Json:
        """Return where an output lies, in one job or in that of its step."""
        return self._run(name) if self._in_one_job else _output_of(step, name)

    def _measured(self, path: str) -> Json:
        """Return a value of evaluation.json. Training steps have no property files."""
        if self._in_one_job:
            place = {"S3Uri": self._run("evaluation/evaluation.json")}
        else:
            place = {"PropertyFile": {"Get": "Steps.Evaluate.PropertyFiles.evaluation"}}
        return {"Std:JsonGet": {**place, "Path": path}}

    def _run(self, *what: str) -> Json:
        root = f"s3://{self._site.artefact_bucket}/runs/{self._spec.name}"
        return {"Std:Join": {"On": "/", "Values": [root, _EXECUTION, *what]}}


def _output_of(step: str, name: str) -> Json:
    return {"Get": f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri"}


def _join(base: Json, name: str) -> Json:
    before = base["Std:Join"]["Values"] if "Std:Join" in base else [base]
    return {"Std:Join": {"On": "/", "Values": [*before, name]}}


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
