"""Which label files count, how long predictions wait, and which version answered when."""

from datetime import UTC, datetime, timedelta

import pytest

from everloop.decisions.late_labels import (
    KEPT_DAYS,
    kept_days,
    kept_files,
    label_counts,
    label_ending,
    label_files,
    label_records,
    look_id,
    no_labels,
    served,
    wrong_name,
)
from everloop.errors import BadInput
from everloop.pipelines.rollouts import Steps
from everloop.records.release import RELEASED, ROLLED_BACK, TESTS_FAILED, Release

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CANARY = Steps("canary", 1, 5, 300, 300)  # with the 20 minutes that a fleet starts in: half an hour


def taken(*files, within=30 * DAY):
    return label_files(files, NOON - HOUR, NOON, within)


def test_files_are_taken_in_the_order_in_which_they_came():
    found = taken(("b.csv", NOON - 2 * HOUR), ("a.csv", NOON - HOUR), ("0.csv", NOON - HOUR))
    assert [name for name, _ in found.files] == ["b.csv", "0.csv", "a.csv"]
    assert found.new == 2


def test_what_comes_after_the_look_is_the_next_ones():
    assert taken(("a.csv", NOON)).files == []
    assert taken(("a.csv", NOON)).new == 0


def test_files_older_than_the_predictions_that_are_kept_are_not_read_any_more():
    days = [("old.csv", NOON - 32 * DAY), ("young.csv", NOON - 30 * DAY)]
    assert [name for name, _ in taken(*days).files] == ["young.csv"]
    assert [name for name, _ in taken(*days, within=40 * DAY).files] == ["old.csv", "young.csv"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("may.CSV", "its name ends in capital letters"),
        ("may.xlsx.gz", "it is compressed, and what is in it"),
        ("2026/may.parquet.gz", "it is compressed, and what is in it"),
        ("may.XLSX", "its name does not end in .csv, .jsonl or .parquet"),
        ("may", "its name does not end in .csv"),
        ("may.csv.bak", "its name does not end in .csv"),
    ],
)
def test_what_is_no_table_by_its_name_is_refused_by_name_and_starts_a_look(name, why):
    found = taken((name, NOON - HOUR))
    assert (found.files, found.new) == ([], 1)
    assert found.refused == [(name, NOON - HOUR, wrong_name(name))]
    assert name in wrong_name(name)
    assert why in wrong_name(name)


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("may.csv", ".csv"),
        ("2026/may.csv.gz", ".csv.gz"),
        ("may.jsonl.zst", ".jsonl.zst"),
        ("may.ndjson", ".ndjson"),
        ("may.parquet", ".parquet"),
        ("may.gz", ""),
    ],
)
def test_the_ending_says_the_format(name, ending):
    assert label_ending(name) == ending
    assert bool(taken((name, NOON - HOUR)).files) is bool(ending)


@pytest.mark.parametrize("name", ["", "2026/", ".DS_Store", "x/._may.csv", "_SUCCESS", "~$may.csv"])
def test_what_systems_leave_behind_is_nothing(name):
    assert no_labels(name)
    found = taken((name, NOON - HOUR))
    assert (found.files, found.refused, found.new) == ([], [], 0)


@pytest.mark.parametrize(
    ("within", "days"), [(HOUR, 7), (7 * DAY, 7), (8 * DAY, 30), (90 * DAY, 90), (365 * DAY, 365)]
)
def test_predictions_are_kept_for_the_shortest_time_that_covers_their_labels(within, days):
    assert kept_days(within) == days
    assert days in KEPT_DAYS


def test_a_look_is_named_by_where_it_begins_whenever_it_is_had_again():
    assert look_id(NOON) == "20261120T120000"
    assert look_id(None) == "first"


def test_a_look_is_given_what_others_kept_of_days_that_still_count():
    keys = [
        "predictions/30d/m/2026-10-20/20261020T110000.csv.gz",
        "predictions/30d/m/2026-10-21/20261021T110000.csv.gz",
        "predictions/30d/m/2026-11-20/20261120T120000.csv.gz",
        "predictions/30d/m/learned/20261120T120000/2026-11-20.csv",
        "predictions/30d/m/2026-11-20/notes.txt",
    ]
    assert kept_files(keys, "2026-10-21", "20261120T120000") == [keys[1]]


def release(epoch, version, ended_at, outcome=RELEASED, before=None):
    return Release(epoch, version, outcome, "", ended_at, ended_at, before)


def test_the_first_version_answered_all_there_is():
    assert served([release(1, 1, NOON)], 1, NOON, CANARY) == [("2026-11-20T12:00:00.000Z", 1)]


def test_nobody_knows_who_answered_while_one_version_replaced_another():
    found = served([release(1, 1, NOON), release(2, 2, NOON + DAY, before=1)], 2, None, CANARY)
    assert found == [
        ("2026-11-20T12:00:00.000Z", 1),
        ("2026-11-21T11:30:00.000Z", None),
        ("2026-11-21T12:00:00.000Z", 2),
    ]


def test_a_rollout_that_was_taken_back_leaves_the_version_before():
    back = release(2, 2, NOON + HOUR, ROLLED_BACK, before=1)
    failed = release(3, 3, NOON + 2 * HOUR, TESTS_FAILED, before=1)
    found = served([failed, back, release(1, 1, NOON)], 1, None, CANARY)
    assert [version for _, version in found] == [1, None, 1]


def test_a_release_that_followed_at_once_began_when_the_one_before_had_ended():
    soon = NOON + timedelta(minutes=10)
    found = served([release(1, 1, NOON), release(2, 2, soon, before=1)], 2, None, CANARY)
    assert found[1] == ("2026-11-20T12:00:00.000Z", None)


def test_what_the_ledger_does_not_know_of_is_what_the_endpoint_says():
    assert served([], 4, None, CANARY) == [("", 4)]
    by_hand = served([release(1, 1, NOON)], 4, NOON + HOUR, CANARY)
    assert by_hand[-1] == ("2026-11-20T13:00:00.000Z", 4)


def test_records_that_were_deleted_leave_the_version_before_the_oldest():
    found = served([release(9, 5, NOON, before=4)], 5, None, CANARY)
    assert found[0] == ("", 4)
    assert [version for _, version in found] == [4, None, 5]


def test_what_findings_say_of_labels_is_read_and_nothing_else():
    assert label_records({}, "refused") == []
    assert label_records({"labels": {"refused": [{"file": "a"}]}}, "refused") == [{"file": "a"}]
    for labels in (7, [1], {"refused": 7}, {"refused": ["a"]}):
        with pytest.raises(BadInput, match=r"findings\.labels\.refused"):
            label_records({"labels": labels}, "refused")


def test_a_decision_has_the_numbers_of_what_came_of_labels():
    assert label_counts({}) == {}
    assert label_counts({"labels": {"files": 0, "refused_files": 0, "predictions": 9}}) == {}
    found = label_counts(
        {"labels": {"files": 1, "keys": 7, "keys_joined": 5, "days": [], "bad": "x"}}
    )
    assert found == {"files": 1, "keys": 7, "keys_joined": 5}
