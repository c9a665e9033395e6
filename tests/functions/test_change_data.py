"""A person's word takes an object out of the next dataset, or brings it back into it."""

from datetime import timedelta

import pytest
from functions.conftest import SPEC

import change_data
import freeze_dataset
from everloop.aws import arrivals, ledger, objects, storage
from everloop.errors import BadInput
from everloop.moments import moment
from everloop.records.lease import MONITOR, RELEASE, TRAINING
from everloop.records.object_state import PRESENT, SET_ASIDE, WITHDRAWN, ObjectState

MODEL, ANA = "flight-delays", "arn:aws:iam::123456789012:user/ana"
T = moment("2026-11-20T11:00:00Z")


def key(name):
    return f"data/{MODEL}/{name}.csv"


def freeze(account, window):
    """Freeze a window, whose drop is quiet by then, and call it trained; return its manifest."""
    request = {"model": MODEL, "window": window, "cause": "data", "time": "2026-11-21T12:00:00Z"}
    answer = freeze_dataset.handler(request, account.context)
    arrivals.note_outcome(MODEL, window, "registered")
    return storage.read_json(answer["dataset_uri"])


def say(account, action, keys, **values):
    request = account.request("request-change-data", action=action, keys=keys, **values)
    return change_data.handler(request, account.context)


def undrop(account, name):
    """Delete an object as `everloop data undrop` does, and say so; return its delete marker."""
    marker = account.take_out(key(name))["detail"]["object"]["version-id"]
    answer = say(account, "undrop", {key(name): marker})
    assert (answer["changed"], answer["left"]) == ([key(name)], {})
    return marker


def last(account, kind):
    return [each for each in account.decisions() if each["kind"] == kind][-1]


@pytest.fixture
def dropped(account):
    account.push()
    account.drop(*[account.bring(key(name), name.encode()) for name in "ab"])
    return account


def test_what_undrop_and_restore_do_to_the_next_manifest(dropped):
    whole = freeze(dropped, 1)
    marker = undrop(dropped, "a")
    dropped.drop(dropped.bring(key("c"), b"c"))
    without = freeze(dropped, 2)
    assert [each["key"] for each in without["objects"]] == [key("b"), key("c")]

    dropped.take_out(key("a"), marker)
    assert say(dropped, "restore", {key("a"): marker})["changed"] == [key("a")]
    undrop(dropped, "c")
    told = say(dropped, "look", {})["next_dataset"]
    assert (told["window"], told["objects"], told["digest"]) == (3, 2, whole["digest"])
    back = freeze(dropped, 3)
    assert back["digest"] == whole["digest"] != without["digest"]


def test_the_ledger_has_the_persons_name_and_words(dropped):
    undrop(dropped, "a")
    told = last(dropped, "withdraw")
    assert told["actor"] == ANA
    assert "a passenger asked to be forgotten" in told["reason"]
    (state,) = objects.states(MODEL).values()
    assert (state.state, state.by) == (WITHDRAWN, ANA)


@pytest.mark.parametrize("first", ["the event", "the command"])
def test_the_name_stays_whichever_comes_first(dropped, first):
    event = dropped.take_out(key("a"))
    marker = event["detail"]["object"]["version-id"]
    if first == "the event":
        dropped.drop(event)
    say(dropped, "undrop", {key("a"): marker})
    dropped.drop(event)
    (state,) = objects.states(MODEL).values()
    assert state.by == ANA
    assert len([d for d in dropped.decisions() if d["kind"] == "withdraw"]) == (
        2 if first == "the event" else 1
    )


def test_people_who_want_to_know_are_told_of_what_was_withdrawn(account):
    spec = SPEC + '[notify]\non = ["data-withdrawn"]\n'
    account.push(data=account.bundle(spec))
    account.drop(account.bring(key("a")), account.bring(key("b")))
    undrop(account, "a")
    account.drop(account.take_out(key("b")))
    assert account.mails() == [f"{MODEL}: 1 objects are in no later dataset"] * 2


def test_a_restore_starts_a_training_as_a_drop_does(dropped):
    freeze(dropped, 1)
    marker = undrop(dropped, "a")
    event = dropped.take_out(key("a"), marker)
    say(dropped, "restore", {key("a"): marker})
    dropped.drop(event)  # S3's own word comes late, and changes nothing
    assert arrivals.open_window(MODEL).objects == 1
    assert dropped.executions("train") == ["flight-delays-w1-a1", "flight-delays-w2-a1"]
    assert last(dropped, "restore")["actor"] == ANA


def test_what_was_set_aside_is_brought_back_into_the_next_dataset(dropped):
    freeze(dropped, 1)
    (one,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key("a")]
    objects.put(MODEL, ObjectState(key("a"), one.version_id, SET_ASIDE, "no CSV", T, "run r"))
    assert say(dropped, "restore", {key("a"): ""})["changed"] == [key("a")]
    assert [each["key"] for each in freeze(dropped, 2)["objects"]] == [key("a"), key("b")]
    assert [each.state for each in objects.states(MODEL).values()] == [PRESENT]
    again = say(dropped, "restore", {key("a"): ""})
    assert again["left"] == {key("a"): "it is back already"}


@pytest.mark.parametrize(
    ("take", "why"),
    [
        pytest.param(lambda account: None, "it was never taken out", id="there"),
        pytest.param(lambda account: undrop(account, "a"), "hides it", id="still deleted"),
        pytest.param(
            lambda account: [
                account.client("s3").delete_object(
                    Bucket=account.data, Key=key("a"), VersionId=a.version_id
                )
                for a in arrivals.arrivals(MODEL, [1])[1]
                if a.key == key("a")
            ],
            "drop it again",
            id="gone for good",
        ),
    ],
)
def test_what_cannot_be_brought_back_says_why(dropped, take, why):
    take(dropped)
    answer = say(dropped, "restore", {key("a"): ""})
    assert answer["changed"] == []
    assert why in answer["left"][key("a")]


def test_undrop_without_a_deletion_in_s3_changes_nothing(dropped):
    answer = say(dropped, "undrop", {key("a"): "no such marker"})
    assert answer["changed"] == []
    assert "no delete marker" in answer["left"][key("a")]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        pytest.param({"action": "forgive"}, "action", id="action"),
        pytest.param({"reason": " "}, "reason", id="reason"),
        pytest.param({"keys": {}}, "keys", id="none"),
        pytest.param({"keys": {"data/another/a.csv": ""}}, "keys", id="another model's"),
        pytest.param({"keys": {key("\ud800"): ""}}, "keys", id="no Unicode"),
        pytest.param({"keys": {key("a"): 5}}, "keys", id="no marker"),
        pytest.param({"model": "no model"}, "model", id="model"),
    ],
)
def test_a_request_that_cannot_be_right_names_the_field(dropped, values, field):
    given = {"action": "undrop", "keys": {key("a"): "v"}, **values}
    request = dropped.request("request-change-data", **given)
    with pytest.raises(BadInput, match=f"^{field}: "):
        change_data.handler(request, dropped.context)


SUBJECT = "0123456789abcdef" * 2


def version_of(account, name):
    (one,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key(name)]
    return one.version_id


def forget(account, keys, **values):
    return say(account, "forget", keys, **{"subject": SUBJECT, "rows": 2, **values})


def test_who_is_forgotten_leaves_a_tombstone_and_a_digest(dropped):
    freeze(dropped, 1)
    version = version_of(dropped, "a")
    assert forget(dropped, {key("a"): version})["changed"] == [key("a")]
    told = last(dropped, "forget")
    assert told["facts"] == {
        "subject": SUBJECT, "rows": 2, "objects": 1, "versions": [[key("a"), version]]
    }  # fmt: skip
    (tombstone,) = objects.states(MODEL).values()
    assert (tombstone.state, tombstone.forgotten, tombstone.by) == (WITHDRAWN, True, ANA)
    # S3 still shows it while the command deletes: that brings nothing back, and is told once.
    dropped.drop(dropped.bring(key("a"), b"what is left"))
    s3 = dropped.client("s3")
    s3.delete_object(Bucket=dropped.data, Key=key("a"), VersionId=version)
    assert [e["key"] for e in freeze(dropped, 2)["objects"]] == [key("a"), key("b")]
    assert objects.states(MODEL)[tombstone.id] == tombstone
    assert "withdraw" not in {each["kind"] for each in dropped.decisions()}


def test_rows_outside_of_drops_leave_no_tombstone(dropped):
    forget(dropped, {})
    assert last(dropped, "forget")["facts"]["objects"] == 0
    assert objects.states(MODEL) == {}


@pytest.mark.parametrize("kind", [TRAINING, RELEASE, MONITOR])
def test_nobody_is_forgotten_while_something_holds_the_data(dropped, kind):
    ledger.take_lease(MODEL, kind, "arn:x:holder", None, T, T + timedelta(hours=1))
    with pytest.raises(BadInput, match=r"under way since .* \(holder\)"):
        forget(dropped, {key("a"): version_of(dropped, "a")})
    assert objects.states(MODEL) == {}
    assert "forget" not in {each["kind"] for each in dropped.decisions()}


def test_a_subject_is_a_digest_and_never_a_key(dropped):
    with pytest.raises(BadInput, match="never the key itself"):
        forget(dropped, {key("a"): version_of(dropped, "a")}, subject="529.982.247-25")
