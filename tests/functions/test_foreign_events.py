"""What other teams' resources tell in a shared account: it passes our rules, or reaches functions,
and none of it fails, starts or writes anything. What fails ends in <stack>-failed, and rings.
"""

import importlib
import json

import pytest
from foreign_events import ALARM, ENDPOINT, FOREIGN, MONITOR, MOVING, PACKAGE, PIPELINE, changed

from everloop.facts import Home, sign_of_trouble
from everloop_localcloud.events.patterns import matches
from proofs.template import Template, translated


def foreign(account, sample, changes):
    return changed(account.event(sample), changes)


@pytest.fixture(scope="module")
def rules():
    """Each rule's pattern, and the handlers that it calls."""
    found = Template(translated(), yes=False).of("AWS::Events::Rule")
    return [
        (rule["EventPattern"], target["Arn"].rpartition(":everloop-")[2].replace("-", "_"))
        for _, rule in found
        for target in rule["Targets"]
    ]


def reached(rules, event):
    return [handler for pattern, handler in rules if matches(json.dumps(pattern), event)]


def ledger(account):
    return account.client("dynamodb").scan(TableName="everloop-ledger")["Items"]


def test_what_other_teams_have_fails_and_starts_nothing(account, rules):
    account.push()
    account.register(1, "Approved")
    before = ledger(account)
    failed = {}
    for what, (sample, changes) in FOREIGN.items():
        event = foreign(account, sample, changes)
        for handler in reached(rules, event):
            try:
                importlib.import_module(handler).handler(event, account.context)
            except Exception as error:
                failed[what] = error
    assert failed == {}
    assert ledger(account) == before
    for machine in ("train", "evaluate", "deploy", "monitor"):
        assert account.executions(machine) == []


@pytest.mark.parametrize("sample", [PIPELINE, PACKAGE, ENDPOINT, MOVING, ALARM, MONITOR])
@pytest.mark.parametrize(("field", "value"), [("account", "999999999999"), ("region", "eu-west-1")])
def test_what_another_account_forwards_to_the_bus_reaches_no_function(
    account, rules, sample, field, value
):
    event = account.event(sample)
    assert len(reached(rules, event)) == 1
    assert reached(rules, {**event, field: value}) == []


def test_the_samples_are_of_every_rule_that_listens_to_all_of_an_account(account, rules):
    """A rule on the default bus that is bound to no bucket of ours hears other teams as well."""
    heard = {
        handler
        for sample, _ in FOREIGN.values()
        for handler in reached(rules, account.event(sample))
    }
    open_rules = {
        handler
        for pattern, handler in rules
        if pattern["source"] != ["everloop"] and "bucket" not in pattern.get("detail", {})
    }
    assert heard == open_rules


def test_a_monitoring_job_with_any_name_is_read(account):
    event = foreign(account, *FOREIGN["a monitoring job with a long name"])
    assert len(sign_of_trouble(event, Home("123456789012", "us-east-1")).name) == 256
