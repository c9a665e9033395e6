"""The rendered pipeline: AWS's schema 2020-12-01, and requests that SageMaker's API takes.

AWS's published schema is older than the language and has no licence, so its rules stand here.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from everloop.errors import BadInput
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec.model_spec import load_spec

ROLE = "arn:aws:iam::123456789012:role/everloop-sagemaker"
BUNDLE = BundleRef("s3://artefacts/bundles/flights/0a1b/bundle.tar.gz", "0a1b" * 16)
SITE = Site("artefacts", "us-east-1", ROLE, "s3://artefacts/jobs/77")
SPEC = """
problem = "binary_classification"
[data]
target = "late"
[train]
hyperparameters = { max_iter = 100, rate = 0.1, loss = "log", warm = true }
[evaluate]
metrics = { auc = { min = 0.65 }, log_loss = { max = 0.6 } }
"""
REQUESTS = {
    "Processing": ("CreateProcessingJob", {"ProcessingJobName": "j"}),
    "Training": ("CreateTrainingJob", {"TrainingJobName": "j"}),
    "RegisterModel": ("CreateModelPackage", {}),
}
Json = dict[str, Any]


def rendered(spec: str = SPEC, site: Site = SITE, name: str = "flights") -> Json:
    found: Json = json.loads(render(load_spec(spec, name=name), site, BUNDLE))
    return found


def every_step(steps: list[Json]) -> Iterator[Json]:
    for step in steps:
        yield step
        for branch in ("IfSteps", "ElseSteps"):
            yield from every_step(step.get("Arguments", {}).get(branch, []))


def step(definition: Json, name: str) -> Json:
    return next(each for each in every_step(definition["Steps"]) if each["Name"] == name)


def functions(value: Any) -> Iterator[Json]:
    """Every function in a value; any object with one key that is a function's name is one."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in ("Get", "Std:Join", "Std:JsonGet"):
            yield value
        for inner in value.values():
            yield from functions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from functions(inner)


def resolved(value: Any) -> Any:
    """Replace functions by what they could give."""
    if isinstance(value, list):
        return [resolved(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    if "Std:Join" in value and len(value) == 1:
        join = value["Std:Join"]
        return join["On"].join(str(resolved(inner)) for inner in join["Values"])
    if "Std:JsonGet" in value and len(value) == 1:
        return 0.7
    if "Get" in value and len(value) == 1:
        source = value["Get"]
        if source.endswith("PipelineExecutionArn"):
            return (
                "arn:aws:sagemaker:us-east-1:123456789012:pipeline/flights/execution/abcdefghijkl"
            )
        return (
            f"s3://artefacts/{re.sub('[^a-z]', '', source.lower())}" if "Uri" in source else "abc"
        )
    return {key: resolved(inner) for key, inner in value.items()}


@pytest.fixture(scope="module")
def validate() -> Any:
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model

    def check(operation: str, request: Json) -> str:
        report = ParamValidator().validate(request, model.operation_model(operation).input_shape)
        return str(report.generate_report())

    return check


VARIANTS = {
    "plain": (SPEC, SITE),
    "spot": (SPEC.replace("[train]", "[train]\nspot = true"), SITE),
    "encrypted": (SPEC, Site("artefacts", "eu-west-1", ROLE, "s3://a/jobs/7", "arn:aws:kms:k")),
    "no bars": ('problem = "regression"\n[data]\ntarget = "price"\n', SITE),
}


@pytest.fixture(params=VARIANTS, ids=str)
def definition(request: pytest.FixtureRequest) -> Json:
    return rendered(*VARIANTS[request.param])


def test_the_same_spec_gives_the_same_bytes() -> None:
    spec = load_spec(SPEC, name="flights")
    again = load_spec(SPEC, name="flights")
    assert render(spec, SITE, BUNDLE) == render(again, SITE, BUNDLE)


def test_nothing_of_another_model_is_in_it() -> None:
    text = json.dumps(rendered(name="ozone"))
    assert "flights" not in text.replace(BUNDLE.uri.rpartition("/")[0], "")


def test_the_envelope_is_as_the_schema_wants_it(definition: Json) -> None:
    assert definition["Version"] == "2020-12-01"
    assert set(definition) <= {"Version", "Metadata", "Parameters", "Steps"}
    assert [each["Name"] for each in definition["Parameters"]] == [
        "DatasetUri",
        "DatasetDigest",
        "Cause",
    ]
    for parameter in definition["Parameters"]:
        assert set(parameter) <= {"Name", "Type", "DefaultValue"}
        assert parameter["Type"] == "String"
    steps = list(every_step(definition["Steps"]))
    names = [each["Name"] for each in steps]
    assert names == ["Preprocess", "Train", "Evaluate", "MeetsBars", "Register", "BelowBars"]
    for each in steps:
        assert re.fullmatch(r"[A-Za-z0-9\-_]{1,64}", each["Name"])
        allowed = {"Name", "Type", "Arguments", "RetryPolicies", "PropertyFiles"}
        assert set(each) <= allowed
        for policy in each.get("RetryPolicies", []):
            assert set(policy) == {"ExceptionType", "IntervalSeconds", "BackoffRate", "MaxAttempts"}
            assert 1 <= policy["MaxAttempts"] <= 20
            assert 1 <= policy["IntervalSeconds"] <= 43200
    assert len(json.dumps(definition)) < 100 * 1024


def test_every_reference_leads_somewhere(definition: Json) -> None:
    steps = {each["Name"]: each for each in every_step(definition["Steps"])}
    parameters = {each["Name"] for each in definition["Parameters"]}
    seen = []
    for function in functions(definition["Steps"]):
        if "Get" not in function:
            continue
        kind, name, *path = function["Get"].split(".")
        seen.append(kind)
        if kind == "Parameters":
            assert name in parameters
        elif kind == "Execution":
            assert name in ("PipelineExecutionId", "PipelineExecutionArn")
        elif path[0] == "PropertyFiles":
            files = steps[name]["PropertyFiles"]
            assert path[1] in [each["PropertyFileName"] for each in files]
        elif path[0] == "ProcessingOutputConfig":
            output = re.fullmatch(r"Outputs\['(\w+)'\]", path[1])
            assert output is not None
            made = steps[name]["Arguments"]["ProcessingOutputConfig"]["Outputs"]
            assert output[1] in [each["OutputName"] for each in made]
        else:
            assert (steps[name]["Type"], path) == (
                "Training",
                ["ModelArtifacts", "S3ModelArtifacts"],
            )
    assert {"Parameters", "Execution", "Steps"} <= set(seen)


def test_property_files_lie_in_an_output_of_their_step(definition: Json) -> None:
    for each in every_step(definition["Steps"]):
        for file in each.get("PropertyFiles", []):
            outputs = each["Arguments"]["ProcessingOutputConfig"]["Outputs"]
            assert file["OutputName"] in [output["OutputName"] for output in outputs]


def test_every_request_is_one_that_the_api_takes(definition: Json, validate: Any) -> None:
    checked = []
    for each in every_step(definition["Steps"]):
        if each["Type"] not in REQUESTS:
            continue
        operation, names = REQUESTS[each["Type"]]
        assert validate(operation, {**names, **resolved(each["Arguments"])}) == ""
        checked.append(each["Name"])
    assert checked == ["Preprocess", "Train", "Evaluate", "Register"]


def test_outputs_lie_under_the_run(definition: Json) -> None:
    for name in ("Preprocess", "Evaluate"):
        for each in step(definition, name)["Arguments"]["ProcessingOutputConfig"]["Outputs"]:
            join = each["S3Output"]["S3Uri"]["Std:Join"]
            assert join["Values"] == [
                "s3://artefacts/runs/flights",
                {"Get": "Execution.PipelineExecutionId"},
                each["OutputName"],
            ]


def test_hyperparameters_come_back_as_they_were() -> None:
    given = step(rendered(), "Train")["Arguments"]["HyperParameters"]
    assert all(isinstance(value, str) for value in given.values())
    read = {name: json.loads(value) for name, value in given.items()}  # as the toolkit does
    assert read["sagemaker_program"] == "train.py"
    assert read["sagemaker_submit_directory"] == BUNDLE.uri
    assert (read["max_iter"], read["rate"], read["loss"], read["warm"]) == (100, 0.1, "log", True)


def test_spot_training_waits_for_capacity() -> None:
    arguments = step(rendered(*VARIANTS["spot"]), "Train")["Arguments"]
    stopping = arguments["StoppingCondition"]
    assert arguments["EnableManagedSpotTraining"] is True
    assert stopping["MaxWaitTimeInSeconds"] > stopping["MaxRuntimeInSeconds"]


def test_a_key_encrypts_every_volume_and_output() -> None:
    definition = rendered(*VARIANTS["encrypted"])
    key = "arn:aws:kms:k"
    for name in ("Preprocess", "Evaluate"):
        arguments = step(definition, name)["Arguments"]
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"] == key
        assert arguments["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] == key
    train = step(definition, "Train")["Arguments"]
    assert train["OutputDataConfig"]["KmsKeyId"] == key
    assert train["ResourceConfig"]["VolumeKmsKeyId"] == key


def test_every_bar_is_a_condition_in_its_direction() -> None:
    conditions = step(rendered(), "MeetsBars")["Arguments"]["Conditions"]
    told = [
        (each["Type"], each["LeftValue"]["Std:JsonGet"]["Path"], each["RightValue"])
        for each in conditions
    ]
    assert told == [
        ("GreaterThanOrEqualTo", "metrics.auc.value", 0.65),
        ("LessThanOrEqualTo", "metrics.log_loss.value", 0.6),
    ]


def test_the_failure_says_what_was_wanted() -> None:
    message = step(rendered(), "BelowBars")["Arguments"]["ErrorMessage"]
    assert message == "Below the bars: wanted are auc at least 0.65, log_loss at most 0.6"


def test_property_files_are_read_in_conditions_only() -> None:
    """AWS documents Std:JsonGet there, and nowhere else."""
    for variant in VARIANTS.values():
        for each in every_step(rendered(*variant)["Steps"]):
            arguments = dict(each["Arguments"])
            for place in ("Conditions", "IfSteps", "ElseSteps"):
                arguments.pop(place, None)
            assert "Std:JsonGet" not in json.dumps(arguments), each["Name"]


def test_a_candidate_is_registered_for_judgement_with_its_lineage() -> None:
    arguments = step(rendered(), "Register")["Arguments"]
    assert arguments["ModelApprovalStatus"] == "PendingManualApproval"
    container = arguments["InferenceSpecification"]["Containers"][0]
    assert container["Environment"]["SAGEMAKER_SUBMIT_DIRECTORY"] == BUNDLE.uri
    properties = resolved(arguments["CustomerMetadataProperties"])
    assert set(properties) == {
        "dataset-digest",
        "dataset-uri",
        "bundle-digest",
        "bundle-uri",
        "cause",
        "run",
        "holdout-uri",
        "evaluation-uri",
        "predictions-uri",
        "baseline-uri",
    }
    for value in properties.values():
        assert re.fullmatch(r"[\w .:/=+\-@]{1,256}", value)


def test_an_unknown_region_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="region 'moon-1' has no known image"):
        rendered(site=Site("artefacts", "moon-1", ROLE, "s3://artefacts/jobs/77"))


def test_the_first_job_is_told_where_to_put_what_became_of_each_file() -> None:
    environment = step(rendered(), "Preprocess")["Arguments"]["Environment"]
    assert environment["EVERLOOP_FILES_URI"] == {
        "Std:Join": {
            "On": "/",
            "Values": [
                "s3://artefacts/runs/flights",
                {"Get": "Execution.PipelineExecutionId"},
                "files/files.json",
            ],
        }
    }


GPU = {"prepare": "ml.r5.large", "evaluate": "ml.c5.large", "monitor": "ml.t3.medium"}


def test_no_job_but_training_runs_on_what_trains() -> None:
    plain = 'problem = "regression"\n[data]\ntarget = "y"\n[train]\ninstance = "ml.g5.xlarge"\n'
    sections = "".join(f'[{job}]\ninstance = "{name}"\n' for job, name in GPU.items())
    for spec, prepare, evaluate in (
        (plain + sections, GPU["prepare"], GPU["evaluate"]),
        (plain, "ml.t3.large", "ml.t3.large"),
    ):
        definition = rendered(spec, SITE)
        train = step(definition, "Train")["Arguments"]["ResourceConfig"]
        clusters = {
            name: step(definition, name)["Arguments"]["ProcessingResources"]["ClusterConfig"]
            for name in ("Preprocess", "Evaluate")
        }
        assert train["InstanceType"] == "ml.g5.xlarge"
        assert clusters["Preprocess"]["InstanceType"] == prepare
        assert clusters["Evaluate"]["InstanceType"] == evaluate


@pytest.mark.parametrize(
    ("instance", "encrypted"),
    [
        *((f"ml.{name}", True) for name in ("m5.large", "t3.medium", "p3.2xlarge", "c7i.xlarge")),
        *(
            (f"ml.{name}", False)
            for name in ("m5d.large", "g4dn.xlarge", "g5.xlarge", "g6e.2xlarge")
        ),
        *((f"ml.{name}", False) for name in ("p4d.24xlarge", "p5en.48xlarge", "trn1.2xlarge")),
    ],
)
def test_a_key_goes_to_volumes_that_take_one(instance: str, encrypted: bool) -> None:
    jobs = ("prepare", "train", "evaluate")
    spec = 'problem = "regression"\n[data]\ntarget = "y"\n'
    spec += "".join(f'[{job}]\ninstance = "{instance}"\n' for job in jobs)
    definition = rendered(spec, VARIANTS["encrypted"][1])
    train = step(definition, "Train")["Arguments"]
    assert ("VolumeKmsKeyId" in train["ResourceConfig"]) is encrypted
    assert train["OutputDataConfig"]["KmsKeyId"]
    for name in ("Preprocess", "Evaluate"):
        arguments = step(definition, name)["Arguments"]
        cluster = arguments["ProcessingResources"]["ClusterConfig"]
        assert ("VolumeKmsKeyId" in cluster) is encrypted
        assert arguments["ProcessingOutputConfig"]["KmsKeyId"]
