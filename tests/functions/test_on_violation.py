"""A violation starts one training, or its refusal is recorded; alarms of a rollout start none."""

import pytest

import judge_findings
import on_violation
from everloop import notices
from everloop.aws import clients, ledger
from everloop.decisions.governor import Permission
from everloop.errors import BadInput
from everloop.flows import incidents
from everloop.moments import moment
from everloop.records.run import DATA, REGISTERED, Run

SPEC = """
problem = "binary_classification"
[data]
target = "late"
[retrain]
on = ["violation"]
cooldown_hours = 24.0
"""


@pytest.fixture
def trained(account):
    account.push(data=account.bundle(SPEC))
    started = moment("2026-11-15T10:00:00Z")
    run = Run("w1-a1", "d", "b", DATA, started, REGISTERED, started)
    ledger.put_run("flight-delays", run)
    return account


def retrain_decisions(account):
    return [d for d in account.decisions() if d["kind"] == "retrain"]


def test_a_violation_trains_on_what_has_arrived_and_data_alone_does_not(trained):
    trained.drop(trained.arrival("data/flight-delays/2013-04.csv"))
    assert trained.executions("train") == []
    event = trained.violation()
    assert on_violation.handler(event, trained.context)["go"] is True
    assert trained.executions("train") == ["flight-delays-w1-a1"]


def test_the_same_violation_twice_is_one(trained):
    trained.drop(trained.arrival("data/flight-delays/2013-04.csv"))
    for _ in range(3):
        on_violation.handler(trained.violation(), trained.context)
    assert len(retrain_decisions(trained)) == 1
    assert trained.executions("train") == ["flight-delays-w1-a1"]


def test_a_violation_without_new_data_is_a_recorded_refusal(trained):
    on_violation.handler(trained.violation(), trained.context)
    (decision,) = retrain_decisions(trained)
    assert not decision["go"]
    assert "no data has arrived" in decision["reason"]
    assert trained.executions("train") == []


def test_a_violation_within_the_cooldown_waits(trained):
    trained.drop(trained.arrival("data/flight-delays/2013-04.csv"))
    late = moment("2026-11-20T09:00:00Z")
    ledger.put_run("flight-delays", Run("w2-a1", "e", "b", DATA, late, REGISTERED, late))
    on_violation.handler(trained.violation(), trained.context)
    assert "cooling down" in retrain_decisions(trained)[0]["reason"]


@pytest.mark.parametrize(
    ("name", "changes", "heeded"),
    [
        ("cloudwatch-alarm-endpoint-5xx", {}, True),
        ("cloudwatch-alarm-modelmonitor-feature-drift", {}, True),
        ("cloudwatch-alarm-endpoint-5xx", {"muteDetail": {"mutedByArn": "arn:x"}}, False),
        (
            "cloudwatch-alarm-endpoint-5xx",
            {
                "configuration__metrics": [
                    {
                        "metricStat": {
                            "metric": {
                                "name": "Invocation5XXErrors",
                                "namespace": "AWS/SageMaker",
                                "dimensions": {
                                    "EndpointName": "flight-delays",
                                    "EndpointConfigName": "flight-delays-v2-0d4f1b7a",
                                },
                            }
                        }
                    }
                ]
            },
            False,
        ),
    ],
    ids=["5xx", "native monitor", "muted", "of a rollout"],
)
def test_an_alarm_is_heeded_unless_it_is_muted_or_a_rollouts_own(trained, name, changes, heeded):
    on_violation.handler(trained.event(name, **changes), trained.context)
    assert bool(retrain_decisions(trained)) is heeded


def test_an_event_of_another_kind_is_bad_input(account):
    with pytest.raises(BadInput, match="is no violation"):
        on_violation.handler({"detail-type": "Scheduled Event"}, account.context)


def findings(account, violated):
    uri = f"s3://{account.artefacts}/monitoring/flight-delays/x/findings.json"
    check = {"monitor": "data", "feature": "temp", "statistic": "psi", "value": 0.3}
    check |= {"threshold": 0.1, "violated": violated}
    account.put_json(uri, {"version": 1, "rows": 9, "labelled_rows": 0, "checks": [check]})
    return account.request("machine-judge-findings", findings_uri=uri)


def test_findings_become_a_decision(trained, capsys):
    answer = judge_findings.handler(findings(trained, True), trained.context)
    assert answer["violated"] is True
    assert "temp psi 0.3, threshold 0.1" in answer["reason"]
    assert trained.decisions()[-1]["facts"]["monitors"] == ["data"]
    printed = capsys.readouterr().out
    assert '"Drift":[3' in printed.replace(" ", "").replace("2.9999999999999996", "3")


def test_findings_without_violations_end_there(trained):
    assert judge_findings.handler(findings(trained, False), trained.context)["violated"] is False


def test_findings_of_another_shape_are_bad_input(trained):
    request = findings(trained, False)
    trained.put_json(request["findings_uri"], {"checks": "none"})
    with pytest.raises(BadInput, match=r"findings\.checks: .none."):
        judge_findings.handler(request, trained.context)


def look(account, violated, minute, monitor="data"):
    """Let a monitor look; return what it found as on_violation is told of it."""
    uri = f"s3://{account.artefacts}/monitoring/flight-delays/{minute}/findings.json"
    check = {"monitor": monitor, "feature": "temp", "statistic": "psi", "value": 0.3}
    check |= {"threshold": 0.1, "violated": violated}
    found = {"version": 1, "model": "flight-delays", "serving_version": 2, "rows": 9}
    account.put_json(uri, {**found, "labelled_rows": 0, "checks": [check]})
    name = f"flight-delays-20261120T10{minute}"
    time = f"2026-11-20T10:{minute}:00Z"
    request = account.request("machine-judge-findings", findings_uri=uri, time=time)
    request["execution"] = request["execution"].rpartition(":")[0] + ":" + name
    judge_findings.handler(request, account.context)
    if violated:
        event = account.event("everloop-violation-found", findings_uri=uri)
        on_violation.handler({**event, "time": time}, account.context)


def test_a_violation_that_goes_on_is_one_message_and_its_end_another(trained):
    for minute in (10, 20, 30):
        look(trained, True, minute)
    told = "flight-delays v2: a violation was found, and no training answers it"
    assert trained.mails() == [told]
    look(trained, False, 40)
    look(trained, False, 50)
    over = "flight-delays v2: OK again: a violation was found, and no training answers it"
    assert trained.mails() == [over]
    look(trained, True, 55)
    assert trained.mails() == [told]


def test_what_another_monitor_finds_is_another_message(trained):
    look(trained, True, 10)
    look(trained, True, 20, monitor="quality")
    assert len(trained.mails()) == 2


def test_a_violation_is_told_with_its_answer(trained):
    trained.drop(trained.bring("data/flight-delays/2013-04.csv"))
    look(trained, True, 10)
    look(trained, True, 20)
    assert trained.mails() == ["flight-delays v2: a violation was found"]


def test_a_violation_that_dies_before_it_is_told_is_told_by_the_next_try(trained):
    def die(**_):
        raise SystemExit

    event = trained.violation()
    trained.meanwhile(clients.sns(), "Publish", die)
    with pytest.raises(SystemExit):
        on_violation.handler(event, trained.context)
    (client, name, answer) = trained.answered.pop()
    client.meta.events.unregister(name, answer)
    on_violation.handler(event, trained.context)
    assert trained.mails() == ["flight-delays: a violation was found, and no training answers it"]


def test_a_try_that_finds_no_answer_any_more_tells_that(trained):
    """The first try told of a training under way and died; by the next, its data was trained on."""
    spec, time = ledger.installed("flight-delays").spec, moment("2026-11-20T10:20:00Z")
    for answer in (
        Permission(False, "another runs", under_way=True),
        Permission(False, "no data"),
    ):
        message = notices.violation(
            *("flight-delays", 2),
            fact="s3://a/findings.json",
            reason="x moved",
            checks={},
            answer=answer,
            paused="",
            links={},
        )
        unanswered = () if answer.under_way else (notices.UNANSWERED,)
        for _ in range(2):
            incidents.open_incident(message, spec, time, "violation/data", *unanswered)
    assert trained.mails() == [
        "flight-delays v2: a violation was found",
        "flight-delays v2: a violation was found, and no training answers it",
    ]


def test_looks_that_fail_are_told_once_and_so_is_their_end(trained):
    error = {"Error": "States.TaskFailed", "Cause": "no room"}
    for minute in (10, 20):
        request = trained.request("machine-judge-findings", error=error, findings_uri=None)
        request["execution"] += str(minute)
        judge_findings.handler(request, trained.context)
    assert trained.mails() == ["flight-delays v2: the monitor could not look"]
    look(trained, False, 30)
    assert trained.mails() == ["flight-delays v2: OK again: the monitor could not look"]


def test_an_alarm_that_is_quiet_again_is_told(trained):
    alarm = "cloudwatch-alarm-modelmonitor-feature-drift"
    on_violation.handler(trained.event(alarm), trained.context)
    on_violation.handler(trained.event(alarm, state__value="OK"), trained.context)
    assert len(trained.mails()) == 2
    assert len(retrain_decisions(trained)) == 1
