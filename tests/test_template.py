"""template.yaml: what AWS's linters do not look at."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from everloop.decisions.late_labels import KEPT_DAYS
from everloop_localcloud.cloudformation.template import read
from proofs.audit.rules import failures
from proofs.stack import stack
from proofs.template import TEMPLATE, Template, translated
from tools import translate

ROOT = Path(__file__).parents[1]
OUTPUTS = """DataBucket ArtefactBucket AnchorBucket MaskingKey LedgerTable EventBus
NotificationTopic ArrivalsQueue TrainMachine EvaluateMachine DeployMachine MonitorMachine"""
Json = dict[str, Any]


@pytest.fixture(scope="module")
def source() -> Json:
    return translate.source(TEMPLATE)


@pytest.fixture(scope="module")
def resources() -> Json:
    return stack().resources


def of(resources: Json, kind: str) -> Json:
    return {name: r["Properties"] for name, r in resources.items() if r["Type"] == kind}


def test_the_outputs_are_those_of_the_contract(source):
    assert set(source["Outputs"]) == set(OUTPUTS.split())


def test_every_parameter_stands_in_one_group_and_says_what_its_default_means(source):
    groups = source["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    shown = [name for group in groups for name in group["Parameters"]]
    assert sorted(shown) == sorted(source["Parameters"])
    for name, declared in source["Parameters"].items():
        description = declared["Description"]
        assert "default" in description and description.endswith("."), name
        assert str(declared["Default"]) in description and len(description) < 4000, name


def test_every_function_has_its_file_and_every_file_its_function(source):
    functions = of(source["Resources"], "AWS::Serverless::Function")
    handlers = {f["Handler"] for f in functions.values()}
    assert handlers == {f"{p.stem}.handler" for p in (ROOT / "functions").glob("*.py")}
    for name, function in functions.items():
        verb = function["Handler"].partition(".")[0]
        assert name == "".join(word.capitalize() for word in verb.split("_"))
        assert function["FunctionName"] == {
            "Fn::Sub": "${AWS::StackName}-" + verb.replace("_", "-")
        }


def test_every_variable_that_the_code_needs_is_given(source):
    from everloop.aws.settings import read

    given = set(source["Globals"]["Function"]["Environment"]["Variables"]) | {"AWS_REGION"}
    assert read(dict.fromkeys(given, "x")).stack == "x"
    with pytest.raises(KeyError, match="LEDGER_TABLE is missing"):
        read(dict.fromkeys(given - {"LEDGER_TABLE"}, "x"))


def test_every_leaf_of_an_event_pattern_is_a_list(resources):
    def leaves(value: Any, where: str) -> list[str]:
        if isinstance(value, dict):
            if set(value) <= {"Ref", "Fn::Sub", "Fn::GetAtt"}:
                return [where]
            return [bad for key, inner in value.items() for bad in leaves(inner, f"{where}.{key}")]
        return [] if isinstance(value, list) else [where]

    rules = of(resources, "AWS::Events::Rule")
    assert len(rules) == 9
    assert [bad for name, r in rules.items() for bad in leaves(r["EventPattern"], name)] == []


def test_every_target_has_retries_and_a_dead_letter_queue(resources):
    for name, found in of(resources, "AWS::Events::Rule").items():
        for target in found["Targets"]:
            assert target["RetryPolicy"] and target["DeadLetterConfig"], name
    for schedule in of(resources, "AWS::Scheduler::Schedule").values():
        assert schedule["Target"]["RetryPolicy"] and schedule["Target"]["DeadLetterConfig"]


def test_every_function_that_events_invoke_has_a_destination_for_failures(resources):
    configured = {
        json.dumps(config["FunctionName"])
        for config in of(resources, "AWS::Lambda::EventInvokeConfig").values()
        if config["DestinationConfig"]["OnFailure"]["Destination"]
    }
    invoked = {
        json.dumps({"Ref": target["Arn"]["Fn::GetAtt"][0]})
        for found in of(resources, "AWS::Events::Rule").values()
        for target in found["Targets"]
        if "Queue" not in target["Arn"]["Fn::GetAtt"][0]
    }
    assert invoked <= configured
    assert {'{"Ref": "Reconcile"}', '{"Ref": "PlanMonitoring"}'} <= configured


def test_no_loop_holds_what_the_transform_of_aws_refuses_there():
    """https://github.com/aws-cloudformation/cfn-language-discussion/issues/135 and 147."""

    def keys(value: Any) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(keys(inner) for inner in value.values()))
        return set().union(*map(keys, value)) if isinstance(value, list) else set()

    written = read(TEMPLATE.read_text())["Resources"]
    loops = {name: loop for name, loop in written.items() if name.startswith("Fn::ForEach::")}
    assert len(loops) == 2
    assert [name for name, loop in loops.items() if keys(loop) & {"Fn::If", "Condition"}] == []


def test_an_alarm_in_a_loop_is_called_after_what_it_watches():
    alarms = stack().of("AWS::CloudWatch::Alarm")
    for name, machine in stack().of("AWS::StepFunctions::StateMachine").items():
        for end, suffix in (("Failed", "-failed"), ("TimedOut", "-timed-out")):
            called = alarms[f"{name.removesuffix('Machine')}Executions{end}"]["AlarmName"]
            assert (
                stack().resolved(called) == stack().resolved(machine["StateMachineName"]) + suffix
            )


def watched(resources: Json, metric: str) -> set[str]:
    """Return what alarms watch by a metric: the values of its dimensions, as JSON."""
    found = set()
    for alarm in of(resources, "AWS::CloudWatch::Alarm").values():
        stats = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", ()) if "MetricStat" in m]
        for each in stats or [alarm]:
            if each["MetricName"] == metric:
                found |= {json.dumps(d["Value"]) for d in each.get("Dimensions", ())}
    return found


def refs(resources: Json, kind: str) -> set[str]:
    return {json.dumps({"Ref": name}) for name in of(resources, kind)}


def test_each_way_in_which_a_function_is_called_ends_at_an_alarm_where_it_fails():
    """Errors that are tried again ring only where nothing is left to try.

    That a machine's function which goes on failing fails its execution: statemachines/test_paths.
    """
    found = list(failures.ways(Template(translated(), yes=True)))
    assert {way.function for way in found} == set(stack().of("AWS::Lambda::Function"))
    assert [way for way in found if way.silent] == []
    callers: dict[str, set[str]] = {}
    for way in found:
        callers.setdefault(way.caller, set()).add(way.function)
    called = {
        name.replace("-", " ").title().replace(" ", "")
        for path in (ROOT / "cli/everloop_cli").rglob("*.py")
        for name in re.findall(r'\bcall\("([a-z-]+)", [^"]', path.read_text())
    }
    assert callers["a person"] == called
    for machine in (ROOT / "statemachines").glob("*.asl.yaml"):
        named = set(re.findall(r"FunctionName: \$\{(\w+)\}", machine.read_text()))
        assert callers[f"{machine.name.split('.')[0].title()}Machine"] == named


def test_every_machine_has_alarms_on_how_it_fails(resources):
    machines = refs(resources, "AWS::StepFunctions::StateMachine")
    for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
        assert watched(resources, metric) == machines, metric
    # What a function gave up on and could not keep.
    kept = {
        json.dumps(config["FunctionName"])
        for config in of(resources, "AWS::Lambda::EventInvokeConfig").values()
    }
    assert watched(resources, "DestinationDeliveryFailures") == kept


def test_every_queue_has_an_alarm_on_what_waits_in_it(resources):
    def names(chosen: set[str]) -> set[str]:
        return {json.dumps({"Fn::GetAtt": [name, "QueueName"]}) for name in chosen}

    queues = of(resources, "AWS::SQS::Queue")
    work = {name for name, queue in queues.items() if "RedrivePolicy" in queue}
    assert work == {"ArrivalsQueue"}
    assert watched(resources, "ApproximateAgeOfOldestMessage") == names(work)
    dead = names(set(queues) - work)
    assert watched(resources, "ApproximateNumberOfMessagesVisible") == dead


def test_every_rule_and_every_schedule_has_an_alarm_on_what_it_gives_up(resources):
    rules = {json.dumps(rule["Name"]) for rule in of(resources, "AWS::Events::Rule").values()}
    buses = refs(resources, "AWS::Events::EventBus")
    assert watched(resources, "FailedInvocations") == rules | buses
    groups = refs(resources, "AWS::Scheduler::ScheduleGroup")
    for schedule in of(resources, "AWS::Scheduler::Schedule").values():
        assert json.dumps(schedule["GroupName"]) in groups
    for metric in ("InvocationDroppedCount", "InvocationsFailedToBeSentToDeadLetterCount"):
        assert watched(resources, metric) == groups


def test_the_ledger_and_the_topic_have_alarms(resources):
    for metric in ("ReadThrottleEvents", "WriteThrottleEvents"):
        assert watched(resources, metric) == refs(resources, "AWS::DynamoDB::Table")
    topics = {
        json.dumps({"Fn::GetAtt": [name, "TopicName"]}) for name in of(resources, "AWS::SNS::Topic")
    }
    assert watched(resources, "NumberOfNotificationsFailed") == topics


def test_silence_of_reconcile_is_bad_news(resources):
    alarm = of(resources, "AWS::CloudWatch::Alarm")["ReconcileSilent"]
    assert (alarm["MetricName"], alarm["TreatMissingData"]) == ("Invocations", "breaching")
    assert alarm["Dimensions"] == [{"Name": "FunctionName", "Value": {"Ref": "Reconcile"}}]
    (tick,) = of(resources, "AWS::Scheduler::Schedule").values()
    assert tick["ScheduleExpression"] == {"Fn::Sub": "rate(${ReconcileMinutes} minutes)"}
    # Three ticks: as many periods of three minutes as minutes from tick to tick.
    assert (alarm["Period"], alarm["EvaluationPeriods"]) == (180, {"Ref": "ReconcileMinutes"})


def test_every_alarm_tells_somebody(resources):
    for name, alarm in of(resources, "AWS::CloudWatch::Alarm").items():
        assert alarm["AlarmActions"] == [{"Ref": "NotificationTopic"}], name
        assert alarm["TreatMissingData"] in ("breaching", "notBreaching"), name
        assert alarm["AlarmDescription"], name
        assert len(alarm.get("Metrics", ())) <= 11, name  # 10 metrics and the math on them


def test_buckets_queues_table_and_topic_are_closed_and_encrypted(resources):
    for bucket in of(resources, "AWS::S3::Bucket").values():
        assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
        assert all(bucket["PublicAccessBlockConfiguration"].values())
        assert bucket["BucketEncryption"]
    policies = [
        *of(resources, "AWS::S3::BucketPolicy").values(),
        *of(resources, "AWS::SQS::QueuePolicy").values(),
        *of(resources, "AWS::SNS::TopicPolicy").values(),
    ]
    for policy in policies:
        assert "aws:SecureTransport" in json.dumps(policy)
    closed = {json.dumps(q) for p in policies for q in p.get("Queues", ())}
    queues = of(resources, "AWS::SQS::Queue")
    assert closed == {json.dumps({"Ref": queue}) for queue in queues}
    for queue in queues.values():
        assert queue["SqsManagedSseEnabled"]["Fn::If"][2] is True
        assert queue["KmsMasterKeyId"]["Fn::If"][1] == {"Ref": "KmsKeyArn"}
    (table,) = of(resources, "AWS::DynamoDB::Table").values()
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}


def test_predictions_that_wait_for_labels_expire_when_no_label_may_come_any_more(source):
    rules = source["Resources"]["ArtefactBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    expiring = {
        rule["Prefix"]: (rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"])
        for rule in rules
        if rule.get("Prefix", "").startswith("predictions/")
    }
    at_once = {"NoncurrentDays": 1}
    assert expiring == {f"predictions/{days}d/": (days, at_once) for days in KEPT_DAYS}
