"""`everloop up`: what is wrong is said at once, and by everloop itself."""

import json
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from everloop_cli import laptop
from everloop_cli.main import main
from everloop_cli.options import chosen
from everloop_cli.subcommands.up import up
from everloop_cli.trouble import Trouble
from everloop_localcloud import options

ROOT = Path(__file__).parents[2]
OWN = {"parameters", "any_template", "state", "stack", "as_json"}
RUNNING = {"port": 4566, "speed": 1.0, "options": {**options.DEFAULTS, "port": 4566}}


def told_to(words):
    """Return what a cloud would be told, by these words of `everloop up`."""
    parsed = up.make_context("up", list(words)).params
    return chosen({name: value for name, value in parsed.items() if name not in OWN})


@pytest.mark.parametrize("command", ["up", "demo"])
@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--port", "70000"), "Invalid value for '--port': '70000' is no port: 0 to 65535"),
        (("--port", "-1"), "--port"),
        (("--port", "x"), "'--port': 'x' is no port"),
        (("--port", "٤٥٦٦"), "is no port"),
        (("--speed", "0"), "'--speed': '0' is no speed"),
        (("--speed", "nan"), "'--speed': 'nan' is no speed"),
        (("--speed", "fast"), "'--speed': 'fast' is no speed"),
    ],
)
def test_a_bad_value_is_named_with_everloops_own_usage(capsys, command, words, told):
    assert main([command, *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"Usage: everloop {command} ")
    assert told in said


@pytest.mark.parametrize(
    "words",
    [
        *[("--allow-host", "http://x"), ("--quotas", "none"), ("--jobs", "cloud")],
        *[("--events", "x"), ("--parameter", "ReconcileMinutes"), ("--parameter", "=9")],
    ],
)
def test_so_is_a_bad_value_of_what_only_up_takes(capsys, words):
    assert main(["up", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Usage: everloop up ") and f"Invalid value for '{words[0]}'" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], []),
        (["--speed", "1", "--port", "4566"], []),
        (["--port", "0"], []),
        (["--speed", "60"], ["--speed 1, not --speed 60"]),
        (["--port", "4567"], ["--port 4566, not --port 4567"]),
        (["--quotas", "aws"], ["no --quotas, not --quotas aws"]),
        (["--jobs", "docker"], ["--jobs process, not --jobs docker"]),
        (["--events", "rough"], ["--events prompt, not --events rough"]),
        (["--verify-secrets"], ["no --verify-secrets, not --verify-secrets"]),
        (["--allow-host", "a", "--allow-host", "b"],
         ["no --allow-host, not --allow-host a --allow-host b"]),
    ],
)  # fmt: skip
def test_a_running_cloud_says_what_it_does_not_take_over(words, told):
    wanted = told_to(words)
    assert laptop.differences(RUNNING, wanted) == told


def test_a_cloud_of_an_older_version_tells_no_options():
    running = {"port": 4566, "speed": 1.0}
    assert laptop.differences(running, {"speed": 2.0, "jobs": "docker"}) == [
        "--speed 1, not --speed 2"
    ]


def test_options_reach_the_program_as_they_were_given():
    words = ["--port", "0", "--speed", "60", "--allow-host", "a", "--verify-secrets"]
    assert options.words(told_to(words)) == words


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (".everloop", "everloop env"),
        ("other", "everloop env --state other"),
        ("my state", "everloop env --state 'my state'"),
    ],
)
def test_what_it_advises_names_the_state_folder(state, told):
    assert laptop.command("env", Path(state)) == told


def test_the_advice_of_env_names_the_state_folder(tmp_path):
    with pytest.raises(Trouble, match=f"everloop up --state {tmp_path}"):
        laptop.environment(tmp_path)


def test_another_server_on_the_port_is_no_cloud(tmp_path):
    class Other(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Other)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        told = {"pid": 1, "url": f"http://127.0.0.1:{server.server_port}"}
        (tmp_path / "cloud.json").write_text(json.dumps(told))
        assert laptop.describe(tmp_path) is None
    finally:
        server.shutdown()
        server.server_close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble, match=r"--state .*file.* cannot be written to"):
        laptop.up(tmp_path / "file", stack="everloop", say=print)


def test_clients_get_the_secret_where_one_counts(tmp_path):
    assert laptop.variables("http://x", tmp_path)["AWS_SECRET_ACCESS_KEY"] == "laptop"
    (tmp_path / "secret").write_text("s3cret\n")
    assert laptop.variables("http://x", tmp_path)["AWS_SECRET_ACCESS_KEY"] == "s3cret"


FULL = 'mount -t tmpfs -o size="$1" none "$2" && exec "$3" -m everloop_cli.main up --state "$2"'


@pytest.mark.parametrize("size", ["40k", "2m"])
def test_a_full_disk_is_told_at_once(tmp_path, size):
    unshare = shutil.which("unshare")
    words = [unshare or "unshare", "-U", "-r", "-m", "sh", "-c"]
    if unshare is None or subprocess.run([*words, "true"], check=False).returncode:
        pytest.skip("no namespaces here, in which a small disk could be mounted")
    found = subprocess.run(
        [*words, FULL, "sh", size, str(tmp_path), sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    said = " ".join(found.stderr.split())
    assert found.returncode == 2
    assert "No space left" in said or "is full" in said
    assert "Make room" in said
