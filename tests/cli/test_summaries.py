"""The comment of a pull request: what was found, as Markdown that no finding can break."""

from everloop_cli.model_check.findings import BAD, GOOD, SKIPPED, Finding
from everloop_cli.model_check.summaries import markdown


def test_what_is_wrong_comes_first_with_its_place_and_its_fix() -> None:
    bad = Finding("train", BAD, "train.py ended with 1", "read the log", "train.py", 7)
    text = markdown({"a": [Finding("syntax", GOOD, "3 scripts")], "b": [bad]}, ["c"])
    assert "### everloop check: 1 of 2 models are not good" in text
    assert text.index("#### b") < text.index("#### a")
    assert "| train | **WRONG** | train.py:7: train.py ended with 1<br>Fix: read the log |" in text
    assert "The folder of **c** is gone" in text


def test_what_was_not_tried_is_told_once() -> None:
    found = [Finding(stage, SKIPPED, "no sample", "add one") for stage in ("data", "train")]
    assert "Not tried: data, train (no sample). Fix: add one\n" in markdown({"m": found})


def test_what_a_script_prints_is_text() -> None:
    hostile = "a | b\n| x <img src=x> @ana `c` [d](e) *f* #1"
    (row,) = [
        line
        for line in markdown({"m": [Finding("train", BAD, hostile)]}).splitlines()
        if line.startswith("| train")
    ]
    assert row.count("|") == 4
    assert not set("<@`[#") & set(row.replace("&#", "").replace("&lt;", ""))


def test_a_comment_is_no_longer_than_github_takes() -> None:
    found = [Finding("train", BAD, "x" * 5_000)] * 200
    text = markdown({"m": found})
    assert len(text) < 65_536 and text.endswith("…\n")
