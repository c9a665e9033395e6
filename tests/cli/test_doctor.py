"""`everloop doctor` on a stack: what is switched off, gone, full or rings, and the way out."""

import boto3
import pytest

from everloop.aws import shortages
from everloop.chain import Entry
from everloop.moments import moment
from everloop.records.shortage import PUSH, Shortage, Trouble

NOW = moment("2026-11-20T10:20:00Z")


@pytest.fixture
def findings(run_json):
    """Look, and give what was found of each check: (state, found, fix)."""

    def look(check, code=1):
        found = run_json("doctor", code=code)
        return [(f["state"], f["found"], f["fix"]) for f in found if f["check"] == check]

    return look


def test_a_stack_in_order_is_good(deployed, run, findings):
    code, said = run("doctor")
    assert code == 0
    for words in (
        "good stack: everloop is CREATE_COMPLETE",
        "good ledger: 0 models are installed",
        "good functions: 4 functions may run",
        "good arrivals: the queue of arrivals is read; 0 objects wait",
        "good rules: 2 rules are enabled",
        "good schedules: 1 schedules tick",
        "good dead letters: no queue holds any",
        "good alarms: 1 alarms, and none rings",
        "warning notifications: nobody is notified when something stops fix it: aws sns subscribe",
        "good data: data and labels are those of installed models",
        "good pushes: every model that was pushed is installed",
    ):
        assert words in said


def test_a_function_that_may_not_run_or_is_gone_is_named(deployed, findings):
    functions = deployed("lambda")
    name = "everloop-pause-models"
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    ((state, found, fix),) = findings("functions")
    assert (state, found.partition(":")[0]) == ("wrong", f"{name} may not run")
    assert fix == f"aws lambda delete-function-concurrency --function-name {name}"
    functions.delete_function_concurrency(FunctionName=name)
    assert findings("functions", code=0)[0][0] == "good"


def test_a_queue_that_nobody_reads_is_told_with_the_mappings_name(deployed, findings):
    functions = deployed("lambda")
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    ((_, found, fix),) = findings("arrivals")
    assert "nobody reads the queue of arrivals: its mapping is Disabl" in found
    assert fix.endswith(f"--enabled --uuid {mapping['UUID']}")
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def test_a_rule_that_is_disabled_and_one_without_a_target_are_named(deployed, findings):
    events = deployed("events")
    events.disable_rule(Name="everloop-violations", EventBusName="everloop")
    (target,) = events.list_targets_by_rule(Rule="everloop-arrivals")["Targets"]
    events.remove_targets(Rule="everloop-arrivals", Ids=[target["Id"]])
    assert findings("rules") == [
        ("wrong", "everloop-arrivals has no target", "sam deploy"),
        (
            "wrong",
            "everloop-violations is disabled",
            "aws events enable-rule --event-bus-name everloop --name everloop-violations",
        ),
    ]
    events.enable_rule(Name="everloop-violations", EventBusName="everloop")
    events.put_targets(Rule="everloop-arrivals", Targets=[target])


def test_a_bucket_that_tells_nobody_is_told_with_all_that_it_told_others(deployed, findings):
    s3 = deployed("s3")
    s3.put_bucket_notification_configuration(Bucket="everloop-data", NotificationConfiguration={})
    ((_, found, fix), _) = findings("data")
    assert "everloop-data tells EventBridge of nothing" in found
    assert """'{"EventBridgeConfiguration": {}}'""" in fix
    s3.put_bucket_notification_configuration(
        Bucket="everloop-data", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def test_a_schedule_that_does_not_tick_is_named(deployed, findings):
    scheduler = deployed("scheduler")
    found = scheduler.get_schedule(GroupName="everloop", Name="everloop-reconcile")
    members = ("GroupName", "Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    kept = {name: found[name] for name in members}
    scheduler.update_schedule(**kept, State="DISABLED")
    ((_, said, fix),) = findings("schedules")
    assert said == "everloop-reconcile is disabled"
    assert fix.startswith("aws scheduler update-schedule --cli-input-json")
    scheduler.delete_schedule(GroupName="everloop", Name="everloop-reconcile")
    assert findings("schedules") == [("wrong", "everloop-reconcile is missing", "sam deploy")]
    scheduler.create_schedule(**kept)


def test_an_alarm_that_rings_or_tells_nobody_is_named_with_its_section(deployed, findings):
    cloudwatch = deployed("cloudwatch")
    cloudwatch.disable_alarm_actions(AlarmNames=["everloop-failed"])
    cloudwatch.set_alarm_state(AlarmName="everloop-failed", StateValue="ALARM", StateReason="x")
    first, second = findings("alarms")
    assert first[1] == "everloop-failed tells nobody: its actions are disabled"
    assert first[2] == "aws cloudwatch enable-alarm-actions --alarm-names everloop-failed"
    assert second[1] == ("everloop-failed rings: Something failed. See docs/operate.md, failed")
    assert second[2] == "everloop redrive"
    cloudwatch.enable_alarm_actions(AlarmNames=["everloop-failed"])
    cloudwatch.set_alarm_state(AlarmName="everloop-failed", StateValue="OK", StateReason="x")


def test_dead_letters_are_counted(deployed, findings):
    sqs = deployed("sqs")
    url = sqs.get_queue_url(QueueName="everloop-undelivered")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    assert findings("dead letters") == [
        (
            "wrong",
            "1 in everloop-undelivered; look at them first, with  everloop redrive",
            "everloop redrive --all",
        )
    ]
    (letter,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=letter["ReceiptHandle"])


def test_who_is_told_is_counted(deployed, findings):
    sns = deployed("sns")
    topic = sns.list_topics()["Topics"][0]["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    assert findings("notifications", code=0) == [("good", "1 subscribers are notified", "")]


def test_data_of_no_model_is_told(deployed, findings):
    deployed("s3").put_object(Bucket="everloop-data", Key="labels/churn/a.csv", Body=b"x")
    ((state, found, fix),) = findings("data", code=0)
    assert (state, fix) == ("warning", "everloop push models/churn")
    assert found == "labels/churn/ holds objects, and no model churn is installed"


# A push that was never installed


@pytest.fixture
def pushed(deployed, run):
    """Push a model that nothing installs."""
    bundle = {"Bucket": "everloop-data", "Key": "models/churn/bundle.tar.gz"}
    deployed("s3").put_object(**bundle, Body=b"x")
    run("status")  # opens the door
    yield
    deployed("s3").delete_object(**bundle)


def test_a_push_on_its_way_is_told_with_where_it_may_lie(pushed, findings, run):
    ((state, found, fix),) = findings("model churn", code=0)
    assert (state, fix) == ("warning", "everloop redrive")
    assert "it was pushed at 20" in found and "queue of failed ones" in found
    code, said = run("status", "churn")
    assert code == 2 and "no model 'churn' is installed here: it was pushed at 20" in said


def test_a_push_that_waits_for_a_quota_is_told_with_what_asks_for_more(pushed, findings):
    lacked = Trouble("quota", "ResourceLimitExceeded", "Maximum number of pipelines", 500, 501)
    shortages.put(Shortage("churn", PUSH, "v1", lacked, NOW, NOW, 3, NOW, "waits"))
    ((state, found, fix),) = findings("model churn", code=0)
    assert state == "warning"
    assert "it was pushed and never installed: its push waits for AWS since 2026-11-20" in found
    assert "Maximum number of pipelines (500 allowed, 501 needed); tried again at" in found
    assert fix.startswith("aws service-quotas ")
    shortages.end("churn", PUSH, NOW)


def test_a_push_that_was_refused_is_wrong_until_another_comes(pushed, findings):
    from everloop.aws import journal

    entry = Entry("churn:v1", "churn", "2026-11-20T10:00:00.000Z", "install", False, "no target")
    journal.append(entry)
    assert findings("model churn") == [
        (
            "wrong",
            "it was pushed and never installed, as the push was refused: no target",
            "everloop push models/churn",
        )
    ]


def test_a_function_that_is_gone_is_named(deployed, findings):
    deployed("lambda").delete_function(FunctionName="everloop-change-data")
    assert ("wrong", "everloop-change-data is gone", "sam deploy") in findings("functions")


def test_who_may_not_look_is_told_so(deployed, findings):
    """The table is gone: what reads it says so, and the others are looked at all the same."""
    boto3.client("dynamodb", region_name="us-east-1").delete_table(TableName="everloop-ledger")
    ((state, found, fix),) = findings("ledger")
    assert (state, fix) == ("wrong", "allow the call to who you are")
    assert found.startswith("could not look:") and "ResourceNotFoundException" in found
    assert findings("rules")[0][0] == "good"
