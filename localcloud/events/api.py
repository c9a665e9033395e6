"""The operations of EventBridge, and publishing."""

import json
import random
import re
import uuid
from typing import TYPE_CHECKING, Any, ClassVar

from localcloud.api import Api, Call, operation
from localcloud.cloud import copied, stamp
from localcloud.errors import AwsError, validation
from localcloud.events import targets, transformer
from localcloud.events.delivery import Deliveries, Delivery
from localcloud.events.entries import check_request, event_of, refusal
from localcloud.events.patterns import compiled, flatten
from localcloud.events.rulebook import Row, Rulebook, bus_name, check_schedule

if TYPE_CHECKING:
    from localcloud.cloud import Cloud

_NAME = re.compile(r"[.\-_A-Za-z0-9]+")
_MOST_TARGETS = 5


class Events(Api):
    service = "events"
    partial: ClassVar[dict[str, str]] = {
        "PutTargets": "targets are Lambda, SQS, SNS, Step Functions, SageMaker pipelines, buses "
        "and log groups; any other is refused by name",
        "CreateEventBus": "partner sources, KMS keys, log configuration and bus DLQs are refused",
        "PutPermission": "policies are stored; callers of PutEvents are not judged by them",
        "PutEvents": "EndpointId is refused; TraceHeader is not passed on",
    }

    def __init__(self, cloud: "Cloud") -> None:
        super().__init__(cloud)
        self._random = random.Random()
        self.book = Rulebook(cloud, self._scheduled)
        self.deliveries = Deliveries(
            cloud,
            "events.deliveries",
            targets.PRINCIPAL,
            lambda delivery: targets.hand_over(cloud, delivery),
            _letter,
        )

    def start(self) -> None:
        self.deliveries.start()
        self.book.start()

    def stop(self) -> None:
        self.deliveries.stop()

    # Publishing

    def publish(self, event: dict[str, Any], bus: str = "default") -> None:
        """Put an event on a bus; once this returns, every delivery it causes is stored."""
        rules = self.book.active(bus)
        if not rules:
            return
        fields = flatten(event)
        for row, pattern in rules:
            if pattern.matches(fields):
                self._deliver(row, event)
                if self._random.random() < self.cloud.duplicate_events:
                    self._deliver(row, event)

    def _deliver(self, row: Row, event: dict[str, Any]) -> None:
        now = self.cloud.clock.now()
        for target in row["targets"].values():
            self.deliveries.add(
                row["arn"],
                target.get("RetryPolicy") or {},
                (target.get("DeadLetterConfig") or {}).get("Arn", ""),
                {"event": event, "target": target, "ingested": now},
            )

    def _scheduled(self, row: Row) -> None:
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self.cloud.account,
            "time": stamp(row["time"]),
            "region": self.cloud.region,
            "resources": [row["arn"]],
            "detail": {},
        }
        self._deliver(row, event)

    @operation
    def put_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("EndpointId"):
            raise AwsError("NotImplemented", "the local cloud does not honour EndpointId", 501)
        check_request(request["Entries"])
        results: list[dict[str, str]] = []
        for entry in request["Entries"]:
            error = refusal(entry)
            if error:
                results.append(error)
                continue
            event = event_of(entry, call)
            # An unknown bus takes the event and drops it, as AWS does.
            self.publish(event, bus_name(entry.get("EventBusName")))
            results.append({"EventId": event["id"]})
        failed = sum("ErrorCode" in result for result in results)
        return {"FailedEntryCount": failed, "Entries": results}

    @operation
    def test_event_pattern(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        pattern = compiled(request["EventPattern"])
        try:
            event = json.loads(request["Event"])
        except ValueError as error:
            raise validation("Parameter Event is not valid.") from error
        if not isinstance(event, dict):
            raise validation("Parameter Event is not valid.")
        return {"Result": pattern.matches(flatten(event))}

    # Rules

    @operation
    def put_rule(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        _check_name(name, 64)
        pattern = request.get("EventPattern") or ""
        schedule = request.get("ScheduleExpression") or ""
        if not pattern and not schedule:
            raise validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
        bus = self.book.bus(request.get("EventBusName"))["name"]
        if pattern:
            compiled(pattern)
        if schedule:
            if bus != "default":
                raise validation("ScheduleExpression is supported only on the default event bus.")
            check_schedule(schedule)
        path = name if bus == "default" else f"{bus}/{name}"
        with self.book.lock:
            known = self.book.rules.get(f"{bus}/{name}")
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
                "tags": kept["tags"] if known else _tags(request.get("Tags")),
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
        return _page([_shown(row) for row in rows], request, "Rules")

    @operation
    def list_rule_names_by_target(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        bus = self.book.bus(request.get("EventBusName"))["name"]
        names = [
            row["name"]
            for row in self.book.rules_of(bus)
            if any(target["Arn"] == request["TargetArn"] for target in row["targets"].values())
        ]
        return _page(names, request, "RuleNames")

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
                _check_name(target["Id"], 64)
                targets.check(target)
                transformer.check(target)
                merged[target["Id"]] = copied(target)
            if len(merged) > _MOST_TARGETS:
                raise AwsError(
                    "LimitExceededException",
                    "The requested resource exceeds the maximum number allowed.",
                )
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
        return _page(list(row["targets"].values()), request, "Targets")

    # Buses

    @operation
    def create_event_bus(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        for member in ("EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"):
            if request.get(member):
                raise AwsError("NotImplemented", f"the local cloud does not honour {member}", 501)
        _check_name(name, 256)
        with self.book.lock:
            if name in self.book.buses:
                raise AwsError(
                    "ResourceAlreadyExistsException", f"Event bus {name} already exists."
                )
            members = {"tags": _tags(request.get("Tags"))}
            if request.get("Description"):
                members["description"] = request["Description"]
            row = self.book.add_bus(name, call.time, members)
        answer = {"EventBusArn": row["arn"]}
        if request.get("Description"):
            answer["Description"] = request["Description"]
        return answer

    @operation
    def describe_event_bus(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return _shown_bus(self.book.bus(request.get("Name")))

    @operation
    def list_event_buses(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        prefix = request.get("NamePrefix") or ""
        names = sorted(name for name in self.book.buses if name.startswith(prefix))
        return _page([_shown_bus(self.book.buses[name]) for name in names], request, "EventBuses")

    @operation
    def delete_event_bus(self, call: Call, request: dict[str, Any]) -> None:
        name = bus_name(request["Name"])
        if name == "default":
            raise validation("Cannot delete event bus default.")
        self.book.remove_bus(name)

    @operation
    def put_permission(self, call: Call, request: dict[str, Any]) -> None:
        with self.book.lock:
            row = self.book.bus(request.get("EventBusName"))
            if request.get("Policy"):
                policy = json.loads(request["Policy"])
            else:
                policy = row.get("policy") or {"Version": "2012-10-17", "Statement": []}
                policy["Statement"] = [
                    one for one in policy["Statement"] if one["Sid"] != request.get("StatementId")
                ]
                policy["Statement"].append(_statement(request, row["arn"]))
            self.book.buses[row["name"]] = {**row, "policy": policy}

    @operation
    def remove_permission(self, call: Call, request: dict[str, Any]) -> None:
        with self.book.lock:
            row = self.book.bus(request.get("EventBusName"))
            policy = row.get("policy") or {}
            statements = policy.get("Statement") or []
            left = [one for one in statements if one.get("Sid") != request.get("StatementId")]
            if request.get("RemoveAllPermissions"):
                left = []
            elif len(left) == len(statements):
                raise AwsError(
                    "ResourceNotFoundException",
                    f"Statement with the provided id does not exist: {request.get('StatementId')}.",
                )
            self.book.buses[row["name"]] = {
                **row,
                "policy": {**policy, "Statement": left} if left else None,
            }

    # Tags

    @operation
    def tag_resource(self, call: Call, request: dict[str, Any]) -> None:
        with self.book.lock:
            row = self._tagged(request["ResourceARN"])
            self._retag(row, {**row["tags"], **_tags(request["Tags"])})

    @operation
    def untag_resource(self, call: Call, request: dict[str, Any]) -> None:
        with self.book.lock:
            row = self._tagged(request["ResourceARN"])
            tags = {key: one for key, one in row["tags"].items() if key not in request["TagKeys"]}
            self._retag(row, tags)

    @operation
    def list_tags_for_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._tagged(request["ResourceARN"])["tags"]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _tagged(self, arn: str) -> Row:
        for row in [*self.book.rules.values(), *self.book.buses.values()]:
            if row["arn"] == arn:
                return row
        raise AwsError("ResourceNotFoundException", f"Resource {arn} does not exist.")

    def _retag(self, row: Row, tags: dict[str, str]) -> None:
        if "targets" in row:
            self.book.save({**row, "tags": tags})
        else:
            self.book.buses[row["name"]] = {**row, "tags": tags}


def _letter(
    delivery: Delivery, code: str, message: str, exhausted: str
) -> tuple[str, dict[str, str]]:
    attributes = {
        "RULE_ARN": delivery["owner"],
        "TARGET_ARN": delivery["target"]["Arn"],
        "ERROR_CODE": code,
        "ERROR_MESSAGE": message,
        "RETRY_ATTEMPTS": str(delivery["attempts"]),
    }
    if exhausted:
        attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
    return json.dumps(delivery["event"], separators=(",", ":"), ensure_ascii=False), attributes


def _check_name(name: str, longest: int) -> None:
    if not _NAME.fullmatch(name) or len(name) > longest:
        raise validation(
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+ "
            f"and have at most {longest} characters"
        )


def _tags(given: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in given or []}


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


def _shown_bus(row: Row) -> dict[str, Any]:
    shown = {
        "Name": row["name"],
        "Arn": row["arn"],
        "Description": row.get("description"),
        "Policy": json.dumps(row["policy"]) if row.get("policy") else None,
        "CreationTime": row["created"],
        "LastModifiedTime": row["modified"],
    }
    return {key: value for key, value in shown.items() if value}


def _statement(request: dict[str, Any], arn: str) -> dict[str, Any]:
    for member in ("Action", "Principal", "StatementId"):
        if not request.get(member):
            raise validation(f"Parameter {member} must be specified.")
    who = request["Principal"]
    statement = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": who if who == "*" else {"AWS": f"arn:aws:iam::{who}:root"},
        "Action": request["Action"],
        "Resource": arn,
    }
    condition = request.get("Condition")
    if condition:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    return statement


def _page(items: list[Any], request: dict[str, Any], member: str) -> dict[str, Any]:
    token = request.get("NextToken") or "0"
    if not token.isdigit():
        raise validation("Parameter NextToken is not valid.")
    first = int(token)
    last = first + (request.get("Limit") or 100)
    answer: dict[str, Any] = {member: items[first:last]}
    if last < len(items):
        answer["NextToken"] = str(last)
    return answer
