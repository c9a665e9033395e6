"""What must be true once a history has converged."""

from collections import defaultdict
from typing import Any

from everloop.chain import verify
from everloop.records.run import FAILED, RUNNING, WAITING
from everloop.records.window import BAD_FILES, NOTHING_LEFT
from proofs.sim.aws.account import Account
from proofs.sim.aws.bus import POISON
from proofs.sim.aws.registry import APPROVED, REJECTED
from proofs.sim.aws.room import is_no_verdict
from proofs.sim.aws.states import UNTOLD
from proofs.sim.convergence import Convergence
from proofs.sim.judge import Judge
from proofs.sim.kernel import START
from proofs.sim.model import Model
from proofs.sim.people import People


class Endings:
    def __init__(
        self, account: Account, judge: Judge, people: People, convergence: Convergence
    ) -> None:
        self._account = account
        self._judge = judge
        self._people = people
        self._convergence = convergence

    def check(self) -> None:
        """Look at everything that must be true in the end."""
        for model in self._people.models:
            self._each_object_once(model)
            self._each_dataset_answered(model)
            self._chain(model)
            self._every_effect_told(model)
            self._failures_told(model)
            self._violations_told(model)
            self._bad_files_told(model)
            self._no_false_failures(model)
            self._infrastructure_is_no_verdict(model)
            if self._account.faults.tick:  # without it a machine that died is nobody's to repair
                self._successes_told(model)
            self._approvals_kept(model)
        poison = 0
        for queue, letters in self._account.bus.letters.items():
            for letter in letters:
                if POISON in letter:
                    poison += 1
                    continue
                self._judge.violate("no letter dies in quiet", f"{queue}: {letter[:200]}")

        if poison < self._people.trouble.poisoned:
            self._judge.violate(
                "nothing vanishes", f"{poison} of {self._people.trouble.poisoned} in dead letters"
            )

    def _violations_told(self, model: Model) -> None:
        """A person learns of violations that no training answers."""
        unanswered = [
            item["id"]
            for item in self._decisions(model, "retrain")
            if not item["go"] and "under_way" not in item["facts"]
        ]
        told = [
            subject
            for _, subject, _ in self._account.telling.mails
            if subject.startswith(model.name) and subject.endswith("no training answers it")
        ]
        if unanswered and not told:
            self._judge.violate("a violation left unanswered is told", unanswered[0])

    def _failures_told(self, model: Model) -> None:
        """A person learns of every training that brought nothing, and of every release."""
        failed = [
            run
            for run in self._account.jobs.runs.values()
            if run.model == model.name and run.status == "Failed"
            if not run.bad_files and not run.waits
        ]
        mails = [subject for _, subject, _ in self._account.telling.mails]
        if failed and not any(subject.startswith(f"{model.name}: training") for subject in mails):
            self._judge.violate("failures are told", f"{len(failed)} trainings of {model.name}")
        for execution in self._account.states.executions.values():
            if execution.machine != "everloop-deploy" or execution.status != "FAILED":
                continue
            assert execution.ending is not None  # it has failed
            if execution.ending.error in UNTOLD:
                continue  # the alarm on failed executions tells
            version = execution.name.rpartition("-")[2]
            if execution.name.startswith(f"{model.name}-r") and not any(
                subject.startswith(f"{model.name} {version}: was ") for subject in mails
            ):
                self._judge.violate("failures are told", execution.name)

    def _bad_files_told(self, model: Model) -> None:
        """Bad files are told as such, and no run that had them counts as a failure of the model."""
        bad = {
            run.display_name
            for run in self._account.jobs.runs.values()
            if run.model == model.name and run.bad_files and run.status == "Failed"
        }
        said = f"{model.name}: nothing was trained of window"
        if bad and not any(s.startswith(said) for _, s, _ in self._account.telling.mails):
            self._judge.violate("bad files are told", f"{len(bad)} trainings of {model.name}")
        for run in self._account.ledger.runs(model.name):
            if run.name in bad and run.outcome not in (BAD_FILES, RUNNING, WAITING):
                self._judge.violate("bad files are no failure", run.name)

    def _infrastructure_is_no_verdict(self, model: Model) -> None:
        """What AWS lacked ends no window, no run, no version and no judgement."""
        ends = self._decisions(model, "train-end", "rollback", "test", "judge", "monitor")
        for decision in ends:
            if not decision["go"] and is_no_verdict(decision["reason"]):
                said = f"{decision['id']}: {decision['reason'][:160]}"
                self._judge.violate("infrastructure is no verdict", said)
        waits = {run.display_name for run in self._account.jobs.runs.values() if run.waits}
        for run in self._account.ledger.runs(model.name):
            if run.name in waits and run.outcome == FAILED:
                self._judge.violate("infrastructure is no verdict", f"{run.name} counts as failed")

    def _no_false_failures(self, model: Model) -> None:
        """A release that arrived is none that failed: an alarm would wake somebody for nothing."""
        for decision in self._decisions(model, "serve"):
            name = decision["id"].partition(":")[2]
            for execution in self._account.states.executions.values():
                if execution.name != name or not decision["go"]:
                    continue
                ending = execution.ending
                began = (execution.started - START).total_seconds()
                by_hand = self._judge.releases.by_hand[model.name]
                if any(began <= when <= execution.ended_at for when in by_hand):
                    continue  # it arrived, and was taken away again before that was written down
                if ending and ending.status == "FAILED" and ending.error not in UNTOLD:
                    self._judge.violate("what arrived is no failure", name)

    def _successes_told(self, model: Model) -> None:
        """What a training has brought is told as such, whatever happened to its machine."""
        told = {
            item["reason"].partition(" ")[2]
            for item in self._decisions(model, "train-end")
            if item["go"]
        }
        for run in self._account.jobs.runs.values():
            if run.model != model.name or run.status != "Succeeded":
                continue
            assert run.package is not None  # it has succeeded
            if run.package.arn in told:
                continue
            if self._convergence.why_not(model, run.window) is None:
                self._judge.violate("successes are told", run.display_name)

    def _approvals_kept(self, model: Model) -> None:
        """The ledger knows who approved what, and invents nothing."""
        packages = {p.arn: p for p in self._account.registry.groups.get(model.name, [])}
        said = set()
        for item in self._decisions(model, "approve"):
            package, go = packages[item["subject"]], item["go"]
            said.add((package.arn, go))
            was = {approval for _, approval, _ in package.history}
            if (APPROVED if go else REJECTED) not in was:
                self._judge.violate("no approval is invented", f"v{package.version} {go}")
        if self._account.faults.tick:
            return  # events may be lost, and with them who it was
        for package in packages.values():
            last = package.history[-1]
            if last[2] == "ana" and (package.arn, package.approval == APPROVED) not in said:
                self._judge.violate("approvals are kept", f"{package.model} v{package.version}")

    def _decisions(self, model: Model, *kinds: str) -> list[Any]:
        found: list[Any] = self._account.ledger.decisions(model.name, *kinds)
        return found

    def _each_object_once(self, model: Model) -> None:
        windows: dict[tuple[str, str], set[int]] = defaultdict(set)
        contents = set()
        for manifest in self._convergence.manifests(model):
            for each in manifest["objects"]:
                windows[each["key"], each["version_id"]].add(each["window"])
                contents.add((each["key"], each["etag"]))
        for (bucket, key), versions in self._account.s3.objects.items():
            data = bucket == self._account.data_bucket and key.startswith(f"data/{model.name}/")
            if not data or key.endswith("_SUCCESS"):
                continue
            if (bucket, key) in self._account.s3.touched:
                continue  # what is deleted is in none; what is brought back is in another, too
            if key in self._account.bus.unheard:
                versions = versions[-1:]  # what no event told of is found where it is current
            for version in versions:
                found = set(windows[key, version.id])
                collected = self._collected(model, key, version.id)
                if len(collected) != 1:
                    where = sorted(collected) or "no window"
                    self._judge.violate("each object in one window", f"{key} {version.id}: {where}")
                if len(found) > 1 or not found <= collected:
                    self._judge.violate(
                        "each object in one dataset", f"{key} {version.id}: {found}"
                    )
                    continue
                # The same bytes once more are the same dataset, which has its manifest already.
                left_out = not found and (key, version.etag) not in contents
                if left_out and version is versions[-1] and self._closed(model, collected):
                    self._judge.violate("each object in one dataset", f"{key} {version.id} in none")

    def _collected(self, model: Model, key: str, version: str) -> set[int]:
        return {
            number
            for number, came in self._account.ledger.arrived(model.name)
            if (came.key, came.version_id) == (key, version)
        }

    def _closed(self, model: Model, numbers: set[int]) -> bool:
        """Whether these windows are frozen, and a dataset was made of them."""
        closed = self._account.ledger.closed(model.name)
        return numbers <= {each.number for each in closed if each.digest}

    def _each_dataset_answered(self, model: Model) -> None:
        trained = {
            run.parameters["DatasetDigest"]
            for run in self._account.jobs.runs.values()
            if run.model == model.name and not run.waits
        }
        told = [d for d in self._account.telling.decisions if d["model"] == model.name]
        refused = {d["subject"] for d in told if d["kind"] == "train" and not d["go"]}
        closed = self._account.ledger.closed(model.name)
        # A window whose objects were all taken out after it was frozen was answered so, and told.
        answered = {each.number for each in closed if each.outcome == NOTHING_LEFT}
        answered |= self._convergence.contained(model)
        for manifest in self._convergence.manifests(model):
            digest = manifest["digest"]
            if max(manifest["windows"]) in answered:
                continue
            if digest not in trained and not any(digest in subject for subject in refused):
                waits = self._convergence.why_not(model, max(manifest["windows"]))
                if waits is None and "data" in model.causes:
                    self._judge.violate("each dataset is answered", f"{model.name} {digest[:12]}")

    def _chain(self, model: Model) -> None:
        decisions = self._decisions(model)
        for problem in verify(decisions):
            self._judge.violate("the chain holds", f"{model.name}: {problem}")
        ids = [decision["id"] for decision in decisions]
        if len(set(ids)) != len(ids):
            self._judge.violate("each decision once", model.name)

    def _every_effect_told(self, model: Model) -> None:
        """Whatever changed the world has a decision in the ledger that names it."""
        kept = {(item["kind"], item["subject"], item["id"]) for item in self._decisions(model)}
        kinds = defaultdict[str, set[str]](set)
        for kind, subject, name in kept:
            kinds[kind] |= {subject, name.partition(":")[2]}
        for run in self._account.jobs.runs.values():
            if run.model == model.name and run.display_name not in kinds["train"]:
                self._judge.violate("every effect is told", f"{run.display_name} was started")
        for package in self._account.registry.groups.get(model.name, []):
            for _, approval, by in package.history:
                if by == "judge_candidate" and package.arn not in kinds["judge"]:
                    self._judge.violate("every effect is told", f"v{package.version} {approval}")
        for execution in self._account.states.executions.values():
            acted = execution.name in self._judge.releases.order[model.name]
            ended = acted and execution.status == "SUCCEEDED"
            if ended and execution.name.startswith(f"{model.name}-r"):
                said = kinds["serve"] | kinds["rollback"] | kinds["release"]
                if execution.name not in said:
                    self._judge.violate("every effect is told", f"{execution.name} ended")
