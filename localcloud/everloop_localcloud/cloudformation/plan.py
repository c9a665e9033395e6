"""What a template wants, resolved and in order; and what of it is a change."""

from typing import Any

from everloop_localcloud.cloudformation import parameters
from everloop_localcloud.cloudformation.errors import invalid
from everloop_localcloud.cloudformation.intrinsics import Resolver, names_in
from everloop_localcloud.cloudformation.resources import kind_of
from everloop_localcloud.kernel.account import Account

_RESOURCE_MEMBERS = {
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
}
_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate")


class Plan:
    """One template with its parameters, against the resources that a stack has already.

    `resources` is looked at whenever something is resolved, so that what was just made is found.
    """

    def __init__(
        self,
        cloud: Account,
        stack: str,
        stack_id: str,
        template: dict[str, Any],
        texts: dict[str, str],
        resources: dict[str, dict[str, Any]],
    ) -> None:
        self.template = template
        self._resources = resources
        declared = template.get("Parameters") or {}
        references = {
            **parameters.typed(cloud, declared, texts),
            "AWS::AccountId": cloud.account,
            "AWS::Region": cloud.region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackName": stack,
            "AWS::StackId": stack_id,
            "AWS::NotificationARNs": [],
        }
        self._later: set[str] = set()
        self.resolver = Resolver(template, references, self._lookup)
        self.wanted = self._enabled()
        self.order = self._ordered()

    def properties(self, logical_id: str) -> dict[str, Any]:
        """Return a resource's properties, resolved and checked."""
        resource = self.wanted[logical_id]
        resolved = self.resolver.value(resource.get("Properties") or {})
        kind_of(logical_id, resource["Type"]).check(logical_id, resolved)
        return dict(resolved)

    def outputs(self) -> list[dict[str, Any]]:
        shown = []
        for name, output in (self.template.get("Outputs") or {}).items():
            if "Condition" in output and not self.resolver.condition(output["Condition"]):
                continue
            value = self.resolver.value(output.get("Value"))
            if not isinstance(value, str):
                if isinstance(value, list | dict) or value is None:
                    raise invalid(f"Output {name} must be text, not {value!r}")
                value = str(value)
            entry: dict[str, Any] = {"OutputKey": name, "OutputValue": value}
            if "Description" in output:
                entry["Description"] = output["Description"]
            if "Export" in output:
                entry["ExportName"] = self.resolver.value(output["Export"]["Name"])
            shown.append(entry)
        return shown

    def preview(self) -> list[dict[str, Any]]:
        """Return the changes this plan would make, as DescribeChangeSet shows them."""
        changes: list[dict[str, Any]] = []
        self._later = set(self.wanted) - set(self._resources)
        other = [
            logical_id
            for logical_id, have in self._resources.items()
            if self.wanted.get(logical_id, have)["Type"] != have["Type"]
        ]
        if other:
            raise invalid(
                "Update of resource type is not permitted. The new template modifies resource type "
                f"of the following resources: [{', '.join(sorted(other))}]"
            )
        for logical_id in self.order:
            resource = self.wanted[logical_id]
            kind = kind_of(logical_id, resource["Type"])
            properties = self.properties(logical_id)
            have = self._resources.get(logical_id)
            if have is None:
                changes.append(_change("Add", logical_id, resource["Type"]))
                continue
            if have["Properties"] == properties:
                continue
            new = kind.replaces(have["Properties"], properties)
            if new:
                self._later.add(logical_id)
            change = _change("Modify", logical_id, resource["Type"], have["Ref"])
            change["Replacement"] = "True" if new else "False"
            changes.append(change)
        for logical_id, have in self._resources.items():
            if logical_id not in self.wanted:
                changes.append(_change("Remove", logical_id, have["Type"], have["Ref"]))
        self.outputs()
        self._later = set()
        return [{"Type": "Resource", "ResourceChange": change} for change in changes]

    def _lookup(self, name: str, attribute: str | None) -> Any:
        if name not in self.wanted:
            if name in (self.template.get("Resources") or {}):
                raise invalid(f"Template error: {name} is referred to, and its condition is false")
            raise invalid(f"Template error: there is no resource or parameter {name!r}")
        if name in self._later:
            return f"{{{{later:{name}.{attribute or 'Ref'}}}}}"
        resource = self._resources[name]
        if attribute is None:
            return resource["Ref"]
        if attribute not in resource["Attributes"]:
            raise invalid(f"{name}: {resource['Type']} has no attribute {attribute}")
        return resource["Attributes"][attribute]

    def _enabled(self) -> dict[str, dict[str, Any]]:
        wanted = {}
        for logical_id, resource in self.template["Resources"].items():
            unknown = sorted(set(resource) - _RESOURCE_MEMBERS)
            if unknown:
                raise invalid(
                    f"{logical_id}: the local cloud does not support {', '.join(unknown)} "
                    "of a resource"
                )
            for member in ("DeletionPolicy", "UpdateReplacePolicy"):
                if resource.get(member, "Delete") not in _POLICIES:
                    raise invalid(
                        f"{logical_id}: the local cloud does not support {member} "
                        f"{resource[member]!r}"
                    )
            kind_of(logical_id, resource["Type"])
            condition = resource.get("Condition")
            if condition is None or self.resolver.condition(condition):
                wanted[logical_id] = resource
        return wanted

    def _ordered(self) -> list[str]:
        order: list[str] = []
        state: dict[str, bool] = {}

        def visit(logical_id: str, path: tuple[str, ...]) -> None:
            if state.get(logical_id):
                return
            if logical_id in state:
                ring = " -> ".join((*path, logical_id))
                raise invalid(f"Circular dependency between resources: [{ring}]")
            state[logical_id] = False
            for name in self.needs(logical_id):
                visit(name, (*path, logical_id))
            state[logical_id] = True
            order.append(logical_id)

        for logical_id in self.wanted:
            visit(logical_id, ())
        return order

    def needs(self, logical_id: str) -> list[str]:
        """Return the resources that this one is made after."""
        resource = self.wanted[logical_id]
        explicit = resource.get("DependsOn") or []
        explicit = [explicit] if isinstance(explicit, str) else explicit
        for name in explicit:
            if name not in self.template["Resources"]:
                raise invalid(f"{logical_id}: DependsOn names {name}, which is no resource")
        named = [*explicit, *names_in(resource.get("Properties") or {})]
        return sorted({name for name in named if name in self.wanted and name != logical_id})


def _change(action: str, logical_id: str, type_name: str, ref: str = "") -> dict[str, Any]:
    change: dict[str, Any] = {
        "Action": action,
        "LogicalResourceId": logical_id,
        "ResourceType": type_name,
        "Scope": [],
        "Details": [],
    }
    if ref:
        change["PhysicalResourceId"] = ref
    return change
