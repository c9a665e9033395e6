"""What each endpoint config of ours was made of: names do not show that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from everloop.records.keys import Item, Key, of_model
from everloop.records.writes import Delete, Put


@dataclass(frozen=True)
class ServingConfig:
    """An endpoint config and the one model that it serves, as both were requested."""

    config_name: str
    config: Mapping[str, Any]
    sagemaker_model: str
    container: Mapping[str, Any]

    @property
    def instances(self) -> tuple[str, ...]:
        """What its fleet runs on: one type, or the first that AWS has, in this order.

        A serverless one runs on nothing that has a name.
        """
        (variant,) = self.config["ProductionVariants"]
        if "ServerlessConfig" in variant:
            return ()
        pools = sorted(variant.get("InstancePools") or (), key=lambda pool: int(pool["Priority"]))
        types = [pool["InstanceType"] for pool in pools] or [variant["InstanceType"]]
        return tuple(str(each) for each in types)

    def hourly(self, instance: str = "", count: int | None = None) -> dict[str, float]:
        """Return what its fleet uses in an hour, by item of billing/prices.json.

        AWS chose `instance` of its pools, and load has brought it to `count`; what is not told is
        as the config has it. Requests of a serverless one are not in it.
        """
        (variant,) = self.config["ProductionVariants"]
        serverless = variant.get("ServerlessConfig")
        if serverless is None:
            number = count if count is not None else variant.get("InitialInstanceCount")
            return {f"{instance or self.instances[0]} hour": float(number or 1)}
        kept_warm = (
            serverless.get("ProvisionedConcurrency", 0) * serverless["MemorySizeInMB"] / 1024
        )
        return {"serverless provisioned GB hour": kept_warm} if kept_warm else {}


def key(model: str, config_name: str) -> Key:
    return of_model(model, f"CONFIG#{config_name}")


def put(model: str, made: ServingConfig) -> Put:
    return Put(
        key(model, made.config_name),
        {
            "config": dict(made.config),
            "sagemaker_model": made.sagemaker_model,
            "container": dict(made.container),
        },
    )


def of(config_name: str, item: Item) -> ServingConfig:
    return ServingConfig(config_name, item["config"], item["sagemaker_model"], item["container"])


def forget(model: str, config_name: str) -> Delete:
    return Delete(key(model, config_name))
