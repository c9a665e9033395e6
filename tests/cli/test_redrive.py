"""`everloop redrive`: dead letters are shown with what they are, and handed over again."""

import json
import time

import pytest

ARN = "arn:aws:lambda:us-east-1:123456789012:function:everloop-pause-models"
EVENT = {"detail-type": "Object Created", "detail": {"object": {"key": "data/churn/a.csv"}}}


@pytest.fixture
def put(deployed):
    """Put letters into a queue of the stack; it is empty afterwards."""
    sqs = deployed("sqs")
    urls = set()

    def send(queue, body, **attributes):
        url = sqs.get_queue_url(QueueName=f"everloop-{queue}")["QueueUrl"]
        urls.add(url)
        given = {n: {"DataType": "String", "StringValue": v} for n, v in attributes.items()}
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageAttributes=given)

    yield send
    for url in urls:
        while found := sqs.receive_message(QueueUrl=url, VisibilityTimeout=60).get("Messages"):
            for each in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])


def failed(function=ARN, payload=None, error="NotReady"):
    """Return the record that Lambda sends to a destination."""
    return json.dumps(
        {
            "requestContext": {"functionArn": f"{function}:$LATEST"},
            "requestPayload": payload or {"pause": True, "reason": "x", "actor": "a", "time": "t"},
            "responsePayload": {"errorType": error, "errorMessage": "not yet"},
        }
    )


def count(deployed, queue):
    sqs = deployed("sqs")
    url = sqs.get_queue_url(QueueName=f"everloop-{queue}")["QueueUrl"]
    name = "ApproximateNumberOfMessages"
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    return int(found[name])


def test_without_letters_there_is_nothing_to_look_at(deployed, run, run_json):
    nothing = {"arrivals-dead": 0, "undelivered": 0, "failed": 0}
    assert run_json("redrive") == {"counts": nothing, "letters": []}
    assert run_json("redrive", "failed") == []
    (moved,) = run_json("redrive", "arrivals-dead")
    assert (moved["moved"], moved["done"]) == (0, True)
    assert "hand them over again" not in run("redrive")[1]


def test_a_look_shows_what_failed_and_why_and_takes_nothing_away(put, deployed, run, run_json):
    put("failed", failed(payload=EVENT))
    put("undelivered", json.dumps(EVENT), ERROR_CODE="NO_PERMISSIONS", TARGET_ARN=ARN)
    put("undelivered", "[" * 2000)
    found = run_json("redrive")
    assert found["counts"] == {"arrivals-dead": 0, "undelivered": 2, "failed": 1}
    letters = {
        (each["queue"], each["target"], each["what"], each["why"]) for each in found["letters"]
    }
    target = "lambda:everloop-pause-models"
    assert letters == {
        ("failed", target, "Object Created data/churn/a.csv", "NotReady: not yet"),
        ("undelivered", target, "Object Created data/churn/a.csv", "NO_PERMISSIONS: "),
        ("undelivered", "", "request", "refused five times"),
    }
    code, said = run("redrive")
    assert code == 0 and "hand them over again: everloop redrive --all" in said
    assert count(deployed, "failed") == 1


def test_what_is_handed_over_again_leaves_the_queue(put, deployed, run_json):
    put("failed", failed())
    (done,) = run_json("redrive", "failed")
    assert (done["target"], done["done"], done["trouble"]) == (
        "lambda:everloop-pause-models",
        True,
        "",
    )
    assert count(deployed, "failed") == 0


def test_people_see_what_was_handed_over(put, run):
    put("failed", failed(payload=EVENT))
    code, said = run("redrive", "failed")
    assert code == 0
    assert "failed lambda:everloop-pause-models Object Created data/churn/a.csv yes" in said


def test_letters_are_shown_whole_and_stay(put, deployed, run, run_json):
    put("undelivered", json.dumps(EVENT), ERROR_CODE="NO_PERMISSIONS", TARGET_ARN=ARN)
    put("failed", failed(payload=EVENT))
    found = run_json("redrive", "--show")
    assert [each["body"] for each in found] == [EVENT, EVENT]
    code, said = run("redrive", "failed", "--show")
    assert code == 0 and '"key": "data/churn/a.csv"' in said and "NotReady: not yet" in said
    assert count(deployed, "failed") == count(deployed, "undelivered") == 1


def test_letters_are_thrown_away_only_where_somebody_says_so(put, deployed, run, run_json):
    put("failed", failed(payload=EVENT))
    put("failed", "no JSON")
    put("undelivered", "{}")
    code, said = run("redrive", "failed", "--discard")
    assert code == 2 and "2 letters would be thrown away for good" in said
    assert "everloop redrive --show failed Then: --discard --yes" in said
    assert count(deployed, "failed") == 2
    assert run("redrive", "--discard")[1].count("say which QUEUE, or --all") == 1
    gone = run_json("redrive", "failed", "--discard", "--yes")
    assert sorted(each["body"] is None for each in gone) == [False, True]
    assert (count(deployed, "failed"), count(deployed, "undelivered")) == (0, 1)
    code, said = run("redrive", "--all", "--discard", "--yes")
    assert code == 0 and "threw 1 letters away" in said and count(deployed, "undelivered") == 0


def test_a_letter_for_a_queue_goes_to_that_queue(put, deployed, run_json):
    arn = "arn:aws:sqs:us-east-1:123456789012:everloop-failed"
    put("undelivered", "{}", TARGET_ARN=arn)
    (done,) = run_json("redrive", "undelivered")
    assert (done["target"], done["done"]) == ("sqs:everloop-failed", True)
    assert count(deployed, "failed") == 1
    put("failed", "{}")  # that the queue is emptied


@pytest.mark.parametrize(
    ("target", "trouble"),
    [
        ("arn:aws:lambda:us-east-1:123456789012:function:others", "is nothing of the stack"),
        ("arn:aws:lambda:us-east-1:123456789012:function:everloop-gone", "everloop-gone"),
        ("arn:aws:sqs:us-east-1:123456789012:everloop-gone", "there is no queue everloop-gone"),
        ("", "is nothing of the stack everloop"),
    ],
)
def test_what_cannot_be_handed_over_stays_and_says_why(put, run, run_json, target, trouble):
    put("undelivered", "{}", TARGET_ARN=target) if target else put("undelivered", "{}")
    (done,) = run_json("redrive", "undelivered", code=1)
    assert not done["done"] and trouble in done["trouble"]


def test_dead_arrivals_go_back_to_where_they_came_from(deployed, run_json):
    functions, sqs = deployed("lambda"), deployed("sqs")
    (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    url = sqs.get_queue_url(QueueName="everloop-arrivals")["QueueUrl"]
    while functions.get_event_source_mapping(UUID=mapping["UUID"])["State"] != "Disabled":
        time.sleep(0.02)
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    while not count(deployed, "arrivals-dead"):
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=0)
    (done,) = run_json("redrive", "arrivals-dead")
    assert (done["target"], done["done"], done["moved"]) == ("sqs:everloop-arrivals", True, 1)
    assert (count(deployed, "arrivals-dead"), count(deployed, "arrivals")) == (0, 1)


def test_letters_that_never_were_arrivals_stay_and_say_why(put, deployed, run_json):
    put("arrivals-dead", "{}")
    (done,) = run_json("redrive", "arrivals-dead", code=1)
    assert (done["moved"], done["trouble"]) == (0, "CouldNotDetermineMessageSource")


def test_a_queue_that_is_not_there_is_named(deployed, run):
    sqs = deployed("sqs")
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="everloop-failed")["QueueUrl"])
    code, said = run("redrive")
    assert (code, said) == (
        2,
        "everloop redrive: there is no queue everloop-failed: is 'everloop' an Everloop stack?",
    )
