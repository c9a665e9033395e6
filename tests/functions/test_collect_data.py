"""Arrivals land in exactly one window, whatever is repeated, and somebody trains on them."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from everloop.aws import arrivals, ledger
from everloop.moments import moment
from everloop.records.lease import TRAINING

NOW = moment("2026-11-20T10:15:30Z")


def keys_of(model: str = "flight-delays", window: int = 1) -> list[str]:
    return sorted(a.key for a in arrivals.arrivals(model, [window])[window])


def test_a_burst_is_one_window_and_one_training(account):
    account.push()
    events = [account.arrival(f"data/flight-delays/{n:04d}.csv") for n in range(60)]

    assert account.drop(*events) == {"batchItemFailures": []}
    assert account.drop(*events) == {"batchItemFailures": []}

    assert len(keys_of()) == 60
    assert arrivals.open_window("flight-delays").objects == 60
    assert account.executions("train") == ["flight-delays-w1-a1"]


def test_the_quiet_period_begins_with_the_newest_arrival_in_whatever_order_they_come(account):
    account.push()
    times = [f"2026-11-20T10:{15 - n // 5:02d}:{n % 5:02d}Z" for n in range(60)]
    events = [
        {**account.arrival(f"data/flight-delays/{n:04d}.csv"), "time": time}
        for n, time in enumerate(times)
    ]
    account.drop(*events)
    assert arrivals.open_window("flight-delays").last_at == moment(max(times))
    late = account.arrival("data/flight-delays/late.csv")
    account.drop({**late, "time": "2026-11-20T09:00:00Z"})
    assert arrivals.open_window("flight-delays").last_at == moment(max(times))


def test_a_batch_that_holds_an_object_twice_counts_it_once(account):
    account.push()
    event = account.arrival("data/flight-delays/a.csv")
    account.drop(event, event)
    assert arrivals.open_window("flight-delays").objects == 1


def test_a_new_version_of_a_key_is_another_arrival(account):
    account.push()
    for version in ("v1", "v2"):
        account.drop(account.arrival("data/flight-delays/a.csv", **{"object__version-id": version}))
    assert keys_of() == ["data/flight-delays/a.csv"] * 2


def test_a_marker_closes_and_is_no_data(account):
    account.push()
    account.drop(
        account.arrival("data/flight-delays/a.csv"),
        account.arrival("data/flight-delays/_SUCCESS"),
    )
    window = arrivals.open_window("flight-delays")
    assert window.marker == "data/flight-delays/_SUCCESS"
    assert keys_of() == ["data/flight-delays/a.csv"]


def test_a_folders_own_object_is_no_data(account):
    account.push()
    account.drop(account.arrival("data/flight-delays/2013/", object__size=0))
    assert keys_of() == []
    assert account.executions("train") == []


def test_what_cannot_be_read_goes_back_alone(account):
    account.push()
    import collect_data

    good = account.arrival("data/flight-delays/a.csv")
    bad = account.arrival("data/flight-delays/b.csv")
    del bad["detail"]["object"]["etag"]
    stranger = account.event("s3-object-created-data", bucket__name="another-stacks")
    bodies = [json.dumps(good), json.dumps(bad), "{", json.dumps([]), json.dumps(stranger)]
    records = [{"messageId": str(i), "body": body} for i, body in enumerate(bodies)]

    answer = collect_data.handler({"Records": records}, account.context)

    failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
    assert failed == ["1", "2", "3", "4"]
    assert keys_of() == ["data/flight-delays/a.csv"]


@pytest.mark.parametrize(
    ("stored", "announced"),
    [
        pytest.param("a b+c.csv", "a b+c.csv", id="raw"),
        pytest.param("a b+c.csv", "a+b%2Bc.csv", id="url-encoded"),
        pytest.param("100%.csv", "100%.csv", id="percent that encodes nothing"),
        pytest.param("año/über/データ.csv", "año/über/データ.csv", id="unicode and slashes"),
        pytest.param("ü.csv", "%C3%BC.csv", id="encoded unicode"),
    ],
)
def test_odd_keys_are_kept_as_they_lie_in_the_bucket(account, stored, announced):
    account.push()
    key = f"data/flight-delays/{stored}"
    account.client("s3").put_object(Bucket=account.data, Key=key, Body=b"x")
    account.drop(account.arrival(f"data/flight-delays/{announced}"))
    assert keys_of() == [key]


@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(order=st.lists(st.integers(0, 5), min_size=1, max_size=20))
def test_no_order_and_no_repetition_changes_the_window(account, order):
    model = f"m{abs(hash(tuple(order))) % 10**9}"
    for n in order:
        account.drop(account.arrival(f"data/{model}/{n}.csv"))
    assert keys_of(model) == [f"data/{model}/{n}.csv" for n in sorted(set(order))]


def test_while_a_training_runs_arrivals_wait_for_its_end(account):
    account.push()
    ledger.take_lease("flight-delays", TRAINING, "arn:x:other", 1, NOW, NOW.replace(year=2027))
    account.drop(account.arrival("data/flight-delays/a.csv"))
    assert account.executions("train") == []
    assert keys_of() == ["data/flight-delays/a.csv"]


def test_data_of_no_model_is_kept_and_said_so(account):
    account.drop(account.arrival("data/unknown/a.csv"))
    (decision,) = account.decisions("unknown")
    assert decision["kind"] == "collect"
    assert "no model 'unknown' is installed" in decision["reason"]
    assert keys_of("unknown") == ["data/unknown/a.csv"]
