"""Metrics and alarms through boto3 and the AWS CLI."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

NAMESPACE = "Shop"


def _alarm(client: Any, name: str = "a", **members: Any) -> None:
    given = {
        "MetricName": "Errors",
        "Namespace": NAMESPACE,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        **members,
    }
    client.put_metric_alarm(AlarmName=name, **given)


def _until(cloud: Any, name: str, state: str) -> None:
    while cloud.apis["cloudwatch"].alarm_state(name) != state:
        cloud.clock.sleep(1)


def _minute(cloud: Any) -> datetime:
    now: datetime = cloud.clock.now()
    return now.replace(second=0, microsecond=0)


def test_statistics_over_periods_and_percentiles(cloud_with: Any) -> None:
    cloud, client = cloud_with("cloudwatch")
    watch = client("cloudwatch")
    at = _minute(cloud) - timedelta(minutes=10)
    data = [
        {"MetricName": "Latency", "Value": 1.0, "Timestamp": at, "Unit": "Seconds"},
        {"MetricName": "Latency", "Values": [2.0, 3.0], "Counts": [2.0, 1.0], "Timestamp": at}
        | {"Unit": "Seconds"},
        {
            "MetricName": "Latency",
            "Timestamp": at + timedelta(minutes=1),
            "Unit": "Seconds",
            "StatisticValues": {"SampleCount": 4, "Sum": 20, "Minimum": 1, "Maximum": 9},
        },
    ]
    watch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    found = watch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName="Latency",
        StartTime=at,
        EndTime=at + timedelta(minutes=5),
        Period=60,
        Statistics=["Average", "Sum", "SampleCount", "Minimum", "Maximum"],
        ExtendedStatistics=["p50"],
    )["Datapoints"]
    first, second = sorted(found, key=lambda point: point["Timestamp"])
    assert first == {
        "Timestamp": at.replace(tzinfo=first["Timestamp"].tzinfo),
        "Unit": "Seconds",
        "Average": 2.0,
        "Sum": 8.0,
        "SampleCount": 4.0,
        "Minimum": 1.0,
        "Maximum": 3.0,
        "ExtendedStatistics": {"p50": 2.0},
    }
    assert (second["Average"], second["Maximum"]) == (5.0, 9.0)


def test_metric_data_with_math(cloud_with: Any) -> None:
    cloud, client = cloud_with("cloudwatch")
    watch = client("cloudwatch")
    at = _minute(cloud) - timedelta(minutes=10)
    for minute, (errors, calls) in enumerate([(1, 10), (0, 0), (3, 4)]):
        when = at + timedelta(minutes=minute)
        for name, value in (("Errors", errors), ("Calls", calls)):
            datum = {"MetricName": name, "Value": value, "Timestamp": when}
            watch.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])

    def stat(key: str, name: str) -> dict[str, Any]:
        metric = {"Namespace": NAMESPACE, "MetricName": name}
        asked = {"Metric": metric, "Period": 60, "Stat": "Sum"}
        return {"Id": key, "MetricStat": asked, "ReturnData": False}

    answer = watch.get_metric_data(
        MetricDataQueries=[
            stat("errors", "Errors"),
            stat("calls", "Calls"),
            {"Id": "rate", "Expression": "100 * errors / calls", "Label": "rate"},
            {"Id": "filled", "Expression": "FILL(rate, -1)"},
            {"Id": "total", "Expression": "SUM([errors, calls])"},
            {"Id": "high", "Expression": "IF(rate > 50, 1, 0)"},
        ],
        StartTime=at,
        EndTime=at + timedelta(minutes=4),
        ScanBy="TimestampAscending",
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    assert values == {
        "rate": [10.0, 75.0],
        "filled": [10.0, -1.0, 75.0, -1.0],
        "total": [11.0, 0.0, 7.0],
        "high": [0.0, 1.0],
    }


def found_by(watch: Any, expression: str, at: Any, **query: Any) -> dict[str, list[float]]:
    """Return what a search finds: values by label."""
    answer = watch.get_metric_data(
        MetricDataQueries=[{"Id": "all", "Expression": expression, **query}],
        StartTime=at,
        EndTime=at + timedelta(hours=1),
    )
    return {result["Label"]: result["Values"] for result in answer["MetricDataResults"]}


def test_a_search_finds_each_metric_that_has_just_these_dimensions(cloud_with: Any) -> None:
    cloud, client = cloud_with("cloudwatch")
    watch = client("cloudwatch")
    at = cloud.clock.now().replace(minute=0, second=0, microsecond=0)
    measured = [
        ("Drift", {"model": "a", "monitor": "data", "service": "one"}, 1),
        ("Drift", {"model": "b", "monitor": "data", "service": "one"}, 2),
        ("Drift", {"model": "a", "monitor": "data", "service": "two"}, 4),
        ("DriftOfLabels", {"model": "a", "monitor": "data", "service": "one"}, 8),
        ("Drift", {"model": "a", "service": "one"}, 16),
    ]
    for name, dimensions, value in measured:
        pairs = [{"Name": key, "Value": text} for key, text in dimensions.items()]
        point = {"MetricName": name, "Dimensions": pairs, "Value": value, "Timestamp": at}
        watch.put_metric_data(Namespace="n", MetricData=[point])
    exact = "SEARCH('{n,monitor,model,service} MetricName=\"Drift\" service=\"one\"', 'Sum', 300)"
    assert found_by(watch, exact, at) == {"a": [1], "b": [2]}
    assert found_by(watch, exact, at, Label="drift") == {"drift a": [1], "drift b": [2]}
    words = "SEARCH('{n,monitor,model,service} drift', 'Sum')"
    assert found_by(watch, words, at, Period=300) == {
        "Drift a one": [1],
        "Drift a two": [4],
        "Drift b one": [2],
        "DriftOfLabels a one": [8],
    }
    assert found_by(watch, "SEARCH('{n,model,service} Drift', 'Sum', 60)", at) == {"Drift": [16]}
    assert found_by(watch, "SEARCH('{n,model} Drift', 'Sum', 60)", at) == {}


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("SUM(SEARCH('{n,a}', 'Sum', 60))", "not within other functions"),
        ("SEARCH('{n,a} x OR y', 'Sum', 60)", "no term here"),
        ("SEARCH('', 'Sum', 60)", "neither a schema nor a term"),
        ("SEARCH('{n,a}', 'Most', 60)", "Most"),
        ("SEARCH('{n,a}', 'Sum')", "a search needs a Period"),
    ],
)
def test_a_search_that_this_cloud_cannot_do_is_refused(
    cloud_with: Any, expression: str, named: str
) -> None:
    cloud, client = cloud_with("cloudwatch")
    with pytest.raises(ClientError, match=named):
        found_by(client("cloudwatch"), expression, cloud.clock.now())


def test_no_alarm_searches(cloud_with: Any) -> None:
    _, client = cloud_with("cloudwatch")
    search = {"Id": "all", "Expression": "SEARCH('{n,a}', 'Sum', 60)", "ReturnData": True}
    with pytest.raises(ClientError, match="SEARCH is not supported"):
        client("cloudwatch").put_metric_alarm(
            AlarmName="a",
            Metrics=[search],
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )


def test_metrics_are_listed_by_dimension_and_survive_a_restart(
    cloud_with: Any, tmp_path: Path
) -> None:
    _, client = cloud_with("cloudwatch", folder=tmp_path / "same")
    for value in ("a", "b"):
        dimensions = [{"Name": "Endpoint", "Value": value}]
        datum = {"MetricName": "Calls", "Value": 1, "Dimensions": dimensions}
        client("cloudwatch").put_metric_data(Namespace=NAMESPACE, MetricData=[datum])
    _, client = cloud_with("cloudwatch", folder=tmp_path / "same")
    listed = client("cloudwatch").list_metrics(
        Namespace=NAMESPACE, Dimensions=[{"Name": "Endpoint", "Value": "b"}]
    )["Metrics"]
    assert listed == [
        {
            "Namespace": NAMESPACE,
            "MetricName": "Calls",
            "Dimensions": [{"Name": "Endpoint", "Value": "b"}],
        }
    ]


def test_what_was_measured_long_ago_is_found_on_the_disk(cloud_with: Any, tmp_path: Path) -> None:
    """Of late means three hours: what is older is no longer in memory, and all the same there."""
    for _ in range(2):  # once as it was put, once after a restart
        cloud, client = cloud_with("cloudwatch", folder=tmp_path / "kept")
        watch = client("cloudwatch")
        now = _minute(cloud)
        for hours in (30, 5, 1):
            for value in (1.0, 2.0):
                datum = {"MetricName": "Old", "Value": value, "Timestamp": now}
                datum["Timestamp"] = now - timedelta(hours=hours)
                watch.put_metric_data(Namespace=NAMESPACE, MetricData=[datum])
        found = watch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName="Old",
            StartTime=now - timedelta(hours=31),
            EndTime=now + timedelta(minutes=1),
            Period=86400,
            Statistics=["SampleCount", "Sum"],
            ExtendedStatistics=["p50"],
        )["Datapoints"]
        assert sum(point["SampleCount"] for point in found) in (6.0, 12.0)
        held = cloud.apis["cloudwatch"].metrics._late  # what memory has of it
        starts = [where[0] for buckets in held.values() for where in buckets]
        assert all(start > now.timestamp() - 3 * 3600 - 60 for start in starts)
        cloud.stop()


def test_a_long_request_that_the_sdk_compresses_is_taken(cloud_with: Any) -> None:
    _, client = cloud_with("cloudwatch")
    watch = client("cloudwatch")
    data = [{"MetricName": f"Metric{number}", "Value": number} for number in range(900)]
    watch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
    found = [
        metric
        for page in watch.get_paginator("list_metrics").paginate(Namespace=NAMESPACE)
        for metric in page["Metrics"]
    ]
    assert len(found) == 900


def test_an_alarm_follows_its_metric_and_tells_everybody(cloud_with: Any) -> None:
    cloud, client = cloud_with("cloudwatch", speed=120)
    watch = client("cloudwatch")
    heard: list[dict[str, Any]] = []
    cloud.on_event(heard.append)
    _alarm(watch, Dimensions=[{"Name": "Endpoint", "Value": "e"}], AlarmDescription="d")
    _until(cloud, "a", "OK")
    cloud.apis["cloudwatch"].put(NAMESPACE, "Errors", 3, {"Endpoint": "e"}, "Count")
    _until(cloud, "a", "ALARM")
    _until(cloud, "a", "OK")
    while len(heard) < 3:  # it is told right after it is so
        cloud.clock.sleep(1)
    states = [event["detail"]["state"]["value"] for event in heard]
    assert states == ["OK", "ALARM", "OK"]
    event = heard[1]
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["source"] == "aws.cloudwatch"
    assert event["resources"] == ["arn:aws:cloudwatch:us-east-1:123456789012:alarm:a"]
    detail = event["detail"]
    assert detail["alarmName"] == "a"
    assert detail["previousState"]["value"] == "OK"
    assert json.loads(detail["state"]["reasonData"])["recentDatapoints"] == [3.0]
    assert detail["configuration"]["metrics"][0]["metricStat"] == {
        "metric": {
            "dimensions": {"Endpoint": "e"},
            "name": "Errors",
            "namespace": NAMESPACE,
        },
        "period": 60,
        "stat": "Sum",
    }
    history = watch.describe_alarm_history(AlarmName="a", HistoryItemType="StateUpdate")
    assert [item["HistorySummary"] for item in history["AlarmHistoryItems"]][:2] == [
        "Alarm updated from ALARM to OK",
        "Alarm updated from OK to ALARM",
    ]


def test_an_average_is_judged_once_its_period_has_ended(cloud_with: Any) -> None:
    cloud, client = cloud_with("cloudwatch", speed=120)
    watch = client("cloudwatch")
    _alarm(watch, Statistic="Average", Threshold=5.0, EvaluationPeriods=2, DatapointsToAlarm=1)
    cloud.apis["cloudwatch"].put(NAMESPACE, "Errors", 9)
    _until(cloud, "a", "ALARM")
    alarm = watch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]
    began = datetime.fromisoformat(
        json.loads(alarm["StateReasonData"])["evaluatedDatapoints"][0]["timestamp"]
    )
    assert alarm["StateUpdatedTimestamp"] >= began + timedelta(minutes=1)


def test_an_alarm_without_data_waits_and_is_judged_again_where_a_person_sets_it(
    cloud_with: Any,
) -> None:
    cloud, client = cloud_with("cloudwatch", speed=600)
    watch = client("cloudwatch")
    _alarm(watch)
    _until(cloud, "a", "OK")
    cloud.clock.sleep(600)  # nothing to judge, for many periods
    for _ in range(2):
        watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="a drill")
        _until(cloud, "a", "OK")
        cloud.clock.sleep(600)
    cloud.apis["cloudwatch"].put(NAMESPACE, "Errors", 3)
    _until(cloud, "a", "ALARM")
    _until(cloud, "a", "OK")  # as what was heard grows old


def test_an_alarm_on_math(cloud_with: Any) -> None:
    cloud, client = cloud_with("cloudwatch", speed=120)
    watch = client("cloudwatch")

    def stat(key: str, name: str) -> dict[str, Any]:
        metric = {"Namespace": NAMESPACE, "MetricName": name}
        asked = {"Metric": metric, "Period": 60, "Stat": "Sum"}
        return {"Id": key, "MetricStat": asked, "ReturnData": False}

    watch.put_metric_alarm(
        AlarmName="rate",
        Metrics=[
            stat("e", "Errors"),
            stat("c", "Calls"),
            {"Id": "rate", "Expression": "e / c", "ReturnData": True},
        ],
        EvaluationPeriods=1,
        Threshold=0.5,
        ComparisonOperator="GreaterThanThreshold",
    )
    for name, value in (("Calls", 4), ("Errors", 3)):
        cloud.apis["cloudwatch"].put(NAMESPACE, name, value)
    _until(cloud, "rate", "ALARM")


def test_a_composite_alarm_follows_its_children(cloud_with: Any) -> None:
    cloud, client = cloud_with("cloudwatch", speed=60)
    watch = client("cloudwatch")
    for name in ("a", "b"):
        _alarm(watch, name, MetricName=name, TreatMissingData="ignore")
    watch.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(a) AND ALARM(b)")
    _until(cloud, "both", "OK")
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="test")
    watch.set_alarm_state(AlarmName="b", StateValue="ALARM", StateReason="test")
    _until(cloud, "both", "ALARM")
    found = watch.describe_alarms(AlarmTypes=["CompositeAlarm"])["CompositeAlarms"]
    assert [alarm["AlarmRule"] for alarm in found] == ["ALARM(a) AND ALARM(b)"]


def test_an_alarm_is_described_as_it_was_put(cloud_with: Any) -> None:
    _, client = cloud_with("cloudwatch")
    watch = client("cloudwatch")
    topic = "arn:aws:sns:us-east-1:123456789012:t"
    _alarm(watch, AlarmActions=[topic], Tags=[{"Key": "k", "Value": "v"}])
    alarm = watch.describe_alarms(AlarmNamePrefix="a")["MetricAlarms"][0]
    assert (alarm["MetricName"], alarm["Statistic"], alarm["Period"]) == ("Errors", "Sum", 60)
    assert (alarm["Threshold"], alarm["TreatMissingData"]) == (1.0, "notBreaching")
    assert alarm["AlarmActions"] == [topic]
    assert watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"] == [
        {"Key": "k", "Value": "v"}
    ]
    found = watch.describe_alarms_for_metric(MetricName="Errors", Namespace=NAMESPACE)
    assert [one["AlarmName"] for one in found["MetricAlarms"]] == ["a"]
    watch.disable_alarm_actions(AlarmNames=["a"])
    assert watch.describe_alarms()["MetricAlarms"][0]["ActionsEnabled"] is False
    watch.delete_alarms(AlarmNames=["a"])
    with pytest.raises(watch.exceptions.ResourceNotFound):
        watch.delete_alarms(AlarmNames=["a"])


def test_dashboards_are_kept(cloud_with: Any) -> None:
    _, client = cloud_with("cloudwatch")
    watch = client("cloudwatch")
    watch.put_dashboard(DashboardName="d", DashboardBody='{"widgets": []}')
    assert watch.get_dashboard(DashboardName="d")["DashboardBody"] == '{"widgets": []}'
    assert [one["DashboardName"] for one in watch.list_dashboards()["DashboardEntries"]] == ["d"]
    watch.delete_dashboards(DashboardNames=["d"])
    with pytest.raises(ClientError) as refused:
        watch.get_dashboard(DashboardName="d")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("put_metric_data", {"Namespace": "AWS/Mine"}, "InvalidParameterValue"),
        ("put_metric_data", {"MetricData": [{"MetricName": "m"}]}, "InvalidParameterCombination"),
        (
            "put_metric_data",
            {"MetricData": [{"MetricName": "m", "Value": float("nan")}]},
            "InvalidParameterValue",
        ),
        (
            "put_metric_data",
            {
                "MetricData": [
                    {"MetricName": "m", "Value": 1, "Timestamp": datetime(2020, 1, 1, tzinfo=UTC)}
                ]
            },
            "InvalidParameterValue",
        ),
        ("set_alarm_state", {}, "ResourceNotFound"),
        ("put_composite_alarm", {"AlarmRule": "NEVER(a)"}, "ValidationError"),
    ],
)
def test_bad_requests_get_the_codes_of_aws(
    cloud_with: Any, operation: str, request_: dict[str, Any], code: str
) -> None:
    _, client = cloud_with("cloudwatch")
    good: dict[str, dict[str, Any]] = {
        "put_metric_data": {
            "Namespace": "Mine",
            "MetricData": [{"MetricName": "m", "Value": 1}],
        },
        "set_alarm_state": {"AlarmName": "none", "StateValue": "OK", "StateReason": "r"},
        "put_composite_alarm": {"AlarmName": "c"},
    }
    with pytest.raises(ClientError) as refused:
        getattr(client("cloudwatch"), operation)(**{**good[operation], **request_})
    assert refused.value.response["Error"]["Code"] == code


def test_the_aws_cli_reads_and_writes_metrics(cloud_with: Any) -> None:
    cloud, _ = cloud_with("cloudwatch")
    environment = {
        **os.environ,
        "AWS_ENDPOINT_URL": cloud.url,
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }

    def aws(*arguments: str) -> Any:
        command = [str(Path(sys.executable).parent / "aws"), *arguments, "--output", "json"]
        found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return json.loads(found.stdout or "null")

    aws(
        "cloudwatch", "put-metric-data", "--namespace", "Mine", "--metric-name", "m", "--value", "1"
    )
    assert aws("cloudwatch", "list-metrics")["Metrics"][0]["MetricName"] == "m"


def test_an_alarm_publishes_to_its_topic(cloud_with: Any) -> None:
    _, client = cloud_with("cloudwatch", "sns", "sqs")
    watch, sns, sqs = client("cloudwatch"), client("sns"), client("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    url = sqs.create_queue(QueueName="q", Attributes={"Policy": policy})["QueueUrl"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint="arn:aws:sqs:us-east-1:123456789012:q",
        Attributes={"RawMessageDelivery": "true"},
    )
    _alarm(watch, AlarmActions=[topic], TreatMissingData="ignore")
    watch.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="test")
    found = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]
    message = json.loads(found[0]["Body"])
    assert (message["AlarmName"], message["NewStateValue"], message["NewStateReason"]) == (
        "a",
        "ALARM",
        "test",
    )
    history = watch.describe_alarm_history(AlarmName="a", HistoryItemType="Action")
    assert history["AlarmHistoryItems"][0]["HistorySummary"] == (
        f"Successfully executed action {topic}"
    )
