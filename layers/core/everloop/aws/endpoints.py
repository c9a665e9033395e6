"""Endpoints: what they say about themselves, and the calls that change them."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import ClientError

from everloop.aws.clients import (
    code_of,
    sagemaker,
    sagemaker_runtime,
    translated,
)
from everloop.decisions.releases import Serving
from everloop.errors import Conflict, EverloopError, NotReady
from everloop.moments import moment
from everloop.names import is_staging_config, version_of_config

# How a request calls itself that only asks why: the monitor does not count what it sends.
EXPLAINS: Final = "everloop-explain"
# The same to an endpoint whose own code captures: it does not see that name.
EXPLAINS_ACCEPT: Final = "text/csv;everloop=explain"
# What changes how a config serves, beside its variants.
_OTHER_CONFIG = ("AsyncInferenceConfig", "DataCaptureConfig", "ShadowProductionVariants")


def serving(endpoint: str) -> Serving | None:
    """Return what an endpoint serves, by its own word; None if there is no such endpoint."""
    try:
        with translated(f"endpoint {endpoint}"):
            description: Any = sagemaker().describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if _missing(error):
            return None
        raise
    config = str(description.get("EndpointConfigName") or "")
    pending = (description.get("PendingDeploymentSummary") or {}).get("EndpointConfigName")
    last = (description.get("LastDeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    return Serving(
        endpoint=endpoint,
        status=str(description["EndpointStatus"]),
        config=config,
        version=version_of_config(config),
        pending_config=str(pending) if pending else None,
        failure_reason=str(description.get("FailureReason") or ""),
        changed_at=moment(description["LastModifiedTime"]),
        staged=is_staging_config(config),
        last_alarms=tuple(str(alarm["AlarmName"]) for alarm in last.get("Alarms") or ()),
        image=_image(description),
        instances=_filled(description),
        serverless=any(
            variant.get("CurrentServerlessConfig")
            for variant in description.get("ProductionVariants") or ()
        ),
        count=_wanted(description),
    )


def _wanted(description: Mapping[str, Any]) -> int | None:
    """Return how many instances a variant is to have; None where AWS says nothing of them."""
    for variant in description.get("ProductionVariants") or ():
        count = variant.get("DesiredInstanceCount")
        return None if count is None else int(count)
    return None


def _filled(description: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the types of a variant's pools that have instances, as AWS filled them."""
    return tuple(
        str(pool["InstanceType"])
        for variant in description.get("ProductionVariants") or ()
        for pool in variant.get("InstancePools") or ()
        if pool.get("CurrentInstanceCount")
    )


def _image(description: Mapping[str, Any]) -> str:
    """Return the image that serves: by its digest, where AWS says it, else as it was named."""
    for variant in description.get("ProductionVariants") or ():
        for image in variant.get("DeployedImages") or ():
            return str(image.get("ResolvedImage") or image.get("SpecifiedImage") or "")
    return ""


def ensure_model(name: str, container: Mapping[str, Any], role_arn: str) -> None:
    """Create a SageMaker model, or find the very same one. Raises Conflict if it differs.

    Raises NotReady where AWS says that it is there and does not find it: it was just made.
    """
    request = {"PrimaryContainer": dict(container), "ExecutionRoleArn": role_arn}
    try:
        with translated(f"model {name}"):
            sagemaker().create_model(ModelName=name, **request)  # type: ignore[arg-type]
            return
    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise
        refused = error
    existing = _model(name)
    if existing is None:
        if _taken(refused):
            raise NotReady(f"model {name}: {refused}") from refused
        raise refused
    _same(f"model {name}", request, existing)


def ensure_config(name: str, config: Mapping[str, Any]) -> None:
    """Create an endpoint config, or find the very same one. Raises Conflict if it differs.

    Raises NotReady where AWS does not see its model, or the config itself, yet: what was made a
    moment ago may lack in what it reads (CreateEndpoint's documentation has the warning).
    """
    try:
        with translated(f"endpoint config {name}"):
            sagemaker().create_endpoint_config(EndpointConfigName=name, **config)
            return
    except ClientError as error:
        if code_of(error) != "ValidationException":
            raise
        refused = error
    existing = _config(name)
    if existing is None:
        if _missing(refused) or _taken(refused):
            raise NotReady(f"endpoint config {name}: {refused}") from refused
        raise refused
    _same(f"endpoint config {name}", config, existing)
    for member in _OTHER_CONFIG:
        if member not in config and existing.get(member):
            raise Conflict(f"endpoint config {name}: it has {member}, which was not requested")


def models_of_config(name: str) -> list[str] | None:
    """Return which models an endpoint config serves; None where there is no such config."""
    config = _config(name)
    if config is None:
        return None
    return [str(variant.get("ModelName") or "") for variant in config["ProductionVariants"]]


def has_model(name: str) -> bool:
    return not name or _model(name) is not None


def _model(name: str) -> Any:
    """Describe a model; None where there is none."""
    try:
        with translated(f"model {name}"):
            return sagemaker().describe_model(ModelName=name)
    except ClientError as error:
        if _missing(error):
            return None
        raise


def _config(name: str) -> Any:
    """Describe an endpoint config; None where there is none."""
    try:
        with translated(f"endpoint config {name}"):
            return sagemaker().describe_endpoint_config(EndpointConfigName=name)
    except ClientError as error:
        if _missing(error):
            return None
        raise


def create(endpoint: str, config: str) -> None:
    """Ask for an endpoint. Raises NotReady where AWS does not see its config yet."""
    with _busy(f"endpoint {endpoint}"):
        sagemaker().create_endpoint(EndpointName=endpoint, EndpointConfigName=config)


# What a scaled endpoint does not keep when it moves to another config: only its instance count.
_FROM_CONFIG: Any = [
    {"VariantPropertyType": "DesiredWeight"},
    {"VariantPropertyType": "DataCaptureConfig"},
]


def is_scaled(serving: Serving, desired: Mapping[str, Any]) -> bool:
    """Whether somebody (an autoscaler) changed the instance count of what serves.

    Not where the desired config has another count than the one that serves: then its owner
    asks for that.
    """
    with translated(f"endpoint {serving.endpoint}"):
        description: Any = sagemaker().describe_endpoint(EndpointName=serving.endpoint)
    begun = _counts((_config(serving.config) or {}).get("ProductionVariants"))
    now = {
        str(each["VariantName"]): each.get("DesiredInstanceCount")
        for each in description.get("ProductionVariants") or ()
    }
    changed = any(now.get(name) not in (None, count) for name, count in begun.items())
    return changed and begun == _counts(desired.get("ProductionVariants"))


def _counts(variants: Any) -> dict[str, Any]:
    return {str(each["VariantName"]): each.get("InitialInstanceCount") for each in variants or ()}


def update(
    endpoint: str, config: str, deployment: Mapping[str, Any] | None, *, keep_count: bool = False
) -> None:
    """Ask an endpoint to move to another config, perhaps in steps.

    With `keep_count` it keeps its instance count, whatever the config begins with. Raises NotReady
    while it is busy, and where AWS does not see the config yet.
    """
    steps: Any = {"DeploymentConfig": dict(deployment)} if deployment else {}
    if keep_count:
        steps["RetainAllVariantProperties"] = True
        steps["ExcludeRetainedVariantProperties"] = _FROM_CONFIG
    with _busy(f"endpoint {endpoint}"):
        sagemaker().update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **steps)


def delete(endpoint: str) -> None:
    """Delete an endpoint; one that is not there is deleted already. Raises NotReady if it moves."""
    try:
        with translated(f"endpoint {endpoint}"):
            sagemaker().delete_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if _missing(error):
            return
        if "progress" in str(error).lower() or "creating" in str(error).lower():
            raise NotReady(f"endpoint {endpoint}: {error}") from error
        raise


def configs_like(part: str) -> Iterator[str]:
    """Yield the names of endpoint configs that contain a text, the newest first."""
    with translated("endpoint configs"):
        pages = sagemaker().get_paginator("list_endpoint_configs")
        for page in pages.paginate(
            NameContains=part, SortBy="CreationTime", SortOrder="Descending"
        ):
            for summary in page["EndpointConfigs"]:
                yield summary["EndpointConfigName"]


def models_like(part: str) -> Iterator[str]:
    """Yield the names of SageMaker models that contain a text."""
    with translated("models"):
        for page in sagemaker().get_paginator("list_models").paginate(NameContains=part):
            for summary in page["Models"]:
                yield summary["ModelName"]


def delete_config(name: str) -> bool:
    """Delete an endpoint config; False where it is gone, or AWS keeps it."""
    return _deleted(lambda: sagemaker().delete_endpoint_config(EndpointConfigName=name), name)


def delete_model(name: str) -> bool:
    """Delete a SageMaker model; False where it is gone, or AWS keeps it."""
    return _deleted(lambda: sagemaker().delete_model(ModelName=name), name)


def _deleted(call: Callable[[], object], name: str) -> bool:
    try:
        with translated(name):
            call()
    except ClientError as error:
        if code_of(error) in ("ValidationException", "ResourceNotFound"):
            return False
        raise
    return True


def invoke(
    endpoint: str,
    body: bytes,
    content_type: str,
    inference_id: str = "",
    accept: str = "text/csv",
) -> tuple[int, str, float]:
    """Call an endpoint; return status, body and how many milliseconds it took.

    With an `inference_id` the call is captured by this name.

    The duration is measured, not decided upon: it is what the latency test is about.
    Raises EverloopError where the endpoint is gone.
    """
    started = time.perf_counter()
    try:
        with translated(f"endpoint {endpoint}"):
            named: Any = {"InferenceId": inference_id} if inference_id else {}
            answer = sagemaker_runtime().invoke_endpoint(
                EndpointName=endpoint,
                Body=body,
                ContentType=content_type,
                Accept=accept,
                **named,
            )
            text = answer["Body"].read().decode("utf-8", "replace")
        return 200, text, (time.perf_counter() - started) * 1000
    except ClientError as error:
        elapsed = (time.perf_counter() - started) * 1000
        status: Any = error.response.get("OriginalStatusCode")
        if status is None and code_of(error) != "ModelError":
            if code_of(error) == "ValidationError" and "not found" in str(error).lower():
                # By whoever cleared up behind a release that was stopped, or by hand.
                raise EverloopError(f"endpoint {endpoint} was deleted under way") from error
            raise
        return int(status or 500), str(error), elapsed


@contextmanager
def _busy(subject: str) -> Iterator[None]:
    """Turn "busy" and "not there yet", which AWS calls validation errors, into NotReady."""
    try:
        with translated(subject):
            yield
    except ClientError as error:
        words = str(error).lower()
        busy = "in-progress" in words or "in progress" in words or "already exist" in words
        if (code_of(error) == "ValidationException" and busy) or _missing(error):
            raise NotReady(f"{subject}: {error}") from error
        raise


def _missing(error: ClientError) -> bool:
    return code_of(error) == "ResourceNotFound" or (
        code_of(error) == "ValidationException" and "could not find" in str(error).lower()
    )


def _taken(error: ClientError) -> bool:
    return "already exist" in str(error).lower()


def _same(subject: str, requested: Any, existing: Any) -> None:
    """Compare what was requested with what exists; what AWS adds to it is AWS's business."""
    if isinstance(requested, Mapping):
        for key, value in requested.items():
            _same(f"{subject}.{key}", value, (existing or {}).get(key))
    elif isinstance(requested, list):
        if not isinstance(existing, list) or len(existing) != len(requested):
            raise Conflict(f"{subject}: {existing!r} is there, {requested!r} was requested")
        for index, value in enumerate(requested):
            _same(f"{subject}[{index}]", value, existing[index])
    elif requested != existing:
        raise Conflict(f"{subject}: {existing!r} is there, {requested!r} was requested")
