"""Runs: which one a machine waits for."""

from datetime import UTC, datetime, timedelta

from everloop.records.run import DATA, RUNNING, WAITING, Run, of_machine

AT = datetime(2026, 11, 20, tzinfo=UTC)


def run(name: str, minutes: int, outcome: str) -> Run:
    started = AT + timedelta(minutes=minutes)
    return Run(name, "d", name, DATA, started, outcome, execution="m-w1-a1")


def test_a_machine_waits_for_its_newest_run_where_a_push_came_between_two_tries() -> None:
    stale, own = run("m-w1-aaaaaaaa", 0, WAITING), run("m-w1-bbbbbbbb", 30, RUNNING)
    assert of_machine([stale, own], "m-w1-a1") == of_machine([own, stale], "m-w1-a1") == own
    assert of_machine([stale, own], "m-w1-a2") is None
