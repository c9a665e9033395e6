"""The story: months of flights arrive, v1 is trained, judged, approved, released; the world drifts;
v2 replaces it. Nothing is staged: what is shown is what came out."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from everloop.aws import storage
from everloop.aws.settings import settings
from everloop.reading import models
from everloop.reading.story import story
from everloop.views.document import document
from everloop.views.timeline import TimelineEntry
from everloop_cli import flights, laptop, render, show, stack_files
from everloop_cli.deliver import push
from everloop_cli.demo import ending, traffic
from everloop_cli.demo.stage import Stage
from everloop_cli.door import open_stack
from everloop_cli.trouble import Trouble

MODEL = "flight-delays"
FOLDER = stack_files.models() / MODEL
FIRST_MONTHS = 3  # January to March train version 1
LAST_MONTH = 12
REQUESTS, ROWS = 40, 50  # traffic per month: requests, flights in each


def run(
    home: Path,
    cloud: Mapping[str, Any],
    *,
    stack: str,
    ask: bool,
    keep: bool,
    open_page: bool,
    as_json: bool,
) -> None:
    """Play the story in a cloud below `home`; leaves a summary in `home`/demo.json.

    `cloud` has the options of that cloud, its port and its speed among them.
    """
    state = home / "demo"
    stage = Stage(show.err if as_json else show.out)
    laptop.down(state, wipe=True, say=lambda text: None)
    port = cloud["port"] if _free(cloud["port"]) else _any_port()
    options = {**cloud, "port": port}
    pool = ThreadPoolExecutor(1)
    months = pool.submit(lambda: list(flights.months()))  # seconds, while the stack is deployed
    pool.shutdown(wait=False)
    try:
        stage.chapter("An AWS of our own, and the stack on it")
        running = laptop.up(state, stack=stack, say=stage.say, **options)
        os.environ.update(laptop.variables(running["url"], state))
        open_stack(stack)
        story = Story(stage, months.result(), ask=ask)
        story.play()
        summary = story.summary(cloud["speed"])
        path = home / "demo.json"
        path.write_text(json.dumps(summary, indent=2, default=str) + "\n")
        if as_json:
            show.emit_json(summary)
            return
        ending.tell(stage, MODEL, stack, path)
        if open_page and ending.wanted():
            ending.show_page(stage)
        ending.leave(stage, state, kept=keep)
    finally:
        if not keep:
            laptop.down(state, wipe=False, say=lambda text: None)


class Story:
    """One run of the demo against one deployed stack."""

    def __init__(self, stage: Stage, months: list[tuple[str, bytes]], *, ask: bool) -> None:
        self._stage = stage
        self._ask = ask
        self._months = months
        self._seen = 0
        self.months: list[dict[str, Any]] = []

    def play(self) -> None:
        self._install()
        self._train_first()
        self._approve_first()
        self._release(1)
        for month in range(FIRST_MONTHS, LAST_MONTH):
            if self._live_through(month):
                return
        raise Trouble("a whole year went by and nothing was replaced; see the ledger for why")

    def _install(self) -> None:
        stage = self._stage
        stage.chapter("A model is a folder: push it")
        stage.command(f"everloop push models/{MODEL}")
        pushed = push(FOLDER)
        stage.say(f"bundle {pushed['digest'][:12]}, {show.bytes_text(pushed['bytes'])}")
        decision = self._decision("install")
        stage.say(decision.reason)

    def _train_first(self) -> None:
        stage = self._stage
        stage.chapter("January to March arrive: one window, one training run")
        for name, data in self._months[:FIRST_MONTHS]:
            self._drop(name, data)
        decision = self._decision("freeze")
        stage.say(decision.reason)
        self._training()

    def _training(self) -> TimelineEntry:
        stage = self._stage
        decision = self._decision("train")
        stage.say(decision.reason)
        if not decision.go:
            raise Trouble(f"training was refused: {decision.reason}")
        ended = self._decision("train-end", limit=300, detail=self._steps)
        stage.say(ended.reason, style=None if ended.go else "red")
        if not ended.go:
            raise Trouble(f"training failed: {ended.reason}")
        judged = self._decision("judge", limit=180)
        stage.say(judged.reason)
        return judged

    def _approve_first(self) -> None:
        stage = self._stage
        stage.chapter("Version 1 waits for a person: flip its approval with the AWS CLI")
        package = models.overview(MODEL).versions[0]
        if self._ask:
            reply = input(f"   Approve version {package.version} of {MODEL}? [y/N] ")
            if reply.strip().lower() not in ("y", "yes"):
                raise Trouble("you did not approve it; the version stays pending")
        words = ["aws", "sagemaker", "update-model-package", "--model-package-arn", package.package]
        words += ["--model-approval-status", "Approved", "--approval-description", "Looks good"]
        stage.command(" ".join(w if " " not in w else f'"{w}"' for w in words))
        cli = Path(sys.executable).parent / "aws"
        answer = subprocess.run(
            [str(cli), *words[1:]], capture_output=True, text=True, errors="replace", check=False
        )
        if answer.returncode:
            raise Trouble(f"the AWS CLI failed: {answer.stderr.strip()}")
        stage.say(self._decision("approve").reason)

    def _release(self, version: int | None) -> None:
        stage = self._stage
        stage.chapter(f"Version {version} is released: staging, tests, production under alarms")
        tested = self._decision("test", limit=180, detail=self._endpoints)
        stage.say(tested.reason)
        released = self._decision("serve", "rollback", limit=240, detail=self._endpoints)
        stage.say(released.reason, style="green" if released.go else "red")
        if not released.go:
            raise Trouble(f"version {version} was not released: {released.reason}")

    def _live_through(self, index: int) -> bool:
        """Live through one month; tells whether a new version was released."""
        stage = self._stage
        name, data = self._months[index]
        month = datetime.strptime(name[:7], "%Y-%m").replace(tzinfo=UTC).strftime("%B")
        stage.chapter(f"{month}: flights are scored before departure, their outcomes dropped after")
        sent = traffic.send(MODEL, data, target="late", requests=REQUESTS, rows=ROWS)
        stage.say(f"{sent['requests']} requests, {sent['rows']} flights scored by production")
        self._drop(name, data)
        self._label(name, data)
        watched = self._decision("monitor", limit=240)
        stage.say(watched.reason, style="yellow" if watched.go else None)
        self.months.append({"month": name[:7], **sent, "monitor": watched.reason})
        if not watched.go:  # for a monitor, go means that something is violated
            return False
        retrain = self._decision("retrain", limit=60)
        stage.say(retrain.reason)
        self.months[-1]["retrain"] = retrain.reason
        if not retrain.go:
            return False
        stage.chapter("Drift: train again, and meet the champion on the same rows")
        judged = self._training()
        if not judged.go:
            return False
        self._decision("approve")
        self._release(judged.version)
        return True

    def _drop(self, name: str, data: bytes) -> None:
        key = f"data/{MODEL}/{name}"
        storage.write(settings().data_bucket, key, data, "text/csv")
        rows = data.count(b"\n") - 1
        self._stage.say(f"dropped {key}: {rows:,} flights, {show.bytes_text(len(data))}")

    def _label(self, name: str, data: bytes) -> None:
        outcomes = flights.labels(data)
        key = f"labels/{MODEL}/{name}"
        storage.write(settings().data_bucket, key, outcomes, "text/csv")
        self._stage.say(f"dropped {key}: how they arrived")

    def _decision(self, *kinds: str, limit: float = 90, detail: Any = None) -> TimelineEntry:
        """Wait for the next decision of these kinds that the story has not told yet."""

        instances: list[str] = []

        def probe() -> TimelineEntry | None:
            instances.clear()
            for decision in models.decided(MODEL, after=self._seen):
                if decision.kind == "instance":  # AWS refused one on the way
                    instances.append(decision.reason)
                if decision.kind in kinds:
                    self._seen = decision.seq
                    return decision
            return None

        what = f"waiting for: {kinds[0]}"
        found = self._stage.wait(what, probe, limit=limit, detail=detail)
        for reason in instances:
            self._stage.say(reason)
        return found

    def _steps(self) -> str:
        return render.steps(models.steps(MODEL))

    def _endpoints(self) -> str:
        return render.endpoints(models.both_endpoints(MODEL))

    def summary(self, speed: float) -> dict[str, Any]:
        return {
            "model": MODEL,
            "speed": speed,
            "seconds": round(self._stage.seconds, 1),
            "chapters": self._stage.chapters,
            "months": self.months,
            "status": document(models.overview(MODEL)),
            "why": document(story(MODEL)),
        }


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _any_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
