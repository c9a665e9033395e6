"""The operations of EventBridge Scheduler."""

import re
from typing import Any, ClassVar

from everloop_localcloud.delivery.schedules import InvalidExpression, parse
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.kernel.store import copied
from everloop_localcloud.scheduler import targets
from everloop_localcloud.scheduler.reads import READS
from everloop_localcloud.scheduler.runs import Row, Runs

_NAME = re.compile(r"[0-9a-zA-Z\-_.]{1,64}")


class Scheduler(Api):
    service = "scheduler"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "CreateSchedule": "KmsKeyArn is stored and nothing is encrypted; targets are Lambda, SQS, "
        "SNS, Step Functions, buses, SageMaker pipelines and universal targets; at a clock faster "
        "than real time a run is left out while the Lambda of the run before still runs",
        "DeleteScheduleGroup": "deletes at once; AWS takes minutes",
    }

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)
        self.runs = Runs(cloud)
        self._groups = cloud.store.table("scheduler.groups")
        if "default" not in self._groups:
            self._add_group("default", {}, "")

    def start(self) -> None:
        self.runs.start()

    def stop(self) -> None:
        self.runs.stop()

    # Groups

    def _add_group(self, name: str, tags: dict[str, str], token: str) -> Row:
        now = self.cloud.clock.now()
        row = {
            "name": name,
            "arn": self.cloud.arn("scheduler", f"schedule-group/{name}"),
            "created": now,
            "modified": now,
            "tags": tags,
            "token": token,
        }
        self._groups[name] = row
        return row

    def _group(self, name: str) -> Row:
        row = self._groups.get(name)
        if row is None:
            raise AwsError(
                "ResourceNotFoundException", f"Schedule group {name} does not exist.", 404
            )
        return row

    @operation
    def create_schedule_group(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = _checked_name(request["Name"])
        token = request.get("ClientToken") or ""
        with self.runs.lock:
            known = self._groups.get(name)
            if known and not (token and known["token"] == token):
                raise AwsError("ConflictException", f"Schedule group {name} already exists.", 409)
            tags = {tag["Key"]: tag["Value"] for tag in request.get("Tags") or []}
            row = known or self._add_group(name, tags, token)
        return {"ScheduleGroupArn": row["arn"]}

    @operation
    def get_schedule_group(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return _shown_group(self._group(request["Name"]))

    @operation
    def list_schedule_groups(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("NamePrefix") or ""
        names = sorted(name for name in self._groups if name.startswith(prefix))
        return _page(
            [_shown_group(self._groups[name]) for name in names], request, "ScheduleGroups"
        )

    @operation
    def delete_schedule_group(self, call: Call, request: dict[str, Any]) -> None:
        name = request["Name"]
        if name == "default":
            raise validation("The default schedule group cannot be deleted.")
        with self.runs.lock:
            self._group(name)
            for key, row in list(self.runs.schedules.items()):
                if row["group"] == name:
                    self.runs.remove(key)
            del self._groups[name]

    # Schedules

    def _schedule(self, request: dict[str, Any]) -> tuple[str, Row]:
        group = request.get("GroupName") or "default"
        self._group(group)
        key = f"{group}/{request['Name']}"
        row = self.runs.schedules.get(key)
        if row is None:
            raise AwsError(
                "ResourceNotFoundException", f"Schedule {request['Name']} does not exist.", 404
            )
        return key, row

    @operation
    def create_schedule(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = _checked_name(request["Name"])
        group = request.get("GroupName") or "default"
        key = f"{group}/{name}"
        token = request.get("ClientToken") or ""
        with self.runs.lock:
            self._group(group)
            known = self.runs.schedules.get(key)
            if known:
                if token and known["token"] == token:
                    return {"ScheduleArn": known["arn"]}
                raise AwsError("ConflictException", f"Schedule {name} already exists.", 409)
            row = {
                **_members(request),
                "name": name,
                "group": group,
                "arn": self.cloud.arn("scheduler", f"schedule/{group}/{name}"),
                "created": call.time,
                "modified": call.time,
                "anchor": call.time,
                "ran": False,
                "token": token,
            }
            self.runs.put(key, row)
        return {"ScheduleArn": row["arn"]}

    @operation
    def update_schedule(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.runs.lock:
            key, row = self._schedule(request)
            changed = {**row, **_members(request), "modified": call.time}
            if any(changed[name] != row[name] for name in ("expression", "zone", "start")):
                changed |= {"anchor": call.time, "ran": False}
            self.runs.put(key, changed)
        return {"ScheduleArn": row["arn"]}

    @operation
    def get_schedule(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        _, row = self._schedule(request)
        shown = {
            "Arn": row["arn"],
            "GroupName": row["group"],
            "Name": row["name"],
            "ScheduleExpression": row["expression"],
            "ScheduleExpressionTimezone": row["zone"],
            "StartDate": row["start"],
            "EndDate": row["end"],
            "Description": row["description"],
            "State": row["state"],
            "CreationDate": row["created"],
            "LastModificationDate": row["modified"],
            "KmsKeyArn": row["key"],
            "Target": row["target"],
            "FlexibleTimeWindow": row["window"],
            "ActionAfterCompletion": row["after"],
        }
        return {name: value for name, value in shown.items() if value}

    @operation
    def list_schedules(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        group, state = request.get("GroupName"), request.get("State")
        prefix = request.get("NamePrefix") or ""
        if group:
            self._group(group)
        rows = [
            row
            for _, row in sorted(self.runs.schedules.items())
            if (not group or row["group"] == group)
            and (not state or row["state"] == state)
            and row["name"].startswith(prefix)
        ]
        summaries = [
            {
                "Arn": row["arn"],
                "Name": row["name"],
                "GroupName": row["group"],
                "State": row["state"],
                "CreationDate": row["created"],
                "LastModificationDate": row["modified"],
                "Target": {"Arn": row["target"]["Arn"]},
            }
            for row in rows
        ]
        return _page(summaries, request, "Schedules")

    @operation
    def delete_schedule(self, call: Call, request: dict[str, Any]) -> None:
        with self.runs.lock:
            key, _ = self._schedule(request)
            self.runs.remove(key)

    # Tags, which only groups have

    def _tagged(self, arn: str) -> Row:
        return self._group(arn.partition(":schedule-group/")[2])

    @operation
    def tag_resource(self, call: Call, request: dict[str, Any]) -> None:
        with self.runs.lock:
            row = self._tagged(request["ResourceArn"])
            given = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            self._groups[row["name"]] = {**row, "tags": {**row["tags"], **given}}

    @operation
    def untag_resource(self, call: Call, request: dict[str, Any]) -> None:
        with self.runs.lock:
            row = self._tagged(request["ResourceArn"])
            left = {key: one for key, one in row["tags"].items() if key not in request["TagKeys"]}
            self._groups[row["name"]] = {**row, "tags": left}

    @operation
    def list_tags_for_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._tagged(request["ResourceArn"])["tags"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise validation(
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$ "
            "and have at most 64 characters"
        )
    return name


def _members(request: dict[str, Any]) -> Row:
    """Return what a create or an update says. Raises AwsError ValidationException."""
    zone = request.get("ScheduleExpressionTimezone") or "UTC"
    expression = request["ScheduleExpression"]
    try:
        parse(expression, zone)
    except InvalidExpression as error:
        raise validation(f"Invalid Schedule Expression {expression}: {error}.") from error
    target = request["Target"]
    targets.check(target)
    window = request["FlexibleTimeWindow"]
    minutes = window.get("MaximumWindowInMinutes")
    if window["Mode"] not in ("OFF", "FLEXIBLE"):
        raise validation(f"FlexibleTimeWindow.Mode is {window['Mode']}; use OFF or FLEXIBLE.")
    if (window["Mode"] == "FLEXIBLE") != (minutes is not None):
        raise validation("MaximumWindowInMinutes goes with Mode FLEXIBLE, and only with it.")
    if minutes is not None and not 1 <= minutes <= 1440:
        raise validation(f"MaximumWindowInMinutes is {minutes}; it must be between 1 and 1440.")
    state = request.get("State") or "ENABLED"
    after = request.get("ActionAfterCompletion") or "NONE"
    if state not in ("ENABLED", "DISABLED"):
        raise validation(f"State is {state}; use ENABLED or DISABLED.")
    if after not in ("NONE", "DELETE"):
        raise validation(f"ActionAfterCompletion is {after}; use NONE or DELETE.")
    start, end = request.get("StartDate"), request.get("EndDate")
    if start and end and end <= start:
        raise validation("EndDate must be after StartDate.")
    return {
        "expression": expression,
        "zone": zone,
        "start": start,
        "end": end,
        "description": request.get("Description") or "",
        "state": state,
        "key": request.get("KmsKeyArn") or "",
        "target": copied(target),
        "window": copied(window),
        "after": after,
    }


def _shown_group(row: Row) -> dict[str, Any]:
    return {
        "Arn": row["arn"],
        "Name": row["name"],
        "State": "ACTIVE",
        "CreationDate": row["created"],
        "LastModificationDate": row["modified"],
    }


def _page(items: list[Any], request: dict[str, Any], member: str) -> dict[str, Any]:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise validation("Invalid NextToken.")
    first = int(token)
    last = first + (request.get("MaxResults") or 100)
    answer: dict[str, Any] = {member: items[first:last]}
    if last < len(items):
        answer["NextToken"] = str(last)
    return answer
