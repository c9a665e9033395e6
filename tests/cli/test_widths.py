"""What people read fits their terminal, from 40 to 200 columns; no number is ever cut off."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from everloop.moments import moment
from everloop.views.comparison import Detailed, Measured
from everloop.views.model import Model
from everloop.views.run import Run
from everloop.views.timeline import TimelineEntry
from everloop_cli import render, render_versions, show

WIDTHS = (40, 60, 80, 120, 200)
NOW = moment("2026-11-20T12:20:00Z")
REASON = "auc 0.7144 misses its bar: at least 0.8000; [evaluate] says so, and a person may look"


def entry(kind: str = "judge", outcome: str = "bad", model: str = "flight-delays") -> Any:
    time = "2026-11-20T10:20:00.000Z"
    return TimelineEntry(3, time, model, kind, False, outcome, REASON, "", "", 2, {})  # type: ignore[arg-type]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., list[str]]]:
    """Print on a terminal of so many columns; give its lines."""
    before = show.out.width

    def print_on(width: int, printing: Callable[..., None], *given: Any) -> list[str]:
        show.out.width = width
        printing(*given)
        return capsys.readouterr().out.splitlines()

    yield print_on
    show.out.width = before


def glances() -> list[Model]:
    run = Run(
        "m-w3-0000", 3, "data", "running", "info", NOW, None, None, "d", "c", "", {}, [], None
    )
    return [
        Model("flight-delays", 12, "InService", 1137, "Rejected", "bad", run, [], "", entry()),
        Model("a-name-of-thirty-two-characters1", 3, "none", 4, "", "info", None, [], "", None),
    ]


@pytest.mark.parametrize("width", WIDTHS)
def test_status_is_a_line_a_model_and_versions_are_whole(shown: Any, width: int) -> None:
    lines = shown(width, render.models, glances(), NOW)
    assert len(lines) == 2 + len(glances())
    assert max(map(len, lines)) <= width
    assert re.search(r"\b12\b.*\b1137\b", lines[2]) and re.search(r"\b3\b.*\b4\b", lines[3])
    assert lines[2].startswith("flight-d") and lines[3].startswith("a-name-")
    if width >= 80:
        assert "✗ rejected" in lines[2]
    if width >= 120:
        assert "2 h ago, judge: auc" in lines[2]


@pytest.mark.parametrize("width", WIDTHS)
def test_watch_wraps_words_below_each_other(shown: Any, width: int) -> None:
    for model in ("m", "flight-delays", "a-name-of-thirty-two-characters1"):
        lines = shown(width, render.decision, model, entry(model=model))
        assert max(map(len, lines)) <= width
        said = " ".join(" ".join(lines).split())
        assert f"{model} ✗ judge" in said and said.endswith(REASON)


@pytest.mark.parametrize("width", WIDTHS)
def test_numbers_of_versions_are_never_cut(shown: Any, width: int) -> None:
    metrics = {
        name: Measured(0.7144, 0.6419, 0.7787)
        for name in ("auc", "accuracy", "average_precision", "recall_at_precision_80")
    }
    entries = [
        Detailed(number, "PendingManualApproval", "waiting", NOW, False, "data", metrics)
        for number in (1234, 9)
    ]
    lines = shown(width, render_versions.versions, "flight-delays", entries, 2)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    for number in ("1234", "9"):
        assert number in words
    assert words.count("0.7144") == words.count("(0.6419") == words.count("0.7787)") == 8
    assert words.count("PendingManualApproval") == 2


@pytest.mark.parametrize("width", WIDTHS)
def test_numbers_of_trainings_are_never_cut(shown: Any, width: int) -> None:
    took = timedelta(minutes=7)
    run = Run("m-w123-01234567", 123, "data", "failed", "bad", NOW, took, 1234567, *["d" * 64] * 2,
              "job", {}, [], None)  # fmt: skip
    lines = shown(width, render_versions.runs, "m", [run], 1)
    assert max(map(len, lines)) <= width
    words = " ".join(lines).split()
    assert "m-w123-01234567" in words and "1,234,567" in words and "d" * 12 in words


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-20T12:19:31Z", "just now"),
        ("2026-11-20T12:15:00Z", "5 min ago"),
        ("2026-11-20T10:20:00Z", "2 h ago"),
        ("2026-11-17T12:20:00Z", "3 d ago"),
        ("2026-11-20T14:30:00Z", "in 2 h"),
        ("2026-11-20T12:20:20Z", "in a minute"),
    ],
)
def test_moments_are_told_as_people_tell_them(at: str, said: str) -> None:
    assert render.ago(at, NOW) == said


def test_marks_stand_beside_colours() -> None:
    assert set(render.MARKS) == set(render.STYLES)
    assert len(set(render.MARKS.values())) == len(render.MARKS)
