"""What the page shows: the numbers of the command's --json, other people's words as text, words in
two languages, and what helps where there is nothing or something is wrong."""

import ast
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from cli.page.conftest import EMPTY, HOSTILE, MODEL, NASTY, OWN_PAGE, client_of, site

from everloop.chain import KINDS
from everloop_cli.page import render, words

_FOLLOWED: set[str] = set()  # links that were found good
PAGE = Path(render.__file__).parent
OF_MODEL = ("", "/data", "/compare", "/ledger", "/versions/1", "/runs/{run}")


def run_of(model):
    return f"{model}-w1-0a1b2c3d"


def addresses():
    yield from ("/", "/operate")
    for model in (MODEL, HOSTILE):
        yield from (f"/models/{model}{path}".format(run=run_of(model)) for path in OF_MODEL)


class Read(HTMLParser):
    """The numbers, links, names of elements and words of a page."""

    def __init__(self, text):
        super().__init__()
        self.numbers, self.links, self.tags, self.words = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.tags.append((tag, given))
        if tag == "data":
            self.numbers.append(json.loads(given["value"]))
        if given.get("href", "").startswith("/"):
            self.links.append(given["href"])

    def handle_data(self, text):
        self.words.append(text)


def numbers_of(document):
    """Return every number of a JSON document."""
    if isinstance(document, dict):
        return {n for value in document.values() for n in numbers_of(value)}
    if isinstance(document, list):
        return {len(document)} | {n for value in document for n in numbers_of(value)}
    return {document} if isinstance(document, int | float) else set()


@pytest.mark.parametrize(
    ("path", "commands", "shown"),
    [
        ("", [("status", MODEL), ("versions", MODEL)], {2.5, 1.75, 2.25, 1.5, 406, 408}),
        ("/versions/2", [("versions", MODEL), ("why", MODEL, "--version", "2")], {1.75, 1.875, 7}),
        ("/compare", [("compare", MODEL, "1", "2"), ("runs", MODEL)], {2.5, 1.75, -0.75, 1234}),
        (f"/runs/{run_of(MODEL)}", [("runs", MODEL)], {2.5}),
        ("/data", [("data", "list", MODEL, "--all")], {0}),
        ("/ledger", [("why", MODEL, "--version", "1")], {7}),
    ],
)
def test_every_number_is_the_commands_number(page, run_json, path, commands, shown):
    found = set(Read(page.get(f"/models/{MODEL}{path}").text).numbers)
    known = set().union(*(numbers_of(run_json(*words)) for words in commands))
    assert found - known == set()
    assert shown <= found


def test_the_first_page_shows_what_status_says_of_each_model(page, run_json):
    page.app._app.state.site.board.rows([MODEL, HOSTILE, EMPTY], 30)
    read = Read(page.get("/").text)
    statuses = run_json("status")
    assert {each["model"] for each in statuses} == {MODEL, HOSTILE, EMPTY}
    assert {f"/models/{each['model']}" for each in statuses} <= set(read.links)
    text = " ".join(" ".join(read.words).split())
    assert "v2 waits for you" in text and "nothing yet" in text
    assert 1.5 in read.numbers and 3.5 in read.numbers  # the last look's drift, and quality
    costs = run_json("costs", "--models", "1")["months"][0]
    assert any(0 < number <= costs["all"] * 3 for number in read.numbers)


@pytest.mark.parametrize("address", list(addresses()))
def test_each_page_is_whole_and_no_word_of_others_becomes_part_of_it(page, address):
    answer = page.get(address)
    assert answer.status_code == 200, answer.text
    assert "<script>alert" not in answer.text and "<img" not in answer.text
    assert "49" not in re.findall(r"onerror=alert\(2\)&gt;(\S*)", answer.text)
    read = Read(answer.text)
    assert [tag for tag, _ in read.tags if tag == "h1"] == ["h1"]
    scripts = [given for tag, given in read.tags if tag == "script"]
    assert [each.get("src") for each in scripts] == ["/static/page.js"]
    for tag, given in read.tags:
        assert "style" not in given, f"{tag}: the page's policy forbids it"
        assert not [name for name in given if name.startswith("on")]
        if tag in ("img", "link", "iframe", "a") and (where := given.get("src", given.get("href"))):
            assert not re.match(r"(https?:)?//", where), where
    fresh = {*read.links} - _FOLLOWED
    _FOLLOWED.update(fresh)
    assert [link for link in fresh if page.get(link).status_code >= 400] == []


def test_hostile_words_are_shown_as_they_were_said(page):
    text = " ".join(Read(page.get(f"/models/{HOSTILE}").text).words)
    assert NASTY in text


@pytest.mark.parametrize(
    ("address", "status", "said"),
    [
        ("/models/nobody", 404, "no model 'nobody' is installed"),
        (f"/models/{MODEL}/versions/99", 404, "has no version 99"),
        (f"/models/{MODEL}/runs/nothing", 404, "has no run"),
        (f"/models/{MODEL}/compare?first=1&second=99", 404, "has no version 99"),
        (f"/models/{MODEL}/looks/1", 404, "There is no such page"),
        (f"/models/{MODEL}/versions/1/reports/passwords", 404, "There is no such page"),
        ("/models/%3Cscript%3E", 404, "&lt;script&gt;"),
        ("/nothing", 404, "There is no such page"),
        ("/?page=99999&q=%00", 200, "No model is called so"),
        (f"/models/{MODEL}/ledger?before=x&q=zzzz", 200, "No decision has these words"),
        (f"/models/{EMPTY}", 200, "Nothing was trained yet"),
        (f"/models/{EMPTY}/compare", 200, "Two versions are needed"),
        (f"/models/{EMPTY}/data", 200, "No data came yet"),
    ],
)
def test_what_is_not_there_is_said_and_the_way_on(page, address, status, said):
    answer = page.get(address)
    assert (answer.status_code, said in answer.text.replace("&#39;", "'")) == (status, True)


def test_a_report_is_shown_in_a_frame_that_runs_nothing(page):
    version = page.get(f"/models/{MODEL}/versions/1")
    frames = [given for tag, given in Read(version.text).tags if tag == "iframe"]
    assert [frame["sandbox"] for frame in frames] == [""]
    report = page.get(frames[0]["src"])
    assert "A report" in report.text
    policy = report.headers["content-security-policy"]
    assert policy.startswith("sandbox; default-src 'none'") and "script-src" not in policy
    assert "frame-ancestors 'self'" in policy
    looks = [link for link in Read(page.get(f"/models/{MODEL}").text).links if "/looks/" in link]
    assert len(looks) == 3
    assert "A report" in page.get(f"{looks[0]}/report").text


def test_a_page_of_the_folders_own_is_shown_beside_ours_in_an_origin_of_nobodys(page):
    version = Read(page.get(f"/models/{MODEL}/versions/2").text)
    links = [given.get("href", "") for tag, given in version.tags if tag == "a"]
    (link,) = [each for each in links if "report=own" in each]
    opened = Read(page.get(f"/models/{MODEL}/versions/2{link}").text)
    (frame,) = [given for tag, given in opened.tags if tag == "iframe"]
    assert frame["sandbox"] == "allow-scripts"
    assert frame["title"] == OWN_PAGE
    answer = page.get(frame["src"])
    assert "<h1>Drift</h1>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts; default-src 'none'")
    assert "allow-same-origin" not in policy and "connect-src" not in policy
    for other in ("report.html", "../evaluation.json", "predictions.csv", "none.html"):
        assert page.get(f"/models/{MODEL}/versions/2/own/{other}").status_code == 404


def test_a_page_that_only_reads_offers_no_word_and_takes_none(page):
    address = f"/models/{MODEL}/versions/2"
    assert '<form method="post"' not in page.get(address).text
    answer = say(page, address, word="approve", reason="x")
    assert answer.status_code == 403 and "only reads" in answer.text


def say(client, address, **form):
    """Send a word on a version as the page's own form does."""
    csrf = re.search(r'name="csrf" value="(\w+)"', client.get(address).text)
    data = {"csrf": csrf[1] if csrf else "", "seen": "PendingManualApproval", **form}
    headers = {"Origin": str(client.base_url), "Sec-Fetch-Site": "same-origin"}
    return client.post(f"{address}/word", data=data, headers=headers)


def approval(prepared, number):
    found = prepared.service("sagemaker").list_model_packages(ModelPackageGroupName=MODEL)
    return {
        each["ModelPackageVersion"]: each["ModelApprovalStatus"]
        for each in found["ModelPackageSummaryList"]
    }[number]


@pytest.mark.parametrize(
    ("form", "status", "said"),
    [
        ({"csrf": "forged", "word": "approve", "reason": "x"}, 403, "not one of this page"),
        ({"word": "delete", "reason": "x"}, 403, "approved or rejected"),
        ({"word": "approve", "reason": "  "}, 400, "Say why"),
        ({"word": "approve", "reason": "x" * 1025}, 400, "Say why"),
        ({"word": "approve", "reason": "x", "seen": "Rejected"}, 409, "Somebody was faster"),
    ],
)
def test_a_word_that_cannot_be_said_changes_nothing(changing, prepared, form, status, said):
    answer = say(changing, f"/models/{MODEL}/versions/2", **form)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert approval(prepared, 2) == "PendingManualApproval"


def test_a_version_is_approved_with_a_reason_as_whoever_looks(changing, prepared):
    address = f"/models/{MODEL}/versions/1"
    assert "will be tested and released" in changing.get(address).text
    answer = say(changing, address, word="approve", reason=f"good {NASTY}")
    assert answer.status_code == 200 and "the version is approved" in answer.text
    assert approval(prepared, 1) == "Approved"
    arn = "arn:aws:sagemaker:us-east-1:123456789012:model-package/prices/1"
    found = prepared.service("sagemaker").describe_model_package(ModelPackageName=arn)
    assert found["ApprovalDescription"] == f"good {NASTY}"
    again = say(changing, address, word="reject", reason="no", seen="PendingManualApproval")
    assert again.status_code == 409 and approval(prepared, 1) == "Approved"


def test_a_look_at_operate_receives_no_dead_letter_until_somebody_asks(page, prepared):
    sqs = prepared.service("sqs")
    url = sqs.get_queue_url(QueueName="everloop-failed")["QueueUrl"]
    sent = sqs.send_message(QueueUrl=url, MessageBody='{"requestPayload": {"model": "m-in-it"}}')

    def received():
        """Receive it as well, and return how often it has been."""
        name = "ApproximateReceiveCount"
        (each,) = sqs.receive_message(
            QueueUrl=url, VisibilityTimeout=0, MessageSystemAttributeNames=[name]
        )["Messages"]
        assert each["MessageId"] == sent["MessageId"]
        return int(each["Attributes"][name]), each["ReceiptHandle"]

    text = page.get("/operate").text
    assert "?letters=failed#letters-h" in text and "m-in-it" not in text
    assert received()[0] == 1
    assert "m-in-it" in page.get("/operate?letters=failed").text
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received()[1])
    assert "?letters=failed#letters-h" not in page.get("/operate?letters=other").text


def test_times_say_their_zone_and_how_fast_the_clocks_run(page):
    page.app._app.state.site.clock.speed = 120.0
    text = page.get("/").text
    assert "UTC · clock runs 120× real time" in text
    assert (
        'datetime="2026-11-20T08:00:00Z" title="2026-11-20 08:00:00 UTC"'
        in page.get(f"/models/{MODEL}").text
    )


def test_the_page_speaks_portuguese_to_who_does_and_to_who_chooses(page):
    assert "Nada precisa" in page.get(f"/models/{EMPTY}", headers={"Accept-Language": "pt-BR"}).text
    assert "Modelos" not in page.get("/", headers={"Accept-Language": "de, en;q=0.5"}).text
    answer = page.get("/language/pt?back=/operate", follow_redirects=False)
    assert answer.headers["location"] == "/operate"
    text = page.get("/").text
    assert '<html lang="pt">' in text and "Modelos" in text
    away = page.get("/language/pt?back=//evil.example", follow_redirects=False)
    assert away.headers["location"] == "/"


def test_a_reason_of_the_ledger_stays_as_it_was_said(page):
    english = Read(page.get(f"/models/{MODEL}/ledger").text).words
    other = page.get(f"/models/{MODEL}/ledger", headers={"Accept-Language": "pt"})
    said = [word for word in english if word.startswith("drift ")]
    assert said and set(said) <= set(Read(other.text).words)


def phrases():
    """Return each text that the page translates, by where it stands."""
    found = {}
    for path in PAGE.rglob("*.html"):
        for match in re.finditer(r"""\bt\(\s*("[^"]*"|'[^']*')""", path.read_text()):
            found[ast.literal_eval(match[1])] = path.name
    for path in PAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "t":
                found[ast.literal_eval(node.args[0])] = path.name
    return found


def test_each_word_of_the_page_has_its_portuguese_and_none_is_left_over():
    portuguese = words.portuguese()
    assert {text: where for text, where in phrases().items() if text not in portuguese} == {}
    assert set(portuguese) - set(phrases()) == set()
    for text, said in portuguese.items():
        assert sorted(re.findall(r"{\w+}", text)) == sorted(re.findall(r"{\w+}", said)), text


def test_each_kind_of_decision_has_a_name():
    assert set(render.titles(words.translator("en"))) >= KINDS


def test_what_needs_attention_is_on_the_first_page_with_the_command_that_helps(prepared):
    made = site(allow_changes=False)
    client = client_of(made)
    assert "Looking at the stack and its models" in client.get("/").text
    made.board._look()
    made.board._examine()
    text = client.get("/").text
    assert "version 2 waits for approval" in text
    assert f"everloop approve {MODEL}" in text
    assert "nobody is notified when something stops" in text
    made.board.stop(wait=True)


def test_the_ledgers_growth_is_told_to_who_listens(prepared):
    made = site(allow_changes=False)
    heard = []
    end = made.board.listen(lambda model, seq: heard.append((model, seq)))
    made.board._look()
    prepared.decide(EMPTY, "install", 1, reason="again")
    made.board._look()
    assert heard == [(EMPTY, 1)]
    end()
    prepared.decide(EMPTY, "install", 2, reason="and again")
    made.board._look()
    assert len(heard) == 1
    made.board.stop(wait=True)


def test_a_flaw_of_the_page_is_said_to_whoever_looks(page, capsys):
    page.app._app.state.site.board.names = None
    answer = page.get("/")
    assert answer.status_code == 500
    assert "The page has a flaw" in answer.text and "TypeError" in answer.text


def test_a_stack_that_does_not_answer_is_said_with_what_to_do(page, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    from everloop.aws import account

    account.reach()
    answer = page.get(f"/models/{MODEL}/ledger")
    monkeypatch.undo()
    account.reach()
    assert answer.status_code == 502
    assert "AWS did not answer as it should" in answer.text and "everloop doctor" in answer.text
