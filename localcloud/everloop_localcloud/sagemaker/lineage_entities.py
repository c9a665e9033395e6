"""Lineage entities: artifacts, actions and contexts."""

import hashlib
import json
import threading
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.kernel.store import Store
from everloop_localcloud.sagemaker.experiments import changed, found_record, made, taken
from everloop_localcloud.sagemaker.jobs import created_by
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.part import Part, Records

Record = dict[str, Any]
_MOST_PROPERTIES = 30
_KEPT = ("Source", "Description", "Properties", "MetadataProperties")


class Associations:
    """What leads from where to where, by ARNs."""

    def __init__(self, store: Store) -> None:
        self._rows = store.table("sagemaker.associations")
        self.lock = threading.RLock()

    def all(self) -> list[Record]:
        return list(self._rows.values())

    def has(self, source: str, destination: str) -> bool:
        return f"{source} {destination}" in self._rows

    def add(self, call: Call, source: str, destination: str, kind: str | None) -> None:
        """Keep an association; twice is once."""
        key = f"{source} {destination}"
        if key not in self._rows:
            self._rows[key] = {
                "SourceArn": source,
                "DestinationArn": destination,
                **({"AssociationType": kind} if kind else {}),
                "CreationTime": call.time,
                "CreatedBy": created_by(call),
            }

    def delete(self, source: str, destination: str) -> bool:
        """Delete an association; tell whether it was there."""
        return self._rows.pop(f"{source} {destination}", None) is not None

    def drop(self, arn: str) -> None:
        """Delete all that leads to an entity, or from it."""
        for key in list(self._rows):
            if arn in key.split(" "):
                del self._rows[key]


class LineageEntities(Part):
    """Operations on artifacts, actions and contexts; with one go its associations."""

    def __init__(self, cloud: Account, associations: Associations) -> None:
        super().__init__(cloud)
        self._associations = associations
        self._lock = associations.lock
        self._artifacts = cloud.store.table("sagemaker.artifacts")
        self._actions = cloud.store.table("sagemaker.actions")
        self._contexts = cloud.store.table("sagemaker.contexts")

    def records(self) -> dict[str, Records]:
        return {"artifact": self._artifacts, "action": self._actions, "context": self._contexts}

    @operation
    def create_artifact(self, call: Call, request: Record) -> Record:
        arn = self.artifact_arn(request["Source"])
        with self._lock:
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
        with self._lock:
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
        with self._lock:
            self.artifact(arn)
            self._associations.drop(arn)
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

    def ensure_artifact(self, call: Call, uri: str, kind: str) -> str:
        """Return the ARN of a source's artifact, which is made if it is not there yet."""
        source = {"SourceUri": uri}
        arn = self.artifact_arn(source)
        with self._lock:
            if arn not in self._artifacts:
                self.create_artifact(call, {"Source": source, "ArtifactType": kind})
        return arn

    def ensure_named(self, call: Call, kind: str, name: str, members: Record) -> str:
        """Return the ARN of an action or a context, which is made if it is not there yet."""
        table = self._named(kind)
        with self._lock:
            if name not in table:
                self.create_named(call, kind, name, members)
        return str(table[name][f"{kind}Arn"])

    def create_named(self, call: Call, kind: str, name: str, members: Record) -> Record:
        """Create an action or a context. Raises AwsError if the name is in use."""
        table, arn = self._named(kind), self.cloud.arn("sagemaker", f"{kind.lower()}/{name}")
        row = {f"{kind}Name": name, f"{kind}Arn": arn, "Properties": {}, **members, **made(call)}
        _check_properties(row)
        with self._lock:
            if name in table:
                raise taken(kind, name)
            table[name] = row
        return {f"{kind}Arn": arn}

    def _named(self, kind: str) -> Any:
        return self._actions if kind == "Action" else self._contexts

    def _update_named(self, call: Call, request: Record, kind: str, name: str) -> Record:
        table = self._named(kind)
        with self._lock:
            row = found_record(self.cloud, table, kind, kind.lower(), name)
            row |= {**pick(request, "Description", "Status"), **changed(call)}
            _merge_properties(row, request)
            table[row[f"{kind}Name"]] = row
        return {f"{kind}Arn": row[f"{kind}Arn"]}

    def _delete_named(self, kind: str, name: str) -> Record:
        table = self._named(kind)
        with self._lock:
            row = found_record(self.cloud, table, kind, kind.lower(), name)
            self._associations.drop(row[f"{kind}Arn"])
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
