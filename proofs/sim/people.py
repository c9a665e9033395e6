"""The people of a history: what they bring, approve at bad moments, pause and stop."""

import json
from datetime import timedelta
from typing import Any

from everloop.records import shortage
from proofs.sim.aws.account import PERSON, Account
from proofs.sim.aws.registry import APPROVED, PENDING, REJECTED, Package
from proofs.sim.drops import Drops
from proofs.sim.model import Model
from proofs.sim.trouble import Trouble

FAULTY = 5400.0  # seconds in which things happen and go wrong


class People:
    """Everything that is done to the stack from outside, drawn from the seed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._kernel = account.kernel
        self._dice = account.kernel.chance("people")
        self._takes = account.kernel.chance("takes")
        self._traffic = account.kernel.chance("traffic")
        self._labels = account.kernel.chance("labels")
        self._labelled = 0
        count = self._dice.choice((1, 1, 2))
        self.models = [Model(f"model-{'ab'[i]}", self._dice) for i in range(count)]
        self._calendar = account.kernel.chance("deploy windows")
        for model in self.models:
            if account.faults.tick and self._calendar.random() < 0.4:  # whose tick opens them
                model.close(self._calendar)
        self.paused: set[str] = set()
        self._words = 0
        self.over = False
        self.drops = Drops(account, self._dice)
        self.trouble = Trouble(account, self._dice, self.set)

    def begin(self) -> None:
        for model in self.models:
            self._life(model)
        self._kernel.spawn(self._look_at_schedules)

    def _life(self, model: Model) -> None:
        dice = self._dice
        at = self._at
        first = dice.uniform(0, 60) if dice.random() < 0.8 else dice.uniform(300, 900)
        at(first, lambda: self.drops.push(model))
        if dice.random() < 0.3:
            at(dice.uniform(1200, 4800), lambda: self.drops.push(model))
        if dice.random() < 0.1:
            at(dice.uniform(1200, 4800), lambda: self.drops.push(model, broken=True))
        for drop in range(dice.randint(2, 5)):
            at(dice.uniform(0, 5000) if drop else 20.0, lambda d=drop: self.drops.drop(model, d))
        for _ in range(dice.choice((0, 1, 3))):
            at(dice.uniform(600, 5200), lambda: self.trouble.violation(model))
        if dice.random() < 0.1:
            storm = dice.uniform(1500, 5000)
            for number in range(40):
                at(storm + number, lambda: self.trouble.violation(model))
        if dice.random() < 0.3:
            at(dice.uniform(600, 5200), lambda: self.trouble.alarm(model))
        for _ in range(dice.choice((0, 1, 2))):
            at(dice.uniform(600, 5200), lambda: self.trouble.forge(model))
        if dice.random() < 0.2:
            at(dice.uniform(0, 5000), lambda: self.trouble.poison(model))
        for _ in range(dice.choice((0, 0, 1, 3))):
            at(dice.uniform(1200, 5200), lambda: self.trouble.tamper(model))
        for _ in range(dice.choice((0, 1, 4))):
            at(dice.uniform(900, 5300), lambda: self.trouble.stamp(model))
        for _ in range(dice.choice((0, 0, 1, 2)) if self._account.faults.tick else 0):
            at(dice.uniform(1200, 5200), lambda: self.trouble.clean_up(model))
        if dice.random() < 0.2:
            at(dice.uniform(1200, 5000), lambda: self._lose_schedule(model))
        if dice.random() < 0.3 and self._account.faults.tick:  # reconcile ends what a pause began
            start = dice.uniform(300, 4000)
            length = dice.uniform(60, 1500)
            at(start, lambda: self.pause(model, True))
            at(start + dice.uniform(0, length), lambda: self._approve_all(model))
            if dice.random() < 0.5:
                at(start + length / 4, lambda: self.drops.drop_one(model))
                at(start + length / 2, lambda: self.drops.push(model))
            at(start + length, lambda: self.pause(model, False))
        if dice.random() < 0.3:
            at(dice.uniform(1200, 5200), lambda: self._approve_all(model))
        if dice.random() < 0.4:
            at(dice.uniform(1800, 4600), lambda: self._waver(model))
        if dice.random() < 0.2 and self._account.faults.tick:
            at(dice.uniform(1800, 5000), lambda: self._update_by_hand(model))
        if dice.random() < 0.4:
            at(dice.uniform(1200, 5000), lambda: self.drops.drop_again(model))
        takes = self._takes
        for _ in range(takes.choice((0, 0, 1, 3))):
            at(takes.uniform(300, 5200), lambda: self.drops.take_out(model))
        if self._account.faults.tick and takes.random() < 0.2:  # nobody else would look
            seconds = takes.uniform(60, 1200)
            at(takes.uniform(0, 4500), lambda: self._unplug(seconds))
        self._kernel.spawn(lambda: self._approve(model))

    def _unplug(self, seconds: float) -> None:
        """Disable the rule that tells of data, or of pushes, for a while."""
        name = self._takes.choice(("everloop-data-arrived", "everloop-model-pushed"))
        self._note(f"disables the rule {name} for {seconds:.0f} s")
        self._account.bus.off.add(name)
        self._kernel.pause(seconds)
        self._account.bus.off.discard(name)

    def model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)

    def _at(self, when: float, action: Any) -> None:
        self._kernel.at(when, lambda: self._kernel.spawn(action))

    def _note(self, text: str) -> None:
        self._account.note("person", text)

    def drop_and_complain(self, model: Model) -> None:
        """Bring new data, wait until it is at rest, and tell that the model is not what it was."""
        self.drops.drop_one(model)
        self._kernel.pause(model.quiet_minutes * 60 * self._dice.uniform(0.5, 2.5))
        self.trouble.violation(model)

    def _lose_schedule(self, model: Model) -> None:
        name = f"everloop-{model.name}-monitor"
        if self._account.faults.tick and self._account.telling.schedules.pop(name, None):
            self._note(f"deletes the schedule {name}")

    # approvals

    def _approve(self, model: Model) -> None:
        """Look in now and then and change an approval, sometimes twice, sometimes for the worse."""
        while not self.over:
            self._kernel.pause(self._dice.uniform(60, 700))
            packages = self._account.registry.groups.get(model.name) or []
            if self.over or not packages:
                continue
            package, to = self._choice(packages)
            if package is None or to == package.approval:
                continue
            self.set(package, to)
            if self._dice.random() < 0.3:
                self._kernel.pause(self._dice.choice((0.1, 2.0, 5.0, 100.0, 500.0)))
                self.set(package, REJECTED if to == APPROVED else APPROVED)

    def _choice(self, packages: list[Package]) -> tuple[Package | None, str]:
        dice = self._dice.random()
        pending = [package for package in packages if package.approval == PENDING]
        if pending and dice < 0.6:
            return self._dice.choice(pending), APPROVED if dice < 0.45 else REJECTED
        if dice < 0.75:
            return self._dice.choice(packages), APPROVED
        if dice < 0.85:
            return self._dice.choice(packages), REJECTED
        return None, ""

    def _approve_all(self, model: Model) -> None:
        """Approve whatever waits, one after the other, as fast as one can click."""
        for package in list(self._account.registry.groups.get(model.name) or []):
            if package.approval != APPROVED and self._dice.random() < 0.8:
                self.set(package, APPROVED)
                self._kernel.pause(self._dice.choice((0.0, 0.3, 1.0)))

    def _waver(self, model: Model) -> None:
        """Withdraw what serves, and take that back when its successor is on its way."""
        endpoint = self._account.hosting.endpoints.get(model.name)
        if endpoint is None or endpoint.status != "InService":
            return
        package = self._account.hosting.package_of(endpoint.config)
        older = self._account.registry.groups[model.name][: package.version - 1]
        if older and older[-1].approval != APPROVED:
            self.set(older[-1], APPROVED)  # that is what shall serve instead
        self.set(package, REJECTED)
        self._kernel.pause(self._dice.choice((30.0, 120.0, 300.0, 600.0)))
        self.set(package, APPROVED)

    def _update_by_hand(self, model: Model) -> None:
        """Bring production to another version past the registry, as one can in the console."""
        hosting = self._account.hosting
        endpoint = hosting.endpoints.get(model.name)
        if endpoint is None or endpoint.status != "InService":
            return
        known = [name for name in hosting.configs if name != endpoint.config]
        others = [name for name in known if hosting.package_of(name).model == model.name]
        if not others:
            return
        config, before = self._dice.choice(others), endpoint.config
        staged = [name for name in others if name.startswith(before.rpartition("-")[0] + "-stag")]
        if staged and self._dice.random() < 0.5:
            config = staged[0]  # the right version, in the wrong suit
        self._note(f"updates {model.name} to {config} by hand")
        request = {"EndpointName": model.name, "EndpointConfigName": config}
        self._account.call(PERSON, "sagemaker", "UpdateEndpoint", request)
        then = self._dice.random()
        if then < 0.4:  # and the registry's way as well, while it is on its way
            self._kernel.pause(self._dice.uniform(0, 60))
            self._approve_all(model)
        elif then < 0.8:
            self._take_back(endpoint, before)

    def _take_back(self, endpoint: Any, before: str) -> None:
        """Undo an update by hand, while the stack is about to do the same."""
        self._kernel.pause(self._dice.uniform(60, 900))
        for _ in range(20):
            if endpoint.status == "InService" or self.over:
                break
            self._kernel.pause(15.0)
        if endpoint.status != "InService" or endpoint.config == before or self.over:
            return
        self._note(f"takes {endpoint.name} back to {before} by hand")
        request = {"EndpointName": endpoint.name, "EndpointConfigName": before}
        self._account.call(PERSON, "sagemaker", "UpdateEndpoint", request)

    def set(self, package: Package, status: str) -> None:
        self._note(f"sets {package.model} v{package.version} {status}")
        # In words of its own, as the command does: else a lost event leaves no sign of it.
        self._words += 1
        request = {
            "ModelPackageArn": package.arn,
            "ModelApprovalStatus": status,
            "ApprovalDescription": self._reason(package),
        }
        self._account.call(PERSON, "sagemaker", "UpdateModelPackage", request)

    def _reason(self, package: Package) -> str:
        model = next(model for model in self.models if model.name == package.model)
        urgent = model.closed is not None and self._calendar.random() < 0.2
        return f"{'emergency: ' if urgent else ''}reason {self._words}"

    # operating

    def stop(self, execution: str) -> None:
        """Stop a machine's execution, unless it has ended."""
        if self._account.states.executions[execution].status == "RUNNING":
            self._note(f"stops {execution.rpartition(':')[2]}")
            request = {"executionArn": execution}
            self._account.call(PERSON, "stepfunctions", "StopExecution", request)

    def pause(self, model: Model, pause: bool) -> None:
        if pause:
            self.paused.add(model.name)
        else:
            self.paused.discard(model.name)
        request = {
            "pause": pause,
            "reason": "looking into it",
            "actor": "ana",
            "time": self._kernel.moment().isoformat(),
            "model": model.name,
        }
        self._note(f"{'pauses' if pause else 'resumes'} {model.name}")
        arn = self._account.stack.function("pause_models").arn
        for _ in range(120):  # as a person does who sees an error, and wants it to go on
            if pause and model.name not in self.paused:
                return  # it is to go on by now
            outcome = self._account.functions.invoke(arn, request)
            if outcome.error in (None, "BadInput"):
                return  # done, or it is not installed yet
            self._kernel.pause(60.0)
        self.paused.add(model.name)

    def heed_mails(self) -> None:
        """Take up what is held: the quota was raised, as the mail asks for."""
        for model in self.models:
            lacks = self._account.ledger.all(shortage.all_of(model.name))
            met = [shortage.of(model.name, item) for item in lacks]
            if any(each is not None and each.notified == "held" for each in met):
                self._kernel.spawn(lambda m=model: self.pause(m, False))

    def settle(self) -> None:
        """Leave the stack alone: resume what is paused, and send back what died."""
        self.over = True
        for model in self.models:
            if model.name in self.paused:
                self.pause(model, False)
        count = self._account.bus.redrive()
        if count:
            self._note(f"redrives {count} dead letters")

    def _look_at_schedules(self) -> None:
        """Fire the monitors' schedules, and let production have traffic."""
        while self._kernel.now < FAULTY:
            self._kernel.pause(900.0)
            now = self._kernel.moment()
            for model in self.models:
                endpoint = self._account.hosting.endpoints.get(model.name)
                if endpoint is not None and endpoint.status == "InService":
                    began = now - timedelta(seconds=self._traffic.uniform(1, 900))
                    place = f"{model.name}/{model.name}/AllTraffic/{began:%Y/%m/%d/%H/%M-%S}.jsonl"
                    self._account.s3.put(self._account.artefact_bucket, f"capture/{place}", b"{}\n")
            for model in self.models:
                for _ in range(self._labels.choice((0, 0, 1, 2))):
                    self.label(model)
            self.ask_monitors()

    def label(self, model: Model) -> None:
        """Say what came true for one of the predictions that were made, however long ago."""
        account, place = self._account, f"capture/{model.name}/"
        made = [key for bucket, key in account.s3.objects if key.startswith(place)]
        if made:
            self._labelled += 1
            row = f"id,late\n{self._labels.choice(made)},1\n".encode()
            account.s3.put(account.data_bucket, f"labels/{model.name}/{self._labelled}.csv", row)

    def ask_monitors(self) -> None:
        """Let every schedule that is there ask for a look."""
        monitor = self._account.stack.function("plan_monitoring").arn
        now = self._kernel.moment()
        for schedule in list(self._account.telling.schedules.values()):
            given = json.loads(schedule["Target"]["Input"])
            event = {"model": given["model"], "scheduled_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
            self._kernel.spawn(lambda e=event: self._account.bus.invoke_later(monitor, e))
