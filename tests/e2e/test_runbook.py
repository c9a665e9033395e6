"""docs/operate.md: each section's commands, run where what the section is about is broken."""

import doctest
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from e2e.laptop import ACCOUNT, BIN, ROOT, Laptop, variant

from proofs.stack import stack
from proofs.template import NAME

pytestmark = [pytest.mark.cloud, pytest.mark.long, pytest.mark.timeout(600)]
PAGE = (ROOT / "docs" / "operate.md").read_text()
SECTIONS = {
    title: re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    for title, text in re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}
RUN = {title: blocks for title, blocks in SECTIONS.items() if blocks}


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """A cloud of its own: the page tells what a whole stack looks like."""
    with Laptop(tmp_path_factory.mktemp("runbook") / "state", minutes=5) as started:
        for each in ("HOME", "AWS_CONFIG_FILE"):
            started.env[each] = str(tmp_path_factory.mktemp("home"))
        started.env["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        _rings(started, "reconcile-silent", "OK")
        yield started


def _rings(laptop: Laptop, alarm: str, state: str = "ALARM") -> None:
    def probe() -> bool | None:
        found = laptop.client("cloudwatch").describe_alarms(AlarmNames=[f"everloop-{alarm}"])
        return True if found["MetricAlarms"][0]["StateValue"] == state else None

    laptop.wait("none", f"the alarm {alarm} in state {state}", probe)


def _rang(laptop: Laptop, alarm: str) -> None:
    """Wait for an alarm that rings for a moment, and may be over by the time that one looks."""

    def probe() -> bool | None:
        history = laptop.client("cloudwatch").describe_alarm_history(
            AlarmName=f"everloop-{alarm}", HistoryItemType="StateUpdate"
        )
        said = [each["HistorySummary"] for each in history["AlarmHistoryItems"]]
        return True if any(each.endswith("to ALARM") for each in said) else None

    laptop.wait("none", f"the alarm {alarm} to have rung", probe)


def _disable(laptop: Laptop, name: str) -> None:
    scheduler = laptop.client("scheduler")
    where = {"GroupName": "everloop", "Name": name}
    found = scheduler.get_schedule(**where)
    kept = {each: found[each] for each in ("ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**where, **kept, State="DISABLED")


def _silence_reconcile(laptop: Laptop, _: Path) -> None:
    _disable(laptop, "everloop-reconcile")
    _rings(laptop, "reconcile-silent")


def _stop_a_monitor(laptop: Laptop, folder: Path) -> None:
    _rings(laptop, "reconcile-silent", "OK")
    often = {'schedule = "rate(1 hour)"': 'schedule = "rate(5 minutes)"'}
    laptop.everloop("push", str(variant(folder, "watched", {}, **often)))
    laptop.decided("watched", "install")
    _disable(laptop, "everloop-watched-monitor")
    assert not laptop.decided("watched", "reconcile")["go"]
    _rings(laptop, "monitors-overdue")


def _switch_off(laptop: Laptop, _: Path) -> None:
    laptop.client("lambda").put_function_concurrency(
        FunctionName="everloop-on-package-changed", ReservedConcurrentExecutions=0
    )
    mappings = laptop.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    laptop.client("lambda").update_event_source_mapping(UUID=mappings[0]["UUID"], Enabled=False)
    laptop.client("events").disable_rule(Name="everloop-package-updated")
    laptop.client("cloudwatch").disable_alarm_actions(AlarmNames=["everloop-failed"])

    def off() -> bool | None:
        found = laptop.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        return True if found[0]["State"] == "Disabled" else None

    laptop.wait("none", "the mapping to be disabled", off)


def _leave_a_dead_letter(laptop: Laptop, _: Path) -> None:
    laptop.client("lambda").invoke(
        FunctionName="everloop-plan-monitoring",
        InvocationType="Event",
        Payload=json.dumps({"model": "ghost", "scheduled_at": "whenever"}),
    )
    _rings(laptop, "failed")
    _rang(laptop, "failed-anew")


def _fail_a_machine(laptop: Laptop, _: Path) -> None:
    laptop.client("stepfunctions").start_execution(
        stateMachineArn=f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:everloop-monitor",
        name="by-hand",
        input="{}",
    )
    _rings(laptop, "monitor-failed")


# What each section of the page is about, by how its title begins.
BREAK: dict[str, Callable[[Laptop, Path], None]] = {
    "`reconcile-silent`": _silence_reconcile,
    "`monitors-overdue`": _stop_a_monitor,
    "A rule, the queue": _switch_off,
    "`failed`, `failed-anew`": _leave_a_dead_letter,
    "`<machine>-failed`": _fail_a_machine,
}


def _alike(expected: str, printed: str) -> bool:
    """Compare as doctest does with its ellipsis; spaces and line breaks are all one."""
    wanted = re.sub(r" ?\.\.\. ?", "...", " ".join(expected.split()))
    return doctest.OutputChecker().check_output(wanted, " ".join(printed.split()), doctest.ELLIPSIS)


def _run(laptop: Laptop, command: str) -> str:
    done = subprocess.run(
        ["bash", "-c", command],
        env={**laptop.env, "COLUMNS": "400", "AWS_PAGER": ""},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    # The doctor's 1 says that it found something.
    assert done.returncode in ((0, 1) if command == "everloop doctor" else (0,)), done.stderr
    return done.stdout


@pytest.mark.parametrize("title", list(RUN))
def test_the_commands_do_and_show_what_the_page_says(
    laptop: Laptop, title: str, tmp_path: Path
) -> None:
    for start, broken in BREAK.items():
        if title.startswith(start):
            broken(laptop, tmp_path)
    for block in RUN[title]:
        for command, expected in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE):
            printed = _run(laptop, command)
            assert _alike(expected, printed), f"$ {command}\n{printed}"


def test_what_is_broken_belongs_to_a_section() -> None:
    for start in BREAK:
        assert [title for title in RUN if title.startswith(start)], start


def test_every_alarm_has_a_section() -> None:
    named = set(re.findall(r"`([a-z<>-]+)`", PAGE))
    kinds = [re.sub(r"<\w+>", "[a-z-]+", name) for name in named]
    declared = stack().of("AWS::CloudWatch::Alarm").values()
    alarms = [stack().resolved(each["AlarmName"]).removeprefix(f"{NAME}-") for each in declared]
    missing: list[Any] = [a for a in alarms if not any(re.fullmatch(k, a) for k in kinds)]
    assert len(alarms) > 20 and missing == []
