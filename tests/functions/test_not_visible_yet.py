"""What was made a moment ago, and what others do just now: AWS may not see it yet, or says 409."""

import pytest
from botocore.exceptions import ClientError

from everloop.aws import endpoints, ledger, schedules, storage
from everloop.aws.clients import dynamodb, s3, sagemaker, scheduler, stepfunctions
from everloop.errors import NotReady
from everloop.flows import releasing
from everloop.moments import moment
from everloop.records.lease import RELEASE

ARN = "arn:aws:sagemaker:us-east-1:123456789012"
ROLE = "arn:aws:iam::123456789012:role/everloop-sagemaker"
NOW = moment("2026-11-20T10:20:00Z")
CONTAINER = {"Image": "image:1", "ModelDataUrl": "s3://b/m.tar.gz"}
FLEET = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
CONFIG = {"ProductionVariants": [{**FLEET, "ModelName": "m-v1-0"}]}


def refusing(operation, code, message, times):
    """A handler that refuses so many calls of an operation, and lets the rest pass."""
    left = [times]

    def refuse(**_):
        if left[0]:
            left[0] -= 1
            raise ClientError({"Error": {"Code": code, "Message": message}}, operation)

    return refuse


@pytest.mark.parametrize(
    ("operation", "message", "ask"),
    [
        (
            "CreateEndpointConfig",
            'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/m-v1-0".',
            lambda: endpoints.ensure_config("m-v1-1", CONFIG),
        ),
        (
            "CreateEndpoint",
            'Could not find endpoint configuration "arn:…:endpoint-config/m-v1-1".',
            lambda: endpoints.create("m", "m-v1-1"),
        ),
        (
            "UpdateEndpoint",
            'Could not find endpoint configuration "arn:…:endpoint-config/m-v1-2".',
            lambda: endpoints.update("m", "m-v1-2", None),
        ),
    ],
)
def test_what_aws_does_not_see_yet_is_asked_for_again(account, operation, message, ask):
    """The machine tries NotReady again, ten times: CreateEndpoint's documentation asks for it."""
    endpoints.ensure_model("m-v1-0", CONTAINER, ROLE)
    if operation != "CreateEndpointConfig":
        endpoints.ensure_config("m-v1-1", CONFIG)
    if operation == "UpdateEndpoint":
        endpoints.create("m", "m-v1-1")
        endpoints.ensure_config("m-v1-2", {**CONFIG, "KmsKeyId": "k"})
        account.answer(sagemaker(), operation, 200, EndpointArn=f"{ARN}:endpoint/m")
    refuse = refusing(operation, "ValidationException", message, 1)
    account.meanwhile(sagemaker(), operation, refuse)
    with pytest.raises(NotReady, match="Could not find"):
        ask()
    ask()


@pytest.mark.parametrize("what", ["model", "config"])
def test_what_aws_has_and_does_not_find_is_asked_for_again(account, what):
    """Another try made it a moment ago: creating it is refused, describing it finds none."""
    endpoints.ensure_model("m-v1-0", CONTAINER, ROLE)
    endpoints.ensure_config("m-v1-1", CONFIG)
    create, describe = {
        "model": ("CreateModel", "DescribeModel"),
        "config": ("CreateEndpointConfig", "DescribeEndpointConfig"),
    }[what]
    for operation, words, times in [
        (create, "Cannot create already existing", 2),
        (describe, "Could not find", 1),
    ]:
        refuse = refusing(operation, "ValidationException", f"{words} {what} arn:…", times)
        account.meanwhile(sagemaker(), operation, refuse)

    def ask():
        if what == "model":
            endpoints.ensure_model("m-v1-0", CONTAINER, ROLE)
        else:
            endpoints.ensure_config("m-v1-1", CONFIG)

    with pytest.raises(NotReady, match="already exist"):
        ask()
    ask()


def test_a_release_that_aws_does_not_show_yet_has_begun(account):
    """Its name is taken, so it is there: no other is started beside it."""
    account.push()
    arn = account.register(approval="Approved")
    installed = ledger.installed("flight-delays")
    releasing.start_wanted(installed, "one cause", NOW)
    refuse = refusing("DescribeExecution", "ExecutionDoesNotExist", "Execution Does Not Exist", 9)
    account.meanwhile(stepfunctions(), "DescribeExecution", refuse)
    found = releasing.start_wanted(installed, "another cause", NOW)
    assert (found.go, found.new, found.execution) == (True, False, "flight-delays-r1-v1")
    assert account.executions("deploy") == ["flight-delays-r1-v1"] and arn
    assert ledger.lease("flight-delays", RELEASE).epoch == 0


def test_a_schedule_that_another_makes_just_now_is_made(account):
    """A push and the repair of what it made may come at once."""

    def another(params, **_):
        account.answer_as_before()
        scheduler().create_schedule(**params)

    account.meanwhile(scheduler(), "CreateSchedule", another)
    schedules.ensure("m", schedules.MONITOR, "rate(1 hour)")
    schedule = scheduler().get_schedule(GroupName="everloop", Name="everloop-m-monitor")
    assert schedule["ScheduleExpression"] == "rate(1 hour)"


def test_the_ledger_is_read_as_it_was_last_written(account):
    asked = []
    for operation in ("GetItem", "Query", "BatchGetItem", "Scan"):
        account.meanwhile(dynamodb(), operation, lambda params, **_: asked.append(params))
    account.push()
    account.register(approval="Approved")
    releasing.start_wanted(ledger.installed("flight-delays"), "a cause", NOW)
    assert len(asked) > 3
    for params in asked:
        tables = params.get("RequestItems", {"": params}).values()
        assert all(table["ConsistentRead"] is True for table in tables)


def test_a_config_that_aws_refuses_for_good_is_no_matter_of_waiting(account):
    endpoints.ensure_model("m-v1-0", CONTAINER, ROLE)
    refuse = refusing("CreateEndpointConfig", "ValidationException", "1 validation error", 1)
    account.meanwhile(sagemaker(), "CreateEndpointConfig", refuse)
    with pytest.raises(ClientError, match="1 validation error"):
        endpoints.ensure_config("m-v1-1", CONFIG)


CONFLICT = ("ConditionalRequestConflict", "The conditional request cannot succeed")


def test_a_conditional_write_that_meets_another_is_made_again(account):
    account.meanwhile(s3(), "PutObject", refusing("PutObject", *CONFLICT, 2))
    uri = storage.write_once(account.artefacts, "bundles/x", b"data", "text/plain")
    assert storage.read(account.artefacts, "bundles/x") == b"data"
    account.answer_as_before()
    account.meanwhile(s3(), "CopyObject", refusing("CopyObject", *CONFLICT, 2))
    version = storage.newest_version(uri)
    made = storage.copy_once(uri, version, account.artefacts, "models/x")
    assert storage.read(account.artefacts, "models/x") == b"data" and made.version_id


def test_a_conditional_write_that_always_meets_another_waits_for_a_later_try(account):
    account.meanwhile(s3(), "PutObject", refusing("PutObject", *CONFLICT, 99))
    with pytest.raises(NotReady, match="another write is under way, 3 times in a row"):
        storage.write_once(account.artefacts, "bundles/x", b"data", "text/plain")


def serving(count, desired):
    """An endpoint whose config began with so many instances, and which is to have others now."""
    endpoints.ensure_model("m-v1-0", CONTAINER, ROLE)
    fleet = {**FLEET, "ModelName": "m-v1-0", "InitialInstanceCount": count}
    endpoints.ensure_config("m-v1-0123abcd", {"ProductionVariants": [fleet]})
    endpoints.create("m", "m-v1-0123abcd")
    if desired != count:
        sagemaker().update_endpoint_weights_and_capacities(
            EndpointName="m",
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "DesiredInstanceCount": desired}
            ],
        )
    found = endpoints.serving("m")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("begun", "desired", "wanted", "keeps"),
    [
        (1, 1, 1, False),
        (1, 3, 1, True),  # an autoscaler's three stay
        (1, 3, 2, False),  # its owner asks for two
    ],
)
def test_an_endpoint_that_was_scaled_keeps_its_count(account, begun, desired, wanted, keeps):
    found = serving(begun, desired)
    fleet = {**FLEET, "ModelName": "m-v2-0", "InitialInstanceCount": wanted}
    assert endpoints.is_scaled(found, {"ProductionVariants": [fleet]}) is keeps


@pytest.mark.parametrize("keep", [True, False])
def test_a_kept_count_is_all_that_is_kept(account, keep):
    serving(1, 3)
    asked = {}
    account.answer(sagemaker(), "UpdateEndpoint", 200, EndpointArn=f"{ARN}:endpoint/m")
    account.meanwhile(sagemaker(), "UpdateEndpoint", lambda params, **_: asked.update(params))
    endpoints.ensure_config("m-v2-1", {**CONFIG, "KmsKeyId": "k"})
    endpoints.update("m", "m-v2-1", None, keep_count=keep)
    assert asked.get("RetainAllVariantProperties") is (True if keep else None)
    own = [
        each["VariantPropertyType"] for each in asked.get("ExcludeRetainedVariantProperties", ())
    ]
    assert own == (["DesiredWeight", "DataCaptureConfig"] if keep else [])
