"""everloop spent: what the ledger's hours come to, as a table and for programs."""

import json
from datetime import timedelta

import pytest
from functions.test_commands import MODEL, said, stack, told

import judge_findings
from everloop.aws import ledger
from everloop.moments import moment
from everloop.records.run import REGISTERED, Run

__all__ = ["stack"]
T = moment("2026-11-10T00:00:00Z")
JOB = {"on": {"InstanceType": "ml.m5.large", "InstanceCount": 2}, "from": 0, "until": 1_800_000}


@pytest.fixture
def used(stack):
    """A look that took an instance hour, and a training that took two of one without a price."""
    findings = f"s3://{stack.artefacts}/monitoring/{MODEL}/x/findings.json"
    stack.put(findings, json.dumps({"violations": [], "checks": [], "rows": 10}).encode())
    request = {
        "model": MODEL,
        "scheduled_at": "2026-11-10T00:00:00Z",
        "findings_uri": findings,
        "version": 1,
        "execution": f"arn:aws:states:us-east-1:123456789012:execution:monitor:{MODEL}-l1",
        "ran": [JOB],
        "time": "2026-11-10T00:05:00Z",
    }
    ledger.take_lease(MODEL, "monitor", request["execution"], 0, T, T + timedelta(days=1))
    judge_findings.handler(request, stack.context)
    hours = {"ml.m5.large hour": 1.0, "ml.none.large hour": 2.0}
    run = Run(f"{MODEL}-w1-0123abcd", "d", "b", "data", T, REGISTERED, T, used=hours)
    ledger.put_run(MODEL, run)
    return stack


def test_what_was_used_is_told_with_its_price(used, capsys):
    found = told(capsys, "spent", "--month", "2026-11")
    assert (found["month"], found["currency"], found["region"]) == ("2026-11", "USD", "us-east-1")
    (model,) = found["models"]
    assert model["trainings"] == model["each"] == pytest.approx(0.115)
    assert model["looks"] == pytest.approx(0.115)
    assert model["together"] == pytest.approx(0.23)
    shown = said(capsys, "spent", MODEL, "--month", "2026-11")
    assert "Spent in 2026-11, USD in us-east-1" in shown
    assert f"not in it: {MODEL}: 2.00 of 'ml.none.large hour': it has no price" in shown


def test_another_month_has_nothing_of_it(used, capsys):
    (model,) = told(capsys, "spent", MODEL, "--month", "2026-10")["models"]
    assert (model["together"], model["each"], model["unpriced"]) == (0, None, [])


def test_prices_of_ones_own_are_taken(used, tmp_path, capsys):
    prices = {"as_of": "2026-12", "regions": {"us-east-1": {"ml.m5.large hour": 100}}}
    (tmp_path / "ours.json").write_text(json.dumps(prices))
    words = ("spent", MODEL, "--month", "2026-11", "--prices", str(tmp_path / "ours.json"))
    (model,) = told(capsys, *words)["models"]
    assert (model["trainings"], model["looks"]) == (100, 100)


@pytest.mark.parametrize("month", ["november", "2026-13", "2026"])
def test_what_is_no_month_is_refused(stack, month, capsys):
    assert "is no month: 2026-11 is one" in said(capsys, "spent", "--month", month, code=2)
