"""What was deleted and can be derived is made again: counters, heads, names."""

from datetime import timedelta

from everloop.aws import arrivals, ledger, table
from everloop.aws.ledger import RELEASE
from everloop.aws.table import model_key
from everloop.chain import verify
from everloop.decisions.releases import Release
from everloop.flows import releasing
from everloop.moments import moment

NOW = moment("2026-11-20T10:20:00Z")
MODEL = "flight-delays"


def release(epoch, execution="", outcome="released", version=1):
    return Release(epoch, version, outcome, "", NOW, NOW, execution=execution)


def test_a_deleted_release_lease_takes_no_epoch_back(account):
    account.push()
    account.register(approval="Approved")
    ledger.put_release(MODEL, release(7, "arn:old"), "")
    table.delete(model_key(MODEL, f"LEASE#{RELEASE}"))
    releasing.start_wanted(ledger.installed(MODEL), "test", NOW)
    assert account.executions("deploy") == ["flight-delays-r8-v1"]


def test_a_release_overwrites_no_other_of_its_epoch_and_twice_is_once(account):
    ledger.put_release(MODEL, release(1, "arn:a", "rolled-back"), "")
    ledger.put_release(MODEL, release(1, "arn:b"), "")
    ledger.put_release(MODEL, release(1, "arn:a", "rolled-back"), "")
    found = [(r.epoch, r.execution) for r in ledger.releases(MODEL)]
    assert found == [(2, "arn:b"), (1, "arn:a")]


def test_a_deleted_window_comes_back_with_its_number_and_what_it_holds(account):
    account.push()
    key = "data/flight-delays/{}.csv"
    account.drop(account.arrival(key.format("a")))
    window = arrivals.open_window(MODEL)
    arrivals.close(MODEL, window, NOW, "quiet", "new data")
    account.drop(account.arrival(key.format("b")), account.arrival(key.format("c")))
    before = arrivals.open_window(MODEL)
    table.delete(model_key(MODEL, "WINDOW"))
    found = arrivals.open_window(MODEL)
    assert (found.number, found.objects, found.last_at) == (2, 2, before.last_at)
    arrivals.close(MODEL, found, NOW + timedelta(hours=1), "quiet", "new data")
    assert arrivals.open_window(MODEL).number == 3


def test_the_chain_goes_on_where_its_head_was_deleted(account):
    account.push()
    table.delete(model_key(MODEL, "CHAIN"))
    account.push(data=account.bundle(keep="keep = 3"))
    decisions = account.decisions()
    assert [d["seq"] for d in decisions] == [1, 2]
    assert verify(decisions) == []
