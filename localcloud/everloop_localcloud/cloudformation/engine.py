"""Making a stack what its template says, and unmaking what did not work out."""

import logging
from typing import Any

from everloop_localcloud.cloudformation.plan import Plan
from everloop_localcloud.cloudformation.resources import Site, kind_of
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
        failure = self._bring(row, [])
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
        done: list[tuple[str, dict[str, Any] | None]] = []
        failure = self._bring(row, done)
        if failure is None:
            self._stacks.set_status(row, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            stuck = self._clean_up(row, done)
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
        stuck = self._undo(row, done)
        row |= row.pop("Before")
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

    def _bring(
        self, row: dict[str, Any], done: list[tuple[str, dict[str, Any] | None]]
    ) -> _FailedError | None:
        """Make and change what the template wants; note in `done` what was there before."""
        try:
            resources = self._stacks.resources(row)
            plan = Plan(
                self._cloud, row["Name"], row["Id"], row["Processed"], row["Parameters"], resources
            )
            for number, logical_id in enumerate(plan.order):
                self._one(row, plan, logical_id, number, resources, done)
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
        done: list[tuple[str, dict[str, Any] | None]],
    ) -> None:
        resource, have = plan.wanted[logical_id], resources.get(logical_id)
        kind, site = kind_of(logical_id, resource["Type"]), self._site(row, logical_id)
        verb = "CREATE" if have is None else "UPDATE"
        ref = have["Ref"] if have else ""
        try:
            properties = plan.properties(logical_id)
            policies = {
                "Deletion": resource.get("DeletionPolicy", "Delete"),
                "UpdateReplace": resource.get("UpdateReplacePolicy", "Delete"),
                "Order": number,
            }
            if have and have["Type"] == resource["Type"] and have["Properties"] == properties:
                if any(have[key] != value for key, value in policies.items()):
                    resources[logical_id] = {**have, **policies}
                    self._stacks.keep(row, logical_id, resources[logical_id])
                return
            self._stacks.note(row, logical_id, kind.type, ref, f"{verb}_IN_PROGRESS")
            changing = have is not None and have["Type"] == resource["Type"]
            if have and changing and not kind.replaces(have["Properties"], properties):
                made = kind.update(site, ref, have["Properties"], properties)
            else:
                made = kind.create(site, properties)
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
        done.append((logical_id, have))

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

    def _clean_up(
        self, row: dict[str, Any], done: list[tuple[str, dict[str, Any] | None]]
    ) -> list[str]:
        """Remove what was replaced, and what the template does not want any more."""
        stuck = []
        resources = self._stacks.resources(row)
        for logical_id, before in reversed(done):
            if before is None or before["Ref"] == resources[logical_id]["Ref"]:
                continue
            if before["UpdateReplace"] == "Delete" and not self._delete_one(
                row, logical_id, before
            ):
                stuck.append(logical_id)
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

    def _undo(
        self, row: dict[str, Any], done: list[tuple[str, dict[str, Any] | None]]
    ) -> list[str]:
        """Take back what an update did, the last thing first; return what could not be."""
        stuck = []
        resources = self._stacks.resources(row)
        for logical_id, before in reversed(done):
            now = resources[logical_id]
            if before is None or before["Ref"] != now["Ref"]:
                if before is None and now["Deletion"] == "Retain":
                    kind = kind_of(logical_id, now["Type"])
                    self._stacks.note(row, logical_id, kind.type, now["Ref"], "DELETE_SKIPPED")
                elif not self._delete_one(row, logical_id, now):
                    stuck.append(logical_id)
                if before is None:
                    self._stacks.drop(row, logical_id)
                else:
                    self._stacks.keep(row, logical_id, before)
                continue
            kind = kind_of(logical_id, now["Type"])
            self._stacks.note(row, logical_id, kind.type, now["Ref"], "UPDATE_IN_PROGRESS")
            try:
                site = self._site(row, logical_id)
                kind.update(site, now["Ref"], now["Properties"], before["Properties"])
            except Exception as error:
                if not isinstance(error, AwsError):
                    log.exception("rolling back %s of %s failed", logical_id, row["Name"])
                reason = f"{kind.type} {logical_id}: {error}"
                self._stacks.note(row, logical_id, kind.type, now["Ref"], "UPDATE_FAILED", reason)
                stuck.append(logical_id)
                continue
            self._stacks.keep(row, logical_id, before)
            self._stacks.note(row, logical_id, kind.type, now["Ref"], "UPDATE_COMPLETE")
        return stuck
