"""The judge inside the fake AWS: invariants, looked at when an effect happens.

It believes what AWS saw and never what the product says of itself. `releases` and `trainings` look
at their own; `endings` looks again at the end.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from everloop.records import decision, installation, token
from everloop.records.keys import partition
from everloop.records.run import REGISTERED
from proofs.sim.aws.functions import FORESEEN, Invocation, Outcome
from proofs.sim.aws.registry import APPROVED, PENDING, Package
from proofs.sim.model import Model
from proofs.sim.releases import MOST_CALLS_BETWEEN, Releases
from proofs.sim.trainings import Trainings

Params = dict[str, Any]
_INSTALLED = installation.key("").sk
_DECISION = decision.all_of("").prefix
_NAMED = re.compile(r"(?:^|; )[\w-]+: (\w+): ")


@dataclass(frozen=True)
class Violation:
    invariant: str
    text: str
    time: float


class Judge:
    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.effects: list[str] = []  # what changes the world, for "again changes nothing"
        self.models: dict[str, Model] = {}
        self._told: dict[str, Any] = {}  # messages, and when who told them had ended

    def watch(self, account: Any) -> None:
        self._account = account
        self.releases = Releases(self, account)
        self.trainings = Trainings(self, account)

    def violate(self, invariant: str, text: str) -> None:
        now = self._account.kernel.now
        self._account.note("VIOLATION", f"{invariant}: {text}")
        if not any(v.invariant == invariant and v.text == text for v in self.violations):
            self.violations.append(Violation(invariant, text, now))

    def denied(self, caller: Any, demand: Any) -> None:
        self.violate("nothing denied", f"{caller.role} lacks {demand.action} on {demand.resource}")

    def raised(self, invocation: Invocation, error: Exception) -> None:
        # reconcile tells of each model's trouble in one error, each by its type.
        for kind in (type(error).__name__, *_NAMED.findall(str(error))):
            if kind not in FORESEEN:
                said = f"{invocation.name} raises {kind}: {error}"[:300]
                self.violate("no unforeseen error", said)

    def ended(self, invocation: Invocation, outcome: Outcome) -> None:
        if outcome.error is not None:
            return
        done = b'"itemIdentifier"' not in outcome.payload  # else some of it is handed over again
        for id in invocation.memory.get("told", ()) if done else ():
            self._told.setdefault(id, self._account.kernel.moment())
        untold = invocation.memory.get("untold")
        if untold and done:
            self.violate("each decision is told", f"{invocation.name} tells the bus no {untold}")
        answer = json.loads(outcome.payload)
        if invocation.name == "probe_endpoint":
            self.releases.tested(invocation, passed=answer["passed"])
        elif invocation.name == "reconcile":
            for model in answer["repaired"]:
                self.releases.nothing_left(invocation, model)
        elif invocation.name == "plan_release" and answer["go"]:
            self.releases.planned(invocation)

    # calls

    def before(self, caller: Any, service: str, operation: str, params: Params) -> None:
        if service == "sagemaker" and operation in ("CreateEndpoint", "UpdateEndpoint"):
            if isinstance(caller, Invocation):
                self.releases.moves(caller, operation, params)
        elif service == "sagemaker" and operation == "UpdateModelPackage":
            if isinstance(caller, Invocation):
                self._approval(caller, params)
        elif service == "sagemaker" and operation == "DeleteEndpoint":
            self.releases.deletes(caller, params["EndpointName"])
        elif service == "stepfunctions" and operation == "StartExecution":
            self._start(caller, params)
        elif service == "sns" and isinstance(caller, Invocation):
            self._tells(caller, f"{params['Subject']}: {params['Message'].rpartition('id ')[2]}")
        elif service == "s3" and operation == "PutObject":
            self.trainings.freezes(caller, params["Key"], params)

    def _tells(self, caller: Invocation, id: str) -> None:
        """What was told by somebody who lived to write that down is not told again."""
        known = self._told.get(id)
        if known is not None and known < caller.memory["began"]:
            self.violate("one failure is one message", id.strip())
        caller.memory.setdefault("told", []).append(id)

    def after(
        self, caller: Any, service: str, operation: str, params: Params, answer: Params
    ) -> None:
        if not isinstance(caller, Invocation):
            if operation == "UpdateEndpoint":
                self.releases.moved_by_hand(params["EndpointName"])
            return
        memory = caller.memory
        memory["calls"] = memory.get("calls", 0) + 1
        if operation == "ListObjectVersions":
            memory.setdefault("asked S3", self._account.kernel.moment())
        elif operation == "DescribeModelPackage":
            found = (answer["ModelApprovalStatus"], memory["calls"])
            memory["read", answer["ModelPackageArn"]] = found
        elif operation == "ListModelPackages":
            memory["listed"] = self._account.kernel.moment()
        elif operation == "GetItem" and params["Key"]["sk"]["S"] == _INSTALLED:
            memory["paused"] = answer.get("Item", {}).get("paused", {}).get("S")
        elif operation == "PutItem" and params["Item"].get("outcome") == {"S": REGISTERED}:
            self.trainings.registered(params["Item"]["pk"]["S"].removeprefix(partition("")))
        elif operation == "UpdatePipeline":
            self.trainings.code_changed(params["PipelineName"])
        elif operation == "TransactWriteItems":
            for item in (
                action.get("Put", {}).get("Item", {}) for action in params["TransactItems"]
            ):
                if item.get("sk", {"S": ""})["S"].startswith(_DECISION):
                    memory["untold"] = item["id"]["S"]
        elif operation == "PutEvents":
            memory["untold"] = None
        elif operation == "SendTaskSuccess":
            self.releases.wakes(json.loads(params["output"]))
        elif operation in ("CreateEndpoint", "UpdateEndpoint"):
            self.releases.moved(operation, params)
        elif operation == "UpdateModelPackage":
            status = params.get("ModelApprovalStatus")
            self.effects.append(f"{operation} {params['ModelPackageArn']} {status}")

    def token_lies(self, subject: str, text: str) -> None:
        if self._account.ledger.find(token.key(subject)) is None:
            self.violate("the token lies first", f"{text}: nobody could be woken")

    # approvals

    def _approval(self, caller: Invocation, params: Params) -> None:
        package: Package = self._account.registry.find(params["ModelPackageArn"])
        name = f"{package.model} v{package.version}"
        if "ModelApprovalStatus" not in params and set(params) == {"ModelPackageArn", "ModelCard"}:
            if caller.name != "plan_comparison":
                self.violate("one function writes cards", f"{caller.name} writes that of {name}")
            return
        if caller.name != "judge_candidate":
            self.violate("only evaluate approves", f"{caller.name} sets {name}")
        read = caller.memory.get(("read", package.arn))
        if read is None or read[0] != PENDING:
            self.violate("people are not overruled", f"{name} was {read} when it was judged")
        elif caller.memory["calls"] - read[1] > MOST_CALLS_BETWEEN:
            between = caller.memory["calls"] - read[1]
            self.violate("people are not overruled", f"{name}: {between} calls since it was read")
        if params.get("ModelApprovalStatus") != APPROVED:
            return
        model = self.models[package.model]
        if model.by == "person":
            self.violate("people approve", f"{name} was approved by policy")
        champion = self._account.hosting.endpoints.get(package.model)
        compared = self._compared(package)
        if compared and not package.better:
            self.violate("only better ones", f"{name} lost against the champion")
        if not compared and model.first == "person":
            self.violate("people approve the first", f"{name} was approved by policy")
        if not compared and champion is not None and self._stood(caller, champion):
            self.violate("champions are beaten", f"{name} was approved without a comparison")

    def _compared(self, package: Package) -> bool:
        prefix = f"comparisons/{package.model}/v{package.version}/"
        bucket = self._account.artefact_bucket
        return any(b == bucket and key.startswith(prefix) for b, key in self._account.s3.objects)

    def _stood(self, caller: Invocation, champion: Any) -> bool:
        """Whether an endpoint was there before the evaluation began, so that it must be seen."""
        evaluation = self._account.states.executions[caller.event["execution"]]
        serves = champion.status not in ("Failed", "Deleting")  # what failed is deleted first
        return serves and bool(champion.created < evaluation.started)

    # pauses

    def _start(self, caller: Any, params: Params) -> None:
        """Nothing new starts for a model that has been paused for a while, but a withdrawal."""
        if not isinstance(caller, Invocation):
            return
        machine = params["stateMachineArn"].rpartition("-")[2]
        model = params["name"].rpartition("-w" if machine == "train" else "-r")[0]
        installed = self._account.ledger.installed(model)
        if installed is None or not installed.paused:
            return
        self._account.note("paused", params["name"])
        if machine == "deploy":
            endpoint = self._account.hosting.endpoints.get(model)
            serving = endpoint and self._account.hosting.package_of(endpoint.config)
            if serving is None or serving.approval == APPROVED:
                self._new_while_paused(caller, params)
        elif machine == "train":
            self._new_while_paused(caller, params)

    def _new_while_paused(self, caller: Invocation, params: Params) -> None:
        known = params["stateMachineArn"].replace(":stateMachine:", ":execution:")
        new = f"{known}:{params['name']}" not in self._account.states.executions
        if new and caller.memory.get("paused"):  # else it was paused a moment ago
            self.violate("paused is paused", f"{params['name']} starts while its model is paused")
