"""Resource types of EventBridge and its Scheduler."""

from typing import Any

from everloop_localcloud.cloudformation.resources.kind import (
    Kind,
    Made,
    Site,
    document,
    picked,
    tag_changes,
    tag_map,
)
from everloop_localcloud.kernel.errors import AwsError


def _tag_list(given: Any) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tag_map(given).items()]


class EventBus(Kind):
    type = "AWS::Events::EventBus"
    _direct = ("Description", "KmsKeyIdentifier", "DeadLetterConfig")
    properties = frozenset({"Name", "Tags", *_direct})
    required = frozenset({"Name"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        request = {"Name": given["Name"], **picked(given, self._direct)}
        if given.get("Tags"):
            request["Tags"] = _tag_list(given["Tags"])
        arn = site.call("events", "CreateEventBus", request)["EventBusArn"]
        return Made(given["Name"], {"Arn": arn, "Name": given["Name"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        arn = site.cloud.arn("events", f"event-bus/{ref}")
        if any(before.get(key) != given.get(key) for key in self._direct):
            request = {"Name": ref, **picked(given, self._direct)}
            site.call("events", "UpdateEventBus", request)
        _retag(site, "events", arn, before, given)
        return Made(ref, {"Arn": arn, "Name": ref})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("events", "DeleteEventBus", {"Name": ref})


def _retag(
    site: Site, service: str, arn: str, before: dict[str, Any], given: dict[str, Any]
) -> None:
    new, gone = tag_changes(before.get("Tags"), given.get("Tags"))
    key = "ResourceARN" if service == "events" else "ResourceArn"
    if gone:
        site.call(service, "UntagResource", {key: arn, "TagKeys": gone})
    if new:
        site.call(service, "TagResource", {key: arn, "Tags": _tag_list(new)})


class Rule(Kind):
    type = "AWS::Events::Rule"
    _direct = ("Description", "EventBusName", "ScheduleExpression", "State", "RoleArn")
    properties = frozenset({"Name", "EventPattern", "Targets", "Tags", *_direct})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        return self._put(site, given.get("Name") or site.name(64), {}, given)

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        return self._put(site, ref.rpartition("|")[2], before, given)

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        rule = {"Rule": ref.rpartition("|")[2], **picked(given, ("EventBusName",))}
        targets = [target["Id"] for target in given.get("Targets") or []]
        if targets:
            site.gone("events", "RemoveTargets", {**rule, "Ids": targets})
        name = {"Name": rule.pop("Rule"), **rule}
        site.gone("events", "DeleteRule", name)

    @staticmethod
    def _put(site: Site, name: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        request = {"Name": name, **picked(given, Rule._direct)}
        if "EventPattern" in given:
            request["EventPattern"] = document(given["EventPattern"])
        if given.get("Tags") and not before:
            request["Tags"] = _tag_list(given["Tags"])
        arn = site.call("events", "PutRule", request)["RuleArn"]
        where = {"Rule": name, **picked(given, ("EventBusName",))}
        targets = given.get("Targets") or []
        wanted = {target["Id"] for target in targets}
        gone = [one["Id"] for one in before.get("Targets") or [] if one["Id"] not in wanted]
        if gone:
            site.call("events", "RemoveTargets", {**where, "Ids": gone})
        if targets:
            answer = site.call("events", "PutTargets", {**where, "Targets": targets})
            for failure in answer.get("FailedEntries") or []:
                raise AwsError(failure["ErrorCode"], failure["ErrorMessage"])
        if before:
            _retag(site, "events", arn, before, given)
        bus = str(given.get("EventBusName", "default")).rpartition("/")[2]
        return Made(name if bus == "default" else f"{bus}|{name}", {"Arn": arn})


class ScheduleGroup(Kind):
    type = "AWS::Scheduler::ScheduleGroup"
    properties = frozenset({"Name", "Tags"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("Name") or site.name(64)
        request = {"Name": name, "Tags": _tag_list(given.get("Tags"))}
        arn = site.call("scheduler", "CreateScheduleGroup", request)["ScheduleGroupArn"]
        return Made(name, {"Arn": arn, "State": "ACTIVE"})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        arn = site.cloud.arn("scheduler", f"schedule-group/{ref}")
        _retag(site, "scheduler", arn, before, given)
        return Made(ref, {"Arn": arn, "State": "ACTIVE"})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("scheduler", "DeleteScheduleGroup", {"Name": ref})


class Schedule(Kind):
    type = "AWS::Scheduler::Schedule"
    _direct = (
        "GroupName",
        "Description",
        "ScheduleExpression",
        "ScheduleExpressionTimezone",
        "FlexibleTimeWindow",
        "State",
        "Target",
        "StartDate",
        "EndDate",
        "KmsKeyArn",
    )
    properties = frozenset({"Name", *_direct})
    required = frozenset({"ScheduleExpression", "FlexibleTimeWindow", "Target"})
    rigid = frozenset({"GroupName"})

    def create(self, site: Site, given: dict[str, Any]) -> Made:
        name = given.get("Name") or site.name(64)
        request = {"Name": name, **picked(given, self._direct)}
        answer = site.call("scheduler", "CreateSchedule", request)
        return Made(name, {"Arn": answer["ScheduleArn"]})

    def update(self, site: Site, ref: str, before: dict[str, Any], given: dict[str, Any]) -> Made:
        request = {"Name": ref, **picked(given, self._direct)}
        answer = site.call("scheduler", "UpdateSchedule", request)
        return Made(ref, {"Arn": answer["ScheduleArn"]})

    def delete(self, site: Site, ref: str, given: dict[str, Any]) -> None:
        site.gone("scheduler", "DeleteSchedule", {"Name": ref, **picked(given, ("GroupName",))})


KINDS: tuple[Kind, ...] = (EventBus(), Rule(), ScheduleGroup(), Schedule())
