"""Serverless variants: what AWS takes of them, and when their containers start and end.

https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
"""

from typing import Any

from everloop_localcloud.kernel.errors import AwsError, validation

Record = dict[str, Any]

LARGEST = 4 * 1024 * 1024  # bytes of one request
IDLE_SECONDS = 600  # of the cloud: AWS does not say how long a container stays without requests
_STEP_MB = 1024


def check_config(request: Record) -> None:
    """Refuse what an endpoint config with a serverless variant cannot have. Raises AwsError."""
    variants = request["ProductionVariants"]
    if not any("ServerlessConfig" in variant for variant in variants):
        return
    if len(variants) > 1:
        raise validation("a serverless endpoint has one production variant")
    for member in ("DataCaptureConfig", "VpcConfig", "EnableNetworkIsolation"):
        if request.get(member):
            raise validation(f"{member} is not supported for serverless endpoints")


def check_variant(variant: Record, model: Record) -> None:
    """Refuse what a serverless variant cannot have. Raises AwsError."""
    for member in ("InstanceType", "InstancePools", "InitialInstanceCount"):
        if member in variant:
            raise validation(f"{member} and ServerlessConfig do not go together: leave one out")
    if model.get("EnableNetworkIsolation") or model.get("VpcConfig"):
        raise validation("a serverless variant serves no model with network isolation or a VPC")
    config = variant["ServerlessConfig"]
    if config["MemorySizeInMB"] % _STEP_MB:
        raise validation(
            f"MemorySizeInMB is {config['MemorySizeInMB']}; 1024, 2048, 3072, 4096, 5120 or 6144 "
            "is taken"
        )
    if config.get("ProvisionedConcurrency", 1) > config["MaxConcurrency"]:
        raise validation("ProvisionedConcurrency must be at most MaxConcurrency")


def check_update(name: str, current: Record, fresh: Record) -> None:
    """Refuse to make an endpoint on instances a serverless one. Raises AwsError."""
    if _is(fresh) and not _is(current):
        raise validation(
            f"Cannot update endpoint {name}: an instance-based endpoint cannot be converted to a "
            "serverless one"
        )


def check_size(deployed: Record, body: bytes) -> None:
    if _is(deployed) and len(body) > LARGEST:
        raise AwsError(
            "ValidationError", f"the body has {len(body)} bytes; at most {LARGEST} are taken", 413
        )


def described(variant: Record) -> Record:
    """Return what DescribeEndpoint says of a serverless variant instead of instances."""
    config = variant["Serverless"]
    return {"CurrentServerlessConfig": config, "DesiredServerlessConfig": config}


def throttled() -> AwsError:
    return AwsError("ThrottlingException", "Rate exceeded", 429)


def _is(deployed: Record) -> bool:
    return any("Serverless" in variant for variant in deployed["Variants"])
