"""[train] on several machines: requests, quotas and costs that count each of them."""

import json
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from everloop.billing import usage
from everloop.errors import BadInput
from everloop.pipelines.needs import of_pipeline
from everloop.pipelines.plans import with_plan
from everloop.pipelines.standard import BundleRef, Site, render
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

SITE = Site("artefacts", "us-east-1", "arn:aws:iam::123456789012:role/r", "s3://artefacts/jobs/77")
BUNDLE = BundleRef("s3://artefacts/bundles/m/0a/bundle.tar.gz", "0a" * 32)
GPU = 'framework = "pytorch"\ninstance = "ml.g5.xlarge"\n'
Json = dict[str, Any]


def spec_of(train: str, more: str = "") -> Any:
    return load_spec(
        f'problem = "regression"\n[data]\ntarget = "late"\n{more}[train]\n{train}', name="m"
    )


def definition(train: str, more: str = "") -> str:
    return render(spec_of(train, more), SITE, BUNDLE)


def training(train: str, more: str = "") -> Json:
    steps = json.loads(definition(train, more))["Steps"]
    found: Json = next(each["Arguments"] for each in steps if each["Name"] == "Train")
    return found


ALL = """
count = 3
shard = ["train", "images"]
input = "FastFile"
checkpoints = true
keep_warm_minutes = 10
spot = false
"""
CHANNEL = '[prepare]\nchannels = ["images"]\n'


def test_the_request_says_all_of_it_and_the_api_takes_it() -> None:
    made = training(GPU + 'distribution = "torch_distributed"\n' + ALL, CHANNEL)
    assert made["ResourceConfig"]["InstanceCount"] == 3
    assert made["ResourceConfig"]["KeepAlivePeriodInSeconds"] == 600
    assert made["AlgorithmSpecification"]["TrainingInputMode"] == "FastFile"
    assert made["HyperParameters"]["sagemaker_torch_distributed_enabled"] == "true"
    assert made["CheckpointConfig"]["S3Uri"]["Std:Join"]["Values"][-1] == "checkpoints"
    shares = {
        each["ChannelName"]: each["DataSource"]["S3DataSource"]["S3DataDistributionType"]
        for each in made["InputDataConfig"]
    }
    assert shares == {
        "train": "ShardedByS3Key",
        "validation": "FullyReplicated",
        "images": "ShardedByS3Key",
    }
    made["CheckpointConfig"]["S3Uri"] = made["OutputDataConfig"]["S3OutputPath"] = "s3://a/b"
    for each in made["InputDataConfig"]:
        each["DataSource"]["S3DataSource"]["S3Uri"] = "s3://a/b"
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model
    shape = model.operation_model("CreateTrainingJob").input_shape
    request = {"TrainingJobName": "j", **made}
    assert ParamValidator().validate(request, shape).generate_report() == ""


def test_a_model_that_says_nothing_trains_as_before() -> None:
    made = training("")
    assert made["ResourceConfig"] == {
        "InstanceType": "ml.m5.large",
        "InstanceCount": 1,
        "VolumeSizeInGB": 30,
    }
    assert made["AlgorithmSpecification"]["TrainingInputMode"] == "File"
    assert "CheckpointConfig" not in made


def test_quotas_are_needed_for_each_machine_and_those_that_are_kept() -> None:
    needs = of_pipeline(json.loads(definition("count = 3\nkeep_warm_minutes = 5\n")))
    assert needs["ml.m5.large for training job usage"] == 3
    assert needs["ml.m5.large for training warm pool usage"] == 3
    tune = '[tune]\nmetric = "r"\ngoal = "maximize"\nparallel = 2\nranges = { a = [1, 2] }\n'
    tuned = of_pipeline(json.loads(definition("count = 3\n", tune)))
    assert tuned["ml.m5.large for training job usage"] == 6


def test_costs_count_each_machine_and_the_minutes_that_they_are_kept() -> None:
    def hours(train: str) -> float:
        used = usage.loop(policy.document(spec_of('instance = "ml.c5.xlarge"\n' + train)))
        return used["ml.c5.xlarge hour"]

    one = hours("")
    assert hours("count = 3\n") == pytest.approx(3 * one)
    assert hours("count = 3\nkeep_warm_minutes = 10\n") == pytest.approx(3 * (one + 10 / 60))


def test_spot_capacity_is_not_kept_warm() -> None:
    plan = {"train": "ml.m5.large for spot training job usage"}
    moved = with_plan(definition('keep_warm_minutes = 5\nspot = "fallback"\n'), plan)
    train = next(each for each in json.loads(moved)["Steps"] if each["Name"] == "Train")
    assert train["Arguments"]["EnableManagedSpotTraining"] is True
    assert "KeepAlivePeriodInSeconds" not in train["Arguments"]["ResourceConfig"]


@pytest.mark.parametrize(
    ("train", "told"),
    [
        ("count = 0", "train.count is 0"),
        ('shard = ["train"]', "train.shard is given and train.count is 1; a single machine"),
        ('count = 2\nshard = ["trian"]', "train.shard has 'trian', which is no channel; did you"),
        ('count = 2\nshard = ["train", "train"]', "train.shard names a channel twice"),
        ('distribution = "smdistributed"', "train.distribution is 'smdistributed'"),
        ('distribution = "mpi"', "'mpi', which scikit-learn has not; leave it out: each machine"),
        (GPU + 'distribution = "parameter_server"', "pytorch has not; it has torch_distributed or"),
        ('algorithm = "xgboost"\ndistribution = "mpi"', "xgboost has not; leave it out: it works"),
        ('algorithm = "xgboost"\ninput = "FastFile"', "train.input is 'FastFile', and xgboost"),
        ('input = "Pipe"', "train.input is 'Pipe'"),
        ("spot = true\nkeep_warm_minutes = 5", "AWS keeps no spot machine"),
        ("keep_warm_minutes = 61", "train.keep_warm_minutes is 61"),
        ("in_one_job = true\ncount = 2", "train.in_one_job is true and train.count is 2"),
        ('in_one_job = true\ninput = "FastFile"', "train.in_one_job is true and train.input"),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_key(train: str, told: str) -> None:
    with pytest.raises(BadInput) as error:
        spec_of(train + ("\nhyperparameters = { num_round = 5 }" if "algorithm" in train else ""))
    assert told in str(error.value)
