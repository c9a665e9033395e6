"""Topics and what their subscribers get."""

import io
import json
import time
import zipfile

import pytest
from botocore.exceptions import ClientError

from everloop_localcloud.cloud import started

ACCOUNT = "123456789012"


@pytest.fixture
def setting(cloud_with):
    cloud, client = cloud_with("sns", "sqs")
    return cloud, client("sns"), client("sqs")


def queue_for(sqs, topic, name="inbox"):
    """Make a queue that the topic may send to; return URL and ARN."""
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    return sqs.create_queue(QueueName=name, Attributes={"Policy": policy})["QueueUrl"], arn


def received(sqs, url):
    answer = sqs.receive_message(
        QueueUrl=url, WaitTimeSeconds=10, MessageAttributeNames=["All"], MaxNumberOfMessages=1
    )
    [message] = answer["Messages"]
    return message


def test_a_queue_gets_the_message_in_its_envelope(setting):
    _, sns, sqs = setting
    topic = sns.create_topic(Name="news")["TopicArn"]
    url, arn = queue_for(sqs, topic)
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]

    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    sent = sns.publish(TopicArn=topic, Message="hello", Subject="hi", MessageAttributes=attributes)[
        "MessageId"
    ]

    envelope = json.loads(received(sqs, url)["Body"])
    assert {k: envelope[k] for k in ("Type", "MessageId", "TopicArn", "Subject", "Message")} == {
        "Type": "Notification",
        "MessageId": sent,
        "TopicArn": topic,
        "Subject": "hi",
        "Message": "hello",
    }
    assert envelope["MessageAttributes"] == {"kind": {"Type": "String", "Value": "x"}}
    assert subscription in envelope["UnsubscribeURL"]


def test_a_raw_subscription_gets_the_message_alone(setting):
    _, sns, sqs = setting
    topic = sns.create_topic(Name="news")["TopicArn"]
    url, arn = queue_for(sqs, topic)
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"}
    )
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    sns.publish(TopicArn=topic, Message="hello", MessageAttributes=attributes)

    message = received(sqs, url)

    assert message["Body"] == "hello"
    assert message["MessageAttributes"]["kind"]["StringValue"] == "x"


def test_each_protocol_gets_its_own_text(setting):
    _, sns, sqs = setting
    topic = sns.create_topic(Name="news")["TopicArn"]
    url, arn = queue_for(sqs, topic)
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    texts = json.dumps({"default": "d", "sqs": "for queues"})
    sns.publish(TopicArn=topic, Message=texts, MessageStructure="json")
    assert json.loads(received(sqs, url)["Body"])["Message"] == "for queues"


def test_what_a_queue_does_not_let_in_goes_to_the_dead_letters(setting):
    _, sns, sqs = setting
    topic = sns.create_topic(Name="news")["TopicArn"]
    sqs.create_queue(QueueName="closed")
    url, dead = queue_for(sqs, topic, "dead")
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:us-east-1:{ACCOUNT}:closed",
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead})},
    )
    sns.publish(TopicArn=topic, Message="hello")
    assert json.loads(received(sqs, url)["Body"])["Message"] == "hello"


def test_every_message_can_be_read_in_the_mail_folder(setting):
    cloud, sns, _ = setting
    topic = sns.create_topic(Name="news")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.org")
    sns.publish(TopicArn=topic, Subject="Version 3 needs you", Message="Bom dia, São Paulo")

    [mail] = (cloud.folder / "mail").iterdir()
    text = mail.read_text(encoding="utf-8")
    assert "To: ana@example.org\nSubject: Version 3 needs you\n\nBom dia, São Paulo\n" in text


def test_a_message_that_could_not_be_delivered_yet_survives_a_restart(tmp_path):
    cloud, front = started(tmp_path, services=["sns", "sqs"])
    topic = cloud.call("sns", "CreateTopic", {"Name": "news"})["TopicArn"]
    arn = cloud.arn("sqs", "inbox")
    raw = {"RawMessageDelivery": "true"}
    to = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": arn, "Attributes": raw}
    cloud.call("sns", "Subscribe", to)
    statement = {
        "Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    cloud.call("sqs", "CreateQueue", {"QueueName": "inbox", "Attributes": {"Policy": policy}})
    front.stop()
    cloud.stop()
    # Queues are down: every try ends in a server's error, and the delivery waits for its next one.
    cloud, front = started(tmp_path, services=["sns"])
    cloud.call("sns", "Publish", {"TopicArn": topic, "Message": "hello"})
    front.stop()
    cloud.stop()

    cloud, front = started(tmp_path, services=["sns", "sqs"])
    url = cloud.call("sqs", "GetQueueUrl", {"QueueName": "inbox"})["QueueUrl"]
    request = {"QueueUrl": url, "WaitTimeSeconds": 20}
    [message] = cloud.call("sqs", "ReceiveMessage", request)["Messages"]
    assert message["Body"] == "hello"
    front.stop()
    cloud.stop()


def test_a_batch_says_which_entries_failed(setting):
    _, sns, _ = setting
    topic = sns.create_topic(Name="news")["TopicArn"]
    answer = sns.publish_batch(
        TopicArn=topic,
        PublishBatchRequestEntries=[
            {"Id": "good", "Message": "x"},
            {"Id": "bad", "Message": "x", "Subject": "two\nlines"},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [(e["Id"], e["Code"]) for e in answer["Failed"]] == [("bad", "InvalidParameter")]


def test_topics_and_subscriptions_are_records(setting):
    _, sns, _ = setting
    topic = sns.create_topic(Name="news", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    assert sns.create_topic(Name="news")["TopicArn"] == topic
    sns.set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="News")
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["a"])
    one = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@b")["SubscriptionArn"]
    again = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="a@b")["SubscriptionArn"]

    assert one == again
    attributes = sns.get_topic_attributes(TopicArn=topic)["Attributes"]
    assert (attributes["DisplayName"], attributes["SubscriptionsConfirmed"]) == ("News", "1")
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": "2"}]
    assert [t["TopicArn"] for t in sns.list_topics()["Topics"]] == [topic]
    listed = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert [(s["Protocol"], s["Endpoint"]) for s in listed] == [("email", "a@b")]
    told = sns.get_subscription_attributes(SubscriptionArn=one)["Attributes"]
    assert told["PendingConfirmation"] == "false"
    sns.unsubscribe(SubscriptionArn=one)
    assert sns.list_subscriptions()["Subscriptions"] == []
    sns.delete_topic(TopicArn=topic)
    with pytest.raises(ClientError) as error:
        sns.publish(TopicArn=topic, Message="x")
    assert error.value.response["Error"]["Code"] == "NotFound"


def test_150_topics_take_two_pages(setting):
    cloud, sns, _ = setting
    for number in range(150):
        cloud.call("sns", "CreateTopic", {"Name": f"t{number:03d}"})
    pages = list(sns.get_paginator("list_topics").paginate())
    assert [len(page["Topics"]) for page in pages] == [100, 50]


@pytest.mark.parametrize(
    ("operation", "request_", "word"),
    [
        ("subscribe", {"Protocol": "https", "Endpoint": "https://x"}, "https"),
        ("subscribe", {"Protocol": "sqs", "Endpoint": "not-an-arn"}, "not-an-arn"),
        (
            "subscribe",
            {
                "Protocol": "email",
                "Endpoint": "a@b",
                "Attributes": {"FilterPolicy": '{"kind": ["x"]}'},
            },
            "FilterPolicy",
        ),
        ("publish", {"Message": "x" * (256 * 1024 + 1)}, "too long"),
        ("publish", {"Message": "x", "Subject": "y" * 101}, "Subject"),
        ("publish", {"Message": "{}", "MessageStructure": "json"}, "default"),
    ],
)
def test_bad_requests_are_refused_by_name(setting, operation, request_, word):
    _, sns, _ = setting
    topic = sns.create_topic(Name="news")["TopicArn"]
    with pytest.raises(ClientError, match=word):
        getattr(sns, operation)(TopicArn=topic, **request_)


def test_fifo_topics_are_refused_by_name(setting):
    _, sns, _ = setting
    with pytest.raises(ClientError, match="FIFO"):
        sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})


def test_a_function_gets_aws_record(cloud_with):
    cloud, client = cloud_with("sns", "lambda", "logs")
    source = io.BytesIO()
    with zipfile.ZipFile(source, "w") as archive:
        archive.writestr(
            "app.py", "import json\ndef handler(event, _):\n    print(json.dumps(event))\n"
        )
    functions, sns = client("lambda"), client("sns")
    arn = functions.create_function(
        FunctionName="f", Runtime="python3.13", Handler="app.handler",
        Code={"ZipFile": source.getvalue()}, Role=f"arn:aws:iam::{ACCOUNT}:role/r",
    )["FunctionArn"]  # fmt: skip
    topic = sns.create_topic(Name="news")["TopicArn"]
    functions.add_permission(
        FunctionName="f", StatementId="s", Action="lambda:InvokeFunction",
        Principal="sns.amazonaws.com", SourceArn=topic,
    )  # fmt: skip
    sns.subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="hello", Subject="hi")

    deadline = time.monotonic() + 30
    lines = []
    while not lines:
        assert time.monotonic() < deadline, "the function was not called"
        time.sleep(0.05)
        if client("logs").describe_log_groups()["logGroups"]:
            request = {"logGroupName": "/aws/lambda/f", "filterPattern": "Records"}
            lines = cloud.call("logs", "FilterLogEvents", request)["events"]
    [record] = json.loads(lines[0]["message"])["Records"]
    assert (record["EventSource"], record["Sns"]["Message"]) == ("aws:sns", "hello")
    assert {"SigningCertUrl", "UnsubscribeUrl", "Timestamp", "MessageAttributes"} <= set(
        record["Sns"]
    )
