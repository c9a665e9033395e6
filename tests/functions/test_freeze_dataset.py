"""A quiet window becomes one manifest with one digest."""

import json

import pytest

import freeze_dataset
from everloop.aws import arrivals, storage
from everloop.errors import BadInput

QUIET, BUSY = "2026-11-20T12:00:00Z", "2026-11-20T10:16:30.250Z"


def freeze(account, window=1, time=QUIET):
    request = {"model": "flight-delays", "window": window, "cause": "data", "time": time}
    return freeze_dataset.handler(request, account.context)


@pytest.fixture
def dropped(account):
    account.push()
    account.drop(*[account.bring(f"data/flight-delays/{n}.csv") for n in (2, 1)])
    return account


def test_a_window_that_is_not_quiet_yet_says_how_long_to_wait(dropped):
    answer = freeze(dropped, time=BUSY)
    assert answer["closed"] is False
    assert answer["wait_seconds"] == 240  # 5 minutes after 10:15:30, seen at 10:16:30.25
    assert arrivals.open_window("flight-delays").number == 1


def test_a_quiet_window_is_frozen_and_the_next_is_open(dropped):
    answer = freeze(dropped)
    manifest = storage.read_json(answer["dataset_uri"])
    assert answer["closed"] is True
    assert manifest["digest"] == answer["dataset_digest"]
    assert [entry["key"] for entry in manifest["objects"]] == [
        "data/flight-delays/1.csv",
        "data/flight-delays/2.csv",
    ]
    assert manifest["windows"] == manifest["new_windows"] == [1]
    window = arrivals.open_window("flight-delays")
    assert (window.number, window.objects) == (2, 0)


def test_freezing_twice_gives_the_same(dropped):
    assert freeze(dropped) == freeze(dropped, time="2026-11-20T13:00:00Z")


def test_a_marker_ends_the_wait(dropped):
    dropped.drop(dropped.arrival("data/flight-delays/_SUCCESS"))
    assert freeze(dropped, time=BUSY)["closed"] is True


def test_the_newest_version_of_a_key_wins_over_windows(dropped):
    freeze(dropped)
    again = dropped.bring("data/flight-delays/1.csv", b"another\n")
    dropped.drop(again)
    manifest = storage.read_json(freeze(dropped, window=2)["dataset_uri"])
    newest = {entry["key"]: entry["version_id"] for entry in manifest["objects"]}
    assert newest["data/flight-delays/1.csv"] == again["detail"]["object"]["version-id"]
    assert manifest["windows"] == [1, 2]
    assert manifest["new_windows"] == [2]


def test_a_window_that_is_not_open_yet_is_bad_input(dropped):
    with pytest.raises(BadInput, match="window: 7 is not open yet"):
        freeze(dropped, window=7)


def test_an_empty_window_stays_open_and_is_bad_input(account):
    account.push()
    with pytest.raises(BadInput, match="window: 1 of flight-delays is empty"):
        freeze(account)


def test_a_request_without_a_model_names_the_field(account):
    with pytest.raises(BadInput, match="model: missing"):
        freeze_dataset.handler({"window": 1, "cause": "data", "time": QUIET}, account.context)


def test_what_was_decided_is_in_the_ledger(dropped):
    freeze(dropped)
    decision = dropped.decisions()[-1]
    assert (decision["kind"], decision["go"]) == ("freeze", True)
    assert json.dumps(decision["facts"])
