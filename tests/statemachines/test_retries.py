"""What states try again: the language shares nothing, so these lists hold the copies alike."""

from typing import Any

from statemachines.test_machines import FILES, load

from statemachines import checks

FUNCTION = {
    *("Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"),
    "Lambda.TooManyRequestsException",
    *("Lambda.Unknown", "Sandbox.Timedout", "Runtime.ExitError"),  # it died, or took too long
    "NotReady",  # ours: the same call is right a little later
}
# They change records that others change at the same time; tried again, they read what is there.
# Anywhere else a Conflict says that a lease or a name is somebody else's: no try changes that.
READS_AGAIN = {
    *("Freeze dataset", "Finish training", "Finish release"),
    *("Judge candidate", "Judge findings", "Report failure"),
    *("Plan batch", "Finish batch"),
}
PACE = (
    2,
    6,
    None,
)  # seconds before the second try, tries, most seconds between two: 2 minutes in all
PACES = {
    "Report failure": (5, 8, None),  # the last word on an execution: 20 minutes
    "Finish release": (5, 8, None),  # what serves is written down here: 20 minutes
    "Start training": (10, 8, 300),  # 20 pipelines run at once in an account
    "Start staging": (10, 10, 120),  # an endpoint that is busy with something else
    "Start production": (10, 10, 120),
}
# The SDK's integrations and the optimized ones call the same error by two names.
SAGEMAKER = {
    "arn:aws:states:::aws-sdk:sagemaker": "SageMaker.SageMakerException",
    "arn:aws:states:::sagemaker": "SageMaker.AmazonSageMakerException",
}


def retries(resource: str) -> list[tuple[str, str, Any]]:
    """Return name, resource and Retry of each state whose resource begins so."""
    return [
        (name, state["Resource"], state["Retry"])
        for path in FILES
        for name, state in checks.walk(load(path))
        if state.get("Resource", "").startswith(resource)
    ]


def test_every_call_of_a_function_is_tried_again_on_the_same_errors():
    calls = retries("arn:aws:states:::lambda:")
    assert len(calls) == 21
    for name, _, (retry,) in calls:
        assert set(retry["ErrorEquals"]) - {"Conflict"} == FUNCTION, name
    again = {name for name, _, (retry,) in calls if "Conflict" in retry["ErrorEquals"]}
    assert again == READS_AGAIN


def test_a_pace_of_its_own_has_its_reason():
    for name, _, (retry,) in retries("arn:aws:states:::lambda:"):
        pace = (retry["IntervalSeconds"], retry["MaxAttempts"], retry.get("MaxDelaySeconds"))
        assert pace == PACES.get(name, PACE), name
        assert retry["BackoffRate"] == 2, name


def test_a_call_of_sagemaker_is_tried_again_by_its_integrations_name_of_the_error():
    calls = retries("arn:aws:states:::aws-sdk:sagemaker") + retries("arn:aws:states:::sagemaker")
    assert len(calls) == 9
    for name, resource, (retry,) in calls:
        integration = resource.rpartition(":")[0]
        assert retry["ErrorEquals"] == [SAGEMAKER[integration], "SageMaker.SdkClientException"], (
            name
        )
