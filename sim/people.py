"""The people of a history: data, pushes, approvals at bad moments, alarms, forgers."""

import json
from hashlib import sha256
from typing import Any

from sim.aws import content
from sim.aws.account import PERSON, Account
from sim.aws.bus import POISON
from sim.aws.registry import APPROVED, PENDING, REJECTED, Package

FAULTY = 5400.0  # seconds in which things happen and go wrong
_SCRIPTS = ("preprocess.py", "train.py", "inference.py")


class Model:
    """A model of this history: what its owner decided, and what its data is."""

    def __init__(self, name: str, dice: Any) -> None:
        self.name = name
        self.by = dice.choice(("policy", "policy", "person"))
        self.first = dice.choice(("policy", "person"))
        self.causes = dice.choice((["data", "violation"], ["data", "violation"], ["violation"]))
        self.per_day = dice.choice((2, 4, 50))
        self.cooldown_hours = dice.choice((0.1, 0.5))
        self.quiet_minutes = dice.choice((0.5, 2))
        self.strategy = dice.choice(("canary", "linear", "all-at-once"))
        self.keep = dice.choice((None, 1, 2))
        self.pushes = 0

    def spec(self) -> str:
        keep = f"keep = {self.keep}\n" if self.keep else ""
        return f"""
problem = "binary_classification"
[data]
target = "late"
key = "id"
quiet_minutes = {self.quiet_minutes}
{keep}[train]
time_limit_minutes = 30
hyperparameters = {{ push = {self.pushes} }}
[evaluate]
metrics = {{ auc = {{ min = 0.6 }} }}
[approve]
by = "{self.by}"
first = "{self.first}"
[deploy]
strategy = "{self.strategy}"
step_percent = 20
[deploy.tests]
max_latency_ms = 60000
[retrain]
on = {json.dumps(self.causes)}
cooldown_hours = {self.cooldown_hours}
per_day = {self.per_day}
"""


class People:
    """Everything that is done to the stack from outside, drawn from the seed."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._kernel = account.kernel
        self._dice = account.kernel.chance("people")
        count = self._dice.choice((1, 1, 2))
        self.models = [Model(f"model-{'ab'[i]}", self._dice) for i in range(count)]
        self.paused: set[str] = set()
        self.over = False
        self.poisoned = 0
        self._violations = 0
        self._late = 0
        self.tampered: set[tuple[str, int]] = set()  # versions that may be refused as such

    def begin(self) -> None:
        for model in self.models:
            self._life(model)
        self._kernel.spawn(self._look_at_schedules)

    def _life(self, model: Model) -> None:
        dice = self._dice
        at = self._at
        first = dice.uniform(0, 60) if dice.random() < 0.8 else dice.uniform(300, 900)
        at(first, lambda: self._push(model))
        if dice.random() < 0.3:
            at(dice.uniform(1200, 4800), lambda: self._push(model))
        if dice.random() < 0.1:
            at(dice.uniform(1200, 4800), lambda: self._push(model, broken=True))
        for drop in range(dice.randint(2, 5)):
            at(dice.uniform(0, 5000) if drop else 20.0, lambda d=drop: self._drop(model, d))
        for _ in range(dice.choice((0, 1, 3))):
            at(dice.uniform(600, 5200), lambda: self._violation(model))
        if dice.random() < 0.1:
            storm = dice.uniform(1500, 5000)
            for number in range(40):
                at(storm + number, lambda: self._violation(model))
        if dice.random() < 0.3:
            at(dice.uniform(600, 5200), lambda: self._alarm(model))
        for _ in range(dice.choice((0, 1, 2))):
            at(dice.uniform(600, 5200), lambda: self._forge(model))
        if dice.random() < 0.2:
            at(dice.uniform(0, 5000), lambda: self._poison(model))
        for _ in range(dice.choice((0, 0, 1, 3))):
            at(dice.uniform(1200, 5200), lambda: self._tamper(model))
        if dice.random() < 0.2:
            at(dice.uniform(1200, 5000), lambda: self._lose_schedule(model))
        if dice.random() < 0.3 and self._account.faults.tick:  # reconcile ends what a pause began
            start = dice.uniform(300, 4000)
            length = dice.uniform(60, 1500)
            at(start, lambda: self._pause(model, True))
            at(start + dice.uniform(0, length), lambda: self._approve_all(model))
            if dice.random() < 0.5:
                at(start + length / 4, lambda: self.drop_one(model))
                at(start + length / 2, lambda: self._push(model))
            at(start + length, lambda: self._pause(model, False))
        if dice.random() < 0.3:
            at(dice.uniform(1200, 5200), lambda: self._approve_all(model))
        if dice.random() < 0.4:
            at(dice.uniform(1800, 4600), lambda: self._waver(model))
        if dice.random() < 0.2 and self._account.faults.tick:
            at(dice.uniform(1800, 5000), lambda: self._update_by_hand(model))
        if dice.random() < 0.4:
            at(dice.uniform(1200, 5000), lambda: self._drop_again(model))
        self._kernel.spawn(lambda: self._approve(model))

    def model(self, name: str) -> Model:
        return next(model for model in self.models if model.name == name)

    def _at(self, when: float, action: Any) -> None:
        self._kernel.at(when, lambda: self._kernel.spawn(action))

    def _note(self, text: str) -> None:
        self._account.note("person", text)

    # data and code

    def _push(self, model: Model, *, broken: bool = False) -> None:
        from everloop.bundle import packed

        model.pushes += 1
        spec = model.spec() + ("[nonsense]\n" if broken else "")
        files = {name: b"# the model's own\n" for name in _SCRIPTS} | {"model.toml": spec.encode()}
        self._note(f"pushes {model.name}{', broken' if broken else ''}")
        key = f"models/{model.name}/bundle.tar.gz"
        self._account.s3.put(self._account.data_bucket, key, packed(files))
        if broken:  # its owner sees the mail and pushes what is right
            self._kernel.pause(self._dice.uniform(60, 300))
            self._push(model)

    def _drop(self, model: Model, drop: int) -> None:
        count = self._dice.randint(1, 4)
        self._note(f"drops {count} objects for {model.name}")
        for number in range(count):
            name = f"data/{model.name}/drop {drop}/part+{number} é.csv"
            if self._dice.random() < 0.2:
                name = f"data/{model.name}/drop 0/part+0 é.csv"  # once more, and changed
            content = f"{model.name},{drop},{number},{self._dice.random() < 0.9}\n" * 40
            self._account.s3.put(self._account.data_bucket, name, content.encode())
            self._kernel.pause(self._dice.choice((0.0, 0.5, 20.0)))
        if self._dice.random() < 0.3:
            marker = f"data/{model.name}/drop {drop}/_SUCCESS"
            self._account.s3.put(self._account.data_bucket, marker, b"")

    def drop_one(self, model: Model) -> None:
        """Add one more object, when others thought that the drop was over."""
        self._late += 1
        self._note(f"drops a late object for {model.name}")
        name = f"data/{model.name}/late/part {self._late}.csv"
        content = f"{model.name},late,{self._late}\n" * 40
        self._account.s3.put(self._account.data_bucket, name, content.encode())

    def drop_whole(self, model: Model) -> None:
        """Add one more object, and say that this is all."""
        self.drop_one(model)
        marker = f"data/{model.name}/late/_SUCCESS"
        self._account.s3.put(self._account.data_bucket, marker, b"")

    def drop_and_complain(self, model: Model) -> None:
        """Bring new data, wait until it is at rest, and tell that the model is not what it was."""
        self.drop_one(model)
        self._kernel.pause(model.quiet_minutes * 60 * self._dice.uniform(0.5, 2.5))
        self._violation(model)

    def _drop_again(self, model: Model) -> None:
        """Upload everything once more, byte for byte, as a person does who is not sure."""
        self._note(f"drops everything again for {model.name}")
        prefix = f"data/{model.name}/"
        for (bucket, key), versions in list(self._account.s3.objects.items()):
            if bucket == self._account.data_bucket and key.startswith(prefix):
                self._account.s3.put(bucket, key, versions[-1].data)

    def _poison(self, model: Model) -> None:
        """Somebody writes where no model's data can be."""
        self.poisoned += 1
        key = f"{POISON}{model.name} {self.poisoned}.csv"
        self._note(f"writes {key}")
        self._account.s3.put(self._account.data_bucket, key, b"1,2\n")

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
        request = {"ModelPackageArn": package.arn, "ModelApprovalStatus": status}
        self._account.call(PERSON, "sagemaker", "UpdateModelPackage", request)

    # trouble

    def _violation(self, model: Model) -> None:
        self._violations += 1
        key = f"monitoring/{model.name}/{self._violations:04d}/findings.json"
        found = content.findings(model.name, violated=True)
        self._account.s3.put(self._account.artefact_bucket, key, found)
        self._account.bus.emit(
            "everloop",
            "Model Violation Found",
            {
                "model": model.name,
                "monitors": ["data"],
                "violations": 2,
                "findings_uri": f"s3://{self._account.artefact_bucket}/{key}",
            },
            bus="everloop",
        )

    def _alarm(self, model: Model) -> None:
        metric = {
            "namespace": "AWS/SageMaker",
            "name": "Invocation5XXErrors",
            "dimensions": {"EndpointName": model.name, "VariantName": "AllTraffic"},
        }
        self._account.bus.emit(
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            {
                "alarmName": f"{model.name}-errors",
                "state": {"value": "ALARM", "reason": "threshold crossed"},
                "configuration": {"metrics": [{"id": "m1", "metricStat": {"metric": metric}}]},
            },
        )

    def _forge(self, model: Model) -> None:
        """Somebody who may put events tells of an approval that never was."""
        packages = self._account.registry.groups.get(model.name) or []
        if not packages:
            return
        package = self._dice.choice(packages)
        self._account.note("forged", f"{package.arn.rpartition(':')[2]} is Approved")
        detail = {
            "ModelPackageGroupName": model.name,
            "ModelPackageVersion": package.version,
            "ModelPackageArn": package.arn,
            "ModelPackageStatus": "Completed",
            "ModelApprovalStatus": APPROVED,
            "UpdatedModelPackageFields": ["ModelApprovalStatus"],
        }
        kind = "SageMaker Model Package State Change"
        self._account.bus.emit("aws.sagemaker", kind, detail, [package.arn])

    def _tamper(self, model: Model) -> None:
        """Somebody who may write there changes what a version is made of."""
        packages = self._account.registry.groups.get(model.name) or []
        if not packages:
            return
        package = self._dice.choice((packages[-1], self._dice.choice(packages)))
        sealed = [
            (bucket, key)
            for bucket, key in self._account.s3.objects
            if any(f"models/{model.name}/{digest}/" in key for digest in package.digests)
        ]
        bucket, _, key = package.model_data.removeprefix("s3://").partition("/")
        bucket, key = self._dice.choice([(bucket, key), *sealed * 2])
        data = self._account.s3.objects[bucket, key][-1].data + b"!"
        self._account.note("tampered", key)
        self._account.s3.put(bucket, key, data)
        self.tampered.add((model.name, package.version))
        if (bucket, key) not in sealed:  # if it was not sealed before, this is what is sealed
            package.digests.add(sha256(data).hexdigest())
        if self._dice.random() < 0.5:
            self._kernel.pause(self._dice.uniform(1, 60))
            self.set(package, APPROVED)

    # operating

    def stop(self, execution: str) -> None:
        """Stop a machine's execution, unless it has ended."""
        if self._account.states.executions[execution].status == "RUNNING":
            self._note(f"stops {execution.rpartition(':')[2]}")
            request = {"executionArn": execution}
            self._account.call(PERSON, "stepfunctions", "StopExecution", request)

    def _pause(self, model: Model, pause: bool) -> None:
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
        for _ in range(20):  # as a person does who sees an error
            if pause and model.name not in self.paused:
                return  # it is to go on by now
            outcome = self._account.functions.invoke(arn, request)
            if outcome.error in (None, "BadInput"):
                return  # done, or it is not installed yet
            self._kernel.pause(60.0)
        self.paused.add(model.name)

    def settle(self) -> None:
        """Leave the stack alone: resume what is paused, and send back what died."""
        self.over = True
        for model in self.models:
            if model.name in self.paused:
                self._pause(model, False)
        count = self._account.bus.redrive()
        if count:
            self._note(f"redrives {count} dead letters")

    def _look_at_schedules(self) -> None:
        """Fire the monitors' schedules, and let production have traffic."""
        monitor = self._account.stack.function("plan_monitoring").arn
        while self._kernel.now < FAULTY:
            self._kernel.pause(1800.0)
            now = self._kernel.moment()
            for model in self.models:
                endpoint = self._account.hosting.endpoints.get(model.name)
                if endpoint is not None and endpoint.status == "InService":
                    key = f"capture/{model.name}/{model.name}/AllTraffic/{now:%Y/%m/%d/%H}/x.jsonl"
                    self._account.s3.put(self._account.artefact_bucket, key, b"{}\n")
            for schedule in list(self._account.telling.schedules.values()):
                given = json.loads(schedule["Target"]["Input"])
                event = {"model": given["model"], "scheduled_at": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
                self._kernel.spawn(lambda e=event: self._account.bus.invoke_later(monitor, e))
