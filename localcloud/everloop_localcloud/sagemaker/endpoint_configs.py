"""SageMaker endpoint configs: which models an endpoint serves, on how many instances."""

import threading

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker import hosting_events, preferences, serverless
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.models import ModelRecords, Record, check_name, refuse
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.tag_store import TagStore

_UNSUPPORTED_CONFIG = (
    "AsyncInferenceConfig",
    "CrossRegionTrafficConfig",
    "ExplainerConfig",
    "MetricsConfig",
    "ShadowProductionVariants",
)
_UNSUPPORTED_VARIANT = (
    "AcceleratorPartitionLayouts",
    "AcceleratorType",
    "CapacityReservationConfig",
    "CoreDumpConfig",
    "EnableSSMAccess",
    "ManagedInstanceScaling",
    "RoutingConfig",
)
_MOST_VARIANTS = 10
_START_SECONDS = 240  # AWS gives a container four minutes until its first healthy ping


class EndpointConfigs(Part):
    """Operations on endpoint configs."""

    def __init__(self, cloud: Account, tags: TagStore, models: ModelRecords) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._models = models
        self._configs = cloud.store.table("sagemaker.endpoint-configs")
        self._configs_lock = threading.Lock()

    def records(self) -> dict[str, Records]:
        return {"endpoint-config": self._configs}

    @operation
    def create_endpoint_config(self, call: Call, request: Record) -> Record:
        name = request["EndpointConfigName"]
        check_name(name, "endpointConfigName")
        arn = self._config_arn(name)
        refuse(request, _UNSUPPORTED_CONFIG, "of an endpoint config")
        serverless.check_config(request)
        variants = [self._variant(variant) for variant in request["ProductionVariants"]]
        _check_variants(variants)
        _check_capture(request.get("DataCaptureConfig"))
        config = {
            "EndpointConfigName": name,
            "EndpointConfigArn": arn,
            "ProductionVariants": variants,
            **pick(request, "DataCaptureConfig", "KmsKeyId", "ExecutionRoleArn", "VpcConfig"),
            **pick(request, "EnableNetworkIsolation"),
            "CreationTime": call.time,
        }
        with self._configs_lock:
            if name in self._configs:
                raise validation(f'Cannot create already existing endpoint configuration "{arn}".')
            self._configs[name] = config
        self.cloud.propagation.made("endpoint config", name)
        self._tags.keep(arn, request)
        hosting_events.announce_config(self.cloud, self._tags, config)
        return {"EndpointConfigArn": arn}

    @operation
    def describe_endpoint_config(self, call: Call, request: Record) -> Record:
        return dict(self.seen(request["EndpointConfigName"]))

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
        with self._configs_lock:
            config = self.endpoint_config(request["EndpointConfigName"])
            del self._configs[config["EndpointConfigName"]]
        self._tags.drop(config["EndpointConfigArn"])

    def endpoint_config(self, name: str) -> Record:
        """Return a config's record. Raises AwsError as AWS words it."""
        found: Record | None = self._configs.get(name)
        if found is None:
            raise self._absent(name)
        return found

    def seen(self, name: str) -> Record:
        """Return a config's record as others read it: a new one may not be found yet."""
        found = self.endpoint_config(name)
        if self.cloud.propagation.misses("endpoint config", name):
            raise self._absent(name)
        return found

    def _absent(self, name: str) -> AwsError:
        arn = self._config_arn(name)
        return validation(f'Could not find endpoint configuration "{arn}".')

    def deployable(self, name: str) -> Record:
        """Return all that a fleet needs of a config, its models included.

        An endpoint keeps this: it serves on, over restarts too, when config and models are deleted.
        """
        config = self.seen(name)
        return {
            **pick(config, "EndpointConfigName", "DataCaptureConfig"),
            "Variants": [self._deployable_variant(config, v) for v in config["ProductionVariants"]],
        }

    def _deployable_variant(self, config: Record, variant: Record) -> Record:
        model = self._models.model(variant["ModelName"])
        role = config.get("ExecutionRoleArn") or model.get("ExecutionRoleArn")
        seconds = variant.get("ContainerStartupHealthCheckTimeoutInSeconds", _START_SECONDS)
        return {
            "VariantName": variant["VariantName"],
            "Weight": variant["InitialVariantWeight"],
            "Count": variant.get("InitialInstanceCount", 1),
            "Container": model["serving"],
            "RoleArn": role,
            "Isolated": model["EnableNetworkIsolation"]
            or bool(config.get("EnableNetworkIsolation")),
            "StartSeconds": seconds,
            **self._runs_on(variant),
            "ResolutionTime": self.cloud.clock.now(),
        }

    def _runs_on(self, variant: Record) -> Record:
        """Return the type that a variant's instances have, and its pools.

        Capacity lasts here, where there is any: no fleet has instances of two types.
        """
        if "ServerlessConfig" in variant:
            return {"InstanceType": "", "Serverless": variant["ServerlessConfig"]}
        types = preferences.of_variant(variant)
        chosen = preferences.first(types, self.cloud.no_capacity) or types[0]
        return {"InstanceType": chosen, **({"Pools": types} if "InstancePools" in variant else {})}

    def _variant(self, given: Record) -> Record:
        refuse(given, _UNSUPPORTED_VARIANT, "of a variant")
        if "ServerlessConfig" in given:
            check_name(given["VariantName"], "productionVariants.1.member.variantName")
            serverless.check_variant(given, self._models.seen(given["ModelName"]))
            return {"InitialVariantWeight": 1.0, **given}
        preferences.check_pools(given)
        runs_on = "InstancePools" if "InstancePools" in given else "InstanceType"
        for wanted in ("ModelName", runs_on, "InitialInstanceCount"):
            if wanted not in given:
                raise validation(f"production variant {given['VariantName']} has no {wanted}")
        check_name(given["VariantName"], "productionVariants.1.member.variantName")
        self._models.seen(given["ModelName"])
        return {"InitialVariantWeight": 1.0, **given}

    def _config_arn(self, name: str) -> str:
        return self.cloud.arn("sagemaker", f"endpoint-config/{name}")


def _check_variants(variants: list[Record]) -> None:
    if not 1 <= len(variants) <= _MOST_VARIANTS:
        raise validation(f"there are {len(variants)} variants; 1 to {_MOST_VARIANTS} are taken")
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) < len(names):
        raise validation(f"two variants have one name: {', '.join(sorted(names))}")
    if not sum(variant["InitialVariantWeight"] for variant in variants) > 0:
        raise validation("no variant has a weight above 0: nothing would serve")


def _check_capture(capture: Record | None) -> None:
    if capture is None:
        return
    percent = capture["InitialSamplingPercentage"]
    if not 0 <= percent <= 100:
        raise validation(f"InitialSamplingPercentage is {percent}; it must be 0 to 100")
    where = capture["DestinationS3Uri"]
    if not where.startswith("s3://") or not where.removeprefix("s3://").strip("/"):
        raise validation(f"DestinationS3Uri is {where!r}; it must be s3://bucket/prefix")
