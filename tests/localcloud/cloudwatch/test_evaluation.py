"""When an alarm is in which state: AWS's own tables of missing data."""

import pytest

from everloop_localcloud.cloudwatch.evaluation import Condition, judge
from everloop_localcloud.cloudwatch.rules import parse
from everloop_localcloud.kernel.errors import AwsError

KEPT = None


def _points(picture: str) -> dict[int, float]:
    """Read `0 - X - X`: 0 does not breach, X does, - is missing; the newest is last."""
    return {
        at * 60: {"X": 9.0, "0": 0.0}[letter]
        for at, letter in enumerate(picture.split())
        if letter != "-"
    }


@pytest.mark.parametrize(
    ("needed", "picture", "states"),
    [
        (3, "0 - X - X", ("OK", "OK", "OK", "OK")),
        (3, "- - - - 0", ("OK", "OK", "OK", "OK")),
        (3, "- - - - -", ("INSUFFICIENT_DATA", KEPT, "ALARM", "OK")),
        (3, "0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (3, "- - X - -", ("ALARM", KEPT, "ALARM", "OK")),
        (2, "0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "0 - X - -", ("OK", "OK", "ALARM", "OK")),
        (2, "- - - - 0", ("OK", "OK", "ALARM", "OK")),
        (2, "- - - X -", ("ALARM", KEPT, "ALARM", "OK")),
    ],
)
def test_missing_data_is_treated_as_aws_s_tables_say(
    needed: int, picture: str, states: tuple[str | None, ...]
) -> None:
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    for treatment, state in zip(treatments, states, strict=True):
        condition = Condition("GreaterThanThreshold", 5.0, 3, needed, treatment)
        assert judge(condition, _points(picture)).state == state, treatment


def test_the_reason_carries_the_numbers() -> None:
    condition = Condition("GreaterThanOrEqualToThreshold", 1.0, 1, 1)
    assert judge(condition, {1795169400: 3.0}).reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [3.0 (20/11/26 10:10:00)] was greater "
        "than or equal to the threshold (1.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ALARM(a)", True),
        ("OK(a)", False),
        ('ALARM("a") AND OK(b)', True),
        ("ALARM(b) OR NOT ALARM(a)", False),
        ("NOT (ALARM(b) OR FALSE) AND TRUE", True),
        ("ALARM(arn:aws:cloudwatch:us-east-1:123456789012:alarm:a)", True),
        ("INSUFFICIENT_DATA(none)", False),
    ],
)
def test_rules_of_composite_alarms(text: str, value: bool) -> None:
    rule, _ = parse(text)
    assert rule({"a": "ALARM", "b": "OK"}.get) is value


@pytest.mark.parametrize("text", ["", "ALARM(a) AND", "(ALARM(a)", "ALARM(a) OK(b)", "BROKEN(a)"])
def test_bad_rules_are_refused(text: str) -> None:
    with pytest.raises(AwsError):
        parse(text)
