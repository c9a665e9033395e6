"""What AWS lacks is told from what a model does wrong, by AWS's own words."""

import json

import pytest

from everloop.aws.clients import _MEANING
from everloop.decisions.infrastructure import (
    CAPACITY,
    INTERNAL,
    QUOTA,
    SPOT,
    THROTTLING,
    trouble,
    trouble_of,
)
from everloop.errors import NoCapacity

_LIMIT = (
    "The account-level service limit 'ml.m5.large for processing job usage' is {} Instances, with "
    "current utilization of {} Instances and a request delta of {} Instances. Please use AWS "
    "Service Quotas to request an increase for this quota."
)
_STEP = "ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: "
_RETRY = (
    " Retry not appropriate on execution of step with PipelineExecutionArn arn:aws:sagemaker:"
    "eu-west-1:123456789012:pipeline/m/execution/e and StepId Train. No retry policy configured "
    "for the exception type SAGEMAKER_RESOURCE_LIMIT."
)
_CAPACITY = (
    "Unable to provision requested ML compute capacity due to InsufficientInstanceCapacity error. "
    "Please retry using a different ML instance type or after some time."
)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        pytest.param(_STEP + _LIMIT.format(4, 4, 1) + _RETRY, QUOTA, id="a step's quota"),
        pytest.param(_STEP + "Rate exceeded", THROTTLING, id="a step's throttle"),
        pytest.param(
            "CapacityError: Unable to provision requested ML compute capacity. Please retry using "
            "a different ML instance type.",
            CAPACITY,
            id="a job's capacity",
        ),
        pytest.param(_CAPACITY, CAPACITY, id="an endpoint's capacity"),
        pytest.param(
            "InternalServerError: We encountered an internal error.  Please try again.",
            INTERNAL,
            id="a job's internal error",
        ),
        pytest.param(
            "Request to service failed. If failure persists after retry, contact customer support.",
            INTERNAL,
            id="an endpoint's internal error",
        ),
        pytest.param("MaxWaitTimeExceeded: the job stopped", SPOT, id="spot never came"),
        pytest.param(
            "The job stopped because it exceeded the maximum allowed wait time",
            SPOT,
            id="spot never came, in words",
        ),
        pytest.param(
            "An error occurred (ThrottlingException) when calling the CreateEndpoint operation "
            "(reached max retries: 5): Rate exceeded",
            THROTTLING,
            id="a client's error",
        ),
        pytest.param(
            "The requested resource training-job/ml.t3.medium is not available in this region",
            QUOTA,
            id="no such instance in the Region",
        ),
    ],
)
def test_what_aws_lacks_is_known_by_its_words(reason: str, kind: str) -> None:
    found = trouble(reason)
    assert found is not None
    assert found.kind == kind


@pytest.mark.parametrize(
    "reason",
    [
        "AlgorithmError: InternalServerError: We encountered an internal error.",
        "AlgorithmError: ThrottlingException: Rate exceeded",
        'AlgorithmError: ExecuteUserScriptError: ExitCode 1 ErrorMessage "ResourceLimitExceeded"',
        "ClientError: Data download failed: no object under the prefix",
        "ClientError: Failed to invoke sagemaker:CreateTrainingJob. Error Details: No S3 objects "
        "found under S3 URL s3://b/rate exceeded.",
        "ClientError: the job ran longer than MaxRuntimeInSeconds",
        "Below the bars: auc is 0.5 (at least 0.6 wanted)",
        "The primary container for production variant main did not pass the ping health check. "
        "Please check CloudWatch logs for this endpoint.",
        "One or more configured alarm(s) in alarm state: [m-5xx]",
        "",
    ],
)
def test_a_script_s_failure_is_never_taken_for_aws_s(reason: str) -> None:
    assert trouble(reason) is None


def test_a_quota_is_told_with_what_is_there_and_what_is_wanted() -> None:
    found = trouble(_LIMIT.format(4, 4, 1), "ResourceLimitExceeded")
    assert found is not None
    assert (found.quota, found.there, found.needed) == (
        "ml.m5.large for processing job usage",
        4,
        5,
    )
    assert found.retry


@pytest.mark.parametrize(("there", "delta"), [(0, 1), (4, 11)])
def test_a_quota_that_no_waiting_passes_is_not_retried(there: int, delta: int) -> None:
    found = trouble(_LIMIT.format(there, 0, delta))
    assert found is not None
    assert not found.retry
    assert found.needed == delta


@pytest.mark.parametrize("code", [c for c, what in _MEANING.items() if what is NoCapacity])
def test_whatever_code_means_no_capacity_is_known_as_what_aws_lacks(code: str) -> None:
    said = f"alarm a: An error occurred ({code}) when calling the PutMetricAlarm operation: no"
    cause = {"errorType": "NoCapacity", "errorMessage": said}
    found = trouble_of({"Error": "NoCapacity", "Cause": json.dumps(cause)})
    assert found is not None
    assert (found.kind, found.code) == (QUOTA, code)


def test_what_a_state_machine_caught_is_read_to_its_ground() -> None:
    quota = {
        "Error": "SageMaker.ResourceLimitExceededException",
        "Cause": _LIMIT.format(0, 0, 1) + " (Service: AmazonSageMaker; Status Code: 400; Error Code"
        ": ResourceLimitExceeded; Request ID: 1; Proxy: null)",
    }
    job = {
        "Error": "States.TaskFailed",
        "Cause": json.dumps({"ProcessingJobStatus": "Failed", "FailureReason": f"{_CAPACITY}"}),
    }
    ours = {
        "Error": "NoCapacity",
        "Cause": json.dumps(
            {
                "errorType": "NoCapacity",
                "errorMessage": "endpoint m-staging: An error occurred (ResourceLimitExceeded) when"
                " calling the CreateEndpoint operation: " + _LIMIT.format(0, 0, 1),
            }
        ),
    }
    script = {
        "Error": "States.TaskFailed",
        "Cause": json.dumps({"FailureReason": "AlgorithmError: , exit code: 1"}),
    }
    bad = {"Error": "BadInput", "Cause": json.dumps({"errorMessage": "Throttling: is no key"})}
    kinds = [found and found.kind for found in map(trouble_of, (quota, job, ours, script, bad))]
    assert kinds == [QUOTA, CAPACITY, QUOTA, None, None]
