"""Records of stacks: what they hold, what happened to them, and how all that is shown."""

import uuid
from collections.abc import Iterator
from typing import Any

from everloop_localcloud.cloudformation import parameters, replacing
from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.kernel.account import Account

ENDED_DELETED = "DELETE_COMPLETE"


class Stacks:
    """The tables of CloudFormation; a stack is found by name while it lives, by id for ever."""

    def __init__(self, cloud: Account) -> None:
        self._cloud = cloud
        self.rows = cloud.store.table("cloudformation.stacks")
        self._resources = cloud.store.table("cloudformation.resources")
        self._steps = cloud.store.table("cloudformation.steps")
        self._events = cloud.store.table("cloudformation.events")
        self._counts = cloud.store.table("cloudformation.counts")  # a row has whole templates

    def find(self, name: str) -> dict[str, Any]:
        """Return a stack's row by name or id. Raises AwsError ValidationError."""
        row = self.rows.get(name) or self.living(name)
        if row is None:
            raise invalid(f"Stack with id {name} does not exist")
        return row

    def living(self, name: str) -> dict[str, Any] | None:
        for key in self.rows:
            row = self.rows[key]
            if row["Name"] == name and row["Status"] != ENDED_DELETED:
                return row
        return None

    def add(self, name: str, **members: Any) -> dict[str, Any]:
        stack_id = self._cloud.arn("cloudformation", f"stack/{name}/{uuid.uuid4()}")
        row = {"Id": stack_id, "Name": name, "Created": self._cloud.clock.now(), **members}
        self.rows[stack_id] = row
        return row

    def save(self, row: dict[str, Any]) -> None:
        self.rows[row["Id"]] = row

    def set_status(self, row: dict[str, Any], status: str, reason: str = "") -> None:
        """Move a stack to a status, and write the event of it."""
        row["Status"], row["Reason"] = status, reason
        if status != "REVIEW_IN_PROGRESS":
            row["Updated"] = self._cloud.clock.now()
        self.save(row)
        self.note(row, row["Name"], "AWS::CloudFormation::Stack", row["Id"], status, reason)

    def note(
        self,
        row: dict[str, Any],
        logical_id: str,
        type_name: str,
        ref: str,
        status: str,
        reason: str = "",
    ) -> None:
        number = self._counted(row, "Events") + 1
        event = {
            "StackId": row["Id"],
            "EventId": str(uuid.uuid4()),
            "StackName": row["Name"],
            "LogicalResourceId": logical_id,
            "PhysicalResourceId": ref,
            "ResourceType": type_name,
            "Timestamp": self._cloud.clock.now(),
            "ResourceStatus": status,
        }
        if reason:
            event["ResourceStatusReason"] = reason
        self._events[f"{row['Id']}/{number:08d}"] = event
        self._count(row, "Events", number)  # who reads meanwhile finds what is counted

    def events(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        """Return a stack's events, the newest first."""
        keys = (
            f"{row['Id']}/{number:08d}" for number in range(self._counted(row, "Events"), 0, -1)
        )
        return [self._events[key] for key in keys]

    def _counted(self, row: dict[str, Any], what: str) -> int:
        """Return how many a stack has had so far; rows of before have their counts themselves."""
        number: int = self._counts.get(row["Id"], {}).get(what, row.get(what, 0))
        return number

    def _count(self, row: dict[str, Any], what: str, number: int) -> None:
        self._counts[row["Id"]] = {**self._counts.get(row["Id"], {}), what: number}

    def resources(self, row: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Return a stack's resources by logical id."""
        prefix = row["Id"] + "/"
        return {
            key.removeprefix(prefix): self._resources[key]
            for key in self._resources
            if key.startswith(prefix)
        }

    def keep(self, row: dict[str, Any], logical_id: str, resource: dict[str, Any]) -> None:
        self._resources[f"{row['Id']}/{logical_id}"] = resource

    def drop(self, row: dict[str, Any], logical_id: str) -> None:
        self._resources.pop(f"{row['Id']}/{logical_id}", None)

    def owner(self, type_name: str, identity: str) -> str | None:
        """Return the id of the stack that has a resource, or is to delete it; None if none has."""
        for key in self._resources:
            if _is(self._resources[key], type_name, identity):
                return key.rpartition("/")[0]
        for key in self._steps:
            before = self._steps[key]["Before"]
            if before is not None and _is(before, type_name, identity):
                return key.rpartition("/")[0]
        return None

    def begin_step(
        self,
        row: dict[str, Any],
        logical_id: str,
        before: dict[str, Any] | None,
        after: dict[str, Any],
        replaces: bool,
    ) -> None:
        """Write down what an update is about to do, once for each resource: it may be undone."""
        if any(step["LogicalId"] == logical_id for _, step in self.steps(row)):
            return
        number = self._counted(row, "Steps") + 1
        self._count(row, "Steps", number)
        self._steps[f"{row['Id']}/{number:08d}"] = {
            "LogicalId": logical_id,
            "Before": before,
            "After": after,
            "Replaces": replaces,
        }

    def steps(self, row: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
        """Return what an update has begun, the newest first, each with its key."""
        prefix = row["Id"] + "/"
        keys = sorted((key for key in self._steps if key.startswith(prefix)), reverse=True)
        return [(key, self._steps[key]) for key in keys]

    def end_step(self, key: str) -> None:
        self._steps.pop(key, None)

    def shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a stack as DescribeStacks answers it."""
        declared = row["Processed"].get("Parameters") or {}
        answer: dict[str, Any] = {
            "StackId": row["Id"],
            "StackName": row["Name"],
            "CreationTime": row["Created"],
            "StackStatus": row["Status"],
            "DisableRollback": row.get("DisableRollback", False),
            "Capabilities": row.get("Capabilities", []),
            "Parameters": parameters.described(declared, row["Parameters"]),
            "Outputs": row.get("Outputs", []),
            "Tags": row.get("Tags", []),
            "NotificationARNs": [],
            "RollbackConfiguration": {},
            "EnableTerminationProtection": row.get("TerminationProtection", False),
            "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
        }
        for member, name in (
            ("StackStatusReason", "Reason"),
            ("Description", "Description"),
            ("LastUpdatedTime", "Updated"),
            ("DeletionTime", "Deleted"),
            ("ChangeSetId", "ChangeSetId"),
            ("RoleARN", "RoleArn"),
        ):
            if row.get(name):
                answer[member] = row[name]
        return answer

    def summaries(self, row: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield a stack's resources as ListStackResources answers them."""
        resources = self.resources(row)
        for logical_id in sorted(resources):
            resource = resources[logical_id]
            summary = {
                "LogicalResourceId": logical_id,
                "PhysicalResourceId": resource["Ref"],
                "ResourceType": resource["Type"],
                "LastUpdatedTimestamp": resource["At"],
                "ResourceStatus": resource["Status"],
                "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
            }
            yield summary


def _is(resource: dict[str, Any], type_name: str, identity: str) -> bool:
    return (
        resource["Type"] == type_name
        and replacing.identity(type_name, resource["Properties"]) == identity
    )
