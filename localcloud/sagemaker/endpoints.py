"""Endpoint configs and endpoints: created, updated in steps, rolled back on alarms, deleted."""

import threading
from typing import Any

from localcloud.api import Call, operation
from localcloud.errors import validation
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.fleet import Fleet, NotHealthy
from localcloud.sagemaker.host import Host
from localcloud.sagemaker.listing import page, pick
from localcloud.sagemaker.models import Models, Record

_EVENT = "SageMaker Endpoint State Change"
_DEPLOYMENT_EVENT = "SageMaker Endpoint Deployment State Change"
_UNSUPPORTED_VARIANT = (
    "ServerlessConfig",
    "CoreDumpConfig",
    "ManagedInstanceScaling",
    "RoutingConfig",
)
_UNSUPPORTED_CONFIG = (
    "ShadowProductionVariants",
    "AsyncInferenceConfig",
    "ExplainerConfig",
    "VpcConfig",
)


class Endpoints(Models):
    """Operations on endpoint configs and endpoints."""

    _endpoints_lock = threading.RLock()

    @property
    def _configs(self) -> Any:
        return self.cloud.store.table("sagemaker.endpoint-configs")

    @property
    def _endpoints(self) -> Any:
        return self.cloud.store.table("sagemaker.endpoints")

    @property
    def hosts(self) -> dict[str, Host]:
        """What serves now, by endpoint name."""
        if not hasattr(self, "_hosts"):
            self._hosts: dict[str, Host] = {}
        return self._hosts

    def start_endpoints(self) -> None:
        """Bring endpoints up again; an update that was under way begins again."""
        for name, endpoint in list(self._endpoints.items()):
            status = endpoint["EndpointStatus"]
            if status == "Deleting":
                del self._endpoints[name]
            elif status == "Creating":
                self.cloud.spawn(self._create, name, name=f"endpoint {name}")
            elif status in ("InService", "Updating"):
                self.cloud.spawn(self._resume, name, name=f"endpoint {name}")

    def stop_endpoints(self) -> None:
        for host in list(self.hosts.values()):
            host.stop()

    @operation
    def create_endpoint_config(self, call: Call, request: Record) -> Record:
        name = request["EndpointConfigName"]
        arn = self.cloud.arn("sagemaker", f"endpoint-config/{name}")
        if name in self._configs:
            raise validation(f'Cannot create already existing endpoint configuration "{arn}".')
        for unsupported in _UNSUPPORTED_CONFIG:
            if unsupported in request:
                raise validation(f"the local cloud does not take {unsupported}")
        for variant in request["ProductionVariants"]:
            for unsupported in _UNSUPPORTED_VARIANT:
                if unsupported in variant:
                    raise validation(f"the local cloud does not take {unsupported} of a variant")
            self.model(variant["ModelName"])
            variant.setdefault("InitialVariantWeight", 1.0)
            variant.setdefault("InitialInstanceCount", 1)
        kept = {key: value for key, value in request.items() if key != "Tags"}
        self._configs[name] = {**kept, "EndpointConfigArn": arn, "CreationTime": call.time}
        detail = {"EndpointConfigName": name, "EndpointConfigArn": arn}
        self.cloud.emit("aws.sagemaker", "SageMaker Endpoint Config State Change", detail, [arn])
        return {"EndpointConfigArn": arn}

    @operation
    def describe_endpoint_config(self, call: Call, request: Record) -> Record:
        return dict(self._config(request["EndpointConfigName"]))

    @operation
    def list_endpoint_configs(self, call: Call, request: Record) -> Record:
        return page(
            self._configs.values(),
            request,
            member="EndpointConfigs",
            name="EndpointConfigName",
            summary=lambda config: pick(
                config, "EndpointConfigName", "EndpointConfigArn", "CreationTime"
            ),
        )

    @operation
    def delete_endpoint_config(self, call: Call, request: Record) -> None:
        self._config(request["EndpointConfigName"])
        del self._configs[request["EndpointConfigName"]]

    @operation
    def create_endpoint(self, call: Call, request: Record) -> Record:
        name = request["EndpointName"]
        arn = self.cloud.arn("sagemaker", f"endpoint/{name}")
        with self._endpoints_lock:
            if name in self._endpoints:
                raise validation(f'Cannot create already existing endpoint "{arn}".')
            self._config(request["EndpointConfigName"])
            self._endpoints[name] = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": request["EndpointConfigName"],
                "EndpointStatus": "Creating",
                "CreationTime": call.time,
                "LastModifiedTime": call.time,
            }
        self.announce_endpoint(name)
        self.cloud.spawn(self._create, name, name=f"endpoint {name}")
        return {"EndpointArn": arn}

    @operation
    def update_endpoint(self, call: Call, request: Record) -> Record:
        name = request["EndpointName"]
        plan = request.get("DeploymentConfig") or {}
        if "RollingUpdatePolicy" in plan:
            raise validation(
                "the local cloud does not take RollingUpdatePolicy; use BlueGreenUpdatePolicy"
            )
        for unsupported in ("RetainAllVariantProperties", "ExcludeRetainedVariantProperties"):
            if request.get(unsupported):
                raise validation(f"the local cloud does not take {unsupported}")
        with self._endpoints_lock:
            endpoint = self._endpoint(name)
            arn = endpoint["EndpointArn"]
            if endpoint["EndpointStatus"] == "Failed":
                raise validation(f'Cannot update endpoint "{arn}" in status Failed; delete it.')
            if endpoint["EndpointStatus"] != "InService":
                raise validation(f'Cannot update in-progress endpoint "{arn}".')
            self._config(request["EndpointConfigName"])
            if request["EndpointConfigName"] == endpoint["EndpointConfigName"]:
                raise validation(
                    f"Endpoint {name} runs endpoint configuration "
                    f"{request['EndpointConfigName']} already; give a new one"
                )
            endpoint["EndpointStatus"] = "Updating"
            endpoint["pending"] = {
                "EndpointConfigName": request["EndpointConfigName"],
                "DeploymentConfig": plan,
                "StartTime": call.time,
            }
            endpoint.pop("FailureReason", None)
            endpoint["LastModifiedTime"] = call.time
            self._endpoints.save(name)
        self.announce_endpoint(name)
        self.cloud.spawn(self._update, name, name=f"endpoint {name}")
        return {"EndpointArn": arn}

    @operation
    def describe_endpoint(self, call: Call, request: Record) -> Record:
        endpoint = self._endpoint(request["EndpointName"])
        told = {key: value for key, value in endpoint.items() if key != "pending"}
        told["ProductionVariants"] = self._variants(endpoint["EndpointConfigName"])
        config = self._configs.get(endpoint["EndpointConfigName"], {})
        capture = config.get("DataCaptureConfig")
        if capture:
            told["DataCaptureConfig"] = {
                "EnableCapture": capture.get("EnableCapture", False),
                "CaptureStatus": "Started" if capture.get("EnableCapture") else "Stopped",
                "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
                "DestinationS3Uri": capture["DestinationS3Uri"],
                "KmsKeyId": capture.get("KmsKeyId", ""),
            }
        pending = endpoint.get("pending")
        if pending:
            told["PendingDeploymentSummary"] = self._pending(endpoint, pending)
        return told

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
            endpoint = self._endpoint(name)
            if endpoint["EndpointStatus"] in ("Creating", "Updating", "Deleting"):
                raise validation(f'Cannot delete in-progress endpoint "{endpoint["EndpointArn"]}".')
            endpoint["EndpointStatus"] = "Deleting"
            self._endpoints.save(name)
        self.announce_endpoint(name)
        self.cloud.spawn(self._delete, name, name=f"endpoint {name}")

    def _create(self, name: str) -> None:
        endpoint = self._endpoints[name]
        try:
            self.hosts[name] = Host(
                self.cloud, name, self.fleet(name, endpoint["EndpointConfigName"])
            )
        except NotHealthy as error:
            endpoint["FailureReason"] = str(error)[:1024]
            self.move_endpoint(name, "Failed")
            return
        self.move_endpoint(name, "InService")

    def _resume(self, name: str) -> None:
        endpoint = self._endpoints[name]
        self.hosts[name] = Host(self.cloud, name, self.fleet(name, endpoint["EndpointConfigName"]))
        if endpoint["EndpointStatus"] == "Updating":
            self._update(name)

    def _update(self, name: str) -> None:
        endpoint = self._endpoints[name]
        pending = endpoint["pending"]
        failure = Deployment(self, name, pending).run()
        endpoint.pop("pending")
        if failure is None:
            endpoint["EndpointConfigName"] = pending["EndpointConfigName"]
            if pending["DeploymentConfig"]:
                endpoint["LastDeploymentConfig"] = pending["DeploymentConfig"]
        else:
            endpoint["FailureReason"] = failure[:1024]
        self.move_endpoint(name, "InService")

    def _delete(self, name: str) -> None:
        host = self.hosts.pop(name, None)
        if host is not None:
            host.stop()
        with self._endpoints_lock:
            self._endpoints.pop(name, None)

    def fleet(self, name: str, config_name: str) -> Fleet:
        """Start the processes of an endpoint config. Raises NotHealthy."""
        config = self._configs.get(config_name)
        if config is None:
            raise NotHealthy(f"The endpoint configuration {config_name} was deleted.")
        return Fleet(self.cloud, name, config, self.model)

    def move_endpoint(self, name: str, status: str) -> None:
        endpoint = self._endpoints[name]
        endpoint["EndpointStatus"] = status
        endpoint["LastModifiedTime"] = self.cloud.clock.now()
        self._endpoints.save(name)
        self.announce_endpoint(name)

    def announce_endpoint(self, name: str) -> None:
        endpoint = self._endpoints[name]
        detail = {
            **pick(endpoint, "EndpointName", "EndpointArn", "EndpointConfigName", "FailureReason"),
            "ProductionVariants": self._variants(endpoint["EndpointConfigName"]),
            "EndpointStatus": _snake(endpoint["EndpointStatus"]),
            "CreationTime": int(endpoint["CreationTime"].timestamp() * 1000),
            "LastModifiedTime": int(endpoint["LastModifiedTime"].timestamp() * 1000),
            "Tags": {},
        }
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [endpoint["EndpointArn"]])

    def announce_deployment(self, name: str, variant_status: str, message: str) -> None:
        """Say how far a deployment is; `EndpointConfigName` is still the old one, as on AWS."""
        endpoint = self._endpoints[name]
        pending = endpoint["pending"]
        pending["variant_status"], pending["message"] = variant_status, message
        self._endpoints.save(name)
        summary = self._pending(endpoint, pending)
        summary["StartTime"] = int(pending["StartTime"].timestamp() * 1000)
        for variant in summary["ProductionVariants"]:
            for status in variant["VariantStatus"]:
                status["StartTime"] = int(status["StartTime"].timestamp() * 1000)
        detail = {
            **pick(endpoint, "EndpointName", "EndpointArn", "EndpointConfigName"),
            "ProductionVariants": self._variants(endpoint["EndpointConfigName"]),
            "EndpointStatus": "UPDATING",
            "CreationTime": int(endpoint["CreationTime"].timestamp() * 1000),
            "LastModifiedTime": int(self.cloud.clock.now().timestamp() * 1000),
            "Tags": {},
            "PendingDeploymentSummary": summary,
        }
        self.cloud.emit("aws.sagemaker", _DEPLOYMENT_EVENT, detail, [endpoint["EndpointArn"]])

    def _pending(self, endpoint: Record, pending: Record) -> Record:
        status = {
            "Status": pending.get("variant_status", "Creating"),
            "StatusMessage": pending.get("message", ""),
            "StartTime": self.cloud.clock.now(),
        }
        variants = self._variants(pending["EndpointConfigName"])
        return {
            "EndpointConfigName": pending["EndpointConfigName"],
            "ProductionVariants": [{**variant, "VariantStatus": [status]} for variant in variants],
            "StartTime": pending["StartTime"],
        }

    def _variants(self, config_name: str) -> list[Record]:
        config = self._configs.get(config_name) or {"ProductionVariants": []}
        return [
            {
                "VariantName": variant["VariantName"],
                "CurrentWeight": variant["InitialVariantWeight"],
                "DesiredWeight": variant["InitialVariantWeight"],
                "CurrentInstanceCount": variant["InitialInstanceCount"],
                "DesiredInstanceCount": variant["InitialInstanceCount"],
            }
            for variant in config["ProductionVariants"]
        ]

    def _config(self, name: str) -> Record:
        found: Record | None = self._configs.get(name)
        if found is None:
            arn = self.cloud.arn("sagemaker", f"endpoint-config/{name}")
            raise validation(f'Could not find endpoint configuration "{arn}".')
        return found

    def _endpoint(self, name: str) -> Record:
        found: Record | None = self._endpoints.get(name)
        if found is None:
            arn = self.cloud.arn("sagemaker", f"endpoint/{name}")
            raise validation(f'Could not find endpoint "{arn}".')
        return found


def _snake(status: str) -> str:
    return "".join(f"_{c}" if c.isupper() and i else c for i, c in enumerate(status)).upper()
