"""A tick looks at every model, and one model's trouble keeps none from another."""

import pytest

import reconcile
from everloop.aws import ledger
from everloop.billing import usage
from everloop.decisions.repairs import MOST_PER_TICK
from everloop.errors import EverloopError

TICK = {"time": "2026-11-20T10:30:00Z"}


def lacks_its_spec(account):
    account.client("dynamodb").put_item(
        TableName="everloop-ledger", Item={"pk": {"S": "MODEL#aaa"}, "sk": {"S": "SPEC"}}
    )


def has_a_lease_of_no_machine(account):
    account.push("aaa")
    account.client("dynamodb").put_item(
        TableName="everloop-ledger",
        Item={
            **{"pk": {"S": "MODEL#aaa"}, "sk": {"S": "LEASE#training"}},
            "holder": {"S": "no execution's ARN"},
            "until": {"S": "not a time"},
        },
    )


@pytest.mark.parametrize("trouble", [lacks_its_spec, has_a_lease_of_no_machine])
def test_a_model_that_cannot_be_looked_at_keeps_none_behind_it(account, trouble):
    account.client("dynamodb").put_item(
        TableName="everloop-ledger", Item={"pk": {"S": "MODELS"}, "sk": {"S": "aaa"}}
    )
    trouble(account)
    account.push("zzz")
    account.client("scheduler").delete_schedule(GroupName="everloop", Name="everloop-zzz-monitor")
    with pytest.raises(EverloopError, match=r"^aaa: "):
        reconcile.handler(TICK, account.context)
    (repaired,) = [d for d in account.decisions("zzz") if d["kind"] == "reconcile"]
    assert repaired["reason"] == "the monitor's schedule was missing"


def test_more_models_than_fit_into_a_tick_take_turns(account):
    dynamodb = account.client("dynamodb")
    names = [f"m{number:04d}" for number in range(MOST_PER_TICK + 2)]
    for name in names:
        dynamodb.put_item(
            TableName="everloop-ledger", Item={"pk": {"S": "MODELS"}, "sk": {"S": name}}
        )
    first = reconcile.handler(TICK, account.context)["repaired"]
    assert list(first) == names[:MOST_PER_TICK]
    assert ledger.last_of_tick() == names[MOST_PER_TICK - 1]
    second = reconcile.handler(TICK, account.context)["repaired"]
    assert list(second)[:3] == [*names[MOST_PER_TICK:], names[0]]


# What AWS bills of a call, by the items of prices.json.
BILLED = {
    "Query": "ledger read unit",
    "GetItem": "ledger read unit",
    "PutItem": "ledger write unit",
    "UpdateItem": "ledger write unit",
    "ListObjectsV2": "S3 write or list",
    "ListObjectVersions": "S3 write or list",
    "GetObject": "S3 read",
    "HeadObject": "S3 read",
}


def billed(account):
    """Return what a tick uses once the one before it has done what there was to do."""
    reconcile.handler(TICK, account.context)
    with account.counting() as calls:
        reconcile.handler({"time": "2026-11-20T10:35:00Z"}, account.context)
    used = dict.fromkeys(usage.TICK.calls, 0)
    for operation, count in calls.items():
        if operation in BILLED:
            item = BILLED[operation]
            used[item] = used.get(item, 0) + count
    return used


def test_a_tick_uses_what_the_estimate_of_costs_counts(account):
    idle = billed(account)
    assert idle == usage.TICK.calls
    account.push()
    account.register(approval="Approved")
    account.serve(1)
    served = billed(account)
    more = {item: count - idle[item] for item, count in served.items() if count - idle[item]}
    assert more == usage.TICK_OF_A_MODEL.calls
