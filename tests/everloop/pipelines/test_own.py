"""A folder's own pipeline: taken where it keeps to its place, refused with all that is wrong."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from everloop.bundle import Bundle, contents, open_bundle, packed
from everloop.errors import BadInput
from everloop.pipelines.own import COMPILED, compiled, own_definition
from everloop.pipelines.standard import BundleRef, Site
from everloop.spec.model_spec import load_spec

FOLDER = Path(__file__).parents[3] / "models" / "air-time"
FILES = contents(FOLDER)
ROLE = "arn:aws-cn:iam::123456789012:role/path/everloop-sagemaker"
SITE = Site("artefacts", "us-east-1", ROLE, "s3://artefacts/jobs/abc")
REF = BundleRef("s3://artefacts/bundles/air-time/123/bundle.tar.gz", "123")
SPEC = load_spec(FILES["model.toml"].decode(), name="air-time")
Json = dict[str, Any]


def bundle(change: Any = None, files: dict[str, bytes] = FILES) -> Bundle:
    """The example's bundle, its definition changed by `change` and compiled anew."""
    definition = copy.deepcopy(json.loads(FILES[COMPILED])["definition"])
    if change is not None:
        change(definition)
    made = {**files, COMPILED: compiled(definition, files, "sagemaker 3.27.0")}
    return open_bundle(packed(made))


def step(definition: Json, name: str) -> Json:
    branch = definition["Steps"][-1]["Arguments"]["IfSteps"]
    found: Json = next(each for each in [*definition["Steps"], *branch] if each["Name"] == name)
    return found


def refusal(change: Any) -> str:
    with pytest.raises(BadInput) as caught:
        own_definition(bundle(change), SPEC, SITE, REF)
    return str(caught.value)


def test_the_example_is_compiled_from_the_files_beside_it() -> None:
    text = own_definition(open_bundle(packed(FILES)), SPEC, SITE, REF)
    assert text is not None and "${" not in text
    definition = json.loads(text)
    tuned = step(definition, "Tune")["Arguments"]["TrainingJobDefinition"]
    assert tuned["RoleArn"] == ROLE
    assert tuned["StaticHyperParameters"]["sagemaker_submit_directory"] == REF.uri
    assert tuned["AlgorithmSpecification"]["TrainingImage"].startswith("683313688378.dkr.ecr.us-")
    metadata = step(definition, "Register")["Arguments"]["CustomerMetadataProperties"]
    assert metadata["bundle-digest"] == REF.digest


def test_the_same_definition_and_folder_give_the_same_bytes() -> None:
    definition = json.loads(FILES[COMPILED])["definition"]
    assert compiled(definition, FILES, json.loads(FILES[COMPILED])["sdk"]) == FILES[COMPILED]


def test_a_pipeline_of_ones_own_cannot_be_held_to_privacy() -> None:
    toml = FILES["model.toml"].decode() + "[privacy]\nkey_is_personal = true\n"
    spec = load_spec(toml, name="air-time")
    with pytest.raises(BadInput, match=r"remove \[privacy\], or the pipeline\.py"):
        own_definition(bundle(), spec, SITE, REF)


def test_a_folder_without_a_pipeline_has_none() -> None:
    plain = {name: text for name, text in FILES.items() if not name.startswith("pipeline.")}
    assert own_definition(open_bundle(packed(plain)), SPEC, SITE, REF) is None


def test_the_stacks_key_encrypts_what_the_author_left_open() -> None:
    site = Site("artefacts", "us-east-1", ROLE, "s3://artefacts/jobs/abc", "arn:aws:kms:key")
    text = own_definition(bundle(), SPEC, site, REF)
    assert text is not None
    job = step(json.loads(text), "Tune")["Arguments"]["TrainingJobDefinition"]
    assert job["OutputDataConfig"]["KmsKeyId"] == "arn:aws:kms:key"
    assert job["ResourceConfig"]["VolumeKmsKeyId"] == "arn:aws:kms:key"


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"pipeline.json": None}, "has a pipeline.py and no pipeline.json; push the folder with"),
        ({"pipeline.py": None}, "has a pipeline.json and no pipeline.py"),
        ({"pipeline.py": b"# another\n"}, "compiled from other files than the bundle's"),
        ({"train.py": b"# another\n"}, "compiled from other files than the bundle's"),
        ({"pipeline.json": b"[]"}, "not what a pipeline.py compiles to"),
        ({"pipeline.json": b"[" * 100_000}, "nested too deeply"),
    ],
    ids=["uncompiled", "source lost", "other source", "other script", "no object", "deep"],
)
def test_a_bundle_whose_pipeline_was_not_compiled_from_it_is_refused(
    files: dict[str, bytes | None], said: str
) -> None:
    made = {name: text for name, text in {**FILES, **files}.items() if text is not None}
    with pytest.raises(BadInput, match=said):
        own_definition(open_bundle(packed(made)), SPEC, SITE, REF)


def put(name: str, *path: str, value: Any) -> Any:
    """Return a change of one argument of one step."""

    def change(definition: Json) -> None:
        target: Any = step(definition, name)["Arguments"]
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


def without_parameter(definition: Json) -> None:
    definition["Parameters"].pop(0)


def with_parameter(definition: Json) -> None:
    definition["Parameters"].append({"Name": "Depth", "Type": "Integer"})


def with_lambda(definition: Json) -> None:
    definition["Steps"].append({"Name": "Call", "Type": "Lambda", "Arguments": {}})


def without_register(definition: Json) -> None:
    definition["Steps"][-1]["Arguments"]["IfSteps"] = []


def no_step(definition: Json) -> None:
    definition["Steps"][-1]["Arguments"]["IfSteps"] = ["Register"]


JOB = "TrainingJobDefinition"
FOREIGN = "arn:aws:iam::999999999999:role/admin"
ABROAD = "1.dkr.ecr.eu-west-1.amazonaws.com/x"
GROUP = "ModelPackageGroupName"
ELSEWHERE = {"Std:Join": {"On": "/", "Values": ["s3:/", "other", {"Get": "Parameters.Cause"}]}}
SOURCE = (JOB, "OutputDataConfig", "S3OutputPath")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without_parameter, "parameter DatasetUri (String) is missing"),
        (with_parameter, "parameter Depth has no default value"),
        (lambda d: d.update(PipelineExperimentConfig={"a": 1}), "PipelineExperimentConfig is set"),
        (lambda d: d.update(Version="2021"), "Version is '2021'"),
        (with_lambda, "step 'Call': type Lambda is not run"),
        (without_register, "no step registers a model"),
        (no_step, "'Register' is no step"),
        (put("Tune", JOB, "RoleArn", value=FOREIGN), f"RoleArn is '{FOREIGN}'; jobs run with"),
        (put("Tune", *SOURCE, value="s3://artefacts/bundles/x"), "writes to 's3://artefacts/bu"),
        (put("Tune", *SOURCE, value="s3://artefacts/runs/other/x"), "writes to 's3://artefacts/ru"),
        (put("Tune", *SOURCE, value=ELSEWHERE), "writes to 's3://other/'"),
        (put("Tune", *SOURCE, value={"Get": "Parameters.Cause"}), "writes to {'Get'"),
        (
            put("Evaluate", "ProcessingInputs", value=[{"S3Input": {"S3Uri": "s3://other/x"}}]),
            "step 'Evaluate': names s3://other/x",
        ),
        (
            put("Evaluate", "AppSpecification", "ImageUri", value=ABROAD),
            "lies in eu-west-1, the stack in us-east-1",
        ),
        (put("Evaluate", "Environment", value={"A": "${Secret}"}), "${Secret} is not known"),
        (put("Register", GROUP, value="flight-delays"), "registers into 'flight-delays'"),
        (put("Register", "ModelApprovalStatus", value="Approved"), "ModelApprovalStatus is 'App"),
        (put("Register", "CustomerMetadataProperties", value={}), "lack dataset-digest, dataset-u"),
        (
            put("Register", "CustomerMetadataProperties", "bundle-uri", value="s3://artefacts/x"),
            "bundle-uri is 's3://artefacts/x', not this run's",
        ),
    ],
)  # fmt: skip
def test_what_would_leave_its_place_is_refused_by_name(change: Any, said: str) -> None:
    assert said in refusal(change)


def test_everything_wrong_is_told_at_once() -> None:
    def change(definition: Json) -> None:
        without_parameter(definition)
        with_lambda(definition)

    assert len(refusal(change).splitlines()) == 2
