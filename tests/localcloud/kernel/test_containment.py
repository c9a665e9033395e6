"""What a child leaves behind ends with it, and none reaches the cloud: with namespaces, without."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from everloop_localcloud.kernel import containment

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and /proc are Linux's")

# A process that no parent knows: forked twice, in a session of its own, without its environment.
LEAVE = """
import os, subprocess, sys, time
def leave(number):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.execve("/bin/sleep", ["sleep", number], {})
        os._exit(0)
    os.wait()
leave(sys.argv[1])
"""
SCRIPTS = {
    "ends": "",
    "fails": "raise SystemExit(3)",
    "is killed": "os.kill(os.getpid(), 9)",
    "kills its parent": "os.kill(os.getppid(), 9); time.sleep(0.2)",
}
CODES = {"ends": {0}, "fails": {3}, "is killed": {-9}, "kills its parent": {0, -9}}

# A cloud's processes, without the rest: what is left when they are used is told.
RUN = """
import os, subprocess, sys, time
from pathlib import Path
from everloop_localcloud.kernel import containment
from everloop_localcloud.kernel.processes import Processes
how, script, number, folder = sys.argv[1:]
if how == "kept":
    containment.namespace = lambda: None
processes = Processes()
child = processes.start([sys.executable, "-c", script, number], env={"PATH": os.environ["PATH"]},
    cwd=Path(folder), stdout=subprocess.PIPE, stderr=None, whole=True)
if "stop" in sys.argv[2]:
    child.stdout.readline()
    print(processes.stop(child, grace=0.3))
elif "cloud dies" in sys.argv[2]:
    child.stdout.readline()
    os.kill(os.getpid(), 9)
else:
    print(processes.wait(child, 30), child.stdout.read() == b"")
processes.close()
"""


def running(number):
    """Return the processes that sleep so long; no other test's do."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if path.read_bytes() == f"sleep\0{number}\0".encode():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def gone(number):
    deadline = time.monotonic() + 20
    while running(number):
        assert time.monotonic() < deadline, f"still there: {running(number)}"
        time.sleep(0.05)


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.fixture
def number():
    """Seconds that nothing else sleeps."""
    made = str(10_000_000 + int.from_bytes(os.urandom(4), "big"))
    yield made
    for pid in running(made):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def run(number):
    """Run a script in a cloud's child; gives the cloud's exit code and what it tells."""
    folder = Path(tempfile.mkdtemp())  # not below pytest's, where nobody may not look
    folder.chmod(0o755)

    def run(script, how, user="root"):
        if PYTHONS[user] is None:
            pytest.skip("there is nobody to become here, or no Python that nobody may run")
        if how == "namespace" and containment.namespace() is None:
            pytest.skip("no PID namespaces here")
        done = subprocess.run(
            [PYTHONS[user], "-c", RUN, how, script, number, str(folder)],
            cwd="/",
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "localcloud")},
            preexec_fn=as_nobody if user == "nobody" else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    yield run
    shutil.rmtree(folder)


def python_of_nobody():
    """Return a Python that anybody may run; None where there is none, or nobody to become."""
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "localcloud")}
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", "import everloop_localcloud.kernel.processes"],
                cwd="/",
                env=env,
                preexec_fn=as_nobody,
                capture_output=True,
                check=False,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        if done.returncode == 0:
            return python
    return None


PYTHONS = {"root": sys.executable, "nobody": python_of_nobody()}


WAYS = [("namespace", "root"), ("kept", "root"), ("namespace", "nobody"), ("kept", "nobody")]


@pytest.mark.parametrize(("how", "user"), WAYS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_daemon_ends_with_the_job_that_left_it(run, number, script, how, user):
    code, told, errors = run(LEAVE + SCRIPTS[script], how, user)
    assert code == 0, errors  # the cloud lives
    assert int(told.split()[0]) in CODES[script], (told, errors)
    gone(number)


@pytest.mark.parametrize(("how", "user"), WAYS)
def test_a_daemon_ends_with_a_job_that_is_stopped(run, number, how, user):
    ignores = "\nimport signal\nsignal.signal(15, signal.SIG_IGN)\nprint('stop', flush=True)\n"
    code, told, errors = run(LEAVE + ignores + "time.sleep(600)", how, user)
    assert (code, told) == (0, "-9\n"), errors
    gone(number)


@pytest.mark.parametrize(("how", "user"), WAYS)
def test_a_daemon_ends_with_a_cloud_that_is_killed(run, number, how, user):
    # It keeps its environment, by which it is found where there is no namespace.
    script = LEAVE.replace("os.execve(", "os.execvp(").replace(", {})", ")")
    code, _, _ = run(script + "print('cloud dies', flush=True)\ntime.sleep(600)", how, user)
    assert code == -9
    gone(number)


@pytest.mark.parametrize("how", ["namespace", "kept"])
def test_a_job_can_stop_in_its_own_time(run, how):
    script = (
        "import signal, sys, time\n"
        "signal.signal(15, lambda *_: sys.exit(7))\nprint('stop', flush=True)\ntime.sleep(600)"
    )
    assert run(script, how)[:2] == (0, "7\n")


def test_in_a_namespace_a_job_sees_and_reaches_nothing_else(run):
    script = (
        "import os, sys\n"
        "assert len([p for p in os.listdir('/proc') if p.isdigit()]) <= 4, os.listdir('/proc')\n"
        f"assert not os.path.exists('/proc/{os.getpid()}/cmdline')\n"
        "import contextlib\n"
        "with contextlib.suppress(ProcessLookupError):\n    os.kill(-1, 9)\n"
    )
    code, told, errors = run(script, "namespace")
    assert (code, told.split()[0]) in [(0, "0"), (0, "-9")], errors


@pytest.mark.parametrize("how", ["namespace", "kept"])
def test_no_process_of_a_job_has_more_memory_than_its_instance(tmp_path, how, monkeypatch):
    from everloop_localcloud.kernel.processes import Processes

    if how == "kept":
        monkeypatch.setattr(containment, "namespace", lambda: None)
    elif containment.namespace() is None:
        pytest.skip("no PID namespaces here")
    processes = Processes()
    script = "bytearray(50_000_000); print('small', flush=True); bytearray(900_000_000)"
    try:
        child = processes.start(
            [sys.executable, "-c", script],
            env={},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            whole=True,
            limit=400 * 1024**2,
        )
        with child.stdout as output:
            told = output.read()
        assert processes.wait(child) == 1
        assert told.startswith(b"small") and b"MemoryError" in told
    finally:
        processes.close()


def test_what_a_function_left_is_found_by_its_mark(tmp_path, number):
    from everloop_localcloud.kernel.processes import Processes

    processes = Processes()
    try:
        script = LEAVE.replace("os.execve(", "os.execvp(").replace(", {})", ")")
        child = processes.start(
            [sys.executable, "-c", script + "os.kill(os.getppid(), 9)", number],
            env={"STREAM": "a=b[$LATEST]"},
            cwd=tmp_path,
            mark="STREAM=a=b[$LATEST]",
        )
        assert processes.wait(child) == -9
        gone(number)
    finally:
        processes.close()


def test_without_unshare_a_keeper_is_what_is_left(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert containment.namespace.__wrapped__() is None


GROUPED = """
import subprocess, sys, time
made = [subprocess.Popen([sys.executable, "-c",
    "import time; kept = b'x' * 90_000_000; print(1, flush=True); time.sleep(20)"],
    stdout=subprocess.PIPE) for _ in range(4)]
for one in made:
    one.stdout.readline()
time.sleep(0.2) # the kernel may end for the last one another that has told already
print([one.poll() for one in made].count(None), flush=True)
"""


def test_where_there_are_control_groups_a_limit_is_that_of_all_processes(tmp_path):
    from everloop_localcloud.kernel.cgroups import Group, _home
    from everloop_localcloud.kernel.processes import Processes

    group = Group(1)
    limits = [Path(group.path) / name for name in ("memory.max", "memory.limit_in_bytes")]
    limited = bool(group.path) and any(limit.exists() for limit in limits)
    group.end()
    if not limited:
        pytest.skip("no control groups with memory can be made here")
    processes = Processes()
    try:
        child = processes.start(
            [sys.executable, "-c", GROUPED],
            env={},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            whole=True,
            limit=250 * 1024**2,
        )
        with child.stdout as output:
            told = output.read()
        processes.wait(child)
        assert told in (b"", b"0\n", b"1\n", b"2\n")  # the kernel ended some, or all
        assert not list(_home().glob(f"everloop-{os.getpid()}-*"))
    finally:
        processes.close()
