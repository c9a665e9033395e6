"""What is asked of SageMaker for a rollout is what its API takes."""

import botocore.session
import pytest
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from everloop import names
from everloop.pipelines.rollouts import (
    ALL_AT_ONCE,
    CANARY,
    LINEAR,
    AlarmBars,
    Fleet,
    Steps,
    deployment_config,
    endpoint_config,
    rollback_alarms,
    serving_alarms,
)
from everloop.spec import policy
from everloop.spec.metrics import METRICS
from everloop.spec.model_spec import load_spec

SESSION = botocore.session.Session()
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"


def valid(service, operation, request):
    shape = SESSION.get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    return report.generate_report()


@given(
    strategy=st.sampled_from([ALL_AT_ONCE, CANARY, LINEAR]),
    percent=st.integers(5, 50),
    wait=st.integers(0, 3600),
    bake=st.integers(0, 3600),
)
def test_every_rollout_that_a_spec_can_ask_for_is_one_that_aws_takes(strategy, percent, wait, bake):
    config = deployment_config(Steps(strategy, percent, wait, bake), ["alarm"])
    request = {"EndpointName": "m", "EndpointConfigName": "c", "DeploymentConfig": config}
    assert valid("sagemaker", "UpdateEndpoint", request) == ""
    blue_green = config["BlueGreenUpdatePolicy"]
    longest = blue_green["MaximumExecutionTimeoutInSeconds"]
    assert 600 <= longest <= 28800
    routing = blue_green["TrafficRoutingConfiguration"]
    if strategy == LINEAR:
        assert 10 <= routing["LinearStepSize"]["Value"] <= 50
    if strategy == CANARY:
        assert routing["CanarySize"]["Value"] == percent


def test_an_endpoint_config_is_what_aws_takes_and_captures_only_where_told():
    with_capture = endpoint_config(
        "m", Fleet("ml.m5.large", 2), capture_uri="s3://b/c", capture_percent=50, kms_key="arn:k"
    )
    assert (
        valid("sagemaker", "CreateEndpointConfig", {"EndpointConfigName": "c", **with_capture})
        == ""
    )
    assert with_capture["DataCaptureConfig"]["InitialSamplingPercentage"] == 50
    assert "DataCaptureConfig" not in endpoint_config("m", Fleet("ml.m5.large", 1))


@pytest.mark.parametrize(
    ("bars", "metrics"),
    [
        (AlarmBars(0.05, None), ["Invocation5XXErrors"]),
        (AlarmBars(0.05, 200.0), ["Invocation5XXErrors", "ModelLatency"]),
        (AlarmBars(None, None), []),
    ],
)
def test_alarms_watch_the_new_fleet_alone(bars, metrics):
    alarms = rollback_alarms("everloop", "m", "m-v2-0123abcd", bars)
    assert [alarm["MetricName"] for alarm in alarms] == metrics
    for alarm in alarms:
        assert valid("cloudwatch", "PutMetricAlarm", alarm) == ""
        assert {"Name": "EndpointConfigName", "Value": "m-v2-0123abcd"} in alarm["Dimensions"]
        assert alarm["TreatMissingData"] == "notBreaching"
    assert [a["Threshold"] for a in alarms if a["MetricName"] == "ModelLatency"] in ([], [200000.0])


def test_an_endpoint_has_two_alarms_of_one_metric_each_at_most_and_they_act():
    alarms = serving_alarms("everloop", "m", AlarmBars(0.05, 200.0), FUNCTION)
    assert [alarm["MetricName"] for alarm in alarms] == ["Invocation5XXErrors", "ModelLatency"]
    for alarm in alarms:
        assert valid("cloudwatch", "PutMetricAlarm", alarm) == ""
        assert alarm["AlarmActions"] == alarm["OKActions"] == [FUNCTION]
        assert alarm["TreatMissingData"] == "ignore"  # silence fixes nothing
        assert names.of_serving_alarm("everloop", alarm["AlarmName"]) is not None


def test_no_alarm_of_a_release_or_of_the_stack_is_taken_for_an_endpoints():
    stack = (*("on-violation-errors", "probe-endpoint-errors", "serving-errors"), "monitor-failed")
    for name in (*stack, "m-v2-0123abcd-errors", "m-serving-v2-0123abcd-errors"):
        assert names.of_serving_alarm("everloop", f"everloop-{name}") is None, name
    for name in (*stack, "m-serving-errors", "m-v2-v2-0123abcd-errors"):
        assert not names.is_release_alarm("everloop", "m", f"everloop-{name}"), name


@pytest.mark.parametrize("problem", sorted(METRICS))
def test_a_spec_of_ten_lines_gives_every_policy(problem):
    spec = load_spec(f'problem = "{problem}"\n[data]\ntarget = "y"\n', name="m")
    document = policy.document(spec)
    assert policy.judgement(document).metric == spec.compare.metric
    assert policy.data(document).quiet == spec.data.quiet
    assert policy.retrain(document).causes == ("data", "violation")
    assert policy.deploy(document).production.instance_type == "ml.m5.large"
    assert policy.monitor_schedule(document) == "rate(1 hour)"
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec
