"""What nobody of ours said changes nothing: it is refused, or the truth outweighs it."""

import importlib
import json

import pytest

import on_package_changed
import on_violation
from everloop.errors import BadInput, NotReady
from everloop.facts import Home, object_created

EVENTS = {
    "install_model": "s3-object-created-bundle",
    "resume_execution": "sagemaker-endpoint-in-service",
    "on_package_changed": "sagemaker-model-package-approved",
    "on_violation": "cloudwatch-alarm-endpoint-5xx",
}
FORGERIES = {
    "account": "999999999999",
    "region": "eu-west-1",
    "source": "somebody.else",
    "detail-type": "Approved By Me",
    "version": "1",
}


def items(account):
    return account.client("dynamodb").scan(TableName="everloop-ledger")["Items"]


def started(account):
    return [name for kind in ("train", "evaluate", "deploy") for name in account.executions(kind)]


@pytest.mark.parametrize(("handler", "name"), EVENTS.items())
@pytest.mark.parametrize(("field", "value"), FORGERIES.items())
def test_an_event_that_is_not_ours_is_refused_by_its_field(account, handler, name, field, value):
    account.push()
    account.register(1, "Approved")
    before = items(account)
    event = {**account.event(name), field: value}
    with pytest.raises(BadInput, match=f"^{field}: "):
        importlib.import_module(handler).handler(event, account.context)
    assert (items(account), started(account)) == (before, [])


def test_an_arrival_of_another_account_is_no_arrival(account):
    account.push()
    event = {**account.arrival("data/flight-delays/a.csv"), "account": "999999999999"}
    assert account.drop(event) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert started(account) == []


def test_saying_that_a_version_was_approved_approves_nothing(account):
    account.push()
    arn = account.register(1)
    event = account.event("sagemaker-model-package-approved", ModelPackageArn=arn)
    event["detail"]["ModelPackageVersion"] = 1
    on_package_changed.handler(event, account.context)
    assert account.approval(arn) == "PendingManualApproval"
    assert account.executions("deploy") == []


@pytest.mark.parametrize(
    "arn",
    [
        pytest.param("arn:aws:sagemaker:us-east-1:999999999999:model-package/flight-delays/1"),
        pytest.param("arn:aws:sagemaker:us-east-1:123456789012:model-package/another/1"),
        pytest.param("arn:aws:sagemaker:us-east-1:123456789012:model-package/flight-delays/2"),
        pytest.param("arn:x"),
    ],
)
def test_a_package_that_is_not_the_one_named_is_refused(account, arn):
    event = account.event("sagemaker-model-package-approved", ModelPackageArn=arn)
    event["detail"]["ModelPackageVersion"] = 1
    with pytest.raises(BadInput, match=r"detail\.ModelPackageArn: .* is not the ARN"):
        on_package_changed.handler(event, account.context)


def test_a_violation_that_no_monitor_found_is_refused(account):
    account.push()
    with pytest.raises(NotReady, match="is not there"):
        on_violation.handler(account.event("everloop-violation-found"), account.context)
    assert [d["kind"] for d in account.decisions()] == ["install"]


def test_findings_that_lie_where_others_may_write_are_refused(account):
    account.push()
    event = account.violation()
    event["detail"]["findings_uri"] = f"s3://{account.data}/data/flight-delays/findings.json"
    with pytest.raises(BadInput, match="does not lie below"):
        on_violation.handler(event, account.context)


def test_another_models_findings_are_refused(account):
    account.push()
    with pytest.raises(BadInput, match="is about 'another'"):
        on_violation.handler(account.violation(model="another"), account.context)


def test_findings_without_a_violation_start_nothing_whatever_the_event_says(account):
    account.push()
    account.drop(account.arrival("data/flight-delays/a.csv"))
    before = started(account)
    answer = on_violation.handler(account.violation(checks=[]), account.context)
    assert answer["go"] is False
    assert started(account) == before


def test_a_violation_that_was_answered_is_not_answered_again_under_another_time(account):
    account.push()
    account.drop(account.arrival("data/flight-delays/a.csv"))
    event = account.violation()
    on_violation.handler(event, account.context)
    before = items(account)
    again = on_violation.handler({**event, "time": "2027-11-20T11:05:00Z"}, account.context)
    assert again == {"go": False, "reason": "it was answered before"}
    assert items(account) == before


HOSTILE = [
    pytest.param({"key": "\ud800"}, r"key: .* is no Unicode text", id="half a character"),
    pytest.param({"key": "k" * 4000}, r"key: .* has 4000 bytes", id="a key of no object"),
    pytest.param({"key": ""}, r"key: '' has 0 bytes", id="no key"),
    pytest.param({"size": 10**400}, r"size: 10+ is the size of no object", id="a huge size"),
    pytest.param({"size": -1}, r"size: -1", id="a negative size"),
    pytest.param({"version-id": {"x": 1}}, r"version-id: .* where str belongs", id="version"),
    pytest.param({"sequencer": [1]}, r"sequencer: .* where str belongs", id="sequencer"),
]


@pytest.mark.parametrize(("changed", "said"), HOSTILE)
def test_an_object_that_cannot_be_is_refused(account, changed, said):
    event = account.arrival("data/flight-delays/a.csv")
    event["detail"]["object"].update(changed)
    with pytest.raises(BadInput, match=said):
        object_created(event, Home("123456789012", "us-east-1"))


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_a_time_at_the_end_of_time_is_refused(account, time):
    event = {**account.arrival("data/flight-delays/a.csv"), "time": time}
    with pytest.raises(BadInput, match="years 1970 to 2999"):
        object_created(event, Home("123456789012", "us-east-1"))


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 10_000], ids=["lists", "objects"])
def test_a_message_nested_without_end_takes_no_other_with_it(account, body):
    import collect_data

    good = json.dumps(account.arrival("data/flight-delays/a.csv"))
    records = [{"messageId": "bad", "body": body}, {"messageId": "good", "body": good}]
    answer = collect_data.handler({"Records": records}, account.context)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
