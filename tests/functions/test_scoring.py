"""A champion that no job imports is scored by its own serving container beside the candidate."""

import pytest

import judge_candidate
import plan_comparison

SPEC = """
problem = "binary_classification"
[data]
target = "late"
[evaluate]
by = "transform"
transform_instance = ["ml.m5.large", "ml.c5.xlarge"]
"""
ALGORITHM = '[train]\nalgorithm = "linear-learner"\n'
RUNS = "s3://{}/runs/flight-delays/r{}"


def bundle(account, spec=SPEC):
    return account.bundle(spec)


@pytest.fixture
def versions(account):
    """Version 1 serves, and 2 is the candidate; the spec of either may be another."""

    def arrange(spec=SPEC, champion=None, features=(None, None)):
        account.push(data=bundle(account, spec))
        metadata = {"requests-uri": RUNS.format(account.artefacts, 2) + "/requests"}
        account.register(approval="Approved")
        arn = account.register(2, **metadata)
        account.serve(1)
        for version, names in enumerate(features, start=1):
            baseline = RUNS.format(account.artefacts, version) + "/baseline/statistics.json"
            account.put_json(baseline, {"features": []})
            if names is not None:
                uri = RUNS.format(account.artefacts, version) + "/evaluation/evaluation.json"
                account.put_json(uri, {"metrics": {"auc": {"value": 0.7}}, "features": names})
        if champion is not None:
            uri = f"s3://{account.artefacts}/bundles/flight-delays/b/spec.json"
            account.put_json(uri, champion)
        request = account.request("machine-plan-comparison", package_arn=arn)
        return plan_comparison.handler(request, account.context)

    return arrange


def of(spec):
    from everloop.spec import policy
    from everloop.spec.model_spec import load_spec

    return policy.document(load_spec(spec, name="flight-delays"))


def start(account, score):
    account.client("sagemaker").create_transform_job(
        TransformJobName=f"{score['name']}-0",
        ModelName=score["model"],
        BatchStrategy=score["strategy"],
        MaxPayloadInMB=score["payload_mb"],
        TransformInput=score["input"],
        TransformOutput=score["output"],
        TransformResources=score["resources"],
        Tags=score["tags"],
    )


def test_the_champion_answers_the_rows_that_the_candidate_answered(account, versions):
    found = versions()
    score = found["score"]
    assert found["rows"] is None
    rows = score["input"]["DataSource"]["S3DataSource"]["S3Uri"]
    assert rows == RUNS.format(account.artefacts, 2) + "/requests/holdout-"
    answers = score["output"]["S3OutputPath"]
    assert answers.endswith("/comparisons/flight-delays/v2/champion-v1/answers")
    inputs = {each["InputName"]: each["S3Input"]["S3Uri"] for each in found["job"]["inputs"]}
    assert inputs["champion-answers"] == answers
    assert not {"candidate", "champion"} & inputs.keys()  # whose answers are there
    model = account.client("sagemaker").describe_model(ModelName=score["model"])
    assert score["model"].startswith("flight-delays-v1-")
    assert model["PrimaryContainer"]["ModelDataUrl"].startswith(f"s3://{account.artefacts}/models/")
    start(account, score)  # SageMaker takes the request


def test_a_version_that_the_job_imports_needs_no_transform_job(account, versions):
    found = versions('problem = "binary_classification"\n[data]\ntarget = "late"\n')
    assert (found["compare"], found["rows"], found["score"]) == (True, None, None)


@pytest.mark.parametrize(
    ("features", "alike"),
    [
        pytest.param((["a", "b"], ["a", "b"]), True, id="the same columns"),
        pytest.param((["b", "a"], ["a", "b"]), False, id="in another order"),
        pytest.param((["a"], ["a", "b"]), False, id="one more"),
    ],
)
def test_a_built_in_algorithm_is_sent_the_columns_that_it_was_trained_on(
    account, versions, features, alike
):
    spec = SPEC.replace("[evaluate]", f"{ALGORITHM}[evaluate]")
    found = versions(spec, features=features)
    assert len(found["job"]["inputs"]) <= 10  # AWS takes no more
    assert (found["rows"] is None) == alike
    assert found["score"]["output"]["Accept"] == "application/json"
    if not alike:
        written = found["rows"]["outputs"]["Outputs"][0]["S3Output"]["S3Uri"]
        read = found["score"]["input"]["DataSource"]["S3DataSource"]["S3Uri"]
        assert read == f"{written}/"
        assert found["rows"]["app"]["ContainerEntrypoint"][-1].endswith("/champion_rows.py")
        assert found["rows"]["name"] != found["job"]["name"]


def test_a_champion_of_another_kind_is_asked_in_its_own_form(account, versions):
    champion = of(SPEC.replace("[evaluate]", f"{ALGORITHM}[evaluate]"))
    found = versions('problem = "binary_classification"\n[data]\ntarget = "late"\n', champion)
    assert len(found["job"]["inputs"]) == 10  # all that AWS takes
    assert found["rows"] is not None
    assert found["score"]["output"]["Accept"] == "application/json"


def test_where_aws_refuses_the_transform_jobs_instance_the_next_of_its_list_is_taken(
    account, versions
):
    found = versions()
    assert found["score"]["resources"]["InstanceType"] == "ml.m5.large"
    cause = (
        "The account-level service limit 'ml.m5.large for transform job usage' is 0 Instances, "
        "with current utilization of 0 Instances and a request delta of 1 Instances."
    )
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/flight-delays/2"
    request = account.request(
        "machine-judge-candidate",
        package_arn=arn,
        error={"Error": "SageMaker.ResourceLimitExceededException", "Cause": cause},
        resources=found["job"]["resources"],
        scores=found["score"]["resources"],
    )
    answer = judge_candidate.handler(request, account.context)
    assert (answer["verdict"], answer["wait_seconds"]) == ("waits", 1)
    assert "ml.c5.xlarge" in answer["reason"]
    again = plan_comparison.handler(
        account.request("machine-plan-comparison", package_arn=arn), account.context
    )
    assert again["score"]["resources"]["InstanceType"] == "ml.c5.xlarge"
    assert again["score"]["name"] != found["score"]["name"]
