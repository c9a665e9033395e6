"""XGBoost as SageMaker's built-in algorithm: what AWS's container takes and answers."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from botocore.exceptions import ClientError
from waiting import until

from everloop_localcloud.sagemaker.algorithms import xgboost_train

ROLE = "arn:aws:iam::123456789012:role/serving"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"
BUCKET = "models"
NUMBERS = np.random.default_rng(7).normal(size=(300, 3))
LABELS = (NUMBERS[:, 0] - NUMBERS[:, 1] > 0).astype(int)


def table(rows: slice) -> str:
    pairs = zip(LABELS[rows], NUMBERS[rows], strict=True)
    return "".join(f"{label},{','.join(map(str, row))}\n" for label, row in pairs)


def libsvm(rows: slice) -> str:
    pairs = zip(LABELS[rows], NUMBERS[rows], strict=True)
    return "".join(
        f"{label} {' '.join(f'{at}:{value}' for at, value in enumerate(row))}\n"
        for label, row in pairs
    )


def request(name: str, kind: str, **parameters: str) -> dict[str, Any]:
    def channel(which: str) -> dict[str, Any]:
        uri = f"s3://{BUCKET}/{name}/{which}/"
        source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}
        return {"ChannelName": which, "ContentType": kind, "DataSource": source}

    return {
        "TrainingJobName": name,
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {"num_round": "5", "objective": "binary:logistic", **parameters},
        "InputDataConfig": [channel("train"), channel("validation")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/out"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "RoleArn": ROLE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 120},
    }


def trained(hosted: Any, name: str, kind: str, **parameters: str) -> dict[str, Any]:
    made = libsvm if "libsvm" in kind else table
    for which, rows in (("train", slice(0, 200)), ("validation", slice(200, 300))):
        hosted.put(f"{name}/{which}/data", made(rows).encode())
    hosted.sagemaker.create_training_job(**request(name, kind, **parameters))
    return until(
        lambda: hosted.sagemaker.describe_training_job(TrainingJobName=name),
        lambda told: told["TrainingJobStatus"] in ("Completed", "Failed", "Stopped"),
    )


def served(hosted: Any, name: str, url: str) -> str:
    hosted.sagemaker.create_model(
        ModelName=name,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": url},
        ExecutionRoleArn=ROLE,
    )
    assert hosted.endpoint(name, hosted.config(name, name))["EndpointStatus"] == "InService"
    return name


def ask(hosted: Any, endpoint: str, body: str, kind: str, **more: Any) -> str:
    answer = hosted.runtime.invoke_endpoint(
        EndpointName=endpoint, Body=body.encode(), ContentType=kind, **more
    )
    return str(answer["Body"].read().decode())


def test_what_the_algorithm_trains_it_serves_with_the_answers_of_awss_container(
    hosted: Any, tmp_path: Path
) -> None:
    job = trained(hosted, "flights", "text/csv", eval_metric="auc,logloss,accuracy")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    final = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    assert final["validation:auc"] > 0.9
    assert {"train:logloss", "validation:accuracy"} <= final.keys()
    lines = hosted.logs.filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    said = [event["message"] for event in lines]
    assert any(line.startswith("[0]#011train-auc:") for line in said)
    assert any("[4]#011" in line and "#011validation-accuracy:" in line for line in said)

    url = job["ModelArtifacts"]["S3ModelArtifacts"]
    key = url.removeprefix(f"s3://{BUCKET}/")
    packed = hosted.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert archive.getnames() == ["xgboost-model"]
        archive.extractall(tmp_path, filter="data")
    booster = xgboost.Booster()
    with pytest.warns(UserWarning, match="Unknown file format"):
        booster.load_model(tmp_path / "xgboost-model")
    expected = booster.predict(xgboost.DMatrix(NUMBERS[:2]))

    endpoint = served(hosted, "flights", url)
    rows = "".join(f"{','.join(map(str, row))}\n" for row in NUMBERS[:2])
    answer = ask(hosted, endpoint, rows, "text/csv")
    assert "\n" not in answer  # one line for all rows, as AWS's container has it
    assert [float(each) for each in answer.split(",")] == pytest.approx(expected.tolist())
    told = ask(hosted, endpoint, rows, "text/csv", Accept="application/json")
    assert json.loads(told) == pytest.approx(expected.tolist())
    sparse = " ".join(f"{at}:{value}" for at, value in enumerate(NUMBERS[0]))
    assert float(ask(hosted, endpoint, f"0 {sparse}", "text/libsvm")) == pytest.approx(expected[0])
    for body, kind, status in (
        ("1,2\n", "text/csv", 400),
        ("1,2,x\n", "text/csv", 415),
        ("a,b,c\n1,2,3\n", "text/csv", 415),
        ("1,2,3\n", "image/png", 415),
    ):
        with pytest.raises(ClientError) as refused:
            ask(hosted, endpoint, body, kind)
        assert refused.value.response["OriginalStatusCode"] == status


def test_libsvm_is_what_no_content_type_means_and_trains_alike(hosted: Any) -> None:
    job = trained(hosted, "sparse", "text/libsvm")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    names = [metric["MetricName"] for metric in job["FinalMetricDataList"]]
    assert names == ["train:logloss", "validation:logloss"]
    assert xgboost_train.content_type("") == "libsvm"


def test_a_header_fails_the_job_in_the_containers_words(hosted: Any) -> None:
    hosted.put("headed/train/data", b"late,a,b\n1,2,3\n")
    asked = request("headed", "text/csv")
    asked["InputDataConfig"].pop()
    hosted.sagemaker.create_training_job(**asked)
    job = until(
        lambda: hosted.sagemaker.describe_training_job(TrainingJobName="headed"),
        lambda told: told["TrainingJobStatus"] in ("Completed", "Failed"),
    )
    assert job["TrainingJobStatus"] == "Failed"
    assert "Failed to load csv data with exception" in job["FailureReason"]


def test_metrics_of_ones_own_and_other_algorithms_are_refused_by_name(hosted: Any) -> None:
    asked = request("own", "text/csv")
    asked["AlgorithmSpecification"]["MetricDefinitions"] = [{"Name": "a", "Regex": "a=(.*)"}]
    with pytest.raises(ClientError, match="can't override the metric definitions"):
        hosted.sagemaker.create_training_job(**asked)
    asked = request("linear", "text/csv")
    asked["AlgorithmSpecification"]["TrainingImage"] = IMAGE.replace(
        "sagemaker-xgboost:3.2-0", "linear-learner:1"
    )
    with pytest.raises(
        ClientError, match="linear-learner is a built-in algorithm that runs on AWS"
    ):
        hosted.sagemaker.create_training_job(**asked)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Missing required hyperparameter: num_round"),
        ({"num_round": "0"}, "num_round: could not parse value '0'; it is a whole number from 1"),
        ({"num_round": "x"}, "num_round: could not parse value 'x'"),
        ({"num_round": "1", "eta": "1.5"}, "eta: could not parse value '1.5'; it is a number from"),
        ({"num_round": "1", "eta": "nan"}, "eta: could not parse value 'nan'"),
        (
            {"num_round": "1", "subsample": "0"},
            "subsample: could not parse value '0'; it is a numb",
        ),
        ({"num_round": "1", "objective": "binary"}, "it is one of binary:logistic"),
        (
            {"num_round": "1", "objective": "multi:softmax"},
            "Require input for parameter 'num_class",
        ),
        ({"num_round": "1", "eval_metric": "auc"}, "Metric 'auc' can only be applied"),
        ({"num_round": "1", "n_estimators": "3"}, "Extraneous hyperparameter found: n_estimators"),
    ],
)
def test_hyperparameters_are_checked_as_by_awss_container(
    given: dict[str, str], words: str
) -> None:
    with pytest.raises(xgboost_train.UserError) as error:
        xgboost_train.parameters(given)
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ("text/csv", "csv"),
        ("csv", "csv"),
        ("text/csv; label_size=1", "csv"),
        ("text/x-libsvm", "libsvm"),
        ("text/libsvm ;charset=utf8", "libsvm"),
    ],
)
def test_content_types_are_those_of_awss_container(told: str, kind: str) -> None:
    assert xgboost_train.content_type(told) == kind
    for refused in ("text/csv;label_size=2", "application/json"):
        with pytest.raises(xgboost_train.UserError, match="is not an accepted"):
            xgboost_train.content_type(refused)


def test_what_a_libsvm_line_leaves_out_is_missing_and_weights_are_no_feature(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").write_text("1 0:2.5 2:1\n0 1:3\n")
    read = xgboost_train.matrix(tmp_path, "libsvm")
    assert (read.num_row(), read.num_col(), read.num_nonmissing()) == (2, 3, 3)
    (tmp_path / "data").write_text("1,0.5,7,8\n0,2,9,10\n")
    read = xgboost_train.matrix(tmp_path, "csv", weights=True)
    assert (read.num_col(), read.get_weight().tolist()) == (2, [0.5, 2.0])
