"""[train] in_one_job: one step that trains, with everything where three jobs would have put it."""

import json
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from everloop.billing import usage
from everloop.errors import BadInput
from everloop.pipelines.needs import of_pipeline
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

SITE = Site(
    "artefacts", "us-east-1", "arn:aws:iam::123456789012:role/sagemaker", "s3://artefacts/jobs/77"
)
BUNDLE = BundleRef("s3://artefacts/bundles/flights/0a1b/bundle.tar.gz", "0a1b" * 16)
SPEC = """
problem = "binary_classification"
[data]
target = "late"
positive = "yes"
[train]
in_one_job = true
[evaluate]
threshold = "f1"
metrics = { auc = { min = 0.65 } }
"""
RUN = ["s3://artefacts/runs/flights", {"Get": "Execution.PipelineExecutionId"}]
Json = dict[str, Any]


def spec_of(text: str = SPEC) -> Any:
    return load_spec(text, name="flights")


@pytest.fixture
def definition() -> Json:
    made: Json = json.loads(render(spec_of(), SITE, BUNDLE))
    return made


def below_the_run(*what: str) -> Json:
    return {"Std:Join": {"On": "/", "Values": [*RUN, *what]}}


def test_one_step_trains_and_the_next_reads_what_it_evaluated(definition: Json) -> None:
    train, bars = definition["Steps"]
    assert [each["Name"] for each in (train, bars)] == ["Train", "MeetsBars"]
    assert bars["DependsOn"] == ["Train"]  # its file is named by its place alone
    measured = bars["Arguments"]["Conditions"][0]["LeftValue"]["Std:JsonGet"]
    assert measured == {
        "S3Uri": below_the_run("evaluation/evaluation.json"),
        "Path": "metrics.auc.value",
    }


def test_the_job_has_what_a_preparation_has_and_is_told_what_an_evaluation_reads(
    definition: Json,
) -> None:
    arguments = definition["Steps"][0]["Arguments"]
    channels = {
        each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3Uri"]
        for each in arguments["InputDataConfig"]
    }
    assert channels == {
        "code": "s3://artefacts/bundles/flights/0a1b/",
        "jobs": "s3://artefacts/jobs/77",
        "dataset": {"Get": "Parameters.DatasetUri"},
    }
    of_the_run = ("EVERLOOP_RUN", "EVERLOOP_STARTED", "EVERLOOP_DATASET_DIGEST")
    told = dict(arguments["Environment"])
    assert all(told.pop(name) for name in (*of_the_run, "EVERLOOP_BUNDLE_DIGEST"))
    assert told == {
        "EVERLOOP_FILES_URI": below_the_run("files/files.json"),
        "EVERLOOP_OUTPUT_URI": below_the_run(),
        "EVERLOOP_EVALUATION_READS": "baseline validation",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    assert json.loads(arguments["HyperParameters"]["sagemaker_program"]) == "train.py"


def test_a_version_says_the_same_of_where_its_files_lie(definition: Json) -> None:
    package = definition["Steps"][1]["Arguments"]["IfSteps"][0]["Arguments"]
    metadata = package["CustomerMetadataProperties"]
    assert metadata["holdout-uri"] == below_the_run("holdout", "data.csv")
    assert metadata["baseline-uri"] == below_the_run("baseline")
    assert metadata["predictions-uri"] == below_the_run("evaluation", "predictions.csv")
    quality = package["ModelMetrics"]["ModelQuality"]["Statistics"]
    assert quality["S3Uri"] == below_the_run("evaluation", "evaluation.json")


def test_the_request_is_one_that_the_api_takes(definition: Json) -> None:
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model
    shape = model.operation_model("CreateTrainingJob").input_shape
    text = json.dumps(definition["Steps"][0]["Arguments"])
    for function in (below_the_run("files/files.json"), below_the_run(), below_the_run("model")):
        text = text.replace(json.dumps(function), '"s3://artefacts/runs/flights/e"')
    text = text.replace(json.dumps({"Get": "Parameters.DatasetUri"}), '"s3://artefacts/d.json"')
    started = {"Std:Join": {"On": "", "Values": [{"Get": "Execution.StartDateTime"}]}}
    run, data = {"Get": "Execution.PipelineExecutionArn"}, {"Get": "Parameters.DatasetDigest"}
    for function in (started, run, data):
        text = text.replace(json.dumps(function), '"told"')
    request = {"TrainingJobName": "j", **json.loads(text)}
    assert ParamValidator().validate(request, shape).generate_report() == ""


def test_code_that_belongs_into_the_model_is_put_there() -> None:
    spec = spec_of(SPEC.replace("[train]", '[train]\nframework = "pytorch"'))
    arguments = json.loads(render(spec, SITE, BUNDLE))["Steps"][0]["Arguments"]
    assert arguments["Environment"]["EVERLOOP_CODE_INSIDE"] == "1"
    assert arguments["AlgorithmSpecification"]["ContainerEntrypoint"][-1].endswith("in_one_job.py")


def test_it_needs_and_costs_one_job_and_the_comparison(definition: Json) -> None:
    assert of_pipeline(definition) == {"ml.m5.large for training job usage": 1}
    alone = usage.loop(policy.document(spec_of()))
    apart = usage.loop(policy.document(spec_of(SPEC.replace("true", "false"))))
    hours = 5 / 60
    name = "ml.t3.large hour"
    assert apart[name] - alone[name] == pytest.approx(2 * hours)
    assert {key: value for key, value in alone.items() if key != name} == {
        key: value for key, value in apart.items() if key != name
    }


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("[train]", '[train]\nalgorithm = "xgboost"', "train.algorithm is 'xgboost'"),
        (
            "[train]",
            '[train]\nimage = "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1"',
            "train.image is given",
        ),
        (
            "[evaluate]",
            '[tune]\nmetric = "auc"\ngoal = "maximize"\nranges = { rate = [0.1, 0.5] }\n[evaluate]',
            r"\[tune\] trains several times",
        ),
        ("[train]", '[train]\nframework = "tensorflow"', "train.framework is 'tensorflow'"),
        ("[train]", '[prepare]\ninstance = "ml.m5.xlarge"\n[train]', "prepare.instance is"),
    ],
    ids=["algorithm", "image", "tune", "framework", "an instance that nothing would run on"],
)
def test_what_cannot_have_it_is_refused_by_its_key(before: str, after: str, told: str) -> None:
    with pytest.raises(BadInput, match=rf"train\.in_one_job is true and {told}"):
        spec_of(SPEC.replace(before, after))
