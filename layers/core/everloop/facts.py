"""AWS's events, read into facts: what each says happened, and nothing about what to do.

Fields we do not know are ignored; a field we need and do not find is BadInput, by its name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from everloop.errors import BadInput
from everloop.moments import moment

Json = Mapping[str, Any]
_MODEL = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")


@dataclass(frozen=True)
class ObjectCreated:
    """An object in S3. `key` is as the event gives it, which may be URL-encoded or not."""

    bucket: str
    key: str
    version_id: str
    etag: str
    size: int
    sequencer: str
    time: datetime


@dataclass(frozen=True)
class PackageChanged:
    model: str
    version: int
    arn: str
    updated: tuple[str, ...]
    time: datetime

    @property
    def concerns_approval(self) -> bool:
        """Whether the change can matter: ours or others' stamps on a package do not.

        Without this guard, stamping an approved package would release it again, for ever.
        """
        return not self.updated or "ModelApprovalStatus" in self.updated


@dataclass(frozen=True)
class RunChanged:
    execution_arn: str
    time: datetime


@dataclass(frozen=True)
class EndpointChanged:
    endpoint: str
    time: datetime


@dataclass(frozen=True)
class AlarmRaised:
    name: str
    namespace: str
    metric: str
    dimensions: Mapping[str, str]
    reason: str
    muted: bool
    time: datetime


@dataclass(frozen=True)
class JobEnded:
    name: str
    time: datetime


@dataclass(frozen=True)
class ViolationFound:
    model: str
    monitors: tuple[str, ...]
    violations: int
    findings_uri: str
    time: datetime


def object_created(event: Json) -> ObjectCreated:
    """Read S3's `Object Created`."""
    detail = _detail(event, "Object Created")
    found = _get(detail, "object", dict, "detail")
    return ObjectCreated(
        bucket=_get(_get(detail, "bucket", dict, "detail"), "name", str, "detail.bucket"),
        key=_get(found, "key", str, "detail.object"),
        # "null" is the version of an object of a bucket without versions, in S3's own words.
        version_id=str(found.get("version-id") or "null"),
        etag=_get(found, "etag", str, "detail.object").strip('"'),
        size=_get(found, "size", int, "detail.object"),
        sequencer=str(found.get("sequencer") or ""),
        time=_time(event),
    )


def package_changed(event: Json) -> PackageChanged:
    """Read the registry's `SageMaker Model Package State Change`."""
    detail = _detail(event, "SageMaker Model Package State Change")
    updated = detail.get("UpdatedModelPackageFields") or ()
    return PackageChanged(
        model=_get(detail, "ModelPackageGroupName", str, "detail"),
        version=_get(detail, "ModelPackageVersion", int, "detail"),
        arn=_get(detail, "ModelPackageArn", str, "detail"),
        updated=tuple(str(name) for name in updated),
        time=_time(event),
    )


def run_or_endpoint_changed(event: Json) -> RunChanged | EndpointChanged:
    """Read the events that may mean that something somebody waits for has ended."""
    kind = event.get("detail-type")
    if kind == "SageMaker Model Building Pipeline Execution Status Change":
        detail = _detail(event, kind)
        return RunChanged(_get(detail, "pipelineExecutionArn", str, "detail"), _time(event))
    if kind in ("SageMaker Endpoint State Change", "SageMaker Endpoint Deployment State Change"):
        detail = _detail(event, kind)
        return EndpointChanged(_get(detail, "EndpointName", str, "detail"), _time(event))
    raise BadInput(f"detail-type: {kind!r} wakes nobody; a pipeline's or an endpoint's change does")


def sign_of_trouble(event: Json) -> ViolationFound | AlarmRaised | JobEnded:
    """Read what may call for a new training: our violation, an alarm, a native monitor's job."""
    kind = event.get("detail-type")
    if kind == "Model Violation Found":
        detail = _detail(event, kind)
        return ViolationFound(
            model=model_name(_get(detail, "model", str, "detail"), "detail.model"),
            monitors=tuple(str(name) for name in detail.get("monitors") or ()),
            violations=_get(detail, "violations", int, "detail"),
            findings_uri=str(detail.get("findings_uri") or ""),
            time=_time(event),
        )
    if kind == "CloudWatch Alarm State Change":
        detail = _detail(event, kind)
        state = _get(detail, "state", dict, "detail")
        metric = _first_metric(detail)
        return AlarmRaised(
            name=_get(detail, "alarmName", str, "detail"),
            namespace=str(metric.get("namespace") or ""),
            metric=str(metric.get("name") or ""),
            dimensions={str(k): str(v) for k, v in (metric.get("dimensions") or {}).items()},
            reason=str(state.get("reason") or ""),
            muted=bool(detail.get("muteDetail") or state.get("actionsSuppressedBy")),
            time=_time(event),
        )
    if kind == "SageMaker Processing Job State Change":
        detail = _detail(event, kind)
        return JobEnded(_get(detail, "ProcessingJobName", str, "detail"), _time(event))
    raise BadInput(f"detail-type: {kind!r} is no violation, no alarm and no monitoring job")


def model_name(name: str, field: str) -> str:
    """Return a model's name if it can be one. Raises BadInput."""
    if len(name) > 32 or not _MODEL.fullmatch(name):
        raise BadInput(
            f"{field}: {name!r} is no model's name; letters, digits and single hyphens, at most 32"
        )
    return name


def _first_metric(detail: Json) -> Json:
    for entry in (detail.get("configuration") or {}).get("metrics") or ():
        metric = (entry.get("metricStat") or {}).get("metric")
        if metric:
            return cast(Json, metric)
    return {}


def _detail(event: Json, kind: str) -> Json:
    version = event.get("version")
    if version != "0":
        raise BadInput(f"version: {version!r} of EventBridge's envelope is unknown; '0' is read")
    if event.get("detail-type") != kind:
        raise BadInput(f"detail-type: {event.get('detail-type')!r} where {kind!r} belongs")
    return cast(Json, _get(event, "detail", dict, "event"))


def _time(event: Json) -> datetime:
    return moment(_get(event, "time", str, "event"), field="time")


def _get(values: Json, name: str, kind: type, where: str) -> Any:
    value = values.get(name)
    # A boolean passes for an int in Python, and a missing value must not pass for anything.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInput(
            f"{where}.{name}: {value!r} where {kind.__name__} belongs; is it another version?"
        )
    return value
