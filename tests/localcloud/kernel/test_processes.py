"""Children of a cloud: started alone, stopped whole, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from everloop_localcloud.kernel.processes import Processes

ROOT = Path(__file__).parents[3]

# Starts a child of its own, tells both ids, and sleeps.
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(os.getpid(), child.pid, flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + PARENT

CLOUD = f"""
import os, sys, time
from pathlib import Path
from everloop_localcloud.kernel.processes import Processes
processes = Processes()
folder = Path(sys.argv[1]) / "job"
folder.mkdir()
processes.own_folder(folder)
child = processes.start(
    [sys.executable, "-c", {PARENT!r}], env=dict(os.environ), cwd=folder, stdout=None
)
time.sleep(600)
"""


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    except FileNotFoundError:
        pass
    if Path("/proc/self").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(pids):
    deadline = time.monotonic() + 30
    while any(alive(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still there: {[p for p in pids if alive(p)]}"
        time.sleep(0.02)


@pytest.fixture
def processes():
    processes = Processes()
    yield processes
    processes.close()


def start(processes, code, tmp_path):
    child = processes.start(
        [sys.executable, "-c", code], env={}, cwd=tmp_path, stdout=subprocess.PIPE
    )
    pids = [int(part) for part in child.stdout.readline().split()]
    child.stdout.close()
    return child, pids


def test_a_child_sees_only_the_environment_it_is_given(processes, tmp_path, monkeypatch):
    monkeypatch.setenv("HOST_SECRET", "x")
    code = "import os; print(sorted(name for name in os.environ if name != 'LC_CTYPE'))"
    child = processes.start(
        [sys.executable, "-c", code], env={"ONLY": "1"}, cwd=tmp_path, stdout=subprocess.PIPE
    )
    with child.stdout as output:
        assert output.read() == b"['ONLY']\n"
    assert processes.wait(child) == 0


@pytest.mark.parametrize("code", [PARENT, STUBBORN], ids=["polite", "ignores SIGTERM"])
def test_stopping_ends_a_child_and_all_it_started(processes, tmp_path, code):
    child, pids = start(processes, code, tmp_path)
    assert processes.stop(child, grace=0.2) < 0
    wait_until_gone(pids)


@pytest.mark.parametrize("contained", [{"whole": True}, {"mark": "A=b"}, {}], ids=str)
def test_a_child_that_is_stopped_before_it_has_begun_ends_at_once(processes, tmp_path, contained):
    for _ in range(5):
        child = processes.start(["/bin/sleep", "600"], env={"A": "b"}, cwd=tmp_path, **contained)
        # SIGKILL's number would say that it had not heard, and was killed after its grace.
        assert processes.stop(child, grace=10) == -signal.SIGTERM


def test_waiting_gives_the_exit_code(processes, tmp_path):
    child = processes.start([sys.executable, "-c", "raise SystemExit(7)"], env={}, cwd=tmp_path)
    assert processes.wait(child) == 7


def test_closing_kills_what_still_runs(tmp_path):
    processes = Processes()
    _, pids = start(processes, PARENT, tmp_path)
    processes.close()
    wait_until_gone(pids)


def test_children_die_with_a_cloud_that_is_killed_and_leave_no_folder(tmp_path):
    cloud = subprocess.Popen(
        [sys.executable, "-c", CLOUD, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "localcloud")},
    )
    with cloud.stdout as output:
        pids = [int(part) for part in output.readline().split()]
        assert all(alive(pid) for pid in pids)
        cloud.send_signal(signal.SIGKILL)
        cloud.wait()
    wait_until_gone(pids)
    deadline = time.monotonic() + 30
    while (tmp_path / "job").exists():
        assert time.monotonic() < deadline, "the working folder is still there"
        time.sleep(0.02)
