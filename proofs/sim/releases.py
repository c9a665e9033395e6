"""What the judge looks at in releases: which version an endpoint is moved to, and when."""

from collections import defaultdict
from hashlib import sha256
from typing import Any

from everloop.moments import moment
from everloop.records.lease import RELEASE
from proofs.sim.aws.functions import Invocation
from proofs.sim.aws.registry import APPROVED, Package
from proofs.sim.aws.room import is_no_verdict
from proofs.sim.kernel import START

Params = dict[str, Any]
# Calls between the last look at an approval and the update that rests on it.
MOST_CALLS_BETWEEN = 1


class Releases:
    def __init__(self, judge: Any, account: Any) -> None:
        self._judge = judge
        self._account = account
        self.unapproved_updates = 0  # withdrawn between the last look and the update
        self.taken_back: dict[tuple[str, int], list[float]] = defaultdict(list)
        self.served: set[tuple[str, int]] = set()
        self.order: dict[str, list[str]] = defaultdict(list)  # a model's, as they moved endpoints
        self.by_hand: dict[str, list[float]] = defaultdict(list)  # updates of an endpoint
        self._tested: dict[tuple[str, str, int], bool] = {}  # (execution, model, version)
        self._asked: set[tuple[str, str]] = set()  # endpoint and config
        self._plans: dict[str, list[str]] = defaultdict(list)

    def tested(self, invocation: Invocation, *, passed: bool) -> None:
        model, version = invocation.event["model"], invocation.event["version"]
        execution = f"{model}-r{invocation.event['epoch']}-v{version}"
        self._tested[execution, model, version] = passed

    def moved(self, operation: str, params: Params) -> None:
        endpoint, config = params["EndpointName"], params["EndpointConfigName"]
        self._asked.add((endpoint, config))
        self._judge.effects.append(f"{operation} {endpoint} {config}")

    def moved_by_hand(self, endpoint: str) -> None:
        self.by_hand[endpoint].append(self._account.kernel.now)

    def moves(self, caller: Any, operation: str, params: Params) -> None:
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
        self._judge.token_lies(f"endpoint/{endpoint}", f"{operation} {endpoint}")
        self._newest(caller, package)
        if known is not None and known.status == "InService" and known.config == config:
            self._judge.violate("no update for nothing", f"{endpoint} serves {config} already")
        if endpoint != model:
            if endpoint != f"{model}-staging":
                self._judge.violate("own names only", f"{operation} of {endpoint} for {model}")
            return
        self._approved(caller, package)
        execution = caller.event.get("execution", "").rpartition(":")[2]
        if not self._tested.get((execution, model, package.version)):
            self._judge.violate(
                "tested before production", f"{model} v{package.version} in {execution}"
            )
        if not package.faithful:
            self._judge.violate(
                "only what predicts truly", f"{model} v{package.version} serves falsely"
            )
        self._forward(model, package, known)
        self._sealed(caller, config)

    def wakes(self, output: Params) -> None:
        """Who waits for an endpoint sleeps on until it was asked for what they wait for."""
        if not output.get("started") or "endpoint" not in output:
            return
        name, config = output["endpoint"], output["config"]
        endpoint = self._account.hosting.endpoints.get(name)
        there = endpoint is not None and endpoint.config == config
        if not there and (name, config) not in self._asked:
            self._judge.violate("nobody is woken too soon", f"{name} was never asked for {config}")

    def planned(self, invocation: Invocation) -> None:
        """A release goes on from its plan only for what is approved, and where nothing moves."""
        began = (invocation.memory["began"] - START).total_seconds()
        package: Package = self._account.registry.find(invocation.event["package_arn"])
        name = f"{package.model} v{package.version}"
        since = [approval for time, approval, _ in package.history if time >= began]
        if APPROVED not in (package.approval_at(began), *since):  # whenever it looked
            self._judge.violate("only what is wanted is planned", f"{name} is {package.approval}")
        endpoint = self._account.hosting.endpoints.get(package.model)
        moved = endpoint is not None and endpoint.status in ("Creating", "Updating", "Deleting")
        if moved and endpoint.changed < invocation.memory["began"]:
            self._judge.violate(
                "one release at a time", f"{name} is planned, {package.model} moves"
            )
        executions = self._account.states.executions
        holder = self._account.ledger.lease(package.model, RELEASE).holder
        for other in self._plans[package.model]:
            if other == invocation.event["execution"] or executions[other].status != "RUNNING":
                continue
            if holder == other:  # else it has done all that it had to do
                self._judge.violate(
                    "one release at a time", f"{name} beside {other.rpartition(':')[2]}"
                )
        self._plans[package.model].append(invocation.event["execution"])
        self._in_window(invocation, package, began)

    def _in_window(self, invocation: Invocation, package: Package, began: float) -> None:
        """What is new is released in windows only, but in an emergency, or for what must leave."""
        at = self._asked_at(invocation)
        if not self._held(package, at):
            return
        endpoint = self._account.hosting.endpoints.get(package.model)
        now = endpoint and self._account.hosting.package_of(endpoint.config)
        if now is None or APPROVED in (now.approval, now.approval_at(began)):
            said = f"{package.model} v{package.version} at {at:.0f}"
            self._judge.violate("nothing new outside of windows", said)

    def _asked_at(self, invocation: Invocation) -> float:
        """Return the second by which an invocation decides."""
        return (moment(invocation.event["time"]) - START).total_seconds()

    def _held(self, package: Package, at: float) -> bool:
        """Whether a version waits for a window: it is new, and no emergency."""
        served = (package.model, package.version) in self.served
        closed = self._judge.models[package.model].is_closed(at)
        return closed and not served and not package.emergency

    def _approved(self, caller: Any, package: Package) -> None:
        name = f"{package.model} v{package.version}"
        read = caller.memory.get(("read", package.arn))
        if read is None or read[0] != APPROVED:
            said = read[0] if read else "never read"
            self._judge.violate(
                "approved at the last look", f"{name} was {said} when it was released"
            )
        elif caller.memory["calls"] - read[1] > MOST_CALLS_BETWEEN:
            between = caller.memory["calls"] - read[1]
            self._judge.violate(
                "looked at last", f"{name}: {between} calls between look and update"
            )
        elif package.approval != APPROVED:
            self.unapproved_updates += 1

    def _newest(self, caller: Any, package: Package) -> None:
        """No endpoint is moved to a version when a newer one should serve, at the last look."""
        looked = caller.memory.get("listed", caller.memory["began"])
        seconds = (looked - START).total_seconds()
        for newer in self._account.registry.groups[package.model][package.version :]:
            if newer.approval != APPROVED or newer.history[-1][0] >= seconds:
                continue
            if self._held(newer, self._asked_at(caller)):
                continue
            if not self._tried(newer, "RUNNING", "SUCCEEDED", "ABORTED"):
                said = f"{package.model} v{package.version}, and v{newer.version} is approved"
                self._judge.violate("the newest is released", said)

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
                self._judge.violate(
                    "never back unasked", f"{model} v{now.version} -> v{package.version}"
                )

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
            self._judge.violate("sealed bytes serve", f"{key} was tampered with")

    def _alone(self, caller: Any, model: str) -> None:
        """Once a release has moved an endpoint, those before it move none any more, and nobody
        cleans up behind it before it has ended.
        """
        execution = caller.event.get("execution", "").rpartition(":")[2]
        order = self.order[model]
        if not execution:
            for each in self._account.states.executions.values():
                if order and each.name == order[-1] and each.status == "RUNNING":
                    self._judge.violate(
                        "one release at a time", f"{caller.name} beside {each.name}"
                    )
        elif execution in order[:-1]:
            self._judge.violate("one release at a time", f"{model}: {execution} after {order[-1]}")
        elif execution not in order:
            order.append(execution)

    def deletes(self, caller: Any, endpoint: str) -> None:
        found = self._account.hosting.endpoints.get(endpoint)
        if found is not None and found.status in ("Creating", "Updating", "Deleting"):
            return  # AWS refuses it
        if isinstance(caller, Invocation) and found is not None:
            self._alone(caller, endpoint.removesuffix("-staging"))
        if found is not None and endpoint in self._judge.models and found.status == "InService":
            self._judge.violate("production stays", f"{endpoint} is deleted while it serves")

    def settled(self, endpoint: Any, asked: str) -> None:
        """Hear that an endpoint has settled; remember which version AWS took back."""
        if is_no_verdict(endpoint.reason):
            return  # AWS had no room for it: that takes nothing back
        package = self._account.hosting.package_of(asked)
        if endpoint.status == "InService" and endpoint.config == asked:
            if endpoint.name == package.model:
                self.served.add((package.model, package.version))
        else:
            self.taken_back[package.model, package.version].append(self._account.kernel.now)

    def nothing_left(self, reconcile: Invocation, model: str) -> None:
        """Where no release is under way, reconcile leaves no endpoint in staging."""
        staging, began = self._account.hosting.endpoints.get(f"{model}-staging"), reconcile.memory
        if staging is None or staging.status not in ("InService", "Failed"):
            return
        lease = self._account.ledger.lease(model, RELEASE)
        if staging.changed > began["began"] or lease.holder:
            return  # what holds the lease is looked at again, until it could be deleted
        since = (began["began"] - START).total_seconds()
        for each in self._account.states.executions.values():
            release = each.name.startswith(f"{model}-r")
            if release and (each.status == "RUNNING" or each.ended_at > since):
                return
        self._judge.violate("staging is cleared", f"{staging.name} is {staging.status} for nobody")
