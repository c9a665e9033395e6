"""One way to call an ARN, whoever calls it: what each kind is asked, and by whom."""

import json

import pytest
from lone_account import LoneAccount

from everloop_localcloud.delivery.calls import Letter, Sender, attribute, call_arn
from everloop_localcloud.kernel.errors import AwsError

HERE = "us-east-1:123456789012"
QUEUE, FIFO = f"arn:aws:sqs:{HERE}:q", f"arn:aws:sqs:{HERE}:q.fifo"
RULE = f"arn:aws:events:{HERE}:rule/r"
ROLE = "arn:aws:iam::123456789012:role/r"
URL = "http://127.0.0.1:0/123456789012"


class Noting(LoneAccount):
    """Notes each call; `policy` is what a queue, a topic or a function has."""

    def __init__(self, folder):
        super().__init__(folder)
        self.calls, self.policy = [], None

    def call(self, service, operation, params=None, *, role_arn=None, principal=None):
        if operation in ("GetQueueAttributes", "GetTopicAttributes"):
            return {"Attributes": {"Policy": self.policy}}
        if operation == "GetPolicy":
            return {"Policy": self.policy}
        self.calls.append((service, operation, params, role_arn or principal))
        return {}


@pytest.fixture
def account(tmp_path):
    noting = Noting(tmp_path)
    noting.apis["sqs"] = object()  # where a service is not there, its policies are not asked
    yield noting
    noting.close()


@pytest.mark.parametrize(
    ("arn", "letter", "call"),
    [
        (QUEUE, Letter("t"), ("sqs", "SendMessage", {"QueueUrl": f"{URL}/q", "MessageBody": "t"})),
        (
            FIFO,
            Letter("t", id="i", group="g", attributes={"a": attribute("")}),
            (
                "sqs",
                "SendMessage",
                {
                    "QueueUrl": f"{URL}/q.fifo",
                    "MessageBody": "t",
                    "MessageGroupId": "g",
                    "MessageDeduplicationId": "i",
                    "MessageAttributes": {"a": {"DataType": "String", "StringValue": " "}},
                },
            ),
        ),
        (
            f"arn:aws:sns:{HERE}:t",
            Letter("t", subject="s"),
            (
                "sns",
                "Publish",
                {"TopicArn": f"arn:aws:sns:{HERE}:t", "Message": "t", "Subject": "s"},
            ),
        ),
        (
            f"arn:aws:lambda:{HERE}:function:f",
            Letter("{}"),
            (
                "lambda",
                "Invoke",
                {
                    "FunctionName": f"arn:aws:lambda:{HERE}:function:f",
                    "InvocationType": "Event",
                    "Payload": b"{}",
                },
            ),
        ),
        (
            f"arn:aws:states:{HERE}:stateMachine:m",
            Letter("{}", name="n"),
            (
                "stepfunctions",
                "StartExecution",
                {
                    "stateMachineArn": f"arn:aws:states:{HERE}:stateMachine:m",
                    "input": "{}",
                    "name": "n",
                },
            ),
        ),
        (
            f"arn:aws:sagemaker:{HERE}:pipeline/p",
            Letter("", id="i", parameters=[{"Name": "a", "Value": "1"}]),
            (
                "sagemaker",
                "StartPipelineExecution",
                {
                    "PipelineName": f"arn:aws:sagemaker:{HERE}:pipeline/p",
                    "ClientRequestToken": "i",
                    "PipelineParameters": [{"Name": "a", "Value": "1"}],
                },
            ),
        ),
    ],
)
def test_each_kind_is_asked_in_its_own_words(account, arn, letter, call):
    call_arn(account, arn, letter, Sender(ROLE))
    assert account.calls == [(*call, ROLE)]


def test_a_service_needs_the_queues_policy(account):
    sender = Sender(None, "events.amazonaws.com", RULE)
    with pytest.raises(AwsError, match=r"not authorized to perform sqs:SendMessage on .*:q"):
        call_arn(account, QUEUE, Letter("t"), sender)
    assert account.calls == []
    account.policy = json.dumps(
        {
            "Statement": {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": QUEUE,
                "Condition": {"ArnEquals": {"aws:SourceArn": RULE}},
            }
        }
    )
    call_arn(account, QUEUE, Letter("t"), sender)
    assert [call[3] for call in account.calls] == ["events.amazonaws.com"]


def test_what_cannot_be_called_is_refused_by_name(account):
    with pytest.raises(AwsError, match="cannot call arn:aws:kinesis"):
        call_arn(account, f"arn:aws:kinesis:{HERE}:stream/s", Letter("t"), Sender(ROLE))
