"""What doctor says of a model that is in trouble, and which command it gives for it."""

from datetime import UTC, datetime, timedelta

import pytest

import on_violation
from everloop.aws import alarms, ledger, settings, shortages
from everloop.flows import report
from everloop.moments import moment, text
from everloop.records.release import Release
from everloop.records.shortage import Shortage, Trouble
from everloop_cli import doctor
from everloop_cli.door import open_stack

MODEL = "flight-delays"
NOW = moment("2026-11-20T10:20:00Z")


def said(account):
    account.describe_stack()
    open_stack()
    return [(each.state, each.found, each.fix) for each in doctor._model("everloop", MODEL)]


def only(account, words):
    (found,) = [each for each in said(account) if words in each[1]]
    return found


def test_a_model_without_trouble_is_good(account):
    account.push()
    assert [state for state, _, _ in said(account)] == ["good"]


def test_a_violation_that_nothing_answers_is_wrong_until_it_is_over(account):
    account.push()
    on_violation.handler(account.violation(), account.context)
    state, found, repair = only(account, "a violation was found")
    assert state == "wrong"
    assert "(data), since 2026-" in found and "no data has arrived" in found
    assert repair == f"everloop drop {MODEL} FILES"
    assert [each for each in said(account) if each[0] == "good"] == []


def test_an_endpoint_without_its_alarm_or_with_a_silent_one_is_told(account):
    account.push()
    account.register(approval="Approved")
    account.serve(1)
    assert only(account, "there is no alarm everloop-flight-delays-serving-errors")[0] == "warning"
    metric = {"Namespace": "n", "MetricName": "m", "Statistic": "Sum", "Period": 60}
    compares = {"Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    name = "everloop-flight-delays-serving-errors"
    silent = {"AlarmName": name, "EvaluationPeriods": 1, "ActionsEnabled": False}
    alarms.put({**silent, **metric, **compares})
    repair = f"aws cloudwatch enable-alarm-actions --alarm-names {name}"
    assert only(account, "tells nobody")[2] == repair


@pytest.mark.parametrize(("outcome", "given_up"), [("tests-failed", True), ("error", False)])
def test_an_approved_version_whose_release_was_given_up_is_told(account, outcome, given_up):
    account.push()
    account.register(approval="Approved")
    release = Release(1, 1, outcome, "too slow", NOW, NOW, None, "x")
    ledger.put_release(MODEL, release, "")
    found = [each for each in said(account) if "its release was given up: too slow" in each[1]]
    assert bool(found) is given_up
    if found:
        assert found[0][0] == "wrong"
        assert found[0][2].startswith(f"everloop approve {MODEL} --version 1 --reason")


def test_what_waits_for_a_quota_is_told_with_its_numbers(account):
    account.push()
    trouble = Trouble("quota", "ResourceLimitExceeded", "ml.m5.large for training", 4, 5)
    waits = Shortage(MODEL, "training", "w1", trouble, NOW, NOW, 3, NOW)
    shortages.put(waits)
    state, found, _ = only(account, "waits for AWS since")
    assert state == "warning"
    assert "ml.m5.large for training (4 allowed, 5 needed)" in found


def test_a_push_that_was_refused_is_told_until_one_is_taken(account):
    account.push()
    account.push(data=b"no bundle")
    state, found, fix = only(account, "its last push was refused")
    assert (state, fix) == ("warning", f"everloop push models/{MODEL}")
    assert "what was installed before still is" in found
    settings.use(None)  # the functions know their stack by their environment
    account.push(data=account.bundle(keep="\n"))
    assert [state for state, _, _ in said(account)] == ["good"]


def test_why_nothing_will_be_trained_is_told(account):
    account.push()
    account.drop(account.bring(f"data/{MODEL}/a.csv"))
    ledger.pause(MODEL, "paused by ana: moving")
    assert only(account, "paused by ana")[2] == f"everloop resume {MODEL}"


def test_data_and_labels_of_no_model_are_told(account):
    account.push()
    account.bring(f"data/{MODEL}/a.csv")
    account.bring("data/Flight-Delays/a.csv")
    account.bring("labels/flights/a.csv")
    found = [each.found for each in doctor._strays(account.data, [MODEL])]
    assert found == [
        "data/Flight-Delays/ holds objects, and no model Flight-Delays is installed "
        "(did you mean flight-delays?)",
        "labels/flights/ holds objects, and no model flights is installed",
    ]


def test_every_command_is_one(account):
    """What repairs is a command and no sentence: it can be copied and run."""
    account.push()
    account.register(approval="PendingManualApproval")
    on_violation.handler(account.violation(), account.context)
    for _, _, repair in said(account):
        assert repair == "" or repair.split()[0] in ("everloop", "aws", "sam"), repair


def test_a_version_whose_package_was_deleted_is_not_taken_out_of_service(account):
    account.push()
    account.serve(1)
    state, found, repair = only(account, "version 1 serves and is gone from the registry")
    assert state == "wrong" and "until a push or a drop" in found
    assert repair == f"everloop why {MODEL} --version 1"


def test_a_refused_file_is_to_be_taken_out_and_one_set_aside_to_be_looked_at(account):
    account.push()
    key = f"data/{MODEL}/may 2.csv"
    for number, (counts, repair) in enumerate(
        [
            ({"refused": 1}, f"everloop data undrop {MODEL} '{key}'"),
            ({"set-aside": 1}, f"everloop data list {MODEL}"),
        ]
    ):
        report.decided(
            "train-end",
            id=str(number),
            model=MODEL,
            time=NOW,
            go=False,
            reason=f"bad data: {key}: is compressed with gzip; unpack it before it is dropped",
            facts={"outcome": "bad-files", "files": counts},
        )
        assert only(account, "nothing was trained of the last drop")[2] == repair


def serving(account, since="2026-11-20T10:20:00Z", spec=None):
    account.push(**({} if spec is None else {"data": account.bundle(spec)}))
    account.register(approval="Approved")
    served(since)
    account.serve(1)


def served(since, form="realtime"):
    report.decided(
        "serve",
        id=f"r1-{since}",
        model=MODEL,
        time=moment(since),
        go=True,
        reason="version 1 serves",
        facts={"version": 1, "outcome": "released", "epoch": 1, "form": form},
    )


def asked(account, count, ago):
    """Let an endpoint have had so many requests some days ago."""
    point = {
        "MetricName": "Invocations",
        "Dimensions": [
            {"Name": "EndpointName", "Value": MODEL},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        "Timestamp": datetime.now(UTC) - timedelta(days=ago),
        "Value": count,
    }
    account.client("cloudwatch").put_metric_data(Namespace="AWS/SageMaker", MetricData=[point])


def idle(account):
    return [each for each in said(account) if "nobody asked its endpoint" in each[1]]


@pytest.mark.parametrize(("count", "ago", "told"), [(None, 0, True), (3, 30, True), (1, 5, False)])
def test_an_endpoint_that_nobody_asks_is_told_with_what_it_costs(account, count, ago, told):
    serving(account)
    if count is not None:
        asked(account, count, ago)
    found = idle(account)
    assert bool(found) is told
    if told:
        assert found[0] == (
            "warning",
            "nobody asked its endpoint anything for 7 days, and it costs about 83.04 USD a month; "
            'a model that is scored now and then needs no instances: [deploy] serve = "batch"',
            f"everloop costs models/{MODEL}",
        )


def test_an_endpoint_is_idle_no_longer_than_it_is_there(account):
    """Before, the model was scored in batches."""
    served("2026-11-20T10:20:00Z", form="batch")
    serving(account, since=text(datetime.now(UTC) - timedelta(days=1)))
    assert idle(account) == []


def test_what_serves_since_yesterday_or_without_instances_is_not_idle(account):
    serving(account, since=text(datetime.now(UTC) - timedelta(days=1)))
    assert idle(account) == []
    spec = 'problem = "binary_classification"\n[data]\ntarget = "late"\n[deploy]\n'
    serving(account, spec=f'{spec}serve = "serverless"\n')
    assert idle(account) == []
