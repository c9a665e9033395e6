"""The operations on buses, their policies, and tags."""

import json
from typing import Any

from everloop_localcloud.events.answers import check_name, page, tags_of
from everloop_localcloud.events.rulebook import Row, Rulebook, bus_name
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation


class BusOperations:
    def __init__(self, book: Rulebook) -> None:
        self.book = book

    @operation
    def create_event_bus(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        name = request["Name"]
        for member in ("EventSourceName", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig"):
            if request.get(member):
                raise AwsError("NotImplemented", f"the local cloud does not honour {member}", 501)
        check_name(name, 256)
        with self.book.lock:
            if name in self.book.buses:
                raise AwsError(
                    "ResourceAlreadyExistsException", f"Event bus {name} already exists."
                )
            members = {"tags": tags_of(request.get("Tags"))}
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
        return page([_shown_bus(self.book.buses[name]) for name in names], request, "EventBuses")

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
            self._retag(row, {**row["tags"], **tags_of(request["Tags"])})

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
