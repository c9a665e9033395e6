"""AWS's events, read into facts: what each says happened, and nothing about what to do.

Fields we do not know are ignored; a field we need and do not find is BadInput, by its name.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from everloop.errors import BadInput, shown
from everloop.moments import moment
from everloop.names import is_reproduction, model_of_reproduction, staging_endpoint

Json = Mapping[str, Any]
_MODEL = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9])*")
_PIPELINE = r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,255}"
_LONGEST_NAME = 1024  # of whatever somebody else's resources are called
_STAGING = staging_endpoint("")
OBJECT_CREATED, OBJECT_DELETED = "Object Created", "Object Deleted"
_LARGEST_OBJECT = 50 * 1024**4  # S3's own limit, in bytes


@dataclass(frozen=True)
class Home:
    """The account and region that our events come from; what others send is refused."""

    account: str
    region: str


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
class ObjectDeleted:
    """What S3 says of a deletion: of which version (a new delete marker's own), and by whom.

    `requester` is an account, or a service such as s3.amazonaws.com: S3 names no person.
    """

    bucket: str
    key: str
    version_id: str
    marker: bool  # a delete marker was made; else a version, or a marker, is gone for good
    expired: bool  # by a lifecycle rule
    requester: str
    time: datetime


@dataclass(frozen=True)
class PackageChanged:
    model: str
    version: int
    arn: str
    updated: tuple[str, ...]
    time: datetime
    changed_at: datetime | None = None
    approval: str = ""
    stage: str = ""  # of its life cycle, with that stage's status

    @property
    def concerns_stage(self) -> bool:
        return "ModelLifeCycle" in self.updated

    @property
    def approval_at(self) -> datetime | None:
        """When the approval was changed; None where the event does not say that it was."""
        return self.changed_at if "ModelApprovalStatus" in self.updated else None

    @property
    def concerns_pin(self) -> bool:
        """Whether one of the package's own properties was changed, of which the pin is one."""
        return "CustomerMetadataProperties" in self.updated

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
class ReproductionEnded:
    """An execution has ended that trained a version of a model again."""

    model: str
    execution_arn: str
    time: datetime


@dataclass(frozen=True)
class EndpointChanged:
    endpoint: str
    time: datetime


@dataclass(frozen=True)
class AlarmRaised:
    """An alarm that rings (`state` ALARM), or is quiet again (OK)."""

    name: str
    metric: str
    dimensions: Mapping[str, str]
    reason: str
    muted: bool
    time: datetime
    state: str = "ALARM"


@dataclass(frozen=True)
class AlarmChanged:
    """An alarm did what it is to do when its state changes: it called us."""

    name: str
    state: str
    reason: str
    since: datetime


@dataclass(frozen=True)
class JobEnded:
    name: str
    time: datetime


@dataclass(frozen=True)
class ViolationFound:
    """Somebody says that a monitor found violations; what it found lies at `findings_uri`."""

    model: str
    findings_uri: str
    time: datetime


def object_created(event: Json, home: Home) -> ObjectCreated:
    """Read S3's `Object Created`."""
    detail = _detail(event, OBJECT_CREATED, "aws.s3", home)
    detail_object = _get(detail, "object", dict, "detail")
    bucket = _get(detail, "bucket", dict, "detail")
    where = "detail.object"
    size = _get(detail_object, "size", int, where)
    if not 0 <= size <= _LARGEST_OBJECT:
        raise BadInput(f"{where}.size: {size} is the size of no object")
    return ObjectCreated(
        bucket=_text(bucket, "name", "detail.bucket", 255),
        key=_text(detail_object, "key", where, 3 * 1024),  # 1,024 bytes, which may be URL-encoded
        # "null" is the version of an object of a bucket without versions, in S3's own words.
        version_id=_optional(detail_object, "version-id", where, 1024) or "null",
        etag=_text(detail_object, "etag", where, 256).strip('"'),
        size=size,
        sequencer=_optional(detail_object, "sequencer", where, 256),
        time=_time(event),
    )


def object_deleted(event: Json, home: Home) -> ObjectDeleted:
    """Read S3's `Object Deleted`."""
    detail = _detail(event, OBJECT_DELETED, "aws.s3", home)
    detail_object = _get(detail, "object", dict, "detail")
    bucket = _get(detail, "bucket", dict, "detail")
    return ObjectDeleted(
        bucket=_text(bucket, "name", "detail.bucket", 255),
        key=_text(detail_object, "key", "detail.object", 3 * 1024),
        version_id=_optional(detail_object, "version-id", "detail.object", 1024) or "null",
        marker=_optional(detail, "deletion-type", "detail", 255) == "Delete Marker Created",
        expired=_optional(detail, "reason", "detail", 255) == "Lifecycle Expiration",
        requester=_optional(detail, "requester", "detail", 255),
        time=_time(event),
    )


def package_changed(event: Json, home: Home) -> PackageChanged | None:
    """Read the registry's `SageMaker Model Package State Change`.

    None for a package of somebody else's: of no group, or of one that no model of ours can have.
    """
    detail = _detail(event, "SageMaker Model Package State Change", "aws.sagemaker", home)
    # Packages of the marketplace have no version and no group.
    if not detail.get("ModelPackageGroupName"):
        return None
    group = _text(detail, "ModelPackageGroupName", "detail", _LONGEST_NAME)
    if not is_model_name(group):
        return None
    version = _get(detail, "ModelPackageVersion", int, "detail")
    changed = detail.get("LastModifiedTime")
    return PackageChanged(
        model=group,
        version=version,
        arn=_arn(detail, "ModelPackageArn", home, f"model-package/{group}/{version}"),
        updated=_texts(detail, "UpdatedModelPackageFields"),
        time=_time(event),
        changed_at=moment(changed, field="detail.LastModifiedTime") if changed else None,
        approval=str(detail.get("ModelApprovalStatus") or ""),
        stage=_stage(detail.get("ModelLifeCycle")),
    )


def _stage(cycle: Any) -> str:
    known = isinstance(cycle, dict) and "Stage" in cycle and "StageStatus" in cycle
    return f"{cycle['Stage']}/{cycle['StageStatus']}" if known else ""


def run_or_endpoint_changed(event: Json, home: Home) -> RunChanged | EndpointChanged | None:
    """Read the events that may mean that something somebody waits for has ended.

    None for a pipeline or an endpoint of somebody else's, by a name that none of ours can have.
    """
    kind = event.get("detail-type")
    if kind == "SageMaker Model Building Pipeline Execution Status Change":
        detail = _detail(event, kind, "aws.sagemaker", home)
        arn = _arn(
            detail, "pipelineExecutionArn", home, f"pipeline/{_PIPELINE}/execution/[a-z0-9]+"
        )
        ours = is_model_name(arn.split("/")[1])
        return RunChanged(arn, _time(event)) if ours else None
    if kind in ("SageMaker Endpoint State Change", "SageMaker Endpoint Deployment State Change"):
        detail = _detail(event, kind, "aws.sagemaker", home)
        endpoint = _text(detail, "EndpointName", "detail", _LONGEST_NAME)
        ours = is_model_name(endpoint.removesuffix(_STAGING))
        return EndpointChanged(endpoint, _time(event)) if ours else None
    raise BadInput(f"detail-type: {kind!r} wakes nobody; a pipeline's or an endpoint's change does")


def reproduction_ended(event: Json, home: Home) -> ReproductionEnded | None:
    """Read the end of an execution that trained a version again; None for any other pipeline's."""
    kind = "SageMaker Model Building Pipeline Execution Status Change"
    detail = _detail(event, kind, "aws.sagemaker", home)
    arn = _arn(detail, "pipelineExecutionArn", home, f"pipeline/{_PIPELINE}/execution/[a-z0-9]+")
    # Not by the ARN: SageMaker writes names in it in lower case, or did.
    model = model_of_reproduction(_optional(detail, "pipelineExecutionDisplayName", "detail", 256))
    if not is_reproduction(arn.split("/")[1]) or model is None:
        return None
    return ReproductionEnded(model, arn, _time(event)) if is_model_name(model) else None


def sign_of_trouble(event: Json, home: Home) -> ViolationFound | AlarmRaised | JobEnded:
    """Read what may call for a new training: our violation, an alarm, a native monitor's job."""
    kind = event.get("detail-type")
    if kind == "Model Violation Found":
        detail = _detail(event, kind, "everloop", home)
        return ViolationFound(
            model=model_name(_get(detail, "model", str, "detail"), "detail.model"),
            findings_uri=_text(detail, "findings_uri", "detail", 2048),
            time=_time(event),
        )
    if kind == "CloudWatch Alarm State Change":
        detail = _detail(event, kind, "aws.cloudwatch", home)
        state = _get(detail, "state", dict, "detail")
        metric = _first_metric(detail)
        dimensions = metric.get("dimensions")
        return AlarmRaised(
            name=_text(detail, "alarmName", "detail", 1024),
            metric=str(metric.get("name") or "")[:255],
            dimensions={
                name: value
                for name, value in (dimensions if isinstance(dimensions, dict) else {}).items()
                if isinstance(value, str)
            },
            reason=_reason(state.get("reason")),
            muted=bool(detail.get("muteDetail") or state.get("actionsSuppressedBy")),
            time=_time(event),
            state=str(state.get("value") or "")[:64],
        )
    if kind == "SageMaker Processing Job State Change":
        detail = _detail(event, kind, "aws.sagemaker", home)
        return JobEnded(_text(detail, "ProcessingJobName", "detail", _LONGEST_NAME), _time(event))
    raise BadInput(f"detail-type: {kind!r} is no violation, no alarm and no monitoring job")


def is_alarm_action(event: Json) -> bool:
    """Whether an alarm calls, and no event of the bus."""
    return "alarmData" in event


def alarm_changed(event: Json, home: Home) -> AlarmChanged:
    """Read what CloudWatch hands to a function that is an alarm's action."""
    expected = (("source", "aws.cloudwatch"), ("accountId", home.account), ("region", home.region))
    for field, own in expected:
        if event.get(field) != own:
            raise BadInput(f"{field}: {shown(event.get(field))} where {own!r} belongs")
    data = _get(event, "alarmData", dict, "event")
    state = _get(data, "state", dict, "alarmData")
    return AlarmChanged(
        name=_text(data, "alarmName", "alarmData", 1024),
        state=_text(state, "value", "alarmData.state", 64),
        reason=_reason(state.get("reason")),
        since=moment(_get(state, "timestamp", str, "alarmData.state"), field="timestamp"),
    )


def is_model_name(name: str) -> bool:
    """Whether a model can have this name; others' endpoints may have other names."""
    return len(name) <= 32 and _MODEL.fullmatch(name) is not None


def model_name(name: str, field: str) -> str:
    """Return a model's name if it can be one. Raises BadInput."""
    if not is_model_name(name):
        raise BadInput(
            f"{field}: {shown(name)} is no model's name; "
            "letters, digits and single hyphens, at most 32"
        )
    return name


def _first_metric(detail: Json) -> Json:
    configuration = detail.get("configuration")
    entries = configuration.get("metrics") if isinstance(configuration, dict) else None
    for entry in entries if isinstance(entries, list) else ():
        stat = entry.get("metricStat") if isinstance(entry, dict) else None
        metric = stat.get("metric") if isinstance(stat, dict) else None
        if isinstance(metric, dict) and metric:
            return metric
    return {}


def _detail(event: Json, kind: str, source: str, home: Home) -> Json:
    """Return an event's detail. Raises BadInput for what is not ours, or not what we read."""
    version = event.get("version")
    if version != "0":
        raise BadInput(
            f"version: {shown(version)} of EventBridge's envelope is unknown; '0' is read"
        )
    if event.get("detail-type") != kind:
        raise BadInput(f"detail-type: {shown(event.get('detail-type'))} where {kind!r} belongs")
    for field, own in (("source", source), ("account", home.account), ("region", home.region)):
        if event.get(field) != own:
            raise BadInput(f"{field}: {shown(event.get(field))} where {own!r} belongs")
    return cast(Json, _get(event, "detail", dict, "event"))


def _time(event: Json) -> datetime:
    return moment(_get(event, "time", str, "event"), field="time")


def _get(values: Json, name: str, kind: type, where: str) -> Any:
    value = values.get(name)
    # A boolean passes for an int in Python, and a missing value must not pass for anything.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadInput(
            f"{where}.{name}: {shown(value)} where {kind.__name__} belongs; is it another version?"
        )
    return value


def _text(values: Json, name: str, where: str, most: int) -> str:
    """Return a text that is there, that UTF-8 can write, and that has at most so many bytes."""
    value: str = _get(values, name, str, where)
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise BadInput(f"{where}.{name}: {shown(value)} is no Unicode text") from error
    if not 0 < size <= most:
        raise BadInput(f"{where}.{name}: {shown(value)} has {size} bytes; 1 to {most} belong there")
    return value


def _optional(values: Json, name: str, where: str, most: int) -> str:
    """Return a text, or nothing where it is missing, null or empty."""
    return _text(values, name, where, most) if values.get(name) not in (None, "") else ""


def _texts(values: Json, name: str) -> tuple[str, ...]:
    texts = values.get(name) or []
    if not isinstance(texts, list) or not all(isinstance(each, str) for each in texts):
        raise BadInput(f"detail.{name}: {shown(texts)} where a list of names belongs")
    return tuple(texts)


def _arn(detail: Json, name: str, home: Home, resource: str) -> str:
    """Return the ARN of a resource of ours; `resource` is a pattern of its last part."""
    value: str = _get(detail, name, str, "detail")
    # SageMaker writes names in ARNs in lower case, or did.
    pattern = f"arn:[a-z-]+:sagemaker:{home.region}:{home.account}:{resource}"
    if not re.fullmatch(pattern, value, re.IGNORECASE):
        raise BadInput(f"detail.{name}: {shown(value)} is not the ARN of {resource} of ours")
    return value


def _reason(value: Any) -> str:
    """Return somebody's words, as far as a decision's reason has room for it."""
    return str(value or "").encode("utf-8", "replace").decode()[:1024]
