"""Compile one model's pipeline.py. Run by a Python that has the SageMaker Python SDK, and no AWS.

Reads {"folder": …, "model": …} from standard input; writes {"definition": …, "sdk": …} to the file
named by the first argument, or {"trouble": …} and ends with 1.
"""

import importlib.metadata
import importlib.util
import json
import sys
import traceback
from pathlib import Path
from typing import Any

import boto3
from sagemaker.core.shapes import Channel, DataSource, S3DataSource
from sagemaker.core.workflow.execution_variables import ExecutionVariables
from sagemaker.core.workflow.functions import Join
from sagemaker.core.workflow.parameters import ParameterString
from sagemaker.core.workflow.pipeline_context import PipelineSession
from sagemaker.core.workflow.properties import Properties, PropertyFile
from sagemaker.mlops.workflow.pipeline import Pipeline
from sagemaker.mlops.workflow.steps import Step, StepTypeEnum

from everloop.pipelines.own import BUNDLE, IMAGE, ROLE, SERVING_IMAGE, SITE
from everloop.pipelines.standard import PARAMETERS, StandardSteps, lineage
from everloop.spec.model_images import Images
from everloop.spec.model_spec import ModelSpec, load_spec

Json = dict[str, Any]
_SHAPES = {
    "Processing": "DescribeProcessingJobResponse",
    "Training": "DescribeTrainingJobResponse",
    "RegisterModel": "DescribeModelPackageOutput",
    "Condition": None,
}
_QUIET = {
    "SchemaVersion": "1.0",
    "SageMaker": {"PythonSDK": {"Modules": {"TelemetryOptOut": True}}},
}


class WantsAws(Exception):
    """pipeline.py would have called AWS; a pipeline is compiled without."""


class StandardStep(Step):  # type: ignore[misc] # the SDK has no types here
    """A step of Everloop's default pipeline among the SDK's own."""

    def __init__(self, rendered: Json) -> None:
        super().__init__(rendered["Name"], step_type=StepTypeEnum(rendered["Type"]))
        self._rendered = rendered
        shape = _SHAPES[rendered["Type"]]
        self._properties = Properties(self.name, step=self, shape_name=shape) if shape else None

    @property
    def arguments(self) -> Json:
        return dict(self._rendered["Arguments"])

    @property
    def properties(self) -> Any:
        return self._properties

    @property
    def property_files(self) -> list[PropertyFile]:
        return [
            PropertyFile(each["PropertyFileName"], each["OutputName"], each["FilePath"])
            for each in self._rendered.get("PropertyFiles", [])
        ]

    def to_request(self) -> Json:
        extra = {k: v for k, v in self._rendered.items() if k in ("PropertyFiles", "RetryPolicies")}
        return {**super().to_request(), **extra}


class Context:
    """What a pipeline.py gets. The stack that installs it fills in texts with `${…}`."""

    def __init__(self, spec: ModelSpec) -> None:
        self._steps = StandardSteps(spec, SITE, BUNDLE, Images(IMAGE, SERVING_IMAGE, IMAGE))
        self.spec = spec
        self.model = spec.name
        self.role = ROLE
        self.image = IMAGE
        self.serving_image = SERVING_IMAGE
        self.bundle_uri = BUNDLE.uri
        self.parameters = [ParameterString(each["Name"], **_default(each)) for each in PARAMETERS]
        self.session = _session()

    def preprocess(self) -> Step:
        """Run preprocess.py on the frozen dataset; outputs train, validation, holdout, baseline."""
        return StandardStep(self._steps.preprocess())

    def train(self) -> Step:
        """Run train.py as the default pipeline does."""
        return StandardStep(self._steps.train())

    def channel(self, step: Step, name: str) -> Channel:
        """Return an output of `preprocess` as an input of a training job."""
        outputs = step.properties.ProcessingOutputConfig.Outputs
        source = S3DataSource(
            s3_data_type="S3Prefix",
            s3_uri=outputs[name].S3Output.S3Uri,
            s3_data_distribution_type="FullyReplicated",
        )
        return Channel(
            channel_name=name,
            content_type="text/csv",
            data_source=DataSource(s3_data_source=source),
        )

    def output(self, name: str) -> Join:
        """Return a folder of this run's own, below the only prefix that jobs may write to."""
        root = f"s3://{SITE.artefact_bucket}/runs/{self.model}"
        return Join(on="/", values=[root, ExecutionVariables.PIPELINE_EXECUTION_ID, name])

    def script_mode(self, program: str, **hyperparameters: Any) -> dict[str, str]:
        """Return hyperparameters that run a script of this folder, as it was pushed."""
        return {
            **{name: json.dumps(value) for name, value in hyperparameters.items()},
            "sagemaker_program": program,
            "sagemaker_submit_directory": BUNDLE.uri,
            "sagemaker_region": SITE.region,
            "sagemaker_container_log_level": "20",
        }

    def best_model(self, tuning: Step, output: Join) -> Join:
        """Return the artefact of a TuningStep's best training job; `output` is its trainer's."""
        job = tuning.properties.TrainingJobSummaries[0].TrainingJobName
        return Join(on="/", values=[*output.values, job, "output/model.tar.gz"])

    def evaluate(self, model: Any) -> Step:
        """Measure a model (an S3 URI) on the holdout of `preprocess`."""
        return StandardStep(self._steps.evaluate(_plain(model)))

    def meets_bars(self, model: Any) -> Step:
        """Register a model that meets the bars of model.toml; else fail and say by how much."""
        return StandardStep(self._steps.meets_bars(_plain(model)))

    def metadata(
        self, *, holdout: Any, evaluation: Any, predictions: Any, baseline: Any
    ) -> dict[str, Any]:
        """Return customer_metadata_properties for a register() of your own."""
        run = lineage(BUNDLE)
        run["run"] = ExecutionVariables.PIPELINE_EXECUTION_ARN
        run["dataset-uri"], run["dataset-digest"], run["cause"] = self.parameters
        return {
            **run,
            "holdout-uri": holdout,
            "evaluation-uri": evaluation,
            "predictions-uri": predictions,
            "baseline-uri": baseline,
        }

    def pipeline(self, steps: list[Step], model: Any = None) -> Pipeline:
        """Return the pipeline of these steps; `model` adds the standard evaluation and bars."""
        rest = [] if model is None else [self.evaluate(model), self.meets_bars(model)]
        return Pipeline(
            name=self.model,
            parameters=list(self.parameters),
            pipeline_experiment_config=None,
            steps=[*steps, *rest],
            sagemaker_session=self.session,
        )


def _default(parameter: Json) -> Json:
    value = parameter.get("DefaultValue")
    return {} if value is None else {"default_value": value}


def _plain(value: Any) -> Any:
    """Return what the definition says for a variable of the SDK."""
    return getattr(value, "expr", value)


def _session() -> PipelineSession:
    boto = boto3.Session()

    def refuse(model: Any, **_: Any) -> None:
        what = f"{model.service_model.service_name}:{model.name}"
        raise WantsAws(
            f"it would call {what}, and a pipeline is compiled without AWS. Code needs no upload: "
            "the folder is the bundle, see context.script_mode() and context.bundle_uri"
        )

    boto.events.register("before-call", refuse)
    return PipelineSession(
        boto_session=boto, default_bucket=SITE.artefact_bucket, sagemaker_config=_QUIET
    )


def compile_folder(folder: Path, model: str) -> Json:
    """Run pipeline.py of a folder; returns the definition that its pipeline compiles to."""
    spec = load_spec((folder / "model.toml").read_text(), name=model)
    sys.path.insert(0, str(folder))
    module_spec = importlib.util.spec_from_file_location("pipeline", folder / "pipeline.py")
    assert module_spec is not None and module_spec.loader is not None
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    make = getattr(module, "pipeline", None)
    if not callable(make):
        raise WantsAws("it has no function  pipeline(context)  that returns the pipeline")
    made = make(Context(spec))
    if not isinstance(made, Pipeline):
        raise WantsAws(f"pipeline(context) returned {type(made).__name__}; return a Pipeline")
    definition: Json = json.loads(made.definition())
    return definition


def main() -> int:
    """Compile what standard input names."""
    request = json.loads(sys.stdin.read())
    folder = Path(request["folder"])
    try:
        answer: Json = {
            "definition": compile_folder(folder, request["model"]),
            "sdk": f"sagemaker {importlib.metadata.version('sagemaker')}",
        }
    except Exception as error:
        lines = [
            f"line {frame.lineno}: "
            for frame in traceback.extract_tb(error.__traceback__)
            if Path(frame.filename) == folder / "pipeline.py"
        ]
        message = str(error) if isinstance(error, WantsAws) else f"{type(error).__name__}: {error}"
        answer = {"trouble": f"{lines[-1] if lines else ''}{message}"}
    Path(sys.argv[1]).write_text(json.dumps(answer))
    return 1 if "trouble" in answer else 0


if __name__ == "__main__":
    sys.exit(main())
