"""Trouble from outside: violations, alarms, forgers, whoever writes where they should not."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from proofs.sim.aws import content
from proofs.sim.aws.account import PERSON, Account
from proofs.sim.aws.bus import POISON
from proofs.sim.aws.registry import APPROVED
from proofs.sim.model import Model


class Trouble:
    def __init__(self, account: Account, dice: Any, set_approval: Callable[..., None]) -> None:
        self._account = account
        self._dice = dice
        self._set = set_approval
        self._found = 0
        self.poisoned = 0
        self.tampered: set[tuple[str, int]] = set()  # versions that may be refused as such

    def violation(self, model: Model) -> None:
        self._found += 1
        key = f"monitoring/{model.name}/{self._found:04d}/findings.json"
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

    def alarm(self, model: Model) -> None:
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

    def forge(self, model: Model) -> None:
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

    def stamp(self, model: Model) -> None:
        """A tool stamps a version: who changed it last, and when, are the stamp's from now on."""
        packages = self._account.registry.groups.get(model.name) or []
        if not packages:
            return
        package = self._dice.choice((packages[-1], self._dice.choice(packages)))
        request = {
            "ModelPackageArn": package.arn,
            "CustomerMetadataProperties": {"stage": f"{self._account.kernel.now:.0f}"},
        }
        self._account.call(PERSON, "sagemaker", "UpdateModelPackage", request)

    def clean_up(self, model: Model) -> None:
        """Somebody deletes what production serves from, past the stack."""
        hosting = self._account.hosting
        endpoint = hosting.endpoints.get(model.name)
        which = self._dice.choice(("config", "model", "both"))
        if endpoint is None or endpoint.status != "InService":
            return
        config = hosting.configs.get(endpoint.config)
        if config is None:
            return
        served = config["ProductionVariants"][0]["ModelName"]
        self._account.note("person", f"deletes {which} of {endpoint.config}")
        if which != "config" and served in hosting.models:
            hosting.deleted[served] = hosting.models.pop(served)
        if which != "model":
            hosting.deleted[endpoint.config] = hosting.configs.pop(endpoint.config)

    def tamper(self, model: Model) -> None:
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
            self._account.kernel.pause(self._dice.uniform(1, 60))
            self._set(package, APPROVED)

    def poison(self, model: Model) -> None:
        """Somebody writes where no model's data can be."""
        self.poisoned += 1
        key = f"{POISON}{model.name} {self.poisoned}.csv"
        self._account.note("person", f"writes {key}")
        self._account.s3.put(self._account.data_bucket, key, b"1,2\n")
