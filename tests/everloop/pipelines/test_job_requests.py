"""The requests of compare and monitor jobs: what SageMaker takes, and what the scripts read."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from everloop.pipelines import job_requests
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

NAME = "x" * 32  # the longest that a model may have
BUCKET = "everloop-artefacts-123456789012-ap-southeast-2"
DIGEST = "0a1b2c3d" * 8
SPEC = policy.document(
    load_spec('problem = "regression"\n[data]\ntarget = "price"\nkey = "id"\n', name=NAME)
)
COMMON: dict[str, Any] = {
    "spec": SPEC,
    "jobs_uri": f"s3://{BUCKET}/jobs/{DIGEST}",
    "role_arn": "arn:aws:iam::123456789012:role/everloop-sagemaker",
    "region": "ap-southeast-2",
}
BUNDLE = f"s3://{BUCKET}/bundles/{NAME}/{DIGEST}/bundle.tar.gz"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def compare(**more: Any) -> dict[str, Any]:
    return job_requests.compare(
        name=f"{NAME}-v1000-abcd",
        candidate=job_requests.Side("s3://a/new/model.tar.gz", BUNDLE),
        champion=job_requests.Side("s3://a/old/model.tar.gz", BUNDLE.replace("0a", "ff")),
        holdout_uri="s3://a/holdout/data.csv",
        output_uri=f"s3://{BUCKET}/comparisons/{NAME}/v1000",
        **COMMON,
        **more,
    )


def monitor(**more: Any) -> dict[str, Any]:
    return job_requests.monitor(
        name=f"{NAME}-20261120T1300",
        model=NAME,
        version=1000,
        since=at("2026-11-20T12:00:00"),
        until=at("2026-11-20T12:59:59"),
        bundle_uri=BUNDLE,
        baseline_uri="s3://a/runs/baseline",
        predictions_uri="s3://a/runs/evaluation/predictions.csv",
        output_uri=f"s3://{BUCKET}/monitoring/{NAME}/2026-11-20T1300",
        **COMMON,
        **{
            "capture_manifest": f"s3://{BUCKET}/monitoring/{NAME}/x/capture.manifest",
            "labels_manifest": None,
            "late_manifest": None,
            "kept_uri": None,
            **more,
        },
    )


def request(job: dict[str, Any]) -> dict[str, Any]:
    """Put a job together as the state machines do."""
    return {
        "ProcessingJobName": f"{job['name']}-1",
        "RoleArn": job["role_arn"],
        "AppSpecification": job["app"],
        "Environment": job["environment"],
        "ProcessingInputs": job["inputs"],
        "ProcessingOutputConfig": job["outputs"],
        "ProcessingResources": job["resources"],
        "StoppingCondition": job["stopping"],
        "Tags": job["tags"],
    }


def inputs(job: dict[str, Any]) -> dict[str, str]:
    return {each["InputName"]: each["S3Input"]["S3Uri"] for each in job["inputs"]}


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(compare(), id="compare"),
        pytest.param(monitor(), id="monitor"),
        pytest.param(
            monitor(
                labels_manifest="s3://a/labels.manifest",
                late_manifest="s3://a/late.manifest",
                kept_uri="s3://a/predictions/30d/x",
                kms_key="k",
            ),
            id="all that there is",
        ),
    ],
)
def test_a_job_is_one_that_the_api_takes(job: dict[str, Any]) -> None:
    model = boto3.client("sagemaker", region_name="us-east-1").meta.service_model
    shape = model.operation_model("CreateProcessingJob").input_shape
    asked = request(job)
    assert ParamValidator().validate(asked, shape).generate_report() == ""
    # Limits of the API that botocore does not check.
    assert len(asked["ProcessingJobName"]) <= 63
    assert all(len(value) <= 256 for value in asked["Environment"].values())
    assert len(asked["ProcessingInputs"]) <= 10
    for each in asked["ProcessingInputs"]:
        assert each["S3Input"]["LocalPath"] == f"/opt/ml/processing/input/{each['InputName']}"


def test_compare_gets_both_sides_and_the_candidates_holdout() -> None:
    assert inputs(compare()) == {
        "jobs": COMMON["jobs_uri"],
        "code": f"s3://{BUCKET}/bundles/{NAME}/{DIGEST}/",
        "champion-code": f"s3://{BUCKET}/bundles/{NAME}/{DIGEST}/".replace("0a", "ff"),
        "candidate": "s3://a/new/model.tar.gz",
        "champion": "s3://a/old/model.tar.gz",
        "holdout": "s3://a/holdout/data.csv",
    }


def test_monitor_gets_what_there_is_and_lists_of_files_as_manifests() -> None:
    listed = {"capture_manifest": None, "labels_manifest": "s3://a/x/labels.manifest"}
    asked = monitor(**listed, late_manifest="s3://a/x/late.manifest")
    kinds = {each["InputName"]: each["S3Input"]["S3DataType"] for each in asked["inputs"]}
    files = {name for name, kind in kinds.items() if kind == "ManifestFile"}
    assert files == {"labels", "late"}
    assert set(kinds) == {"jobs", "code", "baseline", "reference", *files}
    assert inputs(monitor())["reference"] == "s3://a/runs/evaluation/"
    assert monitor()["findings_uri"].endswith("/2026-11-20T1300/findings.json")
    assert {each["OutputName"] for each in monitor()["outputs"]["Outputs"]} == {"findings"}


def test_monitor_keeps_predictions_where_it_is_told() -> None:
    asked = monitor(kept_uri="s3://a/predictions/30d/x")["outputs"]["Outputs"]
    places = {each["OutputName"]: each["S3Output"]["S3Uri"] for each in asked}
    assert places["predictions"] == "s3://a/predictions/30d/x"
    assert places["learned"] == "s3://a/predictions/30d/x/learned"


def instance_of(job: dict[str, Any]) -> str:
    return str(job["resources"]["ClusterConfig"]["InstanceType"])


def test_looks_and_comparisons_do_not_run_on_what_trains(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = {
        **SPEC,
        "train": {**SPEC["train"], "instance": "ml.p4d.24xlarge"},
        "evaluate": {**SPEC["evaluate"], "instance": "ml.c5.large"},
        "monitor": {**SPEC["monitor"], "instance": "ml.c5.xlarge"},
    }
    monkeypatch.setitem(COMMON, "spec", spec)
    assert (instance_of(compare()), instance_of(monitor())) == ("ml.c5.large", "ml.c5.xlarge")


def test_a_model_that_was_installed_before_has_the_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = {
        name: dict(found) if isinstance(found, dict) else found for name, found in SPEC.items()
    }
    before.pop("prepare")
    for section in ("evaluate", "monitor"):
        before[section].pop("instance")
    monkeypatch.setitem(COMMON, "spec", before)
    assert (instance_of(compare()), instance_of(monitor())) == ("ml.t3.large", "ml.t3.medium")


@pytest.mark.parametrize("by", ["job", "transform"])
@pytest.mark.parametrize("answers", [None, "s3://a/answers"])
def test_a_comparison_has_as_many_inputs_as_a_job_may(by: str, answers: str | None) -> None:
    """CreateProcessingJob takes ten."""
    side = job_requests.Side("s3://a/m.tar.gz", BUNDLE, "s3://a/e/evaluation.json", "s3://a/b/")
    evaluate = {**COMMON["spec"]["evaluate"], "by": by}
    job = job_requests.compare(
        name="m",
        candidate=side,
        champion=replace(side, answers_uri=answers),
        holdout_uri="s3://a/holdout/data.csv",
        output_uri="s3://a/o",
        **{**COMMON, "spec": {**COMMON["spec"], "evaluate": evaluate}},
    )
    names = [each["InputName"] for each in job["inputs"]]
    assert len(names) == len({*names}) <= 10
    assert ("candidate" in names) == (by == "job")
    assert {"champion-answers" if answers else "champion"} == {*names} & {
        "champion",
        "champion-answers",
    }
    assert {"reference", "champion-reference", "baseline", "champion-baseline"} <= {*names}
