"""Turns the loop on data with a known bias, and keeps its pages: `make fair`.

A version that was given the race is refused with group, number and interval, and its approval
counts for nothing without a waiver. One that was not given it passes and is released. The monitor
finds nothing in fair traffic, and the bias that is planted afterwards.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import boto3

from everloop.errors import EverloopError
from everloop_cli import show
from proofs.fair.traffic import applications, fair, planted
from proofs.smoke import target
from proofs.smoke.target import Failed, Target
from tools import mortgages

FOLDER = target.ROOT / "models" / "mortgage-approvals"
MODEL = FOLDER.name
BY_POLICY = '\n[approve]\nby = "policy"\nfirst = "policy"\n'
T = TypeVar("T")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pages", type=Path, default=Path("build/fair"), help="where they go")
    options = parser.parse_args(arguments)
    options.pages.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="everloop-fair-") as made:
        folder = Path(made)
        try:
            with target.laptop("everloop", folder) as reached:
                Story(reached, folder, options.pages).tell()
        except (EverloopError, Failed) as error:
            show.err.print(f"FAILED: {error}", style="red", markup=False)
            return 1
    show.out.print(f"FAIR {options.pages}: pages and packs of both versions", markup=False)
    return 0


class Story:
    """One model in one cloud; each step raises Failed where it does not end as it should."""

    def __init__(self, reached: Target, folder: Path, pages: Path) -> None:
        self._target = reached
        self._folder = folder
        self._pages = pages
        self._session = boto3.Session()
        self._began = time.monotonic()

    def tell(self) -> None:
        self._push('keep_out = ["race"]', "keep_out = []")
        self._drop()
        refused = self._judged(1)
        self._expect(refused["facts"]["verdict"] == "rejected", "version 1", refused["reason"])
        worst = refused["facts"]["fairness"]["beyond"][0]
        self._expect(worst["group"] == "race=black", "the group", str(worst))
        self._say(f"version 1 is refused: {refused['reason']}")
        self._approve_in_vain()

        self._push()
        self._target.everloop("train", MODEL, "--because", "the race is kept out")
        passed = self._judged(2)
        self._expect(passed["facts"]["verdict"] == "approved", "version 2", passed["reason"])
        self._say(f"version 2 passes: {passed['reason']}")
        self._serves(2)
        self._explain()

        quiet = self._look(fair())
        self._expect(not self._unfair(quiet), "a look at fair traffic", quiet["reason"])
        self._say(f"fair traffic: {quiet['reason']}")
        found = self._look(planted())
        self._expect(self._unfair(found), "a look at biased traffic", found["reason"])
        self._say(f"planted bias: {found['reason']}")
        self._keep(found)

    def _push(self, *replaced: str) -> None:
        made = self._folder / MODEL
        shutil.rmtree(made, ignore_errors=True)
        shutil.copytree(FOLDER, made)
        text = (made / "model.toml").read_text()
        if replaced and replaced[0] not in text:
            raise Failed(f"{FOLDER}/model.toml has no {replaced[0]!r}")
        text = text.replace(*replaced) if replaced else text
        (made / "model.toml").write_text(text + BY_POLICY)
        self._target.everloop("push", str(made))

    def _drop(self) -> None:
        paths = []
        for name, data in mortgages.drops():
            (self._folder / name).write_bytes(data)
            paths.append(str(self._folder / name))
        self._target.everloop("drop", MODEL, *paths)

    def _approve_in_vain(self) -> None:
        """Approve what is unfair as AWS's own clients do, without a waiver: nothing comes of it."""
        client = self._session.client("sagemaker")
        listed = client.list_model_packages(ModelPackageGroupName=MODEL)
        arn = listed["ModelPackageSummaryList"][0]["ModelPackageArn"]
        client.update_model_package(
            ModelPackageArn=arn,
            ModelApprovalStatus="Approved",
            ApprovalDescription="it has the better AUC",
        )
        answered = self._wait("an answer to the approval", lambda: self._last("release", 1))
        self._expect(not answered["go"], "the approval", answered["reason"])
        self._say(f"approved without a waiver: {answered['reason']}")

    def _explain(self) -> None:
        row = self._folder / "row.csv"
        row.write_text(applications()[["application", *_features()]].iloc[[7]].to_csv(index=False))
        self._say(self._target.everloop("explain", MODEL, str(row)))
        told = json.loads(self._target.everloop("explain", MODEL, str(row), "--json"))
        left = told["answer"] - told["base"] - sum(each["part"] for each in told["reasons"])
        self._expect(abs(left) < 1e-9, "the sum of the reasons", str(told))

    def _look(self, requests: Sequence[bytes]) -> dict[str, Any]:
        """Send requests, and have the monitor look at them."""
        runtime, before = self._session.client("sagemaker-runtime"), self._count("monitor")
        for body in requests:
            runtime.invoke_endpoint(EndpointName=MODEL, ContentType="text/csv", Body=body)

        def looked() -> dict[str, Any] | None:
            found = [
                each
                for each in self._decisions("monitor")[before:]
                if int(each["facts"].get("rows") or 0) >= 200
            ]
            if found:
                return found[-1]
            self._tick()
            return None

        return self._wait("a look", looked, pause=5)

    def _tick(self) -> None:
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        self._session.client("lambda").invoke(
            FunctionName=f"{self._target.stack}-plan-monitoring",
            Payload=json.dumps({"model": MODEL, "scheduled_at": moment}).encode(),
        )

    def _keep(self, look: dict[str, Any]) -> None:
        """Keep the pages: packs of both versions, and what the monitor saw."""
        for version in (1, 2):
            pack = self._pages / f"version-{version}.zip"
            self._target.everloop("audit", MODEL, "--version", str(version), "-o", str(pack))
            self._target.run(
                sys.executable, "-m", "everloop_cli.main", "audit", "--verify", str(pack)
            )
            place = self._pages / f"version-{version}"
            shutil.rmtree(place, ignore_errors=True)
            shutil.unpack_archive(pack, place)
        uri = str(look["facts"]["findings_uri"]).rpartition("/")[0]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        page = self._session.client("s3").get_object(Bucket=bucket, Key=f"{key}/report.html")
        (self._pages / "monitor.html").write_bytes(page["Body"].read())

    def _unfair(self, look: dict[str, Any]) -> bool:
        return "fairness" in (look["facts"].get("monitors") or ())

    def _judged(self, version: int) -> dict[str, Any]:
        return self._wait(f"a verdict on version {version}", lambda: self._last("judge", version))

    def _serves(self, version: int) -> None:
        def served() -> bool | None:
            ended = self._last("serve", version)
            return None if ended is None else bool(ended["go"])

        if not self._wait(f"version {version} in service", served):
            raise Failed(f"version {version} was not released")
        self._say(f"version {version} serves")

    def _last(self, kind: str, version: int) -> dict[str, Any] | None:
        found = [e for e in self._decisions(kind) if e["facts"].get("version") == version]
        return found[-1] if found else None

    def _count(self, kind: str) -> int:
        return len(self._decisions(kind))

    def _decisions(self, kind: str) -> list[dict[str, Any]]:
        try:
            told = json.loads(self._target.everloop("why", MODEL, "--json"))
        except Failed:
            return []  # not installed yet
        return [each for each in told["chain"]["all"] if each["kind"] == kind]

    def _wait(self, what: str, probe: Callable[[], T | None], pause: float = 1) -> T:
        latest = time.monotonic() + self._target.patience
        while (found := probe()) is None:
            if time.monotonic() > latest:
                status = self._target.everloop("status", MODEL)
                raise Failed(f"waited {self._target.patience:.0f} s in vain for {what}\n{status}")
            time.sleep(pause)
        return found

    def _expect(self, holds: bool, what: str, why: str) -> None:
        if not holds:
            raise Failed(f"{what} is not as it should be: {why}")

    def _say(self, what: str) -> None:
        show.out.print(f"{time.monotonic() - self._began:8.1f} s  {what}", markup=False)


def _features() -> list[str]:
    return [name for name in applications() if name not in ("application", "race", "approved")]


if __name__ == "__main__":
    sys.exit(main())
