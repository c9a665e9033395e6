"""The judge inside the fake AWS: invariants, looked at when an effect happens.

It believes what AWS saw and never what the product says of itself. `endings` looks again at the
end.
"""

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sim.aws import content
from sim.aws.functions import FORESEEN, Invocation, Outcome
from sim.aws.registry import APPROVED, PENDING, Package
from sim.kernel import START
from sim.people import Model

Params = dict[str, Any]
# Calls between the last look at an approval and the update that rests on it.
_MOST_CALLS_BETWEEN = 1
_DAY = 86_400.0
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
        self.unapproved_updates = 0  # withdrawn between the last look and the update
        self.taken_back: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.tested: dict[tuple[str, str, int], bool] = {}  # (execution, model, version)
        self.releasing: dict[str, list[str]] = defaultdict(list)
        self._asked: set[tuple[str, str]] = set()  # endpoint and config
        self._known_since: dict[str, datetime] = {}  # when a first version was written down
        self._planned_releases: dict[str, list[str]] = defaultdict(list)
        self._trainings: dict[str, list[Any]] = defaultdict(list)
        self.by_hand: dict[str, list[float]] = defaultdict(list)  # updates of an endpoint
        self._code_changed: dict[str, float] = defaultdict(lambda: -_DAY)  # a model's pipeline
        self._amid_change: set[str] = set()  # runs that may have other code than their names say

    def watch(self, account: Any) -> None:
        self._account = account

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
        if invocation.name == "test_endpoint" and outcome.error is None:
            model, version = invocation.event["model"], invocation.event["version"]
            execution = f"{model}-r{invocation.event['epoch']}-v{version}"
            self.tested[execution, model, version] = json.loads(outcome.payload)["passed"]
        untold = invocation.memory.get("untold")
        if untold and outcome.error is None and b'"itemIdentifier"' not in outcome.payload:
            self.violate("each decision is told", f"{invocation.name} tells the bus no {untold}")
        if invocation.name == "reconcile" and outcome.error is None:
            for model in json.loads(outcome.payload)["mended"]:
                self._nothing_left(invocation, model)
        planned = invocation.name == "plan_release" and outcome.error is None
        if planned and json.loads(outcome.payload)["go"]:
            self._planned(invocation)

    def _nothing_left(self, reconcile: Invocation, model: str) -> None:
        """Where no release is under way, reconcile leaves no endpoint in staging."""
        staging, began = self._account.hosting.endpoints.get(f"{model}-staging"), reconcile.memory
        if staging is None or staging.status not in ("InService", "Failed"):
            return
        if staging.changed > began["began"]:
            return
        since = (began["began"] - START).total_seconds()
        for each in self._account.states.executions.values():
            release = each.name.startswith(f"{model}-r")
            if release and (each.status == "RUNNING" or each.ended_at > since):
                return
        self.violate("staging is cleared", f"{staging.name} is {staging.status} for nobody")

    # calls

    def before(self, caller: Any, service: str, operation: str, params: Params) -> None:
        if service == "sagemaker" and operation in ("CreateEndpoint", "UpdateEndpoint"):
            if isinstance(caller, Invocation):
                self._release(caller, operation, params)
        elif service == "sagemaker" and operation == "UpdateModelPackage":
            if isinstance(caller, Invocation):
                self._approval(caller, params)
        elif service == "sagemaker" and operation == "DeleteEndpoint":
            self._deletion(caller, params["EndpointName"])
        elif service == "stepfunctions" and operation == "StartExecution":
            self._start(caller, params)
        elif service == "s3" and operation == "PutObject":
            self._freeze(params["Key"], params)

    def after(
        self, caller: Any, service: str, operation: str, params: Params, answer: Params
    ) -> None:
        if not isinstance(caller, Invocation):
            if operation == "UpdateEndpoint":
                self.by_hand[params["EndpointName"]].append(self._account.kernel.now)
            return
        memory = caller.memory
        memory["calls"] = memory.get("calls", 0) + 1
        if operation == "DescribeModelPackage":
            found = (answer["ModelApprovalStatus"], memory["calls"])
            memory["read", answer["ModelPackageArn"]] = found
        elif operation == "ListModelPackages":
            memory["listed"] = self._account.kernel.moment()
        elif operation == "GetItem" and params["Key"]["sk"] == {"S": "SPEC"}:
            memory["paused"] = answer.get("Item", {}).get("paused", {}).get("S")
        elif operation == "PutItem" and params["Item"].get("outcome") == {"S": "registered"}:
            model = params["Item"]["pk"]["S"].removeprefix("MODEL#")
            self._known_since.setdefault(model, self._account.kernel.moment())
        elif operation == "UpdatePipeline":
            self._code_changed[params["PipelineName"]] = self._account.kernel.now
        elif operation == "TransactWriteItems":
            for item in (
                action.get("Put", {}).get("Item", {}) for action in params["TransactItems"]
            ):
                if item.get("sk", {"S": ""})["S"].startswith("DECISION#"):
                    memory["untold"] = item["id"]["S"]
        elif operation == "PutEvents":
            memory["untold"] = None
        elif operation == "SendTaskSuccess":
            self._woken(json.loads(params["output"]))
        elif operation in ("CreateEndpoint", "UpdateEndpoint"):
            self._asked.add((params["EndpointName"], params["EndpointConfigName"]))
            self.effects.append(
                f"{operation} {params['EndpointName']} {params['EndpointConfigName']}"
            )
        elif operation == "UpdateModelPackage":
            status = params.get("ModelApprovalStatus")
            self.effects.append(f"{operation} {params['ModelPackageArn']} {status}")

    # releases

    def _release(self, caller: Any, operation: str, params: Params) -> None:
        endpoint, config = params["EndpointName"], params["EndpointConfigName"]
        if config not in self._account.hosting.configs:
            return  # AWS refuses it
        known = self._account.hosting.endpoints.get(endpoint)
        busy = known is not None and known.status in ("Creating", "Updating", "Deleting")
        if busy or (operation == "CreateEndpoint" and known is not None):
            return  # AWS refuses it
        package: Package = self._account.hosting.package_of(config)
        model = package.model
        self._alone(caller, model)
        self._token_lies(f"RUN#endpoint/{endpoint}", f"{operation} {endpoint}")
        self._newest(caller, package)
        if known is not None and known.status == "InService" and known.config == config:
            self.violate("no update for nothing", f"{endpoint} serves {config} already")
        if endpoint != model:
            if endpoint != f"{model}-staging":
                self.violate("own names only", f"{operation} of {endpoint} for {model}")
            return
        self._approved(caller, package)
        execution = caller.event.get("execution", "").rpartition(":")[2]
        if not self.tested.get((execution, model, package.version)):
            self.violate("tested before production", f"{model} v{package.version} in {execution}")
        if not package.faithful:
            self.violate("only what predicts truly", f"{model} v{package.version} serves falsely")
        self._forward(model, package, known)
        self._sealed(caller, config)

    def _woken(self, output: Params) -> None:
        """Who waits for an endpoint sleeps on until it was asked for what they wait for."""
        if not output.get("started") or "endpoint" not in output:
            return
        name, config = output["endpoint"], output["config"]
        endpoint = self._account.hosting.endpoints.get(name)
        there = endpoint is not None and endpoint.config == config
        if not there and (name, config) not in self._asked:
            self.violate("nobody is woken too soon", f"{name} was never asked for {config}")

    def _planned(self, invocation: Invocation) -> None:
        """A release goes on from its plan only for what is approved, and where nothing moves."""
        began = (invocation.memory["began"] - START).total_seconds()
        package: Package = self._account.registry.find(invocation.event["package_arn"])
        name = f"{package.model} v{package.version}"
        since = [approval for time, approval, _ in package.history if time >= began]
        if APPROVED not in (package.approval_at(began), *since):  # whenever it looked
            self.violate("only what is wanted is planned", f"{name} is {package.approval}")
        endpoint = self._account.hosting.endpoints.get(package.model)
        moved = endpoint is not None and endpoint.status in ("Creating", "Updating", "Deleting")
        if moved and endpoint.changed < invocation.memory["began"]:
            self.violate("one release at a time", f"{name} is planned, {package.model} moves")
        executions = self._account.states.executions
        lease = self._account.ledger.items[f"MODEL#{package.model}", "LEASE#release"]
        holder = lease.get("holder", {"S": ""})["S"]
        for other in self._planned_releases[package.model]:
            if other == invocation.event["execution"] or executions[other].status != "RUNNING":
                continue
            if holder == other:  # else it has done all that it had to do
                self.violate("one release at a time", f"{name} beside {other.rpartition(':')[2]}")
        self._planned_releases[package.model].append(invocation.event["execution"])

    def _approved(self, caller: Any, package: Package) -> None:
        name = f"{package.model} v{package.version}"
        read = caller.memory.get(("read", package.arn))
        if read is None or read[0] != APPROVED:
            said = read[0] if read else "never read"
            self.violate("approved at the last look", f"{name} was {said} when it was released")
        elif caller.memory["calls"] - read[1] > _MOST_CALLS_BETWEEN:
            between = caller.memory["calls"] - read[1]
            self.violate("looked at last", f"{name}: {between} calls between look and update")
        elif package.approval != APPROVED:
            self.unapproved_updates += 1

    def _newest(self, caller: Any, package: Package) -> None:
        """No endpoint is moved to a version when a newer one should serve, at the last look."""
        looked = caller.memory.get("listed", caller.memory["began"])
        seconds = (looked - START).total_seconds()
        for newer in self._account.registry.groups[package.model][package.version :]:
            if newer.approval != APPROVED or newer.history[-1][0] >= seconds:
                continue
            if not self._tried(newer, "RUNNING", "SUCCEEDED", "ABORTED"):
                said = f"{package.model} v{package.version}, and v{newer.version} is approved"
                self.violate("the newest is released", said)

    def _tried(self, package: Package, *also: str) -> bool:
        """Whether a release of a version has failed, or is as told, since it was approved."""
        return any(
            execution.name.startswith(f"{package.model}-r")
            and execution.name.endswith(f"-v{package.version}")
            and execution.status in ("FAILED", *also)
            and (execution.status == "RUNNING" or execution.ended_at >= package.history[-1][0])
            for execution in self._account.states.executions.values()
        )

    def _forward(self, model: str, package: Package, known: Any) -> None:
        """Production goes back to an older version only if the newer one was taken away."""
        if known is None or known.status != "InService":
            return
        now = self._account.hosting.package_of(known.config)
        if self._tried(now):
            return  # it had failed, and was brought here by hand
        if package.version < now.version and now.approval == APPROVED:
            recent = self._account.kernel.now - 120
            if now.approval_at(recent) == APPROVED:
                self.violate("never back unasked", f"{model} v{now.version} -> v{package.version}")

    def _sealed(self, caller: Any, config: str) -> None:
        """What is released is, byte for byte, what its name says."""
        hosting, objects = self._account.hosting, self._account.s3.objects
        variant = hosting.configs[config]["ProductionVariants"][0]
        url = hosting.models[variant["ModelName"]]["PrimaryContainer"]["ModelDataUrl"]
        bucket, _, key = url.removeprefix("s3://").partition("/")
        found = objects[bucket, key][-1]
        if sha256(found.data).hexdigest() == key.split("/")[-2]:
            return
        if found.modified < caller.memory["began"]:  # else it was changed a moment ago
            self.violate("sealed bytes serve", f"{key} was tampered with")

    def _alone(self, caller: Any, model: str) -> None:
        """Once a release has moved an endpoint, those before it move none any more, and nobody
        cleans up behind it before it has ended.
        """
        execution = caller.event.get("execution", "").rpartition(":")[2]
        order = self.releasing[model]
        if not execution:
            for each in self._account.states.executions.values():
                if order and each.name == order[-1] and each.status == "RUNNING":
                    self.violate("one release at a time", f"{caller.name} beside {each.name}")
        elif execution in order[:-1]:
            self.violate("one release at a time", f"{model}: {execution} after {order[-1]}")
        elif execution not in order:
            order.append(execution)

    def _token_lies(self, pk: str, text: str) -> None:
        if (pk, "TOKEN") not in self._account.ledger.items:
            self.violate("the token lies first", f"{text}: nobody could be woken")

    def _deletion(self, caller: Any, endpoint: str) -> None:
        found = self._account.hosting.endpoints.get(endpoint)
        if found is not None and found.status in ("Creating", "Updating", "Deleting"):
            return  # AWS refuses it
        if isinstance(caller, Invocation) and found is not None:
            self._alone(caller, endpoint.removesuffix("-staging"))
        if found is not None and endpoint in self.models and found.status == "InService":
            self.violate("production stays", f"{endpoint} is deleted while it serves")

    def settled(self, endpoint: Any, asked: str) -> None:
        """Hear that an endpoint has settled; remember which version AWS took back."""
        if endpoint.status != "InService" or endpoint.config != asked:
            package = self._account.hosting.package_of(asked)
            self.taken_back[package.model, package.version].append(self._account.kernel.now)

    # approvals

    def _approval(self, caller: Invocation, params: Params) -> None:
        package: Package = self._account.registry.find(params["ModelPackageArn"])
        name = f"{package.model} v{package.version}"
        if caller.name != "judge_candidate":
            self.violate("only evaluate approves", f"{caller.name} sets {name}")
        read = caller.memory.get(("read", package.arn))
        if read is None or read[0] != PENDING:
            self.violate("people are not overruled", f"{name} was {read} when it was judged")
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

    # trainings

    def training_starts(self, caller: Any, run: Any) -> None:
        """Judge a pipeline's new execution."""
        self.effects.append(f"StartPipelineExecution {run.model} {run.display_name}")
        before, spec = self._trainings[run.model], self.models[run.model]
        self._token_lies(f"RUN#{run.model}/{run.display_name}", f"run {run.display_name}")
        written = self._account.ledger.items[f"MODEL#{run.model}", "SPEC"]["bundle_digest"]["S"]
        lately = self._account.kernel.now - self._code_changed[run.model] < 60
        if lately or written != self._code(run.model):  # the push is not written down yet
            self._amid_change.add(run.arn)
        for other in before:
            if other.status == "Executing":
                self.violate("one training at a time", f"{run.display_name}, {other.display_name}")
            same = ("DatasetDigest", "DatasetUri")
            code = other.definition_digest == self._code(run.model)
            useful = other.status == "Succeeded" or other.failed_step == "BelowBars"
            known = not self._amid_change & {run.arn, other.arn}
            equal = all(other.parameters[k] == run.parameters[k] for k in same)
            if code and useful and known and equal:
                self.violate("nothing trained twice", f"{run.display_name}, {other.display_name}")
        self._not_overtaken(run, before)
        day = [other for other in before if other.started_at > run.started_at - _DAY]
        if len(day) >= spec.per_day:
            self.violate(
                "budgets hold", f"{run.display_name} is run {len(day) + 1} of {spec.per_day}"
            )
        last = max((other.ended_at for other in before if other.ended_at), default=None)
        since = run.started_at - last if last is not None else _DAY
        if run.parameters["Cause"] == "violation" and since < spec.cooldown_hours * 3600 - 120:
            self.violate("cooldowns hold", f"{run.display_name} after {since:.0f} s")
        if run.parameters["Cause"] not in spec.causes and self._existed(run):
            self.violate(
                "only its causes", f"{run.display_name} because of {run.parameters['Cause']}"
            )
        self._frozen(run)
        run.definition_digest = self._code(run.model)
        before.append(run)

    def _not_overtaken(self, run: Any, before: list[Any]) -> None:
        """What a later dataset brought, and was trained on, is not trained on again by itself."""
        window = max(self._windows(run))
        for other in before:
            later = self._windows(other)
            if max(later) <= window or window not in later:
                continue
            machine = f"{run.model}-w{max(later)}-a"
            concluded = any(  # else nobody may know of it yet
                execution.name.startswith(machine)
                and execution.status == "SUCCEEDED"
                and other.ended_at <= execution.ended_at < self._account.kernel.now - 60
                for execution in self._account.states.executions.values()
            )
            if concluded:
                self.violate("never back to less data", f"{run.display_name}, {other.display_name}")

    def _windows(self, run: Any) -> list[int]:
        """Return the windows that a run's dataset is made of."""
        bucket, _, key = run.parameters["DatasetUri"].removeprefix("s3://").partition("/")
        found: list[int] = content.read_json(self._account.s3.objects[bucket, key][-1].data)[
            "windows"
        ]
        return found

    def _existed(self, run: Any) -> bool:
        """Whether a version was written down when the window's machine began.

        The first needs no cause.
        """
        machine = f":{run.display_name.rpartition('-')[0]}-a1"
        began = next(
            execution.started
            for arn, execution in self._account.states.executions.items()
            if arn.endswith(machine)
        )
        since = self._known_since.get(run.model)
        return since is not None and since < began - timedelta(seconds=30)

    def _code(self, model: str) -> str:
        found = content.find_step(self._account.jobs.pipelines[model].definition, "RegisterModel")
        return str(found["CustomerMetadataProperties"]["bundle-digest"])

    def _frozen(self, run: Any) -> None:
        uri = run.parameters["DatasetUri"]
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if (bucket, key) not in self._account.s3.objects:
            self.violate("frozen before trained", f"{run.display_name}: {uri} is not there")
        elif run.parameters["DatasetDigest"] not in key:
            self.violate("frozen before trained", f"{run.display_name}: {uri} is another dataset")

    def _freeze(self, key: str, params: Params) -> None:
        """A window is frozen when its drop has been quiet, or says that it is complete."""
        if not key.startswith("datasets/"):
            return
        name = key.split("/")[1]
        manifest, spec = content.read_json(params["Body"]), self.models[name]
        now, fresh = self._account.kernel.moment(), []
        for each in manifest["objects"]:
            if each["window"] != max(manifest["windows"]):
                continue
            versions = self._account.s3.objects[each["bucket"], each["key"]]
            written = next(v.modified for v in versions if v.id == each["version_id"])
            age = (now - written).total_seconds()
            if age < spec.quiet_minutes * 60 - 1 and not self._marked(name, written):
                fresh.append(f"{each['key']} {age:.0f} s old")
        # What keeps arriving is cut after 48 quiet periods.
        if self._oldest(name, max(manifest["windows"])) < 48 * spec.quiet_minutes * 60:
            for said in fresh:
                self.violate("frozen after quiet", said)

    def _oldest(self, name: str, window: int) -> float:
        """Return the age of what came into a window first, replaced since or not, in seconds."""
        now, ages = self._account.kernel.moment(), list[float]()
        for (pk, _), item in self._account.ledger.items.items():
            if pk == f"ARRIVAL#{name}#{window}":
                versions = self._account.s3.objects[self._account.data_bucket, item["key"]["S"]]
                written = next(v.modified for v in versions if v.id == item["version_id"]["S"])
                ages.append((now - written).total_seconds())
        return max(ages)

    def _marked(self, name: str, since: Any) -> bool:
        """Whether a drop was called complete; what comes after a marker is of the next drop."""
        return any(
            version.modified >= since - timedelta(seconds=1)
            for (_, key), versions in self._account.s3.objects.items()
            if key.startswith(f"data/{name}/") and key.endswith("/_SUCCESS")
            for version in versions
        )

    # pauses

    def _start(self, caller: Any, params: Params) -> None:
        """Nothing new starts for a model that has been paused for a while, but a withdrawal."""
        if not isinstance(caller, Invocation):
            return
        machine = params["stateMachineArn"].rpartition("-")[2]
        model = params["name"].rpartition("-w" if machine == "train" else "-r")[0]
        item = self._account.ledger.items.get((f"MODEL#{model}", "SPEC"))
        if item is None or not item.get("paused", {}).get("S"):
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
