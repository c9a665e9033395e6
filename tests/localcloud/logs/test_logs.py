"""Log groups, their events, and the metrics that lines carry."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.logs.patterns import compiled

GROUP = "/aws/lambda/everloop-collect-data"
KEY = "arn:aws:kms:us-east-1:123456789012:key/5e1d62cc-9035-484e-a81d-7c527aca0949"


@pytest.fixture
def setting(cloud_with):
    cloud, client = cloud_with("logs")
    return cloud, client("logs")


def code_of(error):
    return error.value.response["Error"]["Code"]


def put(cloud, logs, stream, messages, group=GROUP):
    now = int(cloud.clock.now().timestamp() * 1000)
    events = [{"timestamp": now + n, "message": text} for n, text in enumerate(messages)]
    return logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def filled(cloud, logs):
    logs.create_log_group(logGroupName=GROUP)
    for stream, messages in (("a", ["one", "two", "three"]), ("b[$LATEST]", ["four"])):
        logs.create_log_stream(logGroupName=GROUP, logStreamName=stream)
        put(cloud, logs, stream, messages)


def messages_of(answer):
    return [event["message"] for event in answer["events"]]


def test_events_come_back_page_by_page_in_both_directions(setting):
    cloud, logs = setting
    filled(cloud, logs)
    stream = {"logGroupName": GROUP, "logStreamName": "a", "limit": 2}

    newest = logs.get_log_events(**stream)
    assert messages_of(newest) == ["two", "three"]
    older = logs.get_log_events(**stream, nextToken=newest["nextBackwardToken"])
    assert messages_of(older) == ["one"]
    first = logs.get_log_events(**stream, startFromHead=True)
    assert messages_of(first) == ["one", "two"]
    second = logs.get_log_events(**stream, nextToken=first["nextForwardToken"])
    assert messages_of(second) == ["three"]
    end = logs.get_log_events(**stream, nextToken=second["nextForwardToken"])
    assert (messages_of(end), end["nextForwardToken"]) == ([], second["nextForwardToken"])


def test_a_group_is_searched_over_all_its_streams(setting):
    cloud, logs = setting
    filled(cloud, logs)
    assert set(messages_of(logs.filter_log_events(logGroupName=GROUP))) == {
        "one", "two", "three", "four"
    }  # fmt: skip
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern="?two ?four")
    assert set(messages_of(found)) == {"two", "four"}
    assert messages_of(logs.filter_log_events(logGroupName=GROUP, logStreamNamePrefix="b")) == [
        "four"
    ]
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=GROUP, PaginationConfig={"PageSize": 3}
    )
    assert [len(page["events"]) for page in pages] == [3, 1]


def test_an_event_keeps_its_id_whatever_is_asked_for(setting):
    cloud, logs = setting
    filled(cloud, logs)
    everything = logs.filter_log_events(logGroupName=GROUP)["events"]
    ids = {event["eventId"]: event["message"] for event in everything}
    assert len(ids) == len(everything)
    last = max(event["timestamp"] for event in everything)
    for asked in ({"startTime": last}, {"filterPattern": "four"}, {"logStreamNamePrefix": "b"}):
        found = logs.filter_log_events(logGroupName=GROUP, **asked)["events"]
        assert found and all(ids[event["eventId"]] == event["message"] for event in found)


def test_everything_survives_a_restart_and_a_torn_line(tmp_path):
    cloud, front = started(tmp_path, services=["logs"])
    logs = cloud.apis["logs"]
    cloud.call("logs", "CreateLogGroup", {"logGroupName": GROUP, "tags": {"a": "1"}})
    cloud.call("logs", "PutRetentionPolicy", {"logGroupName": GROUP, "retentionInDays": 7})
    logs.append(GROUP, "s", ["one\nwith more", "zwei: größe \ud800 torn"])
    front.stop()
    cloud.stop()
    [file] = (tmp_path / "logs").rglob("*.jsonl")
    with open(file, "ab") as stream:
        stream.write(b'{"timestamp": 1, "mess')

    cloud, front = started(tmp_path, services=["logs"])
    logs = cloud.apis["logs"]
    request = {"logGroupName": GROUP, "logStreamName": "s"}
    assert len(cloud.call("logs", "GetLogEvents", request)["events"]) == 2
    logs.append(GROUP, "s", ["three"])
    messages = messages_of(cloud.call("logs", "GetLogEvents", request))
    assert [messages[0], messages[2]] == ["one\nwith more", "three"]
    [group] = cloud.call("logs", "DescribeLogGroups")["logGroups"]
    assert group["retentionInDays"] == 7
    front.stop()
    cloud.stop()


def test_names_that_look_alike_have_files_of_their_own(setting):
    cloud, logs = setting
    storage = cloud.apis["logs"]
    for group in ("/a/b", "_a_b", "a_b", "../a"):
        storage.append(group, "s/../x", [group])
    for group in ("/a/b", "_a_b", "a_b", "../a"):
        found = logs.get_log_events(logGroupName=group, logStreamName="s/../x")
        assert messages_of(found) == [group]
    inside = cloud.folder / "logs"
    assert all(path.is_relative_to(inside) for path in cloud.folder.rglob("*.jsonl"))


def test_groups_and_streams_are_records(setting):
    cloud, logs = setting
    filled(cloud, logs)
    with pytest.raises(ClientError) as error:
        logs.create_log_group(logGroupName=GROUP)
    assert code_of(error) == "ResourceAlreadyExistsException"
    streams = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", limit=1)
    assert streams["nextToken"]
    names = [
        s["logStreamName"] for s in logs.describe_log_streams(logGroupName=GROUP)["logStreams"]
    ]
    assert names == ["a", "b[$LATEST]"]
    arn = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}"
    logs.tag_resource(resourceArn=arn, tags={"x": "1", "y": "2"})
    logs.untag_resource(resourceArn=arn, tagKeys=["x"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"y": "2"}
    assert messages_of(logs.filter_log_events(logGroupIdentifier=arn, filterPattern="four"))
    logs.delete_log_stream(logGroupName=GROUP, logStreamName="a")
    logs.delete_log_group(logGroupName=GROUP)
    with pytest.raises(ClientError) as error:
        logs.filter_log_events(logGroupName=GROUP)
    assert code_of(error) == "ResourceNotFoundException"
    assert list(cloud.folder.rglob("*.jsonl")) == []


def test_a_group_gets_a_key_and_loses_it(setting):
    _, logs = setting
    logs.create_log_group(logGroupName=GROUP)
    logs.associate_kms_key(logGroupName=GROUP, kmsKeyId=KEY)
    (group,) = logs.describe_log_groups()["logGroups"]
    assert group["kmsKeyId"] == KEY
    logs.disassociate_kms_key(resourceIdentifier=group["logGroupArn"])
    assert "kmsKeyId" not in logs.describe_log_groups()["logGroups"][0]


def test_events_expire_with_the_retention_by_the_clouds_clock(cloud_with):
    cloud, client = cloud_with("logs", speed=100_000)
    logs = client("logs")
    cloud.apis["logs"].append(GROUP, "s", ["old"])
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=1)
    cloud.clock.sleep(timedelta(days=2).total_seconds())
    cloud.apis["logs"].append(GROUP, "s", ["new"])
    assert messages_of(logs.filter_log_events(logGroupName=GROUP)) == ["new"]
    logs.delete_retention_policy(logGroupName=GROUP)
    assert messages_of(logs.filter_log_events(logGroupName=GROUP)) == ["old", "new"]


def test_bad_requests_are_refused(setting):
    cloud, logs = setting
    filled(cloud, logs)
    with pytest.raises(ClientError, match="retentionInDays is 2"):
        logs.put_retention_policy(logGroupName=GROUP, retentionInDays=2)
    with pytest.raises(ClientError, match="log stream"):
        put(cloud, logs, "absent", ["x"])
    with pytest.raises(ClientError, match="in order"):
        logs.put_log_events(
            logGroupName=GROUP,
            logStreamName="a",
            logEvents=[{"timestamp": 2, "message": "x"}, {"timestamp": 1, "message": "y"}],
        )
    answer = logs.put_log_events(
        logGroupName=GROUP, logStreamName="a", logEvents=[{"timestamp": 1, "message": "x"}]
    )
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    with pytest.raises(ClientError, match="regular expressions"):
        logs.filter_log_events(logGroupName=GROUP, filterPattern="%x%")


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR timeout", "timeout, then ERROR", True),
        ("ERROR timeout", "only ERROR", False),
        ('"an ERROR"', "this is an ERROR", True),
        ('"an ERROR"', "ERROR an", False),
        ("ERROR -timeout", "ERROR by timeout", False),
        ("?a1 ?b2", "has b2", True),
        ("?a1 ?b2", "has neither", False),
        ('{ $.level = "ERROR" }', '{"level": "ERROR"}', True),
        ('{ $.level = "ERR*" }', '{"level": "ERROR"}', True),
        ('{ $.level != "ERROR" }', '{"level": "INFO"}', True),
        ('{ $.level = "ERROR" }', "no json", False),
        ("{ $.a.b >= 2 }", '{"a": {"b": 2}}', True),
        ("{ $.a.b < 2 }", '{"a": {"b": 2}}', False),
        ('{ $.x = 1 && $.y = "z" }', '{"x": 1, "y": "z"}', True),
        ('{ $.x = 1 && $.y = "z" }', '{"x": 1, "y": "q"}', False),
        ("{ $.x = 1 || $.y = 2 }", '{"y": 2}', True),
    ],
)
def test_patterns_match_as_documented(pattern, message, matches):
    assert compiled(pattern)(message) is matches


@pytest.mark.parametrize(
    "pattern", ['"open', "{ $.x = 1", "{ nonsense }", '{ $.x > "a" }', "[a, b]"]
)
def test_what_is_no_pattern_is_refused(pattern):
    with pytest.raises(AwsError, match="Invalid filter pattern"):
        compiled(pattern)


def test_metrics_in_lines_reach_cloudwatch_with_the_clouds_time(cloud_with):
    cloud, client = cloud_with("logs", "cloudwatch", speed=1000)
    cloud.clock.sleep(3600)
    line = {
        "_aws": {
            "Timestamp": 1,  # the handler's own clock, which is not the cloud's
            "CloudWatchMetrics": [
                {
                    "Namespace": "Everloop",
                    "Dimensions": [["model"], []],
                    "Metrics": [{"Name": "Judged", "Unit": "Count"}],
                }
            ],
        },
        "model": "flight-delays",
        "Judged": [1, 2],
    }
    malformed = '{"_aws": {"CloudWatchMetrics": [{"Namespace": "Everloop"}]}}'
    cloud.apis["logs"].append(GROUP, "s", ["plain", json.dumps(line), malformed])

    now = cloud.clock.now()
    request = {
        "Namespace": "Everloop",
        "MetricName": "Judged",
        "StartTime": now - timedelta(minutes=30),
        "EndTime": now + timedelta(minutes=30),
        "Period": 3600 * 24,
        "Statistics": ["Sum", "SampleCount"],
    }
    for dimensions in ([], [{"Name": "model", "Value": "flight-delays"}]):
        points = cloud.call(
            "cloudwatch", "GetMetricStatistics", {**request, "Dimensions": dimensions}
        )
        assert sum(point["Sum"] for point in points["Datapoints"]) == 3
    assert len(client("logs").filter_log_events(logGroupName=GROUP)["events"]) == 3
