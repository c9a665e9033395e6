"""Use an installed `everloop` in an empty folder: `check_wheels.py alone|whole HOME CLONE`.

`alone` is the command without the local cloud, `whole` with it. Everything runs with nothing of the
clone on its path, and says what it ran.
"""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

BIN = Path(sys.executable).parent
PARTS = (
    *("template.yaml", "samconfig.toml", "functions/reconcile.py", "statemachines/train.asl.yaml"),
    *("layers/core/requirements.txt", "layers/core/everloop/bundle.py"),
    *("jobs/everloop_jobs/monitor.py", "models/flight-delays/model.toml", "events"),
)


class Stranger:
    """Somebody who installed the command, in an empty folder and with a home of his own."""

    def __init__(self, home: Path, clone: Path) -> None:
        self.folder = home / "empty"
        self.state = home / "state"
        self.clone = clone
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "XDG_STATE_HOME": str(self.state),
            "LANG": "C.UTF-8",
            **{k: v for k, v in os.environ.items() if k.startswith(("UV_", "PIP_"))},
        }

    def runs(self, *words: str, code: int = 0) -> str:
        """Run the command; ends the check where it ends otherwise than it must."""
        began = time.monotonic()
        done = subprocess.run(
            [str(BIN / "everloop"), *words],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        print(f"  $ everloop {' '.join(words)}  ({time.monotonic() - began:.1f} s)", flush=True)
        told = done.stdout + done.stderr
        if done.returncode != code:
            sys.exit(f"wheels: it ended with {done.returncode}, not {code}:\n{told}")
        if str(self.clone) in told:
            sys.exit(f"wheels: it knows of the clone:\n{told}")
        return told

    def says(self, wanted: str, *words: str, code: int = 0) -> str:
        told = self.runs(*words, code=code)
        if wanted not in " ".join(told.split()):
            sys.exit(f"wheels: it does not say {wanted!r}:\n{told}")
        return told

    def opens(self, *words: str) -> None:
        """Start the page, load it with its style and its script, and stop it."""
        started = subprocess.Popen(
            [str(BIN / "everloop"), *words],
            cwd=self.folder,
            env=self.env,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert started.stdout is not None
            address = json.loads(started.stdout.readline() or "{}").get("address")
            if not address:
                sys.exit("wheels: the page did not start")
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            for path, wanted in (("", "flight-delays"), ("static/page.css", "--ink")):
                place = address if not path else f"{address.partition('?')[0]}{path}"
                with browser.open(place, timeout=60) as answer:
                    if wanted not in answer.read().decode():
                        sys.exit(f"wheels: {place} does not say {wanted!r}")
            print(f"  $ everloop {' '.join(words)}  (the page is served)", flush=True)
        finally:
            started.send_signal(signal.SIGINT)
            started.wait(30)


def alone(stranger: Stranger) -> None:
    stranger.says("everloop 0.", "--version")
    stranger.says("Install a model", "--help")
    for command in (("up", "--speed", "60"), ("demo",)):
        stranger.says("pip install ./localcloud", *command, code=2)
    stranger.says("deploy", "template", "export", "stack")
    for part in PARTS:
        if not (stranger.folder / "stack" / part).exists():
            sys.exit(f"wheels: the export lacks {part}")
    if any((stranger.folder / "stack").rglob("__pycache__")):
        sys.exit("wheels: the export holds bytecode")


def whole(stranger: Stranger) -> None:
    home = stranger.state / "everloop" / "everloop"
    stranger.says(str(home), "up", "--port", "0", "--speed", "60")
    try:
        stranger.env |= json.loads(stranger.runs("env", "--json"))
        stranger.says("is up already", "up")
        stranger.says("installed flight-delays after", "push", "stack/models/flight-delays")
        (stranger.folder / "jan.csv").write_text("a,b\n1,2\n")
        stranger.says("dropped 1 files", "drop", "flight-delays", "jan.csv", "--anyway")
        stranger.says("flight-delays", "status", "flight-delays")
        stranger.opens("ui", "--no-open", "--json")
    finally:
        stranger.says("cloud stopped", "down", "--wipe")
    if home.exists():
        sys.exit(f"wheels: {home} is still there")


if __name__ == "__main__":
    what, home, clone = sys.argv[1:]
    {"alone": alone, "whole": whole}[what](Stranger(Path(home), Path(clone)))
