"""The operations on rules and their targets."""

from typing import Any

from everloop_localcloud.events import targets, transformer
from everloop_localcloud.events.answers import check_name, page, tags_of
from everloop_localcloud.events.patterns import compiled
from everloop_localcloud.events.rulebook import Row, Rulebook, check_schedule
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.kernel.store import copied

_MOST_TARGETS = 5
_MOST_RULES = 300
_LONGEST_PATTERN = 4096


class RuleOperations:
    def __init__(self, cloud: Account, book: Rulebook) -> None:
        self.cloud = cloud
        self.book = book

    @operation
    def put_rule(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        check_name(name, 64)
        pattern = request.get("EventPattern") or ""
        schedule = request.get("ScheduleExpression") or ""
        if not pattern and not schedule:
            raise validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        bus = self.book.bus(request.get("EventBusName"))["name"]
        if pattern:
            _check_length(pattern)
            compiled(pattern)
        if schedule:
            if bus != "default":
                raise validation("ScheduleExpression is supported only on the default event bus.")
            check_schedule(schedule)
        path = name if bus == "default" else f"{bus}/{name}"
        with self.book.lock:
            known = self.book.rules.get(f"{bus}/{name}")
            if known is None and len(self.book.rules_of(bus)) >= _MOST_RULES:
                raise _too_many()
            kept = known or {"targets": {}, "tags": {}, "next": None, "anchor": call.time}
            state = request.get("State") or "ENABLED"
            if known and (known["schedule"] != schedule or known["state"] != state):
                kept = {**kept, "next": None, "anchor": call.time}
            row = {
                **kept,
                "name": name,
                "bus": bus,
                "arn": self.cloud.arn("events", f"rule/{path}"),
                "pattern": pattern,
                "schedule": schedule,
                "state": state,
                "description": request.get("Description") or "",
                "role": request.get("RoleArn") or "",
                "tags": kept["tags"] if known else tags_of(request.get("Tags")),
            }
            self.book.save(row)
        return {"RuleArn": row["arn"]}

    @operation
    def describe_rule(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        row = self.book.rule(request["Name"], request.get("EventBusName"))
        return {**_shown(row), "CreatedBy": self.cloud.account}

    @operation
    def list_rules(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        bus = self.book.bus(request.get("EventBusName"))["name"]
        prefix = request.get("NamePrefix") or ""
        rows = [row for row in self.book.rules_of(bus) if row["name"].startswith(prefix)]
        return page([_shown(row) for row in rows], request, "Rules")

    @operation
    def list_rule_names_by_target(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        bus = self.book.bus(request.get("EventBusName"))["name"]
        names = [
            row["name"]
            for row in self.book.rules_of(bus)
            if any(target["Arn"] == request["TargetArn"] for target in row["targets"].values())
        ]
        return page(names, request, "RuleNames")

    @operation
    def delete_rule(self, call: Call, request: dict[str, Any]) -> None:
        bus = self.book.bus(request.get("EventBusName"))["name"]
        with self.book.lock:
            row = self.book.rules.get(f"{bus}/{request['Name']}")
            if row is None:
                return
            if row["targets"]:
                raise validation("Rule can't be deleted since it has targets.")
            self.book.remove(row)

    @operation
    def enable_rule(self, call: Call, request: dict[str, Any]) -> None:
        self._switch(call, request, "ENABLED")

    @operation
    def disable_rule(self, call: Call, request: dict[str, Any]) -> None:
        self._switch(call, request, "DISABLED")

    def _switch(self, call: Call, request: dict[str, Any], state: str) -> None:
        with self.book.lock:
            row = self.book.rule(request["Name"], request.get("EventBusName"))
            if row["state"] != state:
                self.book.save({**row, "state": state, "next": None, "anchor": call.time})

    # Targets

    @operation
    def put_targets(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.book.lock:
            row = self.book.rule(request["Rule"], request.get("EventBusName"))
            merged = dict(row["targets"])
            for target in request["Targets"]:
                check_name(target["Id"], 64)
                targets.check(target)
                transformer.check(target)
                merged[target["Id"]] = copied(target)
            if len(merged) > _MOST_TARGETS:
                raise _too_many()
            self.book.save({**row, "targets": merged})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    @operation
    def remove_targets(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.book.lock:
            row = self.book.rule(request["Rule"], request.get("EventBusName"))
            left = {key: one for key, one in row["targets"].items() if key not in request["Ids"]}
            self.book.save({**row, "targets": left})
        return {"FailedEntryCount": 0, "FailedEntries": []}

    @operation
    def list_targets_by_rule(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        row = self.book.rule(request["Rule"], request.get("EventBusName"))
        return page(list(row["targets"].values()), request, "Targets")


def _too_many() -> AwsError:
    return AwsError(
        "LimitExceededException", "The requested resource exceeds the maximum number allowed."
    )


def _check_length(pattern: str) -> None:
    if len(pattern) > _LONGEST_PATTERN:
        raise validation(
            f"1 validation error detected: Value '{pattern[:40]}...' at 'eventPattern' failed to "
            "satisfy constraint: Member must have length less than or equal to "
            f"{_LONGEST_PATTERN}"
        )


def _shown(row: Row) -> dict[str, Any]:
    shown = {
        "Name": row["name"],
        "Arn": row["arn"],
        "EventPattern": row["pattern"],
        "ScheduleExpression": row["schedule"],
        "State": row["state"],
        "Description": row["description"],
        "RoleArn": row["role"],
        "EventBusName": row["bus"],
    }
    return {key: value for key, value in shown.items() if value}
