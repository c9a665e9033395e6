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
    deployment_config,
    endpoint_config,
    note,
    rollback_alarms,
    serving_alarms,
    usual_share,
    whole_steps,
)
from everloop.spec import policy
from everloop.spec.metrics import METRICS
from everloop.spec.model_spec import load_spec
from everloop_localcloud.sagemaker import deployment_policy

SESSION = botocore.session.Session()
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"


def valid(service, operation, request):
    shape = SESSION.get_service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(request, shape)
    return report.generate_report()


@given(
    strategy=st.sampled_from([ALL_AT_ONCE, CANARY, LINEAR]),
    percent=st.integers(5, 50),
    instances=st.integers(1, 100),
    wait=st.integers(0, 3600),
    bake=st.integers(0, 3600),
)
def test_every_rollout_that_a_spec_can_ask_for_is_one_that_aws_takes(
    strategy, percent, instances, wait, bake
):
    config = deployment_config(whole_steps(strategy, percent, instances, wait, bake), ["alarm"])
    request = {"EndpointName": "m", "EndpointConfigName": "c", "DeploymentConfig": config}
    assert valid("sagemaker", "UpdateEndpoint", request) == ""
    blue_green = config["BlueGreenUpdatePolicy"]
    longest = blue_green["MaximumExecutionTimeoutInSeconds"]
    assert 600 <= longest <= 28800
    assert blue_green["TerminationWaitInSeconds"] <= 3600
    routing = blue_green["TrafficRoutingConfiguration"]
    size = routing.get("CanarySize") or routing.get("LinearStepSize")
    assert (size is None) == (strategy == ALL_AT_ONCE or instances == 1)
    if size is not None:  # "50% of the variant's total instance count" at most
        assert size["Type"] == "INSTANCE_COUNT"
        assert size["Value"] >= 1 and size["Value"] * 2 <= instances
    if size is not None and strategy == LINEAR:
        assert size["Value"] * 10 >= instances
    # The laptop's cloud takes what AWS takes, and refuses what AWS refuses.
    assert deployment_policy.parse(config, [instances]).shares[-1] == 1


@pytest.mark.parametrize(
    ("strategy", "percent", "instances", "size", "says"),
    [
        (CANARY, 10, 1, 1, "deploy.production.count is 1: SageMaker shifts whole instances, so a"),
        (LINEAR, 10, 1, 1, "with count = 2 or more it goes in steps (linear)"),
        (CANARY, 10, 2, 1, "so a step is 1 of 2, 50%"),
        (CANARY, 25, 10, 2, "so a step is 2 of 10, 20%"),
        (CANARY, 20, 10, 2, ""),
        (LINEAR, 10, 25, 3, "so a step is 3 of 25, 12%"),
        (ALL_AT_ONCE, 10, 1, 1, ""),
        (ALL_AT_ONCE, 10, 7, 7, ""),
    ],
)
def test_steps_are_of_whole_instances_and_what_differs_is_said(
    strategy, percent, instances, size, says
):
    steps = whole_steps(strategy, percent, instances, 300, 300)
    assert steps.size == size
    told = note(strategy, percent, steps)
    assert says in told and bool(says) == bool(told)


def test_a_single_instance_is_watched_for_as_long_as_its_steps_would_have_taken():
    steps = whole_steps(CANARY, 10, 1, 300, 300)
    assert (steps.strategy, steps.bake_seconds, steps.longest_seconds) == (ALL_AT_ONCE, 600, 600)
    assert "for 10 minutes" in note(CANARY, 10, steps)
    assert whole_steps(CANARY, 10, 1, 3600, 3600).bake_seconds == 3600  # AWS's longest


STEPS = whole_steps("canary", 50, 2, 300, 300)


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
    alarms = rollback_alarms("everloop", "m", "m-v2-0123abcd", bars, STEPS)
    assert [alarm["MetricName"] for alarm in alarms] == metrics
    for alarm in alarms:
        assert valid("cloudwatch", "PutMetricAlarm", alarm) == ""
        assert {"Name": "EndpointConfigName", "Value": "m-v2-0123abcd"} in alarm["Dimensions"]
        assert alarm["TreatMissingData"] == "notBreaching"
    assert [a["Threshold"] for a in alarms if a["MetricName"] == "ModelLatency"] in ([], [200000.0])


@pytest.mark.parametrize(
    ("usual", "bar", "rings_beyond"),
    [(0.6, 0.5, 0.8), (0.95, 0.05, 0.975), (0.0, 0.9, 0.9), (0.05, 0.9, 0.9), (0.5, 0.05, 0.55)],
)
def test_an_alarm_can_ring_whatever_an_endpoint_fails_anyway(usual, bar, rings_beyond):
    alarms = rollback_alarms("everloop", "m", "c", AlarmBars(bar, None), STEPS, usual)
    assert [alarm["Threshold"] for alarm in alarms] == [rings_beyond]


@pytest.mark.parametrize(
    ("by_hour", "usual"),
    [([], 0.0), ([0.0] * 23 + [1.0], 0.0), ([0.06, 0.1, 0.08], 0.08), ([1.0] * 3, 1.0)],
)
def test_what_an_endpoint_fails_anyway_is_no_new_versions_fault(by_hour, usual):
    """Clients' junk; an hour of real trouble moves nothing."""
    assert usual_share(by_hour) == usual
    alarms = rollback_alarms("everloop", "m", "c", AlarmBars(0.05, 200.0), STEPS, usual)
    assert [alarm["Threshold"] for alarm in alarms] == [min(round(0.05 + usual, 4), 1.0), 200000.0]


@pytest.mark.parametrize(("bake", "minutes"), [(300, (3, 2)), (299, (1, 1))])
def test_one_bad_minute_rolls_back_only_where_there_is_no_time_for_more(bake, minutes):
    steps = whole_steps("all-at-once", 10, 1, 0, bake)
    (alarm,) = rollback_alarms("everloop", "m", "c", AlarmBars(0.05, None), steps)
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == minutes
    assert valid("cloudwatch", "PutMetricAlarm", alarm) == ""


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
    needs = {
        "forecasting": 'timestamp = "t"\n[forecast]\nseries = ["s"]\nhorizon = 2\n',
        "ranking": 'key = "k"\n[rank]\nquery = "q"\n',
    }
    more = needs.get(problem, "")
    spec = load_spec(f'problem = "{problem}"\n[data]\ntarget = "y"\n{more}', name="m")
    document = policy.document(spec)
    assert policy.judgement(document).metric == spec.compare.metric
    assert policy.data(document).quiet == spec.data.quiet
    assert policy.retrain(document).causes == ("data", "violation")
    assert policy.deploy(document).production.instance_type == "ml.m5.large"
    assert policy.monitor_schedule(document) == "rate(1 hour)"
    assert type(spec).model_validate_json(spec.model_dump_json()) == spec
