"""Making a stack what its template says, and unmaking what did not work out."""

import logging
from typing import Any

from everloop_localcloud.cloudformation import replacing
from everloop_localcloud.cloudformation.plan import Plan
from everloop_localcloud.cloudformation.resources import Kind, Made, Site, kind_of
from everloop_localcloud.cloudformation.stacks import Stacks
from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError

log = logging.getLogger(__name__)


class _FailedError(Exception):
    """A resource could not be made, changed or removed; the events say why."""

    def __init__(self, logical_id: str, reason: str) -> None:
        super().__init__(f"{logical_id}: {reason}")
        self.logical_id = logical_id
        self.reason = reason


class Engine:
    """Works on one stack at a time per thread; every step is kept before the next begins."""

    def __init__(self, cloud: Account, stacks: Stacks) -> None:
        self._cloud = cloud
        self._stacks = stacks

    def plan(self, row: dict[str, Any], template: dict[str, Any], texts: dict[str, str]) -> Plan:
        resources = self._stacks.resources(row)
        return Plan(self._cloud, row["Name"], row["Id"], template, texts, resources)

    def create(self, row: dict[str, Any]) -> None:
        """Make all of a new stack; on failure remove what was made, unless told to keep it."""
        failure = self._bring(row)
        if failure is None:
            self._stacks.set_status(row, "CREATE_COMPLETE")
            return
        reason = f"The following resource(s) failed to create: [{failure.logical_id}]. "
        reason += failure.reason
        if row.get("DisableRollback"):
            self._stacks.set_status(row, "CREATE_FAILED", reason)
            return
        deleting = row.get("OnFailure") == "DELETE"
        self._stacks.set_status(
            row, "DELETE_IN_PROGRESS" if deleting else "ROLLBACK_IN_PROGRESS", reason
        )
        stuck = self._remove_all(row, created=True)
        word = "DELETE" if deleting else "ROLLBACK"
        self._stacks.set_status(
            row,
            f"{word}_FAILED" if stuck else f"{word}_COMPLETE",
            f"{reason} Then failed to delete: {stuck}" if stuck else reason,
        )

    def update(self, row: dict[str, Any]) -> None:
        """Bring a stack from its earlier template, in row["Before"], to its present one."""
        failure = self._bring(row)
        if failure is None:
            self._stacks.set_status(row, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            stuck = self._clean_up(row)
            row.pop("Before", None)
            self._stacks.set_status(
                row, "UPDATE_COMPLETE", f"failed to delete: {stuck}" if stuck else ""
            )
            return
        reason = f"The following resource(s) failed to update: [{failure.logical_id}]. "
        reason += failure.reason
        if row.get("DisableRollback"):
            self._stacks.set_status(row, "UPDATE_FAILED", reason)
            return
        self._stacks.set_status(row, "UPDATE_ROLLBACK_IN_PROGRESS", reason)
        self.roll_back(row)

    def roll_back(self, row: dict[str, Any]) -> None:
        """Bring a stack back to row["Before"], from wherever its update or this got to."""
        reason, stuck = row["Reason"], self._undo(row)
        row |= row.pop("Before", {})
        if stuck:
            failed = f"{reason} Then failed to roll back: {stuck}"
            self._stacks.set_status(row, "UPDATE_ROLLBACK_FAILED", failed)
        else:
            self._stacks.set_status(row, "UPDATE_ROLLBACK_COMPLETE", reason)

    def delete(self, row: dict[str, Any]) -> None:
        """Remove a stack's resources; those whose DeletionPolicy says so stay."""
        stuck = self._remove_all(row, created=False)
        if stuck:
            reason = f"The following resource(s) failed to delete: {stuck}"
            self._stacks.set_status(row, "DELETE_FAILED", reason)
            return
        row["Deleted"] = self._cloud.clock.now()
        self._stacks.set_status(row, "DELETE_COMPLETE")

    def _site(self, row: dict[str, Any], logical_id: str) -> Site:
        return Site(self._cloud, row["Name"], logical_id)

    def _bring(self, row: dict[str, Any]) -> _FailedError | None:
        """Make and change what the template wants; an update's steps are written down ahead."""
        try:
            resources = self._stacks.resources(row)
            plan = Plan(
                self._cloud, row["Name"], row["Id"], row["Processed"], row["Parameters"], resources
            )
            for number, logical_id in enumerate(plan.order):
                self._one(row, plan, logical_id, number, resources)
            row["Outputs"] = plan.outputs()
        except _FailedError as failure:
            return failure
        except AwsError as error:
            return _FailedError(row["Name"], error.message)
        return None

    def _one(
        self,
        row: dict[str, Any],
        plan: Plan,
        logical_id: str,
        number: int,
        resources: dict[str, dict[str, Any]],
    ) -> None:
        resource, have = plan.wanted[logical_id], resources.get(logical_id)
        kind = kind_of(logical_id, resource["Type"])
        verb = "CREATE" if have is None else "UPDATE"
        ref = have["Ref"] if have else ""
        try:
            properties = plan.properties(logical_id)
            policies = {
                "Deletion": resource.get("DeletionPolicy", "Delete"),
                "UpdateReplace": resource.get("UpdateReplacePolicy", "Delete"),
                "Order": number,
            }
            if have and have["Properties"] == properties:
                if any(have[key] != value for key, value in policies.items()):
                    self._step(row, logical_id, have, properties)
                    resources[logical_id] = {**have, **policies}
                    self._stacks.keep(row, logical_id, resources[logical_id])
                return
            self._stacks.note(row, logical_id, kind.type, ref, f"{verb}_IN_PROGRESS")
            made = self._made(row, logical_id, kind, have, properties)
        except Exception as error:
            if not isinstance(error, AwsError):
                log.exception("%s of %s failed", logical_id, row["Name"])
            reason = f"{resource['Type']} {logical_id}: {error}"
            self._stacks.note(row, logical_id, kind.type, ref, f"{verb}_FAILED", reason)
            raise _FailedError(logical_id, reason) from error
        resources[logical_id] = {
            "Type": resource["Type"],
            "Ref": made.ref,
            "Attributes": made.attributes,
            "Properties": properties,
            "Status": f"{verb}_COMPLETE",
            "At": self._cloud.clock.now(),
            **policies,
        }
        self._stacks.keep(row, logical_id, resources[logical_id])
        self._stacks.note(row, logical_id, kind.type, made.ref, f"{verb}_COMPLETE")

    def _made(
        self,
        row: dict[str, Any],
        logical_id: str,
        kind: Kind,
        have: dict[str, Any] | None,
        properties: dict[str, Any],
    ) -> Made:
        """Make, replace or change one resource. Raises AwsError, also where its name is taken."""
        site = self._site(row, logical_id)
        replaces = have is not None and kind.replaces(have["Properties"], properties)
        if have is not None:
            kind.check_change(have["Properties"], properties)
        if have is not None and not replaces:
            self._step(row, logical_id, have, properties)
            return kind.update(site, have["Ref"], have["Properties"], properties)
        identity = replacing.identity(kind.type, properties)
        owner = self._stacks.owner(kind.type, identity) if identity is not None else None
        if owner is not None:
            raise AwsError("AlreadyExistsException", f"{identity} already exists in stack {owner}")
        self._step(row, logical_id, have, properties, replaces)
        return kind.create(site, properties)

    def _step(
        self,
        row: dict[str, Any],
        logical_id: str,
        have: dict[str, Any] | None,
        properties: dict[str, Any],
        replaces: bool = False,
    ) -> None:
        if "Before" in row:  # what is created is kept, and removed as a whole
            self._stacks.begin_step(row, logical_id, have, properties, replaces)

    def _delete_one(self, row: dict[str, Any], logical_id: str, resource: dict[str, Any]) -> bool:
        """Remove one resource; tell whether it is gone."""
        kind, ref = kind_of(logical_id, resource["Type"]), resource["Ref"]
        self._stacks.note(row, logical_id, kind.type, ref, "DELETE_IN_PROGRESS")
        try:
            kind.delete(self._site(row, logical_id), ref, resource["Properties"])
        except Exception as error:
            if not isinstance(error, AwsError):
                log.exception("deleting %s of %s failed", logical_id, row["Name"])
            reason = f"{kind.type} {logical_id}: {error}"
            self._stacks.note(row, logical_id, kind.type, ref, "DELETE_FAILED", reason)
            return False
        self._stacks.note(row, logical_id, kind.type, ref, "DELETE_COMPLETE")
        return True

    def _remove_all(self, row: dict[str, Any], created: bool) -> list[str]:
        """Remove all resources of a stack, the last made first; return those that would not go."""
        stuck = []
        resources = self._stacks.resources(row)
        retained = row.get("Retain", [])
        for logical_id in sorted(resources, key=lambda one: -int(resources[one]["Order"])):
            resource = resources[logical_id]
            keeps = resource["Deletion"] == "Retain" or (
                resource["Deletion"] == "RetainExceptOnCreate" and not created
            )
            if keeps or logical_id in retained:
                kind = kind_of(logical_id, resource["Type"])
                self._stacks.note(row, logical_id, kind.type, resource["Ref"], "DELETE_SKIPPED")
            elif not self._delete_one(row, logical_id, resource):
                stuck.append(logical_id)
                continue
            self._stacks.drop(row, logical_id)
        return stuck

    def _clean_up(self, row: dict[str, Any]) -> list[str]:
        """Remove what was replaced, and what the template does not want any more."""
        stuck = []
        resources = self._stacks.resources(row)
        for key, step in self._stacks.steps(row):
            before, logical_id = step["Before"], step["LogicalId"]
            replaced = before is not None and before["Ref"] != resources[logical_id]["Ref"]
            if (
                replaced
                and before["UpdateReplace"] == "Delete"
                and not self._delete_one(row, logical_id, before)
            ):
                stuck.append(logical_id)
            self._stacks.end_step(key)
        wanted = Plan(
            self._cloud, row["Name"], row["Id"], row["Processed"], row["Parameters"], resources
        ).wanted
        removed = [logical_id for logical_id in resources if logical_id not in wanted]
        for logical_id in sorted(removed, key=lambda one: -int(resources[one]["Order"])):
            resource = resources[logical_id]
            if resource["Deletion"] == "Delete" and not self._delete_one(row, logical_id, resource):
                stuck.append(logical_id)
            self._stacks.drop(row, logical_id)
        return stuck

    def _undo(self, row: dict[str, Any]) -> list[str]:
        """Take back what an update began, the last thing first; return what could not be."""
        stuck = []
        resources = self._stacks.resources(row)
        for key, step in self._stacks.steps(row):
            logical_id, before = step["LogicalId"], step["Before"]
            now = resources.get(logical_id)  # None: it could not even be made
            new = now is not None and (before is None or before["Ref"] != now["Ref"])
            if now is not None and before is None and now["Deletion"] == "Retain":
                kind = kind_of(logical_id, now["Type"])
                self._stacks.note(row, logical_id, kind.type, now["Ref"], "DELETE_SKIPPED")
            elif now is not None and new and not self._delete_one(row, logical_id, now):
                stuck.append(logical_id)
            if before is None:
                self._stacks.drop(row, logical_id)
            elif new or step["Replaces"] or self._change_back(row, step):
                self._stacks.keep(row, logical_id, before)
            else:
                stuck.append(logical_id)
            self._stacks.end_step(key)
        return stuck

    def _change_back(self, row: dict[str, Any], step: dict[str, Any]) -> bool:
        """Undo a change in place, also one that failed half way; tell whether it worked."""
        logical_id, before = step["LogicalId"], step["Before"]
        if step["After"] == before["Properties"]:
            return True
        kind, ref = kind_of(logical_id, before["Type"]), before["Ref"]
        self._stacks.note(row, logical_id, kind.type, ref, "UPDATE_IN_PROGRESS")
        try:
            kind.update(self._site(row, logical_id), ref, step["After"], before["Properties"])
        except Exception as error:
            if not isinstance(error, AwsError):
                log.exception("rolling back %s of %s failed", logical_id, row["Name"])
            reason = f"{kind.type} {logical_id}: {error}"
            self._stacks.note(row, logical_id, kind.type, ref, "UPDATE_FAILED", reason)
            return False
        self._stacks.note(row, logical_id, kind.type, ref, "UPDATE_COMPLETE")
        return True
