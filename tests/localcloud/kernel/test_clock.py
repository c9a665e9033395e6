"""The cloud's clock: speed, timers, waiting."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from everloop_localcloud.kernel.clock import Clock

START = datetime(2030, 1, 1, tzinfo=UTC)
FAST = 100_000.0


@pytest.fixture
def clock():
    clock = Clock(FAST, START)
    yield clock
    clock.stop()


def test_time_starts_where_it_is_told_and_only_grows(clock):
    moments = [clock.now() for _ in range(100)]
    assert moments[0] >= START
    assert moments == sorted(moments)


def test_sleeping_passes_the_clouds_seconds(clock):
    before = clock.now()
    clock.sleep(3600)
    assert clock.now() - before >= timedelta(hours=1)


def test_a_duration_is_shorter_by_the_speed():
    assert Clock(120).real(3600) == 30


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(ValueError, match="speed is"):
        Clock(speed)


def test_timers_fire_at_their_time_in_order(clock):
    fired, done = [], threading.Event()

    def note(name):
        fired.append((name, clock.now()))
        if len(fired) == 3:
            done.set()

    for name, hours in (("last", 9), ("first", 3), ("second", 6)):
        clock.after(hours * 3600, lambda name=name: note(name))

    assert done.wait(30)
    assert [name for name, _ in fired] == ["first", "second", "last"]
    assert all(
        when >= START + timedelta(hours=hours)
        for (_, when), hours in zip(fired, (3, 6, 9), strict=True)
    )


def test_what_is_due_already_fires_at_once(clock):
    done = threading.Event()
    clock.at(START - timedelta(days=1), done.set)
    assert done.wait(30)


def test_a_cancelled_timer_never_fires(clock):
    fired, done = [], threading.Event()
    clock.after(100, lambda: fired.append("cancelled")).cancel()
    clock.after(5000, done.set)
    assert done.wait(30)
    assert fired == []


def test_a_failing_timer_takes_no_other_with_it(clock, caplog):
    done = threading.Event()
    clock.after(1, lambda: 1 / 0)
    clock.after(2000, done.set)
    assert done.wait(30)
    assert "timer failed" in caplog.text


def test_a_slow_timer_does_not_hold_up_others(clock):
    release, done = threading.Event(), threading.Event()
    clock.after(1, lambda: release.wait(30))
    clock.after(2, done.set)
    assert done.wait(30)
    release.set()


def test_nothing_fires_after_the_stop(clock):
    fired = []
    clock.after(1000, lambda: fired.append("late"))
    clock.stop()
    clock.at(START, lambda: fired.append("later"))
    clock.sleep(5000)
    assert fired == []


def test_a_signal_ends_a_wait_and_a_wait_ends_by_itself(clock):
    signal = clock.signal()
    before = clock.now()
    assert signal.wait(3600) is False
    assert clock.now() - before >= timedelta(hours=1)
    threading.Thread(target=signal.set).start()
    assert signal.wait() is True
    assert signal.is_set()
