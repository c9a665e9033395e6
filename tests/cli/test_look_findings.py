"""Doctor never calls a model good whose last look could not judge."""

import pytest

from everloop.views.timeline import timeline
from everloop_cli import model_findings

URI = "s3://artefacts/monitoring/m/2026-11-20T1100/findings.json"


def found(decisions):
    return [(each.found, each.fix) for each in model_findings._last_look("m", timeline(decisions))]


def look(**facts):
    reason = "could not judge (9 rows, 0 with labels): data: only 9 rows, 200 are needed"
    return {
        "seq": 1,
        "kind": "monitor",
        "go": False,
        "time": "2026-11-20T11:05:00.000Z",
        "reason": reason,
        "facts": {"findings_uri": URI, "judged": 5, "blind": [], **facts},
    }


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"judged": 0}, id="nothing was judged"),
        pytest.param({"blind": ["prediction"]}, id="one monitor was not"),
    ],
)
def test_a_look_that_could_not_judge_is_told_with_its_report(facts):
    assert found([look(), look(**facts)]) == [
        (
            "the last look, at 2026-11-20T11:05:00.000Z: could not judge (9 rows, 0 with labels): "
            "data: only 9 rows, 200 are needed",
            "aws s3 cp s3://artefacts/monitoring/m/2026-11-20T1100/report.html .",
        )
    ]


def test_silence_that_is_too_long_is_told():
    silence = {**look(), "facts": {"silent_since": "2026-11-20T06:00:00.000Z"}}
    ((_, command),) = found([silence])
    assert command == "everloop status m"


@pytest.mark.parametrize(
    "decisions",
    [
        pytest.param([], id="no look yet"),
        pytest.param([look(judged=0), look()], id="it can judge again"),
        pytest.param([{**look(), "facts": {"checks": 3}}], id="a look of before"),
    ],
)
def test_a_look_that_judged_is_no_finding(decisions):
    assert found(decisions) == []
