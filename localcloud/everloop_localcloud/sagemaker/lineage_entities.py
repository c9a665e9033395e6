"""Lineage entities: artifacts, actions and contexts."""

import hashlib
import json
import threading
from abc import ABC, abstractmethod
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.experiments import changed, found_record, made, taken
from everloop_localcloud.sagemaker.listing import page, pick

Record = dict[str, Any]
_MOST_PROPERTIES = 30
_KEPT = ("Source", "Description", "Properties", "MetadataProperties")


class LineageEntities(ABC):
    """Operations on artifacts, actions and contexts."""

    cloud: Account
    _lineage_lock = threading.RLock()

    @property
    def _artifacts(self) -> Any:
        return self.cloud.store.table("sagemaker.artifacts")

    @property
    def _actions(self) -> Any:
        return self.cloud.store.table("sagemaker.actions")

    @property
    def _contexts(self) -> Any:
        return self.cloud.store.table("sagemaker.contexts")

    @operation
    def create_artifact(self, call: Call, request: Record) -> Record:
        arn = self.artifact_arn(request["Source"])
        with self._lineage_lock:
            if arn in self._artifacts:
                raise validation(
                    f"Artifact for source {request['Source']['SourceUri']} already exists: {arn}"
                )
            artifact = {
                "ArtifactArn": arn,
                "ArtifactName": arn,
                **pick(request, "ArtifactName", "Source", "ArtifactType", "MetadataProperties"),
                "Properties": request.get("Properties", {}),
                **made(call),
            }
            _check_properties(artifact)
            self._artifacts[arn] = artifact
        return {"ArtifactArn": arn}

    @operation
    def describe_artifact(self, call: Call, request: Record) -> Record:
        return self.artifact(request["ArtifactArn"])

    @operation
    def update_artifact(self, call: Call, request: Record) -> Record:
        with self._lineage_lock:
            artifact = self.artifact(request["ArtifactArn"])
            artifact |= {**pick(request, "ArtifactName"), **changed(call)}
            _merge_properties(artifact, request)
            self._artifacts[artifact["ArtifactArn"]] = artifact
        return {"ArtifactArn": artifact["ArtifactArn"]}

    @operation
    def delete_artifact(self, call: Call, request: Record) -> Record:
        if ("ArtifactArn" in request) == ("Source" in request):
            raise validation("give one of ArtifactArn and Source")
        arn = request.get("ArtifactArn") or self.artifact_arn(request["Source"])
        with self._lineage_lock:
            self.artifact(arn)
            self.drop_associations(arn)
            del self._artifacts[arn]
        return {"ArtifactArn": arn}

    @operation
    def list_artifacts(self, call: Call, request: Record) -> Record:
        return page(
            _of_source(self._artifacts.values(), request, "ArtifactType"),
            request,
            member="ArtifactSummaries",
            name="ArtifactName",
            summary=lambda artifact: _summary(artifact, "Artifact"),
        )

    @operation
    def create_action(self, call: Call, request: Record) -> Record:
        return self.create_named(
            call,
            "Action",
            request["ActionName"],
            pick(request, "ActionType", "Status", *_KEPT),
        )

    @operation
    def describe_action(self, call: Call, request: Record) -> Record:
        return self.action(request["ActionName"])

    @operation
    def update_action(self, call: Call, request: Record) -> Record:
        return self._update_named(call, request, "Action", request["ActionName"])

    @operation
    def delete_action(self, call: Call, request: Record) -> Record:
        return self._delete_named("Action", request["ActionName"])

    @operation
    def list_actions(self, call: Call, request: Record) -> Record:
        return page(
            _of_source(self._actions.values(), request, "ActionType"),
            request,
            member="ActionSummaries",
            name="ActionName",
            summary=lambda action: _summary(action, "Action"),
        )

    @operation
    def create_context(self, call: Call, request: Record) -> Record:
        return self.create_named(
            call, "Context", request["ContextName"], pick(request, "ContextType", *_KEPT)
        )

    @operation
    def describe_context(self, call: Call, request: Record) -> Record:
        return self.context(request["ContextName"])

    @operation
    def update_context(self, call: Call, request: Record) -> Record:
        return self._update_named(call, request, "Context", request["ContextName"])

    @operation
    def delete_context(self, call: Call, request: Record) -> Record:
        return self._delete_named("Context", request["ContextName"])

    @operation
    def list_contexts(self, call: Call, request: Record) -> Record:
        return page(
            _of_source(self._contexts.values(), request, "ContextType"),
            request,
            member="ContextSummaries",
            name="ContextName",
            summary=lambda context: _summary(context, "Context"),
        )

    def artifact(self, arn: str) -> Record:
        """Return a copy of an artifact's record. Raises AwsError ResourceNotFound."""
        known = self._artifacts.get(arn)
        if known is None:
            raise AwsError("ResourceNotFound", f"Artifact '{arn}' does not exist.")
        return dict(known)

    def action(self, name: str) -> Record:
        return found_record(self.cloud, self._actions, "Action", "action", name)

    def context(self, name: str) -> Record:
        return found_record(self.cloud, self._contexts, "Context", "context", name)

    def artifact_arn(self, source: Record) -> str:
        """Return the ARN of a source's artifact: there is one for each source."""
        kinds = sorted(
            (kind["SourceIdType"], kind["Value"]) for kind in source.get("SourceTypes", [])
        )
        told = json.dumps([source["SourceUri"], kinds]).encode()
        digest = hashlib.md5(told, usedforsecurity=False).hexdigest()
        return self.cloud.arn("sagemaker", f"artifact/{digest}")

    @abstractmethod
    def drop_associations(self, arn: str) -> None: ...

    def create_named(self, call: Call, kind: str, name: str, members: Record) -> Record:
        """Create an action or a context. Raises AwsError if the name is in use."""
        table, arn = self._named(kind), self.cloud.arn("sagemaker", f"{kind.lower()}/{name}")
        row = {f"{kind}Name": name, f"{kind}Arn": arn, "Properties": {}, **members, **made(call)}
        _check_properties(row)
        with self._lineage_lock:
            if name in table:
                raise taken(kind, name)
            table[name] = row
        return {f"{kind}Arn": arn}

    def _named(self, kind: str) -> Any:
        return self._actions if kind == "Action" else self._contexts

    def _update_named(self, call: Call, request: Record, kind: str, name: str) -> Record:
        table = self._named(kind)
        with self._lineage_lock:
            row = found_record(self.cloud, table, kind, kind.lower(), name)
            row |= {**pick(request, "Description", "Status"), **changed(call)}
            _merge_properties(row, request)
            table[row[f"{kind}Name"]] = row
        return {f"{kind}Arn": row[f"{kind}Arn"]}

    def _delete_named(self, kind: str, name: str) -> Record:
        table = self._named(kind)
        with self._lineage_lock:
            row = found_record(self.cloud, table, kind, kind.lower(), name)
            self.drop_associations(row[f"{kind}Arn"])
            del table[row[f"{kind}Name"]]
        return {f"{kind}Arn": row[f"{kind}Arn"]}


def _of_source(rows: Any, request: Record, kind: str) -> list[Record]:
    uri, wanted = request.get("SourceUri"), request.get(kind)
    return [
        row
        for row in rows
        if (uri is None or row["Source"]["SourceUri"] == uri)
        and (wanted is None or row[kind] == wanted)
    ]


def _summary(row: Record, kind: str) -> Record:
    status = ("Status",) if kind == "Action" else ()
    return pick(
        row,
        f"{kind}Arn",
        f"{kind}Name",
        "Source",
        f"{kind}Type",
        *status,
        "CreationTime",
        "LastModifiedTime",
    )


def _merge_properties(row: Record, request: Record) -> None:
    merged = {**row["Properties"], **request.get("Properties", {})}
    for key in request.get("PropertiesToRemove", []):
        merged.pop(key, None)
    row["Properties"] = merged
    _check_properties(row)


def _check_properties(row: Record) -> None:
    if len(row["Properties"]) > _MOST_PROPERTIES:
        raise validation(
            f"Properties has {len(row['Properties'])} entries; at most {_MOST_PROPERTIES} are kept"
        )
