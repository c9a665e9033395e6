"""CloudFormation: stacks, made and changed on a thread of their own while callers look on."""

import json
import re
from typing import Any, ClassVar

from everloop_localcloud.cloudformation import template as templates
from everloop_localcloud.cloudformation.changesets import ChangeSets
from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.language_extensions import bodies
from everloop_localcloud.cloudformation.reads import READS
from everloop_localcloud.cloudformation.resources import custom
from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

_NAME = re.compile(r"^[a-zA-Z][-a-zA-Z0-9]{0,127}$")
_PAGE = 100


class CloudFormation(ChangeSets):
    """The operations on stacks themselves; those on change sets are its base."""

    reads = READS

    partial: ClassVar[dict[str, str]] = {
        "CreateStack": "Tags of the stack are kept and not passed on to its resources; RoleARN and "
        "NotificationARNs are kept and not used; resources are made one after the other",
        "ValidateTemplate": "checks the template's form, not the properties of its resources",
        "CreateChangeSet": "ChangeSetType IMPORT, and nested stacks, are refused",
        "DeleteStack": "a bucket that holds objects is not deleted, as on AWS",
    }
    without_effect: ClassVar[dict[str, str]] = {
        "NotificationARNs": "kept, and nobody is told",
        "RoleARN": "kept; roles are not enforced",
        "DisableValidation": "templates are always validated",
    }

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)

    def start(self) -> None:
        """Go on where the cloud ended: steps that were taken are kept, the others are taken now."""
        for key in self.stacks.rows:
            row = self.stacks.rows[key]
            match row["Status"]:
                case "CREATE_IN_PROGRESS":
                    self.cloud.spawn(self.engine.create, row, name=f"stack {row['Name']}")
                case "UPDATE_IN_PROGRESS" | "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
                    self.cloud.spawn(self.engine.update, row, name=f"stack {row['Name']}")
                case "DELETE_IN_PROGRESS" | "ROLLBACK_IN_PROGRESS":
                    self.cloud.spawn(self.engine.delete, row, name=f"stack {row['Name']}")
                case "UPDATE_ROLLBACK_IN_PROGRESS":
                    self.cloud.spawn(self.engine.roll_back, row, name=f"stack {row['Name']}")

    def answered(self, token: str, body: bytes, content_type: str) -> None:
        """Take what a function answers about a custom resource. Raises AwsError."""
        custom.put(self.cloud, token, body, content_type)

    @operation
    def create_stack(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.refuse(request)
        wanted = self.wanted(request, None)
        with self.lock:
            check_name(request["StackName"])
            if self.stacks.living(request["StackName"]):
                raise exists(request["StackName"])
            row = self.stacks.add(request["StackName"], Status="", **wanted)
            row["OnFailure"] = request.get("OnFailure", "ROLLBACK")
            row["DisableRollback"] = (
                request.get("DisableRollback", False) or row["OnFailure"] == "DO_NOTHING"
            )
            row["TerminationProtection"] = request.get("EnableTerminationProtection", False)
            self.stacks.set_status(row, "CREATE_IN_PROGRESS", "User Initiated")
        self.cloud.spawn(self.engine.create, row, name=f"stack {row['Name']}")
        return {"StackId": row["Id"]}

    @operation
    def update_stack(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        self.refuse(request)
        with self.lock:
            row = self.stacks.find(request["StackName"])
            self.check_idle(row)
            wanted = self.wanted(request, row)
            if not self.changes(row, wanted):
                raise invalid("No updates are to be performed.")
            row["DisableRollback"] = request.get("DisableRollback", False)
            self.begin_update(row, wanted)
        return {"StackId": row["Id"]}

    @operation
    def delete_stack(self, call: Call, request: dict[str, Any]) -> None:
        if request.get("DeletionMode", "STANDARD") != "STANDARD":
            raise invalid("the local cloud does not support DeletionMode of DeleteStack")
        with self.lock:
            name = request["StackName"]
            row = self.stacks.rows.get(name) or self.stacks.living(name)
            if row is None or row["Status"] == "DELETE_COMPLETE":
                return
            if row.get("TerminationProtection"):
                raise invalid(
                    f"Stack [{row['Name']}] cannot be deleted while TerminationProtection is "
                    "enabled"
                )
            if row["Status"] == "DELETE_IN_PROGRESS":
                return
            if row["Status"].endswith("_IN_PROGRESS") and row["Status"] != "REVIEW_IN_PROGRESS":
                raise invalid(f"Stack [{row['Name']}] is in {row['Status']} state")
            row["Retain"] = request.get("RetainResources", [])
            self.drop_change_sets(row)
            self.stacks.set_status(row, "DELETE_IN_PROGRESS", "User Initiated")
        self.cloud.spawn(self.engine.delete, row, name=f"stack {row['Name']}")

    @operation
    def describe_stacks(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if "StackName" in request:
            return {"Stacks": [self.stacks.shown(self.stacks.find(request["StackName"]))]}
        rows = [self.stacks.rows[key] for key in self.stacks.rows]
        living = [row for row in rows if row["Status"] != "DELETE_COMPLETE"]
        living.sort(key=lambda row: row["Created"], reverse=True)
        return {"Stacks": [self.stacks.shown(row) for row in living]}

    @operation
    def list_stacks(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("StackStatusFilter")
        found = []
        for key in self.stacks.rows:
            row = self.stacks.rows[key]
            if wanted and row["Status"] not in wanted:
                continue
            summary = {
                "StackId": row["Id"],
                "StackName": row["Name"],
                "CreationTime": row["Created"],
                "StackStatus": row["Status"],
                "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
            }
            for member, name in (
                ("TemplateDescription", "Description"),
                ("LastUpdatedTime", "Updated"),
                ("DeletionTime", "Deleted"),
                ("StackStatusReason", "Reason"),
            ):
                if row.get(name):
                    summary[member] = row[name]
            found.append(summary)
        found.sort(key=lambda summary: summary["CreationTime"], reverse=True)
        return {"StackSummaries": found}

    @operation
    def describe_stack_events(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        events = self.stacks.events(self.stacks.find(request.get("StackName", "")))
        first = int(request.get("NextToken") or 0)
        answer: dict[str, Any] = {"StackEvents": events[first : first + _PAGE]}
        if len(events) > first + _PAGE:
            answer["NextToken"] = str(first + _PAGE)
        return answer

    @operation
    def describe_stack_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        row = self.stacks.find(request["StackName"])
        for summary in self.stacks.summaries(row):
            if summary["LogicalResourceId"] == request["LogicalResourceId"]:
                named = {"StackId": row["Id"], "StackName": row["Name"]}
                return {"StackResourceDetail": {**summary, **named}}
        raise invalid(
            f"Resource {request['LogicalResourceId']} does not exist for stack {row['Name']}"
        )

    @operation
    def describe_stack_resources(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if "StackName" not in request:
            raise invalid("the local cloud needs StackName for DescribeStackResources")
        row = self.stacks.find(request["StackName"])
        wanted = request.get("LogicalResourceId")
        found = []
        for summary in self.stacks.summaries(row):
            if wanted in (None, summary["LogicalResourceId"]):
                summary["Timestamp"] = summary.pop("LastUpdatedTimestamp")
                found.append({**summary, "StackId": row["Id"], "StackName": row["Name"]})
        return {"StackResources": found}

    @operation
    def list_stack_resources(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = list(self.stacks.summaries(self.stacks.find(request["StackName"])))
        first = int(request.get("NextToken") or 0)
        answer: dict[str, Any] = {"StackResourceSummaries": found[first : first + _PAGE]}
        if len(found) > first + _PAGE:
            answer["NextToken"] = str(first + _PAGE)
        return answer

    @operation
    def list_exports(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        found = []
        for key in self.stacks.rows:
            row = self.stacks.rows[key]
            for output in row.get("Outputs", []) if row["Status"] != "DELETE_COMPLETE" else []:
                if "ExportName" in output:
                    found.append(
                        {
                            "ExportingStackId": row["Id"],
                            "Name": output["ExportName"],
                            "Value": output["OutputValue"],
                        }
                    )
        return {"Exports": found}

    @operation
    def get_template(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        stages = {"StagesAvailable": ["Original", "Processed"]}
        if "ChangeSetName" in request:
            source = self.change_set(request)["Wanted"]
        else:
            source = self.stacks.find(request.get("StackName", ""))
        if request.get("TemplateStage", "Original") == "Processed":
            return {"TemplateBody": json.dumps(source["Processed"]), **stages}
        return {"TemplateBody": source["Template"], **stages}

    @operation
    def validate_template(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        summary = self._summary(templates.read(templates.fetch(self.cloud, request)))
        parameters = [
            {
                key: parameter[key]
                for key in ("ParameterKey", "DefaultValue", "NoEcho", "Description")
                if key in parameter
            }
            for parameter in summary["Parameters"]
        ]
        kept = ("Description", "Capabilities", "CapabilitiesReason", "DeclaredTransforms")
        return {"Parameters": parameters, **{key: summary[key] for key in kept if key in summary}}

    @operation
    def get_template_summary(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        if "StackName" in request:
            return self._summary(templates.read(self.stacks.find(request["StackName"])["Template"]))
        return self._summary(templates.read(templates.fetch(self.cloud, request)))

    def _summary(self, template: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "Parameters": [],
            "ResourceTypes": sorted({one["Type"] for one in bodies(template["Resources"])}),
            "DeclaredTransforms": templates.transforms(template),
        }
        for name, declared in (template.get("Parameters") or {}).items():
            parameter: dict[str, Any] = {
                "ParameterKey": name,
                "ParameterType": declared.get("Type", "String"),
                "NoEcho": str(declared.get("NoEcho", "false")).lower() == "true",
            }
            if "Default" in declared:
                parameter["DefaultValue"] = str(declared["Default"])
            if "Description" in declared:
                parameter["Description"] = declared["Description"]
            if "AllowedValues" in declared:
                allowed = [str(value) for value in declared["AllowedValues"]]
                parameter["ParameterConstraints"] = {"AllowedValues": allowed}
            answer["Parameters"].append(parameter)
        if "Description" in template:
            answer["Description"] = template["Description"]
        needed = self.capabilities(template)
        if needed:
            answer["Capabilities"] = needed
            answer["CapabilitiesReason"] = "The following resource(s) require capabilities: IAM"
        return answer

    @operation
    def update_termination_protection(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        row = self.stacks.find(request["StackName"])
        row["TerminationProtection"] = request["EnableTerminationProtection"]
        self.stacks.save(row)
        return {"StackId": row["Id"]}


def check_name(name: str) -> None:
    if not _NAME.match(name):
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )


def exists(name: str) -> AwsError:
    return AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
