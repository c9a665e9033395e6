"""What is deleted leaves the next dataset, and the ledger says what S3 says of who did it."""

import pytest

import freeze_dataset
import start_training
from everloop.aws import arrivals, clients, objects, storage
from everloop.moments import moment
from everloop.records.object_state import PRESENT, SET_ASIDE, WITHDRAWN, ObjectState

LATER = "2026-11-20T12:00:00Z"
MODEL = "flight-delays"


def key(name):
    return f"data/{MODEL}/{name}.csv"


def freeze(account, window=1):
    request = {"model": MODEL, "window": window, "cause": "data", "time": LATER}
    return freeze_dataset.handler(request, account.context)


def keys_of(answer):
    return [entry["key"] for entry in storage.read_json(answer["dataset_uri"])["objects"]]


def last(account, kind):
    return [each for each in account.decisions() if each["kind"] == kind][-1]


@pytest.fixture
def dropped(account):
    """Install a model, and drop two objects for it."""
    account.push()
    account.drop(*[account.bring(key(name)) for name in "ab"])
    return account


def test_what_is_deleted_is_not_in_the_dataset_and_the_ledger_says_who(dropped):
    whole = freeze_digest_of(dropped)
    dropped.drop(dropped.take_out(key("a")))
    answer = freeze(dropped)
    assert keys_of(answer) == [key("b")]
    assert answer["dataset_digest"] != whole
    withdrawn = last(dropped, "withdraw")
    assert withdrawn["actor"] == "123456789012"  # an account: S3 names no person
    assert withdrawn["facts"]["objects"] == 1
    assert key("a") in withdrawn["reason"]
    assert last(dropped, "freeze")["facts"]["left_out"]["withdrawn"] == 1


def freeze_digest_of(account):
    """Return the digest that the open window would have now."""
    from everloop.decisions.windows import dataset_digest

    came = arrivals.arrivals(MODEL, [1])[1]
    return dataset_digest({"key": a.key, "etag": a.etag, "size": a.size} for a in came)


def test_a_deletion_that_no_event_told_is_found_by_the_freeze(dropped):
    dropped.take_out(key("a"))
    assert keys_of(freeze(dropped)) == [key("b")]
    withdrawn = last(dropped, "withdraw")
    assert withdrawn["actor"] == "everloop"
    assert "no event reported it" in withdrawn["reason"]
    (state,) = objects.states(MODEL).values()
    assert (state.key, state.state, state.by) == (key("a"), WITHDRAWN, "")


def test_a_deletion_that_is_told_before_the_arrival_counts_all_the_same(account):
    account.push()
    brought = account.bring(key("a"))
    gone = account.take_out(key("a"))
    account.drop(gone)
    account.drop(brought, account.bring(key("b")))
    assert keys_of(freeze(account)) == [key("b")]


def test_a_folder_that_is_deleted_is_asked_for_at_once(account):
    account.push()
    names = [f"{number:03d}" for number in range(30)]
    account.drop(*[account.bring(key(name)) for name in names])
    gone = [account.take_out(key(name)) for name in names]
    calls = []
    account.meanwhile(clients.s3(), "ListObjectVersions", lambda **_: calls.append(1))
    assert account.drop(*gone) == {"batchItemFailures": []}
    assert len(calls) == 1
    assert len(objects.states(MODEL)) == 30
    assert last(account, "withdraw")["facts"]["objects"] == 30


def test_a_deletion_told_twice_is_one_decision(dropped):
    gone = dropped.take_out(key("a"))
    dropped.drop(gone)
    before = len(dropped.decisions())
    dropped.drop(gone)
    assert len(dropped.decisions()) == before


def test_what_was_frozen_and_waits_for_its_training_is_frozen_again_without_it(dropped):
    first = freeze(dropped)
    dropped.drop(dropped.take_out(key("b")))
    second = freeze(dropped)
    assert keys_of(second) == [key("a")]
    assert second["dataset_digest"] != first["dataset_digest"]
    assert keys_of(first) == [key("a"), key("b")]  # what was frozen stays as it is
    assert "taken out since" in last(dropped, "freeze")["reason"]


def test_a_window_that_was_trained_stays_as_it_is(dropped):
    first = freeze(dropped)
    arrivals.note_outcome(MODEL, 1, "registered")
    dropped.drop(dropped.take_out(key("b")))
    assert freeze(dropped)["dataset_digest"] == first["dataset_digest"]


def test_a_window_of_which_nothing_is_left_ends_and_says_so(dropped):
    dropped.drop(*[dropped.take_out(key(name)) for name in "ab"])
    answer = freeze(dropped)
    assert (answer["closed"], answer["empty"], answer["dataset_uri"]) == (True, True, None)
    assert arrivals.closed_window(MODEL, 1).outcome == "nothing-left"
    ended = last(dropped, "freeze")
    assert ended["go"] is False
    assert ended["reason"] == "nothing is left to train on: of its objects 2 withdrawn"
    assert freeze(dropped)["empty"] is True  # and again


def test_the_expiry_of_an_old_version_by_a_lifecycle_rule_is_no_withdrawal(dropped):
    (old,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key("a")]
    dropped.drop(dropped.bring(key("a"), b"another\n"))
    freeze(dropped)
    dropped.client("s3").delete_object(Bucket=dropped.data, Key=key("a"), VersionId=old.version_id)
    expired = dropped.event(
        "s3-object-deleted-lifecycle",
        bucket__name=dropped.data,
        object__key=key("a"),
        **{"object__version-id": old.version_id},
    )
    assert dropped.drop(expired) == {"batchItemFailures": []}
    assert objects.states(MODEL) == {}
    assert keys_of(freeze(dropped)) == [key("a"), key("b")]


def test_expiries_of_old_versions_by_the_hundred_ask_s3_nothing(dropped):
    calls = []
    dropped.meanwhile(clients.s3(), "ListObjectVersions", lambda **_: calls.append(1))
    expired = [
        dropped.event(
            "s3-object-deleted-lifecycle",
            bucket__name=dropped.data,
            object__key=key(f"{number:03d}+/a"),
            **{"object__version-id": f"old{number}"},
        )
        for number in range(500)
    ]
    assert dropped.drop(*expired) == {"batchItemFailures": []}
    assert calls == []


def test_an_old_version_that_expired_is_left_out_and_fails_nothing_years_later(dropped):
    """Its successor's event was lost, and the version that came is gone by now."""
    (old,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key("a")]
    dropped.bring(key("a"), b"another\n")
    dropped.client("s3").delete_object(Bucket=dropped.data, Key=key("a"), VersionId=old.version_id)
    assert keys_of(freeze(dropped)) == [key("b")]
    assert last(dropped, "freeze")["facts"]["left_out"] == {
        "withdrawn": 0,
        "set-aside": 0,
        "replaced": 1,
    }
    assert objects.states(MODEL) == {}


def test_a_version_that_somebody_deletes_for_good_is_withdrawn(dropped):
    (one,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key("a")]
    dropped.drop(dropped.take_out(key("a"), one.version_id))
    assert [each.state for each in objects.states(MODEL).values()] == [WITHDRAWN]
    assert keys_of(freeze(dropped)) == [key("b")]


def test_a_delete_marker_that_is_taken_away_brings_the_object_back_and_trains(dropped):
    gone = dropped.take_out(key("a"))
    dropped.drop(gone)
    freeze(dropped)
    arrivals.note_outcome(MODEL, 1, "registered")
    marker = gone["detail"]["object"]["version-id"]
    dropped.drop(dropped.take_out(key("a"), marker))
    (state,) = objects.states(MODEL).values()
    assert (state.state, state.by) == (PRESENT, "123456789012")
    assert last(dropped, "restore")["actor"] == "123456789012"
    assert arrivals.open_window(MODEL).objects == 1
    assert keys_of(freeze(dropped, window=2)) == [key("a"), key("b")]


def test_what_is_set_aside_is_in_no_dataset(dropped):
    (one,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key("a")]
    state = ObjectState(key("a"), one.version_id, SET_ASIDE, "no CSV", moment(LATER), "run r")
    objects.put(MODEL, state)
    assert keys_of(freeze(dropped)) == [key("b")]


def test_the_deletion_of_a_marker_object_and_of_a_strangers_key_change_nothing(dropped):
    events = []
    for name in ("data/flight-delays/_SUCCESS", "data/readme.txt"):
        dropped.client("s3").put_object(Bucket=dropped.data, Key=name, Body=b"")
        events.append(dropped.take_out(name))
    answer = dropped.drop(events[0])
    assert answer == {"batchItemFailures": []}
    assert keys_of(freeze(dropped)) == [key("a"), key("b")]


def test_a_machine_that_froze_before_the_deletion_starts_nothing(dropped):
    before = freeze(dropped)
    dropped.take_out(key("a"))
    after = freeze(dropped)  # another attempt at the window
    assert keys_of(after) == [key("b")]
    request = dropped.request(
        "machine-start-training",
        window=1,
        dataset_uri=before["dataset_uri"],
        dataset_digest=before["dataset_digest"],
    )
    answer = start_training.handler(request, dropped.context)
    assert answer["started"] is False
    assert "taken out of its dataset" in answer["reason"]
