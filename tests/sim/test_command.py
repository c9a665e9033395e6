"""What `python -m proofs.sim` takes, and what it says."""

import pytest
from sim.running import sim


def test_a_history_can_be_read() -> None:
    told = sim("--seed", "2", "--trace").stdout
    for word in ("person", "decided", "pipeline", "registry", "endpoint", "quiet"):
        assert f"  {word}" in told


@pytest.mark.long
def test_a_planted_flaw_is_seen() -> None:
    words = ("--seeds", "2", "--first", "--only", "count an object")
    done = sim(*words, module="proofs.sim.mutation")
    assert "1 of 1 flaws are seen" in done.stdout, done.stdout + done.stderr


@pytest.mark.long
def test_what_chance_left_out_can_be_struck_on_purpose() -> None:
    report = sim("--seeds", "1", "--workers", "1").stdout
    line = next(line for line in report.splitlines() if "not covered: " in line)
    kind, _, site = line.partition("not covered: ")[2].partition(" at ")
    played = sim("--seed", "1", "--strike", f"{site} {kind}")
    assert played.returncode == 0, played.stdout
    assert "does not come by" not in played.stdout


def test_a_strike_that_meets_no_call_is_told() -> None:
    played = sim("--seed", "2", "--strike", "nobody s3.GetObject nowhere.py:1 lost")
    assert played.returncode == 1
    assert "seed 2 does not come by nobody s3.GetObject nowhere.py:1" in played.stdout
    assert "--strike" in sim("--seed", "2", "--strike", "nobody loses").stderr
