"""A tick looks at every model, and one model's trouble keeps none from another."""

import pytest

import reconcile
from everloop.aws import ledger
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
