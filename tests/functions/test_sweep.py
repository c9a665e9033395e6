"""What no event told of is found in S3, and nothing that was seen once is new."""

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

import freeze_dataset
import reconcile
from everloop.aws import arrivals, clients, objects, seen, shortages, sweep, table
from everloop.errors import EverloopError, NoCapacity
from everloop.flows import sweeping
from everloop.moments import text
from everloop.records import arrival, installation
from everloop.records.keys import Key
from everloop.records.object_state import PRESENT, WITHDRAWN
from everloop.records.writes import Delete, Put

MODEL = "flight-delays"


def key(name, model=MODEL):
    return f"data/{model}/{name}.csv"


def now(account, **ahead):
    """Return when the newest data came or went, by S3's clock, and so much more."""
    found = account.client("s3").list_object_versions(Bucket=account.data)
    told = [*found.get("Versions", ()), *found.get("DeleteMarkers", ())]
    return max(each["LastModified"] for each in told) + timedelta(**ahead)


def tick(account, **ahead):
    return reconcile.handler({"time": text(now(account, **ahead))}, account.context)


def keys(model=MODEL, window=1):
    return sorted(each.key for each in arrivals.arrivals(model, [window])[window])


def decided(account, kind, model=MODEL):
    return [each for each in account.decisions(model) if each["kind"] == kind]


@pytest.fixture
def lost(account):
    """Install a model, and drop two objects that no event tells of."""
    account.push()
    for name in "ab":
        account.bring(key(name))
    return account


def test_drops_that_no_event_told_of_are_collected_and_trained(lost):
    tick(lost, minutes=30)
    assert keys() == [key("a"), key("b")]
    assert lost.executions("train") == ["flight-delays-w1-a1"]
    (found,) = [d for d in decided(lost, "reconcile") if d["subject"] == "data"]
    assert found["reason"].startswith("2 objects lay in S3 that no event reported")


def test_what_may_be_on_its_way_is_left_to_its_event(lost):
    tick(lost, minutes=5)
    assert keys() == []
    tick(lost, minutes=30)
    assert keys() == [key("a"), key("b")]


def test_what_came_by_its_event_is_not_found_again(account):
    account.push()
    account.drop(account.bring(key("a")))
    before = len(account.decisions())
    for minutes in (30, 35, 900, 1800):
        tick(account, minutes=minutes)
    assert not [d for d in account.decisions()[before:] if d.get("subject") == "data"]
    assert arrivals.open_window(MODEL).objects == 1


def test_an_event_that_comes_after_the_sweep_counts_nothing_twice(lost):
    tick(lost, minutes=30)
    event = lost.bring(key("a"))
    versions = lost.client("s3").list_object_versions(Bucket=lost.data, Prefix=key("a"))["Versions"]
    old = next(each for each in versions if not each["IsLatest"])
    lost.drop(lost.arrival(key("a"), **{"object__version-id": old["VersionId"]}))
    assert arrivals.open_window(MODEL).objects == 2
    lost.drop(event)
    assert arrivals.open_window(MODEL).objects == 3  # another version, as it should


def trained_long_ago(account):
    """Train two objects; then the memory of arrivals ends, as it did after 30 days."""
    account.push()
    account.drop(account.bring(key("a")), account.bring(key("b")))
    request = {"model": MODEL, "window": 1, "cause": "data", "time": "2027-11-20T12:00:00Z"}
    freeze_dataset.handler(request, account.context)
    arrivals.note_outcome(MODEL, 1, "registered")
    for item in list(table.query(arrival.all_seen(MODEL))):
        table.write(Delete(arrival.seen_key(MODEL, arrival.id_of(item))))


def forget_arrivals(account):
    came = arrival.of_window(MODEL, 1)
    for item in list(table.query(came)):
        table.write(Delete(Key(came.pk, arrival.id_of(item))))


@pytest.mark.parametrize("forgotten", ["the memory of arrivals", "the arrivals, too"])
def test_the_first_sweep_over_a_ledger_of_before_starts_no_training(account, forgotten):
    trained_long_ago(account)
    if forgotten == "the arrivals, too":
        forget_arrivals(account)  # then the manifest says what was seen
    started, before = account.executions("train"), len(account.decisions())
    for days in (31, 31.5, 32):
        tick(account, days=days)
    assert account.executions("train") == started
    assert arrivals.open_window(MODEL).objects == 0
    assert not [d for d in account.decisions()[before:] if d["kind"] in ("collect", "withdraw")]
    assert not [d for d in account.decisions()[before:] if d["subject"] == "data"]


def test_what_is_seen_does_not_expire(account):
    account.push()
    account.drop(account.bring(key("a")))
    (item,) = table.query(arrival.all_seen(MODEL))
    assert "expires" not in item
    assert seen.among(MODEL, [arrival.id_of(item)]) == {arrival.id_of(item)}


def test_a_drop_from_before_its_model_is_kept_and_told(account):
    account.bring(key("a", "unknown"))
    tick(account, minutes=30)
    assert keys("unknown") == [key("a", "unknown")]
    assert "no model 'unknown' is installed" in decided(account, "collect", "unknown")[0]["reason"]


def test_markers_folders_and_what_is_nobodys_are_no_arrivals(account):
    account.push()
    for name in (f"data/{MODEL}/_SUCCESS", f"data/{MODEL}/2013/", "data/readme.txt", "data/-/a"):
        account.client("s3").put_object(Bucket=account.data, Key=name, Body=b"")
    tick(account, minutes=30)
    assert keys() == []


def test_a_deletion_that_no_event_told_of_is_remembered(account):
    account.push()
    account.drop(account.bring(key("a")), account.bring(key("b")))
    tick(account, minutes=1)
    account.take_out(key("a"))
    tick(account, minutes=30)
    (state,) = objects.states(MODEL).values()
    assert (state.key, state.state, state.by) == (key("a"), WITHDRAWN, "")
    assert "no event reported it" in decided(account, "withdraw")[0]["reason"]


def test_a_deletion_for_good_that_no_event_told_of_is_found_within_a_day(account):
    trained_long_ago(account)
    tick(account, minutes=1)
    (one,) = [a for a in arrivals.arrivals(MODEL, [1])[1] if a.key == key("a")]
    account.take_out(key("a"), one.version_id)
    tick(account, minutes=30)
    assert objects.states(MODEL) == {}
    tick(account, hours=13)
    assert [(s.key, s.state) for s in objects.states(MODEL).values()] == [(key("a"), WITHDRAWN)]


@pytest.mark.parametrize(
    ("after", "upto", "names"),
    [("", "", "abc"), ("a", "b", "b"), ("a", "", "bc"), ("", "a", "a"), ("b+", "z", "bc")],
)
def test_a_page_is_held_against_its_own_part_of_the_dataset(account, after, upto, names):
    account.push()
    account.drop(*[account.bring(key(name)) for name in "cab"])
    request = {"model": MODEL, "window": 1, "cause": "data", "time": "2026-11-21T12:00:00Z"}
    freeze_dataset.handler(request, account.context)
    model = sweeping._Model(MODEL, now(account))
    begin, end = (each and key(each) for each in (after, upto))
    assert [each["key"] for each in model.entries(begin, end)] == [key(name) for name in names]


def test_a_model_of_which_everything_was_deleted_for_good_is_looked_at_too(account):
    trained_long_ago(account)
    for each in arrivals.arrivals(MODEL, [1])[1]:
        account.take_out(each.key, each.version_id)
    tick(account, hours=1)
    assert [each.state for each in objects.states(MODEL).values()] == [WITHDRAWN] * 2


def test_the_expiry_of_an_old_version_is_no_withdrawal_for_the_sweep(account):
    account.push()
    account.drop(account.bring(key("a")))
    request = {"model": MODEL, "window": 1, "cause": "data", "time": "2026-11-21T12:00:00Z"}
    freeze_dataset.handler(request, account.context)
    (one,) = arrivals.arrivals(MODEL, [1])[1]
    account.drop(account.bring(key("a"), b"another\n"))
    account.take_out(key("a"), one.version_id)
    tick(account, days=731)
    assert objects.states(MODEL) == {}


def test_an_undeletion_that_no_event_told_of_brings_the_object_back(account):
    trained_long_ago(account)
    gone = account.take_out(key("a"))
    account.drop(gone)
    account.take_out(key("a"), gone["detail"]["object"]["version-id"])
    tick(account, hours=1)
    (state,) = objects.states(MODEL).values()
    assert state.state == PRESENT
    assert keys(window=2) == [key("a")]


def test_one_models_trouble_keeps_no_other_from_being_swept(account):
    account.push()
    account.push("zzz")
    account.bring(key("a", "aaa"))
    account.bring(key("a", "zzz"))
    table.write(Put(installation.key("aaa"), {}))  # lacks what every installation has
    with pytest.raises(EverloopError, match=r"aaa: "):
        tick(account, minutes=30)
    assert keys("zzz") == [key("a", "zzz")]


def test_a_sweep_that_ends_begins_again_at_the_next_tick(account):
    account.push()
    for minutes in (1, 6):
        tick(account, minutes=minutes)
        found = sweep.read()
        assert (found.after, found.began_at, found.last_began) == ("", None, found.looked_at)


@pytest.fixture
def called(account):
    """Take what is asked of functions: moto runs none."""
    return account.answer(clients.lambda_(), "Invoke", 202, StatusCode=202)


def test_a_push_that_no_event_told_of_is_installed_and_asked_for_once(account, called):
    bundle = account.bundle()
    account.client("s3").put_object(
        Bucket=account.data, Key="models/prices/bundle.tar.gz", Body=bundle
    )
    tick(account, minutes=5)
    assert called == []  # its event may be on its way
    for minutes in (30, 35, 900):
        tick(account, minutes=minutes)
    (event,) = called
    import install_model

    assert install_model.handler(event, account.context)["go"] is True
    assert decided(account, "install", "prices")[0]["go"] is True
    tick(account, minutes=1000)
    assert len(called) == 1


def test_a_push_that_waits_for_a_quota_is_asked_for_each_day_until_it_is_installed(account, called):
    import install_model

    full = ["the quota of pipelines"]

    def refuse(**_):
        if full:
            told = {"Code": "ResourceLimitExceeded", "Message": "The account-level service limit"}
            raise ClientError({"Error": told}, "CreatePipeline")

    account.meanwhile(clients.sagemaker(), "CreatePipeline", refuse)
    account.client("s3").put_object(
        Bucket=account.data, Key="models/prices/bundle.tar.gz", Body=account.bundle()
    )
    asked = []
    for hours in (1, 23, 25, 26, 48, 50):
        tick(account, hours=hours)
        for event in called[len(asked) :]:
            asked.append(hours)
            with pytest.raises(NoCapacity):
                install_model.handler(event, account.context)
    assert asked == [1, 25, 50]
    full.clear()
    assert install_model.handler(called[-1], account.context)["go"] is True
    assert shortages.of("prices") == []


def test_a_push_whose_event_came_is_not_installed_again(account, called):
    answer = account.client("s3").put_object(
        Bucket=account.data, Key=f"models/{MODEL}/bundle.tar.gz", Body=b"no bundle"
    )
    event = account.event(
        "s3-object-created-bundle",
        bucket__name=account.data,
        object__key=f"models/{MODEL}/bundle.tar.gz",
        **{"object__version-id": answer["VersionId"]},
    )
    import install_model

    assert install_model.handler(event, account.context)["go"] is False
    tick(account, minutes=30)
    assert called == []


def test_what_is_no_push_is_nobodys(account, called):
    for name in ("models/prices/readme.md", "models/bundle.tar.gz", "models/-/bundle.tar.gz"):
        account.client("s3").put_object(Bucket=account.data, Key=name, Body=b"")
    tick(account, minutes=30)
    assert called == []
