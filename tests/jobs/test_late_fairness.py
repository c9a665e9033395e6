"""Bars of fairness that need the truth are judged in traffic once labels have come, and once."""

import gzip
from typing import Any

import pytest
from job_container import Container, spec_of

from .test_late_labels import RULES, Looks, keyed

FAIR: dict[str, Any] = {
    "groups": ["colour"],
    "reference": {},
    "bands": {},
    "favourable": [],
    "bars": {"mae_difference": 1.0},
    "least_rows": 30,
    "confidence": 0.95,
    "max_worsening": 0.05,
    "keep_out": [],
    "waive_by": [],
}
MORNING, NOON = "2026-11-16T09:00:00Z", "2026-11-17T{}:00:00.000Z".format


@pytest.fixture
def looks(container: Container, bundle: bytes) -> Looks:
    return Looks(container, bundle)


def fair(looks: Looks, **changed: Any) -> None:
    spec = {**spec_of(monitor=RULES), "fairness": {**FAIR, **changed}}
    looks.container.code(looks.bundle, spec)


def sent(first: int = 0, last: int = 300) -> list[tuple[str, float, str]]:
    return [
        (key, score, "red" if n % 3 == 0 else "blue")
        for n, (key, score) in enumerate(keyed(first, last))
    ]


def labelled(looks: Looks, name: str, rows: list[tuple[str, float, str]], red: float) -> None:
    """Drop labels by which answers are off by 1, and those for what is red by more."""
    truth = [
        (key, score + (1 + (red if colour == "red" else 0)) * (-1) ** n)
        for n, (key, score, colour) in enumerate(rows)
    ]
    looks.label(name, truth, NOON(10))


def of_fairness(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [check for check in found["checks"] if check["monitor"] == "fairness"]


def why(found: dict[str, Any]) -> dict[str, str]:
    return {
        each["reason"]: each["description"]
        for each in found["not_judged"]
        if each["monitor"] == "fairness"
    }


@pytest.mark.parametrize("red", [0.0, 4.0])
def test_a_group_for_which_answers_are_worse_is_found_when_labels_come(
    looks: Looks, red: float
) -> None:
    fair(looks)
    rows = sent()
    found = looks.look("a", (MORNING, rows), until="2026-11-16T12:00:00.000Z")
    assert of_fairness(found) == []
    assert why(found)["few-labels"].startswith("mae_difference need what really happened")
    labelled(looks, "late.csv", rows, red)

    found = looks.look("b", until=NOON(12))

    (check,) = of_fairness(found)
    assert check["violated"] is (red > 0)
    assert check["value"] == pytest.approx(red)
    assert (check["feature"], check["threshold"]) == ("colour=red", 1.0)
    assert "on 100 rows of 2026-11-16 whose labels have come, by version 3" in check["description"]
    again = looks.look("c", until=NOON(13))
    assert of_fairness(again) == [], "nobody hears twice of the same labels"


def test_a_prediction_is_kept_with_the_names_of_its_groups_only(looks: Looks) -> None:
    fair(looks)
    looks.look("a", (MORNING, sent(0, 3)), until="2026-11-16T12:00:00.000Z")
    (kept,) = looks.kept.values()
    head, first, *_ = gzip.decompress(kept).decode().splitlines()
    assert head == "__inference__,__time__,__version__,__score__,__groups__"
    assert first == 'k0,2026-11-16T09:00:00Z,3,10.0,"{""colour"": ""red""}"'


def test_predictions_of_before_the_section_and_of_after_it_are_judged_together(
    looks: Looks,
) -> None:
    looks.look("a", (MORNING, sent(0, 150)), until="2026-11-16T10:00:00.000Z")
    fair(looks)
    looks.look("b", (MORNING, sent(150, 300)), until="2026-11-16T12:00:00.000Z")
    labelled(looks, "late.csv", sent(), 4.0)
    (check,) = of_fairness(looks.look("c", until=NOON(12)))
    assert check["violated"]
    assert "on 50 rows" in check["description"]


def test_what_cannot_be_judged_is_said(looks: Looks) -> None:
    fair(looks, groups=["colour", "sex"])
    rows = [*sent(0, 200), *((f"v{n}", 10.0, "violet") for n in range(5))]
    labelled(looks, "late.csv", rows, 0.0)
    found = looks.look("a", (MORNING, rows), until=NOON(12))
    said = why(found)
    assert said["small-group"].startswith("colour=violet: 5 rows of 2026-11-16 whose labels")
    assert "names 'sex'" in said["not-sent"]
    assert "few-labels" not in said
