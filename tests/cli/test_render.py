"""What people read of a model: its page, and a version's story. Built from views alone."""

from datetime import timedelta

import pytest

from everloop.moments import moment
from everloop.views.attention import Attention
from everloop.views.chain import Chain
from everloop.views.data import Data, Dataset, Object
from everloop.views.document import document
from everloop.views.endpoint import Endpoint
from everloop.views.look import Look
from everloop.views.model import Model, Step
from everloop.views.overview import Overview
from everloop.views.release import Release
from everloop.views.run import Run
from everloop.views.story import Story
from everloop.views.timeline import TimelineEntry
from everloop.views.version import ApprovalWord, Listed, Service, Version
from everloop.views.version import Test as EndpointTest
from everloop.views.withdrawn import Affected, TrainedOn
from everloop_cli import render, render_story

T = moment("2026-11-20T10:20:00Z")
RUN = Run("m-w3-0000", 3, "data", "running", "info", T, None, None, "d", "c", "", {}, [], None)
ENTRY = TimelineEntry(
    *(1, "2026-11-20T10:20:00.000Z", "m", "judge", False, "waiting", "[retrain] waits"),
    *("me", "", 2, {}),
)
ENDPOINT = Endpoint("m", "Updating", "waiting", "m-v1-0000", 1, "m-v2-0000", T, "")
WORD = ApprovalWord("arn:me", "2026-11-20", "Approved", "fine")


def glance(**more):
    steps = [Step("Prepare", "Succeeded"), Step("Train", "Executing")]
    kept = {"run": RUN, "steps": steps, "paused": "", "last": ENTRY, **more}
    return Model("m", 1, "InService", 2, "PendingManualApproval", "waiting", **kept)


def page(**more):
    runs = [
        Run(
            f"m-w{n}",
            n,
            "data",
            "failed",
            "bad",
            T,
            timedelta(hours=2),
            9,
            "d",
            "c",
            "",
            {},
            [],
            None,
        )
        for n in range(7)
    ]
    kept = {
        "model": glance(),
        "endpoints": [ENDPOINT],
        "attention": [
            Attention("bad", "it [is] wrong", "everloop resume m"),
            Attention("info", "x"),
        ],
        "versions": [
            Listed(2, "arn", "Rejected", "bad", T, False),
            Listed(1, "a", "Approved", "good", T, True),
        ],
        "runs": runs,
        "releases": [Release(2, 1, "rolled-back", "bad", "5xx", T, True)],
        "looks": [
            Look("2026-11-20T10:20:00Z", 1, "bad", True, True, "psi", ("data",), (), 1200, ""),
            Look("2026-11-20T10:10:00Z", 1, "bad", False, False, "few", (), ("data",), None, ""),
            Look("2026-11-20T10:00:00Z", None, "good", False, True, "fine", (), (), 9, ""),
        ],
        "decisions": [ENTRY],
        **more,
    }
    return Overview(**kept)


@pytest.fixture
def lines(capsys):
    """Print, and give the lines without the blanks that align them."""

    def shown(printing, *given):
        printing(*given)
        out = capsys.readouterr().out
        assert "\x1b" not in out  # no colours where nobody sees them
        return [" ".join(line.split()) for line in out.splitlines()]

    return shown


def test_a_model_in_a_list_says_where_its_training_is(lines):
    (_, _, row) = lines(render.models, [glance()])
    assert row == (
        "m 1 InService 2 ? waits window 3 running: Train executing judge: [retrain] waits"
    )


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"run": None}, "never"),
        ({"steps": []}, "window 3 running judge"),
        ({"steps": [Step("Register", "Succeeded")]}, "running: Register succeeded"),
        ({"paused": "paused by ana: moving"}, "paused by ana: moving"),
        ({"last": None}, "none"),
    ],
)
def test_a_model_in_a_list_leaves_out_what_is_not(lines, more, words):
    assert words in lines(render.models, [glance(**more)])[2]


def test_a_column_of_numbers_has_gaps_where_there_are_none(capsys):
    render.models([glance(), Model("new", None, "none", None, "", "info", None, [], "", None)])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert rows[0].index(" 1 ") == rows[1].index(" - ")


def test_a_page_shows_the_newest_of_each_and_how_many_there_are(lines):
    shown = lines(render.overview, page())
    assert "wrong it [is] wrong" in shown and "everloop resume m" in shown
    assert "2 Rejected 2026-11-20 10:20:00" in shown
    assert "1 Approved 2026-11-20 10:20:00 serves" in shown
    assert "Trainings (the newest 5 of 7)" in shown
    assert len([line for line in shown if "failed" in line]) == 5
    assert "0 failed 2026-11-20 10:20:00 2.0 h 9 data" in shown
    assert "2 1 rolled-back 2026-11-20 10:20:00 5xx (given up)" in shown
    assert "2026-11-20 10:20:00 1 violation 1,200 psi" in shown
    assert "2026-11-20 10:10:00 1 not judged - few" in shown
    assert "2026-11-20 10:00:00 - nothing 9 fine" in shown
    assert "2026-11-20 10:20:00 judge no waiting [retrain] waits" in shown


@pytest.mark.parametrize(
    ("took", "words"),
    [(None, "-"), (timedelta(seconds=8), "8 s"), (timedelta(seconds=61), "1 min 01 s")],
)
def test_how_long_something_took(took, words):
    assert render.span(took) == words


def test_endpoints_on_their_way_name_what_comes():
    assert render.endpoints([ENDPOINT]) == "m Updating (coming: m-v2-0000)"
    assert render.steps([("Train", "Executing")]) == "Train executing"


def story(version, *, serving=ENDPOINT, problems=(), anchors=({},), trained=None):
    chain = Chain(3, None, list(anchors), list(problems), [])
    return Story("m", serving, version, trained or TrainedOn([], 0, []), chain)


def version(number=1, **more):
    kept = {
        "package": "arn",
        "registered": True,
        "approval": "Approved",
        "approval_outcome": "good",
        "made_of": {"dataset-uri": "s3://d", "cause": "data"},
        "instances": {"train": "ml.m5.large (spot)", "production": "ml.t2.medium"},
        "pinned": "2026 by ana",
        "model_digest": "d",
        "container_digest": "c",
        "decided_by": WORD,
        "endorsed_by": None,
        "tests": [
            EndpointTest("t", "latency", True, "p95 9 ms"),
            EndpointTest("t", "contract", False, "500"),
        ],
        "service": [
            Service("2026-11-20T10:20:00Z", "released", None),
            Service("2026-11-20T10:20:00Z", "released", 3),
            Service("2026-11-20T10:20:00Z", "rolled-back", 3, None, "5xx"),
            Service("2026-11-20T10:20:00Z", "replaced", None, 4),
        ],
        "reproduced": [],
        "decisions": [ENTRY],
        **more,
    }
    return Version(number, **kept)


def test_a_story_says_what_a_version_is_made_of_and_what_became_of_it(lines):
    shown = lines(render_story.story, story(version()))
    assert shown[0] == "m serves version 1: endpoint m is Updating with m-v1-0000"
    for line in (
        "trained on s3://d",
        "because of data",
        "pinned 2026 by ana",
        "decided by arn:me (Approved, 2026-11-20)",
        "in words fine",
        "test latency passed: p95 9 ms",
        "test contract failed: 500",
        "replaced nothing: it was the first, 2026-11-20 10:20:00",
        "replaced version 3, 2026-11-20 10:20:00",
        "rolled-back 2026-11-20 10:20:00: 5xx",
        "replaced by version 4, 2026-11-20 10:20:00",
        "The ledger's chain of 3 decisions is whole, and 1 anchors agree.",
    ):
        assert line in shown


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (story(None, serving=None), "Nothing serves m yet."),
        (story(version(2)), "m v2 does not serve; version 1 does"),
        (story(version(2), serving=None), "m v2 does not serve; nothing does"),
        (story(version(endorsed_by=WORD)), "first yes arn:me (Approved, 2026-11-20): fine"),
        (
            story(version(registered=False)),
            "registry its package was deleted; this is what the ledger kept",
        ),
        (story(None, problems=["decision 2 is missing"]), "decision 2 is missing"),
        (story(None, problems=["x"]), "THE LEDGER'S CHAIN IS BROKEN:"),
        (
            story(None, anchors=()),
            "The ledger's chain of 3 decisions is whole. No anchor of it was found.",
        ),
        (
            story(None, trained=TrainedOn([Affected(1, 4, ["a", "b", "c", "d"])], 4, [2, 3])),
            "Version 1 was trained on 4 objects that were withdrawn since, and serves now: a, b, c",
        ),
        (
            story(None, trained=TrainedOn([], 4, [2, 3])),
            "The dataset of version 2, 3 could not be read.",
        ),
    ],
)
def test_a_story_tells_what_is_missing_or_wrong(lines, told, line):
    assert line in lines(render_story.story, told)


def test_data_is_shown_with_who_took_it_out_and_why(lines):
    gone = Object("i", "data/m/a.csv", "v", "withdrawn", "bad", "wrong month", T, "ana", "", 1)
    there = Object("j", "data/m/b.csv", "v", "present", "good", "", T, "", "", 1)
    assert lines(render.data, Data("m", Dataset(2, "d" * 64, "s3://x"), [gone, there])) == [
        "withdrawn data/m/a.csv 2026-11-20 10:20:00 by ana: wrong month",
        "present data/m/b.csv",
        "newest dataset: window 2, dddddddddddd",
    ]
    assert lines(render.data, Data("m", None, [])) == ["nothing of m was withdrawn or set aside"]


def test_a_document_is_plain_all_the_way_down():
    found = document(page())
    assert found["runs"][0]["took"] == 7200.0
    assert found["model"]["run"]["started_at"] == "2026-11-20T10:20:00.000Z"
    assert found["looks"][0]["monitors"] == ["data"]
    assert found["decisions"][0] == {
        **{"seq": 1, "time": "2026-11-20T10:20:00.000Z", "model": "m", "kind": "judge"},
        **{"go": False, "outcome": "waiting", "reason": "[retrain] waits", "actor": "me"},
        **{"subject": "", "version": 2, "facts": {}},
    }
