"""SageMaker endpoints: created, updated in steps, rolled back on alarms, scaled, deleted."""

import threading
from typing import Any, Protocol

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import validation
from everloop_localcloud.kernel.store import Table
from everloop_localcloud.sagemaker import deployment_policy, serverless
from everloop_localcloud.sagemaker.endpoint_records import described, move_pending, retained
from everloop_localcloud.sagemaker.hosting import Hosting
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.models import Record, check_name, refuse
from everloop_localcloud.sagemaker.part import Part
from everloop_localcloud.sagemaker.tag_store import TagStore


class DeployableConfigs(Protocol):
    """Endpoint configs, as endpoints see them."""

    def endpoint_config(self, name: str) -> Record: ...

    def deployable(self, name: str) -> Record: ...


class Endpoints(Part):
    """Operations on endpoints: `hosting` changes what serves, and shares their table with this."""

    def __init__(
        self,
        cloud: Account,
        tags: TagStore,
        endpoints: Table,
        configs: DeployableConfigs,
        hosting: Hosting,
    ) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._endpoints = endpoints
        self._configs = configs
        self._hosting = hosting
        self._endpoints_lock = threading.Lock()

    @operation
    def create_endpoint(self, call: Call, request: Record) -> Record:
        name = request["EndpointName"]
        check_name(name, "endpointName")
        arn = self.cloud.arn("sagemaker", f"endpoint/{name}")
        deployed = self._configs.deployable(request["EndpointConfigName"])
        if "DeploymentConfig" in request:
            deployment_policy.parse(request["DeploymentConfig"], _counts(deployed))
        with self._endpoints_lock:
            if name in self._endpoints:
                raise validation(f'Cannot create already existing endpoint "{arn}".')
            self._endpoints[name] = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": request["EndpointConfigName"],
                "EndpointStatus": "Creating",
                "CreationTime": call.time,
                "LastModifiedTime": call.time,
                "deployed": deployed,
                **(
                    {"LastDeploymentConfig": request["DeploymentConfig"]}
                    if "DeploymentConfig" in request
                    else {}
                ),
            }
        self._tags.keep(arn, request)
        self._hosting.announce_endpoint(name)
        self.cloud.spawn(self._hosting.create, name, name=f"endpoint {name}")
        return {"EndpointArn": arn}

    @operation
    def update_endpoint(self, call: Call, request: Record) -> Record:
        name = request["EndpointName"]
        config_name = request["EndpointConfigName"]
        given = request.get("DeploymentConfig")
        deployed = self._configs.deployable(config_name)
        with self._endpoints_lock:
            endpoint = self._changeable(name)
            if given is None and request.get("RetainDeploymentConfig"):
                given = endpoint.get("LastDeploymentConfig")
            if config_name == endpoint["EndpointConfigName"]:
                raise validation(
                    f"Endpoint {name} runs endpoint configuration {config_name} already;"
                    " give a new one"
                )
            self._configs.endpoint_config(
                endpoint["EndpointConfigName"]
            )  # AWS, too, wants the old one
            if request.get("RetainAllVariantProperties"):
                kinds = request.get("ExcludeRetainedVariantProperties", [])
                excluded = {kind["VariantPropertyType"] for kind in kinds}
                deployed = retained(deployed, endpoint["deployed"], excluded)
            deployment_policy.parse(given or {}, _counts(deployed))
            serverless.check_update(name, endpoint["deployed"], deployed)
            self._check_scaled(name, endpoint["deployed"], deployed)
            self._begin(
                endpoint,
                call,
                "the update was accepted",
                {"deployed": deployed, "DeploymentConfig": given or {}, "share": 0.0},
            )
        self._hosting.announce_endpoint(name)
        self.cloud.spawn(self._hosting.update, name, name=f"endpoint {name}")
        return {"EndpointArn": endpoint["EndpointArn"]}

    @operation
    def update_endpoint_weights_and_capacities(self, call: Call, request: Record) -> Record:
        name = request["EndpointName"]
        with self._endpoints_lock:
            endpoint = self._changeable(name)
            known = {v["VariantName"]: v for v in endpoint["deployed"]["Variants"]}
            changes: Record = {}
            for wanted in request["DesiredWeightsAndCapacities"]:
                refuse(wanted, ("ServerlessUpdateConfig",), "of a variant")
                if wanted["VariantName"] not in known:
                    raise validation(
                        f'Could not find variant "{wanted["VariantName"]}" of endpoint "{name}".'
                    )
                if "Serverless" in known[wanted["VariantName"]]:
                    raise validation(f"{name} is serverless, and has neither weights nor instances")
                changes[wanted["VariantName"]] = _change(wanted)
            weights = [{**v, **changes.get(n, {})}["Weight"] for n, v in known.items()]
            if not sum(weights) > 0:
                raise validation("no variant would have a weight above 0: nothing would serve")
            self._begin(endpoint, call, "the change was accepted", {"variants": changes})
        self._hosting.announce_endpoint(name)
        self.cloud.spawn(self._hosting.scale, name, name=f"endpoint {name}")
        return {"EndpointArn": endpoint["EndpointArn"]}

    @operation
    def describe_endpoint(self, call: Call, request: Record) -> Record:
        return described(self._hosting.endpoint(request["EndpointName"]))

    @operation
    def list_endpoints(self, call: Call, request: Record) -> Record:
        return page(
            self._endpoints.values(),
            request,
            member="Endpoints",
            status="EndpointStatus",
            name="EndpointName",
            summary=lambda endpoint: pick(
                endpoint,
                "EndpointName",
                "EndpointArn",
                "CreationTime",
                "LastModifiedTime",
                "EndpointStatus",
            ),
        )

    @operation
    def delete_endpoint(self, call: Call, request: Record) -> None:
        name = request["EndpointName"]
        with self._endpoints_lock:
            endpoint = self._hosting.endpoint(name)
            if endpoint["EndpointStatus"] not in ("InService", "Failed"):
                raise self._in_progress(endpoint)
            scaling = self.cloud.apis.get("application-autoscaling")
            if scaling is not None:
                scaling.forget(name, call.principal)
            endpoint["EndpointStatus"] = "Deleting"
            endpoint["LastModifiedTime"] = call.time
            self._endpoints.save(name)
        self._hosting.announce_endpoint(name)
        self.cloud.spawn(self._hosting.delete, name, name=f"endpoint {name}")

    def _changeable(self, name: str) -> Record:
        endpoint = self._hosting.endpoint(name)
        if endpoint["EndpointStatus"] == "Failed":
            raise validation(
                f'Cannot update endpoint "{endpoint["EndpointArn"]}" in status Failed; delete it.'
            )
        if endpoint["EndpointStatus"] != "InService":
            raise self._in_progress(endpoint)
        return endpoint

    def _check_scaled(self, name: str, current: Record, fresh: Record) -> None:
        """Refuse another instance type of a variant that is scaled.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
        """
        scaling = self.cloud.apis.get("application-autoscaling")
        fixed = scaling.fixed_types(name) if scaling is not None else frozenset()
        before, after = _types(current), _types(fresh)
        changed = sorted(each for each in fixed if before.get(each) != after.get(each))
        if changed:
            raise validation(
                f"Cannot update endpoint {name}: the variants {', '.join(changed)} must be "
                "deregistered as scalable targets with AutoScaling before they can be removed or "
                "have their instance type updated"
            )

    @staticmethod
    def _in_progress(endpoint: Record) -> Exception:
        return validation(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')

    def _begin(self, endpoint: Record, call: Call, message: str, pending: Record) -> None:
        pending["StartTime"] = call.time
        move_pending(pending, "Updating", message, call.time)
        endpoint["pending"] = pending
        endpoint["EndpointStatus"] = "Updating"
        endpoint["LastModifiedTime"] = call.time
        endpoint.pop("FailureReason", None)
        self._endpoints.save(endpoint["EndpointName"])


def _counts(deployed: Record) -> list[int]:
    return [variant["Count"] for variant in deployed["Variants"]]


def _types(deployed: Record) -> dict[str, list[str]]:
    return {
        variant["VariantName"]: variant.get("Pools") or [variant["InstanceType"]]
        for variant in deployed["Variants"]
    }


def _change(wanted: Record) -> Record:
    members: dict[str, Any] = {"DesiredWeight": "Weight", "DesiredInstanceCount": "Count"}
    change = {own: wanted[name] for name, own in members.items() if name in wanted}
    if change.get("Count", 1) < 1:
        raise validation("DesiredInstanceCount is below 1; the local cloud scales no variant to 0")
    return change
