"""Messages: a mail that a person reads, and a subject that SNS takes."""

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from everloop import chat, messages
from everloop.errors import BadInput
from everloop.messages import KINDS, Kind, Message
from everloop.spec import policy
from everloop.spec.model_spec import load_spec

ROOT = Path(__file__).parents[2]
SPEC = 'problem = "regression"\ndata = { target = "price" }\n'
TOLD = Message(
    kind="release-failed",
    model="prices",
    happened="was not released",
    why="tests-failed: 3 of 200 rows differ\nproduction is as it was",
    id="prices-r4-v7",
    version=7,
    numbers={"rows": 200, "largest difference": 0.0421234, "endpoint": "prices-staging"},
    to_do=("Approve it again:", "  everloop approve prices --version 7"),
    links={"report": "s3://artefacts/releases/prices/r4/endpoint tests.json", "none": ""},
)


def test_a_message_reads_as_a_mail():
    assert messages.subject(TOLD) == "prices v7: was not released"
    assert messages.body(TOLD, "eu-west-1") == (
        "prices v7: was not released\n\n"
        "Why\n"
        "  tests-failed: 3 of 200 rows differ\n"
        "  production is as it was\n\n"
        "Numbers\n"
        "  rows                           200\n"
        "  largest difference         0.04212\n"
        "  endpoint            prices-staging\n\n"
        "What to do\n"
        "  Approve it again:\n"
        "    everloop approve prices --version 7\n\n"
        "Links\n"
        "  report: s3://artefacts/releases/prices/r4/endpoint tests.json\n"
        "  report in the console: https://eu-west-1.console.aws.amazon.com/s3/object/artefacts"
        "?region=eu-west-1&prefix=releases/prices/r4/endpoint%20tests.json\n\n"
        "--\n"
        'kind release-failed; [notify] off = ["release-failed"] in model.toml keeps this kind from '
        "you\n"
        "id prices-r4-v7\n"
    )


@pytest.mark.parametrize(
    ("happened", "subject"),
    [
        pytest.param("one\nline\tof it", "m: one line of it", id="white space"),
        pytest.param("São Paulo ✓", "m: Sao Paulo ?", id="other letters"),
        pytest.param("\ud800\x00", "m: ??", id="what is no text"),
        pytest.param("x" * 200, "m: " + "x" * 93 + "...", id="too long"),
    ],
)
def test_a_subject_is_what_sns_takes(happened, subject):
    told = messages.subject(Message("violation", "m", happened, "", "1"))
    assert told == subject
    assert len(told) < 100


def test_a_body_is_no_longer_than_sns_takes():
    told = messages.body(Message("violation", "m", "x", "é" * 300_000, "1"), "us-east-1")
    assert len(told.encode()) <= 256 * 1024


@pytest.mark.parametrize(
    ("region", "page"),
    [
        ("us-east-1", "https://us-east-1.console.aws.amazon.com"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com"),
    ],
)
def test_each_partition_has_its_console(region, page):
    assert messages.console(region) == page


def test_every_kind_is_in_the_table():
    assert set(get_args(Kind)) == set(KINDS)


def test_every_kind_is_told_by_somebody():
    told = set()
    for folder in ("functions", "layers/core/everloop"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if "Message(" not in text or path.name == "messages.py":
                continue
            told |= {n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant)}
    assert set(KINDS) - told == set()


def spec(notify: str):
    return policy.document(load_spec(SPEC + notify, name="prices"))


def test_a_model_says_what_is_told():
    wishes = policy.notify(spec('notify = { on = ["model-installed"], off = ["released"] }'))
    assert wishes.includes("model-installed")
    assert not wishes.includes("released")
    assert wishes.includes("violation")
    assert not wishes.includes("version-registered")


@pytest.mark.parametrize("before", [None, {}, {"notify": None}])
def test_a_spec_of_before_is_told_what_is_told_by_default(before):
    wishes = policy.notify(before)
    assert wishes.topic is None
    assert [kind for kind in KINDS if wishes.includes(kind)] == [k for k in KINDS if KINDS[k][0]]


@pytest.mark.parametrize(
    ("notify", "said"),
    [
        pytest.param(
            'off = ["realeased"]',
            "notify.off.0 is 'realeased'; did you mean 'released'?",
            id="kind",
        ),
        pytest.param('topic = "team"', "notify.topic is 'team'; give an SNS topic's ARN", id="arn"),
        pytest.param(
            'topic = "arn:aws:sns:us-east-1:123456789012:team.fifo"',
            "a FIFO topic sends no mail; give a standard one",
            id="fifo",
        ),
        pytest.param(
            'on = ["released"]\noff = ["released"]',
            "on and off both name released; leave it in one of them",
            id="both",
        ),
    ],
)
def test_a_mistake_in_notify_is_named(notify, said):
    with pytest.raises(BadInput, match=r"model\.toml: notify") as refused:
        load_spec(f"{SPEC}[notify]\n{notify}", name="prices")
    assert said in str(refused.value)


def publishers(source: str) -> list[int]:
    """The lines where something is published on a topic, or a client for it is made or taken."""
    found = []
    for node in ast.walk(ast.parse(source)):
        named = (
            (isinstance(node, ast.Name) and node.id == "sns")
            or (isinstance(node, ast.Attribute) and node.attr in ("sns", "publish_batch"))
            or (isinstance(node, ast.alias) and node.name.split(".")[-1] == "sns")
            or (isinstance(node, ast.Constant) and node.value == "sns")
            or (
                isinstance(node, ast.Call)
                and any(keyword.arg in ("TopicArn", "TargetArn") for keyword in node.keywords)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "publish"
            )
        )
        if named:
            found.append(getattr(node, "lineno", 0))
    return found


def test_everything_that_is_told_goes_through_one_door():
    told = {
        str(path.relative_to(ROOT))
        for folder in ("functions", "layers/core/everloop", "jobs/everloop_jobs")
        for path in (ROOT / folder).rglob("*.py")
        if publishers(path.read_text())
    }
    assert told == {
        "layers/core/everloop/aws/clients.py",  # makes the client
        "layers/core/everloop/aws/people.py",  # the door
        "layers/core/everloop/aws/subscribers.py",  # lists who is reached
    }
    lists = (ROOT / "layers/core/everloop/aws/subscribers.py").read_text()
    assert "publish" not in lists
    for machine in (ROOT / "statemachines").glob("*.yaml"):
        assert "sns:" not in machine.read_text(), f"{machine.name} tells people by itself"


@pytest.mark.parametrize(
    "source",
    [
        "from everloop.aws.clients import sns\nsns().publish(TopicArn='x')",
        "from everloop.aws import clients\nclients.sns().publish(Message='x')",
        "import boto3\nboto3.client('sns').publish(Message='x')",
        "client.publish(TopicArn='x', Message='y')",
    ],
)
def test_another_door_would_be_seen(source):
    assert publishers(source)


def test_a_message_reads_in_a_chat():
    told = chat.document(TOLD, "eu-west-1")
    assert (told["version"], told["source"], told["id"]) == ("1.0", "custom", "prices-r4-v7")
    assert told["content"] == {
        "textType": "client-markdown",
        "title": "prices v7: was not released",
        "description": "tests-failed: 3 of 200 rows differ\nproduction is as it was\n\n"
        "• rows: *200*\n• largest difference: *0.04212*\n• endpoint: *prices-staging*\n\n"
        "report in the console: https://eu-west-1.console.aws.amazon.com/s3/object/artefacts"
        "?region=eu-west-1&prefix=releases/prices/r4/endpoint%20tests.json",
        "keywords": ["prices", "release-failed"],
        "nextSteps": ["Approve it again:", "`everloop approve prices --version 7`"],
    }
    assert told["metadata"]["threadId"] == "prices v7"
    assert told["metadata"]["eventType"] == "release-failed"


def test_what_others_wrote_means_nothing_in_a_chat():
    hostile = "<!channel> <@U1> [x](https://evil.example) *now* `rm` ~no~"
    told = chat.document(
        replace(TOLD, why=hostile, happened=hostile, to_do=(f"  {hostile}",)), "eu-west-1"
    )
    shown = json.dumps(told["content"], ensure_ascii=False).replace("*200*", "")
    assert not {"<", ">", "~"} & {*shown}
    assert "`" not in told["content"]["nextSteps"][0][1:-1]


def test_a_long_message_is_cut_in_a_chat_and_keeps_its_links():
    links = {"far": "https://" + "a" * 300_000, **TOLD.links}
    long = replace(TOLD, why="w" * 50_000, to_do=("s" * 900,) * 50, links=links)
    told = chat.document(long, "eu-west-1")
    assert "a" * 5000 not in told["content"]["description"]
    assert len(told["content"]["description"]) < 4000
    assert "console.aws.amazon.com" in told["content"]["description"]
    assert len(told["content"]["nextSteps"]) == 5
    assert all(len(step) <= 302 for step in told["content"]["nextSteps"])
