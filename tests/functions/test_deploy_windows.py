"""An approved version waits for its deploy window, visibly; what must leave production does not."""

import json

import pytest

import plan_release
import reconcile
import start_rollout
from everloop.aws import registry
from everloop_cli.main import main

from .conftest import SPEC
from .test_on_package_changed import heed, say, tell

MODEL = "flight-delays"
OFFICE = 'windows = ["Mon-Thu 09:00-16:00 Europe/Lisbon"]'
# Events of the samples are of Friday, 20 November 2026.
OPENS, FRIDAY = "2026-11-23T09:00:00.000Z", "2026-11-20T10:20:31Z"
WAITS = (
    "version 1 is approved and waits: outside of its deploy windows (Mon-Thu 09:00-16:00 "
    "Europe/Lisbon); the next opens Mon 2026-11-23 09:00 Europe/Lisbon"
)


def pushed(account, deploy=OFFICE, more=""):
    account.push(data=account.bundle(f"{SPEC}\n[deploy]\n{deploy}\n{more}"))


def tick(account, time):
    return reconcile.handler({"time": time}, account.context)


def releases(account):
    return [d for d in account.decisions() if d["kind"] == "release"]


def plan(account, arn, version=1, time=FRIDAY):
    execution = f"arn:aws:states:us-east-1:123456789012:execution:everloop-deploy:{MODEL}-r1-v1"
    request = account.request(
        "machine-plan-release",
        package_arn=arn,
        version=version,
        epoch=1,
        execution=execution,
        time=time,
    )
    return plan_release.handler(request, account.context)


def test_it_waits_and_is_released_when_the_window_opens(account, capsys):
    pushed(account)
    arn = account.register(approval="Approved")
    assert heed(account, "approved", arn) == {"go": False, "reason": WAITS}
    tick(account, "2026-11-20T10:25:00Z")
    tick(account, "2026-11-23T08:59:00Z")
    assert account.executions("deploy") == []
    (waits,) = releases(account)  # once, however often somebody looks
    assert waits["reason"] == WAITS
    assert waits["facts"] == {"version": 1, "serving": None, "waits": 1, "opens": OPENS}
    account.describe_stack()
    assert main(["status", MODEL]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert f"note {WAITS}" in shown
    assert f"everloop approve {MODEL} --version 1 --now --reason 'why'" in shown

    tick(account, OPENS)
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"]
    assert plan(account, arn, time=OPENS)["go"] is True
    capsys.readouterr()
    assert main(["status", MODEL, "--json"]) == 0
    attention = json.loads(capsys.readouterr().out)["attention"]
    assert not any("deploy windows" in each["found"] for each in attention)


def test_an_event_that_comes_late_opens_no_window(account):
    pushed(account, 'windows = ["Fri 10:00-10:18 UTC"]')
    arn = account.register(approval="Approved")
    heed(account, "approved", arn)  # of 10:15
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"]
    assert plan(account, arn, time="2026-11-20T10:20:31Z")["go"] is False


def test_what_was_begun_in_a_window_goes_to_its_end(account):
    pushed(account, 'windows = ["Fri 10:00-10:18 UTC"]')
    arn = account.register(approval="Approved")
    heed(account, "approved", arn)
    assert plan(account, arn, time="2026-11-20T10:17:00Z")["go"] is True
    request = account.request(
        "machine-start-rollout",
        stage="production",
        version=1,
        epoch=1,
        package_arn=arn,
        execution=f"arn:aws:states:us-east-1:123456789012:execution:everloop-deploy:{MODEL}-r1-v1",
        token=account.token("deploy", f"{MODEL}-r1-v1"),
        time="2026-11-20T10:40:00Z",
    )
    assert start_rollout.handler(request, account.context)["started"] is True


def test_rejecting_what_serves_waits_for_nothing(account):
    pushed(account)
    account.register(approval="Approved")
    second = account.register(2, approval="Rejected")
    account.serve(2)
    heed(account, "rejected", second, 2)
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"]


def test_a_freeze_holds_releases_as_well(account):
    freeze = "[[approve.freeze]]\nstart = {}\nend = {}\nwhy = 'audit'\n"
    pushed(account, more=freeze.format("2026-11-19T00:00:00Z", "2026-11-21T00:00:00Z"), deploy="")
    arn = account.register(approval="Approved")
    reason = heed(account, "approved", arn)["reason"]
    assert reason == (
        "version 1 is approved and waits: frozen until Sat 2026-11-21 00:00 UTC (audit)"
    )
    tick(account, "2026-11-21T00:00:00Z")
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"]


def test_an_emergency_waits_for_nothing_and_everybody_hears_it(account, capsys):
    pushed(account)
    arn = account.register(approval="Approved")
    heed(account, "approved", arn)
    kept = registry.describe(arn).metadata  # which moto forgets
    say(account, arn, "Approved", "emergency: prices are wrong", CustomerMetadataProperties=kept)
    tell(account, arn)
    assert account.executions("deploy") == [f"{MODEL}-r1-v1"]
    assert account.mails() == [f"{MODEL} v1: is released at once, as an emergency"]
    assert plan(account, arn)["go"] is True
    told = releases(account)[-1]
    assert told["reason"].endswith("; an emergency: prices are wrong")
    assert told["facts"]["in_spite_of"].startswith("outside of its deploy windows")
    account.describe_stack()
    assert main(["why", MODEL, "--version", "1"]) == 0
    assert "EMERGENCY  prices are wrong" in capsys.readouterr().out


def test_the_command_says_what_it_waits_for_and_how_it_need_not(account, capsys):
    never = 'windows = ["Mon 00:00-00:01 UTC", "Thu 00:00-00:01 UTC"]'
    pushed(account, never)
    arn = account.register()
    account.describe_stack()
    assert main(["approve", MODEL, "--version", "1", "--reason", "it is better"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "as it is outside of its deploy windows (Mon 00:00-00:01 UTC; Thu 00:00-00:01" in shown
    assert f"In an emergency: everloop approve {MODEL} --version 1 --now" in shown
    assert main(["approve", MODEL, "--version", "1", "--now"]) == 2
    assert "--now: say why with --reason" in capsys.readouterr().err
    assert main(["approve", MODEL, "--version", "1", "--now", "--reason", "wrong prices"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "will be tested and released now, and everybody is notified" in shown
    found = account.client("sagemaker").describe_model_package(ModelPackageName=arn)
    assert found["ApprovalDescription"] == "emergency: wrong prices"


@pytest.mark.parametrize("window", ["Mon-Thu 09:00-16:00", "Mon 09:00-16:00 Europe/Lisboa"])
def test_a_window_that_is_none_is_refused_with_its_place(account, window):
    pushed(account, f'windows = ["{window}"]')
    (refused,) = [d for d in account.decisions() if d["kind"] == "install"]
    assert refused["go"] is False
    assert f"deploy.windows.0 is '{window}'" in refused["reason"]
