"""Feature Store's runtime: records put, read and deleted, online and on their way offline."""

import threading
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.sagemaker.feature_groups import FeatureGroups
from everloop_localcloud.sagemaker.feature_values import (
    BadRecord,
    as_features,
    checked_features,
    checked_record,
    expires_at,
    parse_event_time,
)
from everloop_localcloud.sagemaker.listing import pages
from everloop_localcloud.sagemaker.reads import FEATURE_STORE

Record = dict[str, Any]
_STORES = {"OnlineStore": "OnlineStoreConfig", "OfflineStore": "OfflineStoreConfig"}


class FeatureStoreRuntime(Api):
    service = "sagemaker-featurestore-runtime"
    reads = FEATURE_STORE

    _lock = threading.Lock()

    @operation
    def put_record(self, call: Call, request: Record) -> None:
        try:
            self._put(call, request, request.get("TtlDuration"))
        except AwsError as error:
            raise _as_modelled(error) from error

    @operation
    def batch_write_record(self, call: Call, request: Record) -> Record:
        errors = []
        for entry in request["Entries"]:
            try:
                self._put(call, entry, entry.get("TtlDuration", request.get("TtlDuration")))
            except AwsError as error:
                errors.append(
                    {"Entry": entry, "ErrorCode": error.code, "ErrorMessage": error.message[:2048]}
                )
        return {"Errors": errors, "UnprocessedEntries": []}

    @operation
    def update_record(self, call: Call, request: Record) -> None:
        group = self._group(request["FeatureGroupName"])
        identifier = request["RecordIdentifierValueAsString"]
        event_name = group["EventTimeFeatureName"]
        stores = self._stores(group, request)
        storage = group.get("OnlineStoreConfig", {}).get("StorageType")
        if storage not in ("Standard_V2", "InMemory"):
            raise _invalid(
                f"UpdateRecord needs an online store of StorageType Standard_V2 or InMemory;"
                f" feature group {group['FeatureGroupName']} has {storage or 'none'}"
            )
        if len(request["Features"]) > 100:
            raise _invalid(f"{len(request['Features'])} features are updated; at most 100 are")
        try:
            changes = checked_features(group, request["Features"])
        except BadRecord as error:
            raise _invalid(str(error)) from error
        if "TtlDuration" in request and event_name not in changes:
            raise _invalid(f"TtlDuration is given: give the event time {event_name} too")
        if changes.get(group["RecordIdentifierFeatureName"], identifier) != identifier:
            raise _invalid("Features would change the record identifier; leave it out")
        with self._lock:
            known = self._readable(group, identifier, call.time)
            if known is None:
                raise AwsError(
                    "ResourceNotFound",
                    f"feature group {group['FeatureGroupName']} has no record {identifier};"
                    " PutRecord creates it",
                    404,
                )
            values = {**known["values"], **changes}
            event_time = parse_event_time(group, values[event_name])
            if event_time < known["event_time"]:
                raise AwsError(
                    "ConflictException",
                    f"the event time {values[event_name]} is older than the record's",
                    409,
                )
            row = {"values": values, "event_time": event_time, "deleted": False}
            ttl = request.get("TtlDuration")
            row["expires"] = expires_at(event_time, ttl) if ttl else known["expires"]
            if "OnlineStore" in stores:
                self._online(group)[identifier] = row
            if "OfflineStore" in stores:
                self._offline(group, values, event_time, call.time)

    @operation
    def get_record(self, call: Call, request: Record) -> Record:
        group = self._readable_group(request["FeatureGroupName"])
        return self._told(group, request["RecordIdentifierValueAsString"], request, call.time) or {}

    @operation
    def batch_get_record(self, call: Call, request: Record) -> Record:
        records, errors = [], []
        expiration = {"ExpirationTimeResponse": request.get("ExpirationTimeResponse")}
        for wanted in request["Identifiers"]:
            for identifier in wanted["RecordIdentifiersValueAsString"]:
                which = {
                    "FeatureGroupName": wanted["FeatureGroupName"],
                    "RecordIdentifierValueAsString": identifier,
                }
                try:
                    group = self._readable_group(wanted["FeatureGroupName"])
                    told = self._told(group, identifier, {**wanted, **expiration}, call.time)
                except AwsError as error:
                    told = None
                    code = {"ErrorCode": error.code, "ErrorMessage": error.message[:2048]}
                    errors.append({**which, **code})
                if told:
                    records.append({**which, **told})
        return {"Records": records, "Errors": errors, "UnprocessedIdentifiers": []}

    @operation
    def list_records(self, call: Call, request: Record) -> Record:
        group = self._readable_group(request["FeatureGroupName"])
        hidden = not request.get("IncludeSoftDeletedRecords", False)
        found = [
            {"id": identifier}
            for identifier, row in sorted(self._online(group).items())
            if not _expired(row, call.time) and not (hidden and row["deleted"])
        ]
        answer = pages(found, request, "RecordIdentifiers", lambda record: record)
        answer["RecordIdentifiers"] = [record["id"] for record in answer["RecordIdentifiers"]]
        return answer

    @operation
    def delete_record(self, call: Call, request: Record) -> None:
        try:
            group = self._group(request["FeatureGroupName"])
            stores = self._stores(group, request)
            event_time = parse_event_time(group, request["EventTime"])
        except AwsError as error:
            raise _as_modelled(error) from error
        except BadRecord as error:
            raise _invalid(str(error)) from error
        identifier = request["RecordIdentifierValueAsString"]
        hard = request.get("DeletionMode", "SoftDelete") == "HardDelete"
        marker = {
            group["RecordIdentifierFeatureName"]: identifier,
            group["EventTimeFeatureName"]: request["EventTime"],
        }
        with self._lock:
            if "OnlineStore" in stores:
                online = self._online(group)
                known = online.get(identifier)
                if known is not None and _expired(known, call.time):
                    known = None
                newer = known is None or event_time > known["event_time"]
                if hard and not newer:
                    raise _invalid(
                        f"EventTime {request['EventTime']} is not later than that of record"
                        f" {identifier}: it was not deleted"
                    )
                if hard:
                    online.pop(identifier, None)
                elif newer:
                    online[identifier] = {
                        "values": marker,
                        "event_time": event_time,
                        "deleted": True,
                        "expires": None,
                    }
            if "OfflineStore" in stores:
                self._offline(group, marker, event_time, call.time, deleted=True)

    def _put(self, call: Call, entry: Record, ttl: Record | None) -> None:
        group = self._group(entry["FeatureGroupName"])
        stores = self._stores(group, entry)
        if ttl is not None and "OnlineStore" not in stores:
            raise _invalid("TtlDuration is of the online store, and the record does not go there")
        try:
            values = checked_record(group, entry["Record"])
        except BadRecord as error:
            raise _invalid(str(error)) from error
        event_time = parse_event_time(group, values[group["EventTimeFeatureName"]])
        identifier = values[group["RecordIdentifierFeatureName"]]
        with self._lock:
            if "OnlineStore" in stores:
                ttl = ttl or group["OnlineStoreConfig"].get("TtlDuration")
                online = self._online(group)
                known = online.get(identifier)
                # An older record is history: it goes offline only.
                if known is None or _expired(known, call.time) or event_time > known["event_time"]:
                    online[identifier] = {
                        "values": values,
                        "event_time": event_time,
                        "deleted": False,
                        "expires": expires_at(event_time, ttl),
                    }
            if "OfflineStore" in stores:
                self._offline(group, values, event_time, call.time)

    def _told(
        self, group: Record, identifier: str, request: Record, now: datetime
    ) -> Record | None:
        defined = [feature["FeatureName"] for feature in group["FeatureDefinitions"]]
        names = request.get("FeatureNames", defined)
        for name in names:
            if name not in defined:
                raise _invalid(
                    f"feature {name} is not defined in feature group {group['FeatureGroupName']}"
                )
        row = self._readable(group, identifier, now)
        features = as_features(row["values"], names) if row else []
        if row is None or not features:
            return None
        told: Record = {"Record": features}
        if request.get("ExpirationTimeResponse") == "Enabled" and row["expires"] is not None:
            told["ExpiresAt"] = row["expires"].strftime("%Y-%m-%dT%H:%M:%SZ")
        return told

    def _readable(self, group: Record, identifier: str, now: datetime) -> Record | None:
        row: Record | None = self._online(group).get(identifier)
        return None if row is None or row["deleted"] or _expired(row, now) else row

    def _group(self, name: str) -> Record:
        groups: FeatureGroups = self.cloud.apis["sagemaker"].feature_groups
        try:
            group: Record = groups.feature_group(name)
        except AwsError as error:
            raise AwsError(error.code, error.message, 404) from error
        if group["FeatureGroupStatus"] != "Created":
            raise _invalid(
                f"feature group {group['FeatureGroupName']} is {group['FeatureGroupStatus']};"
                " only Created ones hold records"
            )
        return group

    def _readable_group(self, name: str) -> Record:
        group = self._group(name)
        self._stores(group, {"TargetStores": ["OnlineStore"]})
        return group

    @staticmethod
    def _stores(group: Record, request: Record) -> list[str]:
        has = [store for store, config in _STORES.items() if config in group]
        wanted: list[str] = request.get("TargetStores", has)
        for store in wanted:
            if store not in has:
                raise _invalid(f"feature group {group['FeatureGroupName']} has no {store}")
        return wanted

    def _online(self, group: Record) -> Any:
        groups: FeatureGroups = self.cloud.apis["sagemaker"].feature_groups
        return groups.online_records(group)

    def _offline(self, group: Record, *args: Any, **options: Any) -> None:
        groups: FeatureGroups = self.cloud.apis["sagemaker"].feature_groups
        groups.offline_store.put(group, *args, **options)


def _expired(row: Record, now: datetime) -> bool:
    return row["expires"] is not None and row["expires"] <= now


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationError", f"Validation Error: {message}")


def _as_modelled(error: AwsError) -> AwsError:
    """Return an error as PutRecord and DeleteRecord tell it: they know no ResourceNotFound."""
    return AwsError("ValidationError", error.message)
