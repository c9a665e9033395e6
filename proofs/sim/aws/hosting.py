"""SageMaker's hosting: endpoints move in their own time, and an update may fail without a word."""

from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from proofs.sim.aws import content
from proofs.sim.kernel import START
from proofs.template import ACCOUNT, REGION

Params = dict[str, Any]


@dataclass
class Endpoint:
    name: str
    config: str
    status: str
    created: Any
    changed: Any
    pending: str | None = None
    reason: str = ""


class Hosting:
    def __init__(self, account: Any) -> None:
        self._account = account
        self._kernel = account.kernel
        self._dice = account.kernel.chance("hosting")
        self.models: dict[str, Params] = {}
        self.configs: dict[str, Params] = {}
        self.deleted: dict[str, Params] = {}  # configs and models that were
        self.endpoints: dict[str, Endpoint] = {}

    # models and configs

    def create_model(self, caller: Any, params: Params) -> Params:
        if params["ModelName"] in self.models:
            raise AwsError("ValidationException", "Cannot create already existing model")
        self.models[params["ModelName"]] = params
        return {"ModelArn": _arn("model", params["ModelName"])}

    def describe_model(self, caller: Any, params: Params) -> Params:
        found = self.models.get(params["ModelName"])
        if found is None:
            raise AwsError("ValidationException", f'Could not find model "{params["ModelName"]}".')
        arn = _arn("model", params["ModelName"])
        return {**found, "ModelArn": arn, "CreationTime": self._kernel.moment()}

    def create_endpoint_config(self, caller: Any, params: Params) -> Params:
        name = params["EndpointConfigName"]
        if name in self.configs:
            told = "Cannot create already existing endpoint configuration"
            raise AwsError("ValidationException", told)
        for variant in params["ProductionVariants"]:
            if variant["ModelName"] not in self.models:
                raise AwsError(
                    "ValidationException", f'Could not find model "{variant["ModelName"]}".'
                )
        self.configs[name] = params
        return {"EndpointConfigArn": _arn("endpoint-config", name)}

    def describe_endpoint_config(self, caller: Any, params: Params) -> Params:
        name = params["EndpointConfigName"]
        found = self.configs.get(name)
        if found is None:
            raise AwsError(
                "ValidationException", f'Could not find endpoint configuration "{name}".'
            )
        arn = _arn("endpoint-config", name)
        return {**found, "EndpointConfigArn": arn, "CreationTime": self._kernel.moment()}

    def list_endpoint_configs(self, caller: Any, params: Params) -> Params:
        names = [name for name in self.configs if params["NameContains"] in name]
        return {"EndpointConfigs": [{"EndpointConfigName": name} for name in sorted(names)]}

    def list_models(self, caller: Any, params: Params) -> Params:
        names = [name for name in self.models if params["NameContains"] in name]
        return {"Models": [{"ModelName": name} for name in sorted(names)]}

    def delete_endpoint_config(self, caller: Any, params: Params) -> Params:
        name = params["EndpointConfigName"]
        self._config(name)
        for endpoint in self.endpoints.values():
            if name in (endpoint.config, endpoint.pending) and endpoint.status != "Deleting":
                self._in_use(caller, endpoint.name, name)
        self.deleted[name] = self.configs.pop(name)
        return {}

    def _in_use(self, caller: Any, endpoint: str, name: str) -> None:
        """Whoever deletes must know what serves, but for what was brought by hand meanwhile."""
        began = (caller.memory["began"] - START).total_seconds()
        by_hand = self._account.judge.releases.by_hand[endpoint]
        if not by_hand or by_hand[-1] < began:
            self._account.judge.violate("what is in use is kept", f"{endpoint}: {name}")

    def delete_model(self, caller: Any, params: Params) -> Params:
        name = params["ModelName"]
        if name not in self.models:
            raise AwsError("ValidationException", f'Could not find model "{name}".')
        for config in self.configs.values():
            if any(variant["ModelName"] == name for variant in config["ProductionVariants"]):
                self._account.judge.violate("what is in use is kept", f"a config needs {name}")
        self.deleted[name] = self.models.pop(name)
        return {}

    # endpoints

    def create_endpoint(self, caller: Any, params: Params) -> Params:
        name, config = params["EndpointName"], params["EndpointConfigName"]
        if name in self.endpoints:
            told = f'Cannot create already existing endpoint "{_arn("endpoint", name)}".'
            raise AwsError("ValidationException", told)
        self._config(config)
        self._account.room.check("endpoint")
        now = self._kernel.moment()
        endpoint = Endpoint(name, config, "Creating", now, now)
        self.endpoints[name] = endpoint
        self._tell(endpoint)
        fails = self._account.faults.strikes("update fails")
        self._kernel.after(self._dice.uniform(60, 400), lambda: self._created(endpoint, fails))
        return {"EndpointArn": _arn("endpoint", name)}

    def _created(self, endpoint: Endpoint, fails: bool) -> None:
        lacks = self._account.room.lacks()
        endpoint.status = "Failed" if fails or lacks else "InService"
        endpoint.reason = "The container did not pass the ping health check." if fails else ""
        endpoint.reason = lacks or endpoint.reason
        self._settle(endpoint, endpoint.config)

    def update_endpoint(self, caller: Any, params: Params) -> Params:
        endpoint = self._idle(params["EndpointName"])
        config = params["EndpointConfigName"]
        self._config(config)
        self._config(endpoint.config)  # AWS wants the old one, too
        if endpoint.status == "Failed":
            raise AwsError("ValidationException", "Cannot update failed endpoint")
        self._account.room.check("endpoint")
        endpoint.status, endpoint.pending, endpoint.reason = "Updating", config, ""
        endpoint.changed = self._kernel.moment()
        self._tell(endpoint)
        fails = self._account.faults.strikes("update fails")
        stepwise = "DeploymentConfig" in params
        seconds = self._dice.uniform(120, 1200 if stepwise else 400)
        self._kernel.after(seconds, lambda: self._updated(endpoint, config, fails))
        return {"EndpointArn": _arn("endpoint", endpoint.name)}

    def _updated(self, endpoint: Endpoint, config: str, fails: bool) -> None:
        # A failed update leaves the endpoint in service on what it had; only a reason is set.
        lacks = self._account.room.lacks()
        if lacks:
            endpoint.reason = lacks
        elif fails:
            endpoint.reason = "An alarm went off during the update; the endpoint was rolled back."
        else:
            endpoint.config = config
        endpoint.status, endpoint.pending = "InService", None
        self._settle(endpoint, config)

    def delete_endpoint(self, caller: Any, params: Params) -> Params:
        endpoint = self._idle(params["EndpointName"])
        endpoint.status = "Deleting"
        endpoint.changed = self._kernel.moment()
        self._kernel.after(self._dice.uniform(5, 60), lambda: self._deleted(endpoint))
        return {}

    def _deleted(self, endpoint: Endpoint) -> None:
        if self.endpoints.get(endpoint.name) is endpoint:
            del self.endpoints[endpoint.name]
            endpoint.status = "Deleted"
            self._tell(endpoint)

    def describe_endpoint(self, caller: Any, params: Params) -> Params:
        found = self.endpoints.get(params["EndpointName"])
        if found is None:
            told = f'Could not find endpoint "{_arn("endpoint", params["EndpointName"])}".'
            raise AwsError("ValidationException", told)
        answer: Params = {
            "EndpointName": found.name,
            "EndpointArn": _arn("endpoint", found.name),
            "EndpointConfigName": found.config,
            "EndpointStatus": found.status,
            "CreationTime": found.created,
            "LastModifiedTime": found.changed,
        }
        if found.reason:
            answer["FailureReason"] = found.reason
        if found.pending:
            answer["PendingDeploymentSummary"] = {"EndpointConfigName": found.pending}
        return answer

    def invoke_endpoint(self, caller: Any, params: Params) -> Params:
        endpoint = self.endpoints.get(params["EndpointName"])
        if endpoint is None or endpoint.status not in ("InService", "Updating"):
            raise AwsError("ValidationError", f"Endpoint {params['EndpointName']} not found.")
        if params["ContentType"] != "text/csv":
            told = "Received client error (415) from primary with message: unsupported"
            raise AwsError("ModelError", told, 424, OriginalStatusCode=415)
        package = self.package_of(endpoint.config)
        rows = bytes(params["Body"]).decode()
        scores = content.scores(rows, package.version, package.faithful)
        return {"Body": scores.encode(), "ContentType": "text/csv"}

    def package_of(self, config: str) -> Any:
        """Return the version that a config serves, by the model data its model is made of."""
        made = {**self.deleted, **self.configs, **self.models}
        variant = made[config]["ProductionVariants"][0]
        url = made[variant["ModelName"]]["PrimaryContainer"]["ModelDataUrl"]
        return self._account.registry.made_of(url)

    def _config(self, name: str) -> None:
        if name not in self.configs:
            raise AwsError(
                "ValidationException", f'Could not find endpoint configuration "{name}".'
            )

    def _idle(self, name: str) -> Endpoint:
        endpoint = self.endpoints.get(name)
        if endpoint is None:
            told = f'Could not find endpoint "{_arn("endpoint", name)}".'
            raise AwsError("ValidationException", told)
        if endpoint.status in ("Creating", "Updating", "Deleting"):
            raise AwsError("ValidationException", "Cannot update in-progress endpoint")
        return endpoint

    def _settle(self, endpoint: Endpoint, asked: str) -> None:
        endpoint.changed = self._kernel.moment()
        self._account.judge.releases.settled(endpoint, asked)
        self._tell(endpoint)

    def _tell(self, endpoint: Endpoint) -> None:
        self._account.note("endpoint", f"{endpoint.name} {endpoint.status} {endpoint.config}"
                           + (f" -> {endpoint.pending}" if endpoint.pending else "")
                           + (f" ({endpoint.reason})" if endpoint.reason else ""))  # fmt: skip
        detail = {
            "EndpointName": endpoint.name,
            "EndpointArn": _arn("endpoint", endpoint.name),
            "EndpointConfigName": endpoint.config,
            "EndpointStatus": "".join(
                f"_{c}" if c.isupper() and i else c for i, c in enumerate(endpoint.status)
            ).upper(),
            "LastModifiedTime": int(endpoint.changed.timestamp() * 1000),
        }
        arn = _arn("endpoint", endpoint.name)
        self._account.bus.emit("aws.sagemaker", "SageMaker Endpoint State Change", detail, [arn])


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:{kind}/{name}"
