"""Change sets: changes looked at before they are made, as `sam deploy` makes them."""

import re
import threading
import uuid
from typing import Any

from everloop_localcloud.cloudformation import parameters
from everloop_localcloud.cloudformation import template as templates
from everloop_localcloud.cloudformation.engine import Engine
from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.language_extensions import bodies
from everloop_localcloud.cloudformation.stacks import Stacks
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError

_NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a "
    "change set."
)
# What would change how a stack is made, and is not honoured, is refused by name.
_REFUSED = (
    "ResourceTypes",
    "RollbackConfiguration",
    "StackPolicyBody",
    "StackPolicyURL",
    "StackPolicyDuringUpdateBody",
    "StackPolicyDuringUpdateURL",
    "TimeoutInMinutes",
    "ResourcesToImport",
    "ImportExistingResources",
    "IncludeNestedStacks",
    "RetainExceptOnCreate",
    "DeploymentMode",
)
_STABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "UPDATE_FAILED",
    "CREATE_FAILED",
    "UPDATE_ROLLBACK_FAILED",
)
_MAKING_ROLES = ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
_IAM = re.compile(r"^AWS::IAM::(Role|Policy|ManagedPolicy)$")
_UNNAMED = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::Serverless::Function": "RoleName",
}


class ChangeSets(Api):
    """What stacks and change sets share, and the operations on change sets."""

    service = "cloudformation"

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)
        self.lock = threading.RLock()
        self.stacks = Stacks(cloud)
        self.engine = Engine(cloud, self.stacks)
        self.sets = cloud.store.table("cloudformation.changesets")

    def refuse(self, request: dict[str, Any]) -> None:
        for name in _REFUSED:
            if request.get(name):
                raise invalid(f"the local cloud does not support {name} of a stack")

    def wanted(
        self, request: dict[str, Any], row: dict[str, Any] | None, transforming: bool = False
    ) -> dict[str, Any]:
        """Return the members of a stack's row that a request asks for, checked."""
        if request.get("UsePreviousTemplate"):
            if row is None or "Template" not in row:
                raise invalid("there is no previous template to use")
            text = row["Template"]
        else:
            text = templates.fetch(self.cloud, request)
        template = templates.read(text)
        declared = template.get("Parameters") or {}
        given = request.get("Parameters", [])
        previous = row["Parameters"] if row else {}
        texts = parameters.chosen(declared, given, previous)
        needed = self.capabilities(template)
        if templates.transforms(template) and not transforming:
            needed = [*needed, "CAPABILITY_AUTO_EXPAND"]
        granted = set(request.get("Capabilities", []))
        if "CAPABILITY_NAMED_IAM" in granted:
            granted.add("CAPABILITY_IAM")
        lacking = [one for one in needed if one not in granted]
        if lacking:
            raise AwsError(
                "InsufficientCapabilitiesException", f"Requires capabilities : {lacking}"
            )
        values = parameters.typed(self.cloud, declared, texts)
        wanted: dict[str, Any] = {
            "Template": text,
            "Processed": templates.translated(template, values, self.cloud.region),
            "Parameters": texts,
            "Capabilities": sorted(request.get("Capabilities", [])),
            "Description": template.get("Description", ""),
        }
        if "Tags" in request:
            wanted["Tags"] = request["Tags"]
        if "RoleARN" in request:
            wanted["RoleArn"] = request["RoleARN"]
        return wanted

    @staticmethod
    def capabilities(template: dict[str, Any]) -> list[str]:
        """Return what a template needs leave for: roles and policies, with or without a name."""
        needed: set[str] = set()
        for resource in bodies(template["Resources"]):
            kind, properties = resource["Type"], resource.get("Properties") or {}
            if kind in _UNNAMED and _UNNAMED[kind] in properties:
                needed.add("CAPABILITY_NAMED_IAM")
            elif _IAM.match(kind) or (kind in _MAKING_ROLES and "Role" not in properties):
                needed.add("CAPABILITY_IAM")
        return ["CAPABILITY_NAMED_IAM"] if "CAPABILITY_NAMED_IAM" in needed else sorted(needed)

    def changes(self, row: dict[str, Any], wanted: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what would change; a change of outputs alone is one, without a resource."""
        plan = self.engine.plan(row, wanted["Processed"], wanted["Parameters"])
        found = plan.preview()
        if not found and row.get("Processed", {}).get("Outputs") != wanted["Processed"].get(
            "Outputs"
        ):
            return [{"Type": "Resource"}]
        return found

    def check_idle(self, row: dict[str, Any]) -> None:
        if row["Status"] not in _STABLE:
            raise invalid(f"Stack:{row['Id']} is in {row['Status']} state and can not be updated.")

    def begin_update(self, row: dict[str, Any], wanted: dict[str, Any]) -> None:
        """Start an update; what was before is kept until it is known to have worked."""
        members = ("Template", "Processed", "Parameters", "Capabilities", "Description")
        if "Before" not in row:  # else the last state that was whole: an update failed, and stayed
            kept = (*members, "Tags", "Outputs")
            row["Before"] = {name: row[name] for name in kept if name in row}
        row |= wanted
        self.stacks.set_status(row, "UPDATE_IN_PROGRESS", "User Initiated")
        self.cloud.spawn(self.engine.update, row, name=f"stack {row['Name']}")

    @operation
    def create_change_set(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.refuse(request)
        kind, name = request.get("ChangeSetType", "UPDATE"), request["ChangeSetName"]
        if kind not in ("CREATE", "UPDATE"):
            raise invalid(f"the local cloud does not support ChangeSetType {kind}")
        with self.lock:
            row = self._stack_for(kind, request["StackName"])
            if any(one["Stack"] == row["Id"] and one["Name"] == name for one in self._all()):
                raise AwsError(
                    "AlreadyExistsException", f"ChangeSet {name} already exists for {row['Name']}"
                )
            arn = self.cloud.arn("cloudformation", f"changeSet/{name}/{uuid.uuid4()}")
            record: dict[str, Any] = {
                "Id": arn,
                "Name": name,
                "Stack": row["Id"],
                "Kind": kind,
                "Description": request.get("Description", ""),
                "Created": call.time,
                "OnFailure": request.get("OnStackFailure", "ROLLBACK"),
            }
            wanted = self.wanted(request, row if kind == "UPDATE" else None, transforming=True)
            record["Wanted"] = wanted
            try:
                record["Changes"] = self.changes(row, wanted)
                record["Status"] = "CREATE_COMPLETE" if record["Changes"] else "FAILED"
                record["Reason"] = "" if record["Changes"] else _NO_CHANGES
            except AwsError as error:
                record |= {"Changes": [], "Status": "FAILED", "Reason": error.message}
            self.sets[arn] = record
        return {"Id": arn, "StackId": row["Id"]}

    @operation
    def describe_change_set(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        record = self.change_set(request)
        wanted = record["Wanted"]
        row = self.stacks.rows[record["Stack"]]
        ready = record["Status"] == "CREATE_COMPLETE"
        answer: dict[str, Any] = {
            "ChangeSetName": record["Name"],
            "ChangeSetId": record["Id"],
            "StackId": row["Id"],
            "StackName": row["Name"],
            "Parameters": parameters.described(
                wanted["Processed"].get("Parameters") or {}, wanted["Parameters"]
            ),
            "CreationTime": record["Created"],
            "ExecutionStatus": record.get("Execution", "AVAILABLE" if ready else "UNAVAILABLE"),
            "Status": record["Status"],
            "Capabilities": wanted["Capabilities"],
            "Tags": wanted.get("Tags", []),
            "Changes": record["Changes"],
            "IncludeNestedStacks": False,
        }
        if record["Reason"]:
            answer["StatusReason"] = record["Reason"]
        if record["Description"]:
            answer["Description"] = record["Description"]
        return answer

    @operation
    def list_change_sets(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        row = self.stacks.find(request["StackName"])
        found = []
        for record in self._all():
            if record["Stack"] == row["Id"]:
                summary = {
                    "StackId": row["Id"],
                    "StackName": row["Name"],
                    "ChangeSetId": record["Id"],
                    "ChangeSetName": record["Name"],
                    "Status": record["Status"],
                    "CreationTime": record["Created"],
                }
                if record["Reason"]:
                    summary["StatusReason"] = record["Reason"]
                found.append(summary)
        return {"Summaries": found}

    @operation
    def execute_change_set(self, call: Call, request: dict[str, Any]) -> None:
        with self.lock:
            record = self.change_set(request)
            row = self.stacks.rows[record["Stack"]]
            if record["Status"] != "CREATE_COMPLETE" or "Execution" in record:
                raise AwsError(
                    "InvalidChangeSetStatus",
                    f"ChangeSet [{record['Id']}] cannot be executed in its current status of "
                    f"[{record.get('Execution', record['Status'])}]",
                )
            if record["Kind"] == "UPDATE":
                self.check_idle(row)
            record["Execution"] = "EXECUTE_COMPLETE"
            row["ChangeSetId"] = record["Id"]
            row["DisableRollback"] = (
                request.get("DisableRollback", False) or record["OnFailure"] == "DO_NOTHING"
            )
            row["OnFailure"] = record["OnFailure"]
            if record["Kind"] == "CREATE":
                row |= record["Wanted"]
                self.stacks.set_status(row, "CREATE_IN_PROGRESS", "User Initiated")
                self.cloud.spawn(self.engine.create, row, name=f"stack {row['Name']}")
            else:
                self.begin_update(row, record["Wanted"])
            self.drop_change_sets(row)  # the others looked at a stack that is no more
            self.sets[record["Id"]] = record

    @operation
    def delete_change_set(self, call: Call, request: dict[str, Any]) -> None:
        with self.lock:
            try:
                record = self.change_set(request)
            except AwsError:
                return  # gone already: deleting twice is deleting once
            del self.sets[record["Id"]]

    def change_set(self, request: dict[str, Any]) -> dict[str, Any]:
        """Return a change set by id, or by name with its stack's."""
        name = request["ChangeSetName"]
        if name in self.sets:
            return self.sets[name]
        if "StackName" in request:
            row = self.stacks.find(request["StackName"])
            for record in self._all():
                if record["Stack"] == row["Id"] and record["Name"] == name:
                    return record
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)

    def drop_change_sets(self, row: dict[str, Any]) -> None:
        for record in self._all():
            if record["Stack"] == row["Id"]:
                del self.sets[record["Id"]]

    def _all(self) -> list[dict[str, Any]]:
        return [self.sets[key] for key in self.sets]

    def _stack_for(self, kind: str, name: str) -> dict[str, Any]:
        row = self.stacks.rows.get(name) or self.stacks.living(name)
        if kind == "UPDATE":
            if row is None:
                raise invalid(f"Stack [{name}] does not exist")
            self.check_idle(row)
            return row
        if row is not None and row["Status"] != "REVIEW_IN_PROGRESS":
            raise invalid(f"Stack [{name}] already exists and cannot be created again with CREATE")
        if row is None:
            empty: dict[str, Any] = {"Resources": {}}
            row = self.stacks.add(name, Status="", Processed=empty, Parameters={}, Template="")
            self.stacks.set_status(row, "REVIEW_IN_PROGRESS", "User Initiated")
        return row
