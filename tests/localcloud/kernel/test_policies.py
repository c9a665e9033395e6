"""Resource policies: who may do what on whose behalf."""

import json
from typing import Any

import pytest

from everloop_localcloud.kernel.policies import allows

QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"
RULE = "arn:aws:events:us-east-1:123456789012:rule/r"
EVENTS = {"Service": "events.amazonaws.com"}


def _judged(*statements: dict[str, Any]) -> bool:
    given = [
        {"Effect": "Allow", "Principal": EVENTS, "Action": "sqs:SendMessage", "Resource": QUEUE}
        | statement
        for statement in statements
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": given})
    return allows(policy, "events.amazonaws.com", "sqs:SendMessage", QUEUE, RULE)


@pytest.mark.parametrize(
    ("statements", "answer"),
    [
        pytest.param([{}], True, id="plain"),
        pytest.param([{"Principal": "*", "Action": "SQS:*", "Resource": "*"}], True, id="wild"),
        pytest.param([{"Principal": {"Service": ["s3.amazonaws.com"]}}], False, id="other service"),
        pytest.param([{"Action": ["sqs:ReceiveMessage"]}], False, id="other action"),
        pytest.param([{"Resource": QUEUE + "2"}], False, id="other queue"),
        pytest.param(
            [{"Condition": {"ArnLike": {"aws:SourceArn": RULE[:-1] + "*"}}}], True, id="this rule"
        ),
        pytest.param(
            [{"Condition": {"ArnEquals": {"aws:SourceArn": RULE + "2"}}}], False, id="other rule"
        ),
        pytest.param(
            [{"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}],
            True,
            id="this account",
        ),
        pytest.param(
            [{"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}], False, id="unknown"
        ),
        pytest.param([{}, {"Effect": "Deny"}], False, id="denied"),
        pytest.param(
            [{}, {"Effect": "Deny", "Condition": {"ArnLike": {"aws:SourceArn": RULE + "2"}}}],
            True,
            id="another is denied",
        ),
        pytest.param(
            [
                {},
                {
                    "Effect": "Deny",
                    "Principal": "*",
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                },
            ],
            True,
            id="only plain HTTP is denied",
        ),
    ],
)
def test_a_policy_is_judged(statements: list[dict[str, Any]], answer: bool) -> None:
    assert _judged(*statements) is answer


def test_without_a_policy_nothing_is_allowed() -> None:
    assert not allows(None, "events.amazonaws.com", "sqs:SendMessage", QUEUE, RULE)
