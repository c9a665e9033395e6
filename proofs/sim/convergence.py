"""What has not converged yet in a history, and why it may wait."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from everloop import names
from everloop.records.lease import RELEASE, TRAINING
from everloop.records.run import WAITING
from proofs.sim.aws.account import Account
from proofs.sim.aws.registry import APPROVED, PENDING, Package
from proofs.sim.judge import Judge
from proofs.sim.kernel import START
from proofs.sim.model import Model
from proofs.sim.people import People

_TRIES = 3  # of a release that failed for AWS's own reasons
_GIVEN_UP = "a person was told"


class Convergence:
    def __init__(self, account: Account, judge: Judge, people: People) -> None:
        self._account = account
        self._judge = judge
        self._people = people
        self._models = people.models

    def open(self) -> Iterator[str]:
        """Yield what is still under way, or stuck."""
        if self._account.bus.on_the_way or self._account.bus.waiting():
            yield "events are on their way"
        for execution in self._account.states.executions.values():
            if execution.status == "RUNNING":
                yield f"{execution.machine} {execution.name} is running"
        for model in self._models:
            yield from self._serving(model)
            yield from self._windows(model)
            yield from self._unfound(model)
            yield from self._leases(model)
            yield from self._judgements(model)
            staging = self._account.hosting.endpoints.get(f"{model.name}-staging")
            if staging is not None:
                yield f"{staging.name} is left {staging.status}"
            if self._account.ledger.installed(model.name) is None:
                yield f"{model.name} is not installed"
            elif f"everloop-{model.name}-monitor" not in self._account.telling.schedules:
                yield f"{model.name} has no schedule"

    def _serving(self, model: Model) -> Iterator[str]:
        wanted = self.wanted(model)
        endpoint = self._account.hosting.endpoints.get(model.name)
        if endpoint is None or endpoint.status != "InService":
            if self._held_last(model) and not self._account.faults.tick:
                return  # a person was told, and it is the tick that tries again
            if wanted is not None:
                yield f"{model.name} v{wanted.version} should serve, and nothing does"
            return
        serving = self._account.hosting.package_of(endpoint.config)
        if self._account.faults.tick and endpoint.config not in self._account.hosting.configs:
            yield f"{endpoint.config}, which {model.name} serves from, is gone"
        if serving.approval == APPROVED and serving.faithful and wanted is not None:
            wanted = max(wanted, serving, key=lambda package: package.version)  # a later try did it
        if wanted is not None and serving.version != wanted.version:
            yield f"{model.name} v{serving.version} serves, v{wanted.version} should"
        elif wanted is not None and "-staging-" in endpoint.config:
            yield f"{model.name} v{serving.version} serves as in staging, after an update by hand"

    def _held_last(self, model: Model) -> bool:
        """Whether the last release that began is held, for what AWS lacks."""
        told = [
            at
            for at, said, _ in self._account.telling.mails
            if said.startswith(f"{model.name}: a release is held")
        ]
        begun = [
            execution.started
            for execution in self._account.states.executions.values()
            if re.match(rf"{re.escape(model.name)}-r\d+-v\d+$", execution.name)
        ]
        return bool(told and begun) and max(begun) <= START + timedelta(seconds=told[-1])

    def wanted(self, model: Model) -> Package | None:
        """Return the highest version that is approved, and has not failed since."""
        for package in reversed(self._account.registry.groups.get(model.name, [])):
            if package.approval == APPROVED and not self._failed(package):
                return package
        return None

    def _failed(self, package: Package) -> bool:
        since = package.history[-1][0]
        if (
            not package.faithful
            or (package.model, package.version) in self._people.trouble.tampered
        ):
            return True  # its tests fail, whenever they are run; or it is refused as tampered with
        taken_back = self._judge.releases.taken_back[package.model, package.version]
        tried = [
            execution
            for execution in self._account.states.executions.values()
            if execution.machine == "everloop-deploy"
            and execution.name.startswith(f"{package.model}-r")
            and execution.name.endswith(f"-v{package.version}")
            and execution.ended_at >= since
            and execution.status != "RUNNING"
        ]
        # AWS took it back during one of these: the approval was renewed under way, not since.
        spans = [((e.started - START).total_seconds(), e.ended_at) for e in tried]
        if any(begin <= when <= end for when in taken_back for begin, end in spans):
            return True
        return len([e for e in tried if e.status != "SUCCEEDED"]) >= _TRIES

    def _windows(self, model: Model) -> Iterator[str]:
        window = self._account.ledger.window(model.name)
        trained = any(p for p in self._account.registry.groups.get(model.name, []))
        if "data" not in model.causes and trained:
            return  # what has arrived waits for another cause
        if window.objects > 0 and self.why_not(model, window.number) is None:
            yield f"{model.name}: {window.objects} objects wait in their window"
        for number in self._untrained(model):
            if self.why_not(model, number) is None:
                yield f"{model.name}: window {number} was not trained"

    def _unfound(self, model: Model) -> Iterator[str]:
        """Yield what lies in S3, and never came to the stack."""
        came = {(came.key, came.version_id) for _, came in self._account.ledger.arrived(model.name)}
        for (bucket, key), versions in self._account.s3.objects.items():
            mine = bucket == self._account.data_bucket and key.startswith(f"data/{model.name}/")
            if not mine or not versions or versions[-1].marker or key.endswith("_SUCCESS"):
                continue
            if (key, versions[-1].id) not in came:
                yield f"{key} lies in S3, and nobody has found it"

    def _untrained(self, model: Model) -> list[int]:
        """Return the closed windows without an outcome that no later training had, either."""
        contained = self.contained(model)
        return [
            closed.number
            for closed in self._account.ledger.closed(model.name)
            if closed.outcome is None and closed.number not in contained
        ]

    def contained(self, model: Model) -> set[int]:
        """Return the windows whose objects were trained on, in their own dataset or a later one."""
        trained = {
            run.parameters["DatasetDigest"]
            for run in self._account.jobs.runs.values()
            if run.model == model.name and not run.bad_files and not run.waits
        }
        return {
            number
            for manifest in self.manifests(model)
            if manifest["digest"] in trained
            for number in manifest["windows"]
        }

    def why_not(self, model: Model, window: int) -> str | None:
        """Return why a window may wait: its budget is spent, or a person was told to look, or so
        it is with a newer one, whose turn comes first, or in whose dataset it is.
        """
        for newer in sorted(self._untrained(model), reverse=True):
            if newer <= window:
                break
            why = self._why_not(model, newer)
            kept = model.keep is None or newer - window < model.keep
            if why != _GIVEN_UP or kept:
                return why
        return self._why_not(model, window)

    def _why_not(self, model: Model, window: int) -> str | None:
        runs = {
            run.name
            for run in self._account.ledger.runs(model.name)
            if run.outcome != WAITING  # it has spent nothing
        }
        if len(runs) >= model.per_day and self._planned_run(model, window) not in runs:
            return "the budget is spent"
        attempts = [
            execution
            for execution in self._account.states.executions.values()
            if execution.name.startswith(f"{model.name}-w{window}-a")
        ]
        told = self.mailed(f"{model.name}: training")
        if told and len(attempts) >= 5 and attempts[-1].status != "SUCCEEDED":
            return _GIVEN_UP
        if told and not self._account.faults.tick and attempts and attempts[-1].status == "FAILED":
            return "a person was told, and nobody else looks"
        return None

    def _planned_run(self, model: Model, window: int) -> str:
        """Return what a training of this window would be called now; nothing if it is open."""
        installed = self._account.ledger.installed(model.name)
        for closed in self._account.ledger.closed(model.name):
            if closed.number == window and closed.digest and installed:
                digests = closed.digest, installed.bundle_digest
                return names.training_run(model.name, window, *digests)
        return ""

    def _leases(self, model: Model) -> Iterator[str]:
        for kind in (TRAINING, RELEASE):
            holder = self._account.ledger.lease(model.name, kind).holder
            execution = self._account.states.executions.get(holder)
            dead = execution is not None and execution.status == "FAILED"
            if dead and kind == RELEASE and not self._account.faults.tick:
                continue  # its alarm rings, and it is the tick that looks
            if holder and (execution is None or execution.status != "RUNNING"):
                yield f"{model.name}: the {kind} lease is held by {holder.rpartition(':')[2]}"

    def _judgements(self, model: Model) -> Iterator[str]:
        for package in self._account.registry.groups.get(model.name, []):
            if package.approval != PENDING:
                continue
            asked = f"{model.name} v{package.version}: waits for your approval"
            told = self.mailed(asked) or self.mailed(f"{model.name}: a candidate could not be")
            if not told:
                yield f"{model.name} v{package.version} waits, and nobody knows"

    def mailed(self, subject: str) -> bool:
        return any(said.startswith(subject) for _, said, _ in self._account.telling.mails)

    def manifests(self, model: Model) -> Iterator[dict[str, Any]]:
        for (bucket, key), versions in self._account.s3.objects.items():
            if bucket == self._account.artefact_bucket and key.startswith(
                f"datasets/{model.name}/"
            ):
                if len(versions) > 1:
                    self._judge.violate("frozen stays frozen", f"{key} was written again")
                yield json.loads(versions[-1].data)
