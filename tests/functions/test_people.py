"""What people are told, once for each fact, wherever somebody dies."""

import json
from dataclasses import replace
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from everloop.aws import people
from everloop.aws.clients import dynamodb, sns
from everloop.errors import NotReady
from everloop.messages import Message
from everloop.moments import moment

NOW = moment("2026-11-20T10:00:00Z")
TOLD = Message("violation", "flight-delays", "a violation was found", "why", "fact")
TEAM = "arn:aws:sns:us-east-1:123456789012:team"


def test_the_same_fact_is_told_once(account):
    assert people.notify(TOLD, None, NOW)
    assert not people.notify(TOLD, None, NOW + timedelta(days=89))
    assert account.mails() == ["flight-delays: a violation was found"]


def test_another_fact_or_kind_is_told(account):
    people.notify(TOLD, None, NOW)
    assert people.notify(Message("violation", "flight-delays", "x", "", "other"), None, NOW)
    assert people.notify(Message("ok-again", "flight-delays", "y", "", "fact"), None, NOW)
    assert len(account.mails()) == 3


def test_what_still_holds_is_told_again_after_three_months(account):
    people.notify(TOLD, None, NOW)
    assert people.notify(TOLD, None, NOW + timedelta(days=91))


def test_who_dies_before_it_is_told_tells_it_later(account):
    account.meanwhile(sns(), "Publish", died_once())
    with pytest.raises(SystemExit):
        people.notify(TOLD, None, NOW)
    assert people.notify(TOLD, None, NOW)
    assert account.mails() == ["flight-delays: a violation was found"]


def test_who_dies_before_it_is_written_down_tells_it_once_more_and_loses_nothing(account):
    account.meanwhile(dynamodb(), "PutItem", died_once())
    with pytest.raises(SystemExit):
        people.notify(TOLD, None, NOW)
    assert people.notify(TOLD, None, NOW)
    assert not people.notify(TOLD, None, NOW)
    assert len(account.mails()) == 2


def test_a_model_has_a_topic_of_its_own(account):
    inbox = team(account)
    people.notify(TOLD, {"notify": {"topic": TEAM}}, NOW)
    assert account.mails() == []
    assert (
        "a violation was found"
        in account.client("sqs").receive_message(QueueUrl=inbox)["Messages"][0]["Body"]
    )


def test_a_topic_that_is_gone_leaves_nobody_untold(account):
    people.notify(TOLD, {"notify": {"topic": TEAM}}, NOW)
    assert account.mails() == ["flight-delays: a violation was found"]


def test_a_topic_that_is_busy_is_asked_again(account):
    team(account)

    def busy(**_):
        raise ClientError({"Error": {"Code": "Throttling", "Message": "Rate exceeded"}}, "Publish")

    account.meanwhile(sns(), "Publish", busy)
    with pytest.raises(NotReady):
        people.notify(TOLD, {"notify": {"topic": TEAM}}, NOW)


@pytest.mark.parametrize("why", ["it drifts", "\0" * 90_000, "ç" * 90_000])
def test_chats_get_a_form_of_their_own_within_what_sns_takes(account, why):
    sent = []
    account.meanwhile(sns(), "Publish", lambda params, **_: sent.append(params))
    people.notify(replace(TOLD, why=why), None, NOW)
    (params,) = sent
    assert params["MessageStructure"] == "json"
    assert len(params["Message"].encode()) < 262_144
    forms = json.loads(params["Message"])
    assert forms["default"].startswith("flight-delays: a violation was found")
    assert json.loads(forms["https"])["content"]["title"] == "flight-delays: a violation was found"


def test_what_the_owner_turned_off_is_not_told(account):
    assert not people.notify(TOLD, {"notify": {"off": ["violation"]}}, NOW)
    assert account.mails() == []


def died_once():
    left = [1]

    def die(**_):
        if left:
            left.pop()
            raise SystemExit

    return die


def team(account) -> str:
    boto3.client("sns").create_topic(Name="team")
    url: str = account.client("sqs").create_queue(QueueName="team")["QueueUrl"]
    account.client("sns").subscribe(
        TopicArn=TEAM, Protocol="sqs", Endpoint=TEAM.replace(":sns:", ":sqs:")
    )
    return url
