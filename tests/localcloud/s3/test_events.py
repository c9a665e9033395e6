"""One event per change, with AWS's shape."""

import pytest

from everloop_localcloud.cloud import started
from everloop_localcloud.kernel.clock import stamp


def test_a_put_is_told_once_with_what_aws_tells(versioned):
    answer = versioned.s3.put_object(Bucket="data", Key="a b", Body=b"hello")

    [event] = versioned.events
    sequencer = event["detail"]["object"].pop("sequencer")
    assert len(sequencer) == 18
    assert event["detail-type"] == "Object Created"
    assert event["source"] == "aws.s3"
    assert event["resources"] == ["arn:aws:s3:::data"]
    assert event["detail"] == {
        "version": "0",
        "event-version": "1.2",
        "bucket": {"name": "data"},
        "object": {
            "key": "a b",
            "size": 5,
            "etag": "5d41402abc4b2a76b9719d911017c592",
            "version-id": answer["VersionId"],
        },
        "request-id": answer["ResponseMetadata"]["RequestId"],
        "requester": "123456789012",
        "source-ip-address": "127.0.0.1",
        "reason": "PutObject",
    }


def test_an_event_has_the_time_of_its_object(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"")
    head = setting.s3.head_object(Bucket="data", Key="k")
    assert setting.events[0]["time"] == stamp(head["LastModified"])


def test_an_unversioned_bucket_tells_no_version(setting):
    setting.s3.put_object(Bucket="data", Key="k", Body=b"")
    assert "version-id" not in setting.events[0]["detail"]["object"]


def test_copies_and_deletions_give_their_reason(versioned):
    s3 = versioned.s3
    first = s3.put_object(Bucket="data", Key="k", Body=b"x")["VersionId"]
    s3.copy_object(Bucket="data", Key="copy", CopySource="data/k")
    marker = s3.delete_object(Bucket="data", Key="k")["VersionId"]
    s3.delete_object(Bucket="data", Key="k", VersionId=first)

    told = [(e["detail-type"], e["detail"]["reason"]) for e in versioned.events]
    assert told == [
        ("Object Created", "PutObject"),
        ("Object Created", "CopyObject"),
        ("Object Deleted", "DeleteObject"),
        ("Object Deleted", "DeleteObject"),
    ]
    hidden, gone = (event["detail"] for event in versioned.events[2:])
    assert hidden["deletion-type"] == "Delete Marker Created"
    assert hidden["object"]["version-id"] == marker
    assert gone["deletion-type"] == "Permanently Deleted"
    assert gone["object"]["version-id"] == first
    assert "size" not in gone["object"]


def test_deleting_what_is_not_there_tells_nothing(setting):
    setting.s3.delete_object(Bucket="data", Key="never was")
    assert setting.events == []


def test_deleting_many_tells_each(setting):
    for key in ("a", "b"):
        setting.s3.put_object(Bucket="data", Key=key, Body=b"")
    setting.s3.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]})
    deleted = [e for e in setting.events if e["detail-type"] == "Object Deleted"]
    assert [e["detail"]["object"]["key"] for e in deleted] == ["a", "b"]


def test_a_bucket_without_the_switch_is_silent(setting):
    setting.s3.create_bucket(Bucket="quiet")
    setting.s3.put_object(Bucket="quiet", Key="k", Body=b"")
    assert setting.events == []


def test_sequencers_increase_also_over_a_restart(tmp_path):
    seen = []
    switch = {"NotificationConfiguration": {"EventBridgeConfiguration": {}}}
    for _ in range(2):
        cloud, front = started(tmp_path, services=["s3"])
        cloud.on_event(lambda event: seen.append(event["detail"]["object"]["sequencer"]))
        cloud.call("s3", "CreateBucket", {"Bucket": "data"})
        cloud.call("s3", "PutBucketNotificationConfiguration", {"Bucket": "data", **switch})
        for _ in range(3):
            cloud.apis["s3"].write("data", "k", b"x")
        cloud.call("s3", "DeleteObject", {"Bucket": "data", "Key": "k"})
        front.stop()
        cloud.stop()

    assert len(seen) == 8
    assert seen == sorted(set(seen))


@pytest.mark.parametrize("other", ["QueueConfigurations", "LambdaFunctionConfigurations"])
def test_notifications_past_eventbridge_are_refused(setting, other):
    member = "QueueArn" if other.startswith("Queue") else "LambdaFunctionArn"
    rule = {member: "arn:aws:sqs:us-east-1:123456789012:q", "Events": ["s3:ObjectCreated:*"]}
    with pytest.raises(setting.s3.exceptions.ClientError, match=other):
        setting.s3.put_bucket_notification_configuration(
            Bucket="data", NotificationConfiguration={other: [rule]}
        )
