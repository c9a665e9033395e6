"""Feature groups: what features there are, and in which stores their records lie."""

import threading
from collections import Counter
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.sagemaker.feature_values import RESERVED
from everloop_localcloud.sagemaker.listing import page, pick
from everloop_localcloud.sagemaker.offline_store import OfflineStore
from everloop_localcloud.sagemaker.part import Part, Records
from everloop_localcloud.sagemaker.tag_store import TagStore

Record = dict[str, Any]
_EVENT = "SageMaker Feature Group State Change"


class FeatureGroups(Part):
    """Operations on feature groups and their features' metadata."""

    def __init__(self, cloud: Account, tags: TagStore) -> None:
        super().__init__(cloud)
        self._tags = tags
        self._feature_groups_lock = threading.RLock()
        self._feature_groups = cloud.store.table("sagemaker.feature-groups")
        self.offline_store = OfflineStore(cloud, self._feature_groups)

    def records(self) -> dict[str, Records]:
        return {"feature-group": self._feature_groups}

    def start(self) -> None:
        """Finish what a killed cloud had begun: groups, and records on their way offline."""
        for name, group in list(self._feature_groups.items()):
            if group["FeatureGroupStatus"] == "Creating":
                self.cloud.spawn(self._open_stores, name, name=f"feature group {name}")
        self.offline_store.start()

    def stop(self) -> None:
        self.offline_store.flush()

    @operation
    def create_feature_group(self, call: Call, request: Record) -> Record:
        name = request["FeatureGroupName"]
        _check_features(request)
        arn = self.cloud.arn("sagemaker", f"feature-group/{name}")
        group = {
            **{key: value for key, value in request.items() if key != "Tags"},
            "FeatureGroupArn": arn,
            "FeatureGroupStatus": "Creating",
            "CreationTime": call.time,
            "LastModifiedTime": call.time,
            "metadata": {},
        }
        if _online(request):
            group["OnlineStoreConfig"] = {"StorageType": "Standard", **request["OnlineStoreConfig"]}
        else:
            group.pop("OnlineStoreConfig", None)
        if "OfflineStoreConfig" in request:
            group["OfflineStoreConfig"] = self._offline_config(request, call)
        with self._feature_groups_lock:
            if name in self._feature_groups:
                raise AwsError(
                    "ResourceInUse",
                    "Resource Already Exists: An account can't have more than one FeatureGroup"
                    f" with name {name}. Choose a different name.",
                )
            self._feature_groups[name] = group
        self._tags.keep(arn, request)
        self._announce_group(group)
        self.cloud.spawn(self._open_stores, name, name=f"feature group {name}")
        return {"FeatureGroupArn": arn}

    @operation
    def describe_feature_group(self, call: Call, request: Record) -> Record:
        group = self.feature_group(request["FeatureGroupName"])
        told = {key: value for key, value in group.items() if key != "metadata"}
        told["NextToken"] = ""  # the model requires it; all features are on the first page
        if "OnlineStoreConfig" in group:
            told["OnlineStoreTotalSizeBytes"] = sum(
                len(str(value))
                for row in self.online_records(group).values()
                for value in row["values"].values()
            )
        return told

    @operation
    def update_feature_group(self, call: Call, request: Record) -> Record:
        with self._feature_groups_lock:
            group = self.feature_group(request["FeatureGroupName"])
            if group["FeatureGroupStatus"] != "Created":
                raise validation(
                    f"FeatureGroup {group['FeatureGroupName']} is {group['FeatureGroupStatus']};"
                    " only Created ones are updated"
                )
            changed = dict(group)
            if "FeatureAdditions" in request:
                changed["FeatureDefinitions"] = [
                    *group["FeatureDefinitions"],
                    *request["FeatureAdditions"],
                ]
            if "OnlineStoreConfig" in request:
                if "OnlineStoreConfig" not in group:
                    raise validation("the feature group has no online store: nothing to update")
                if "StorageType" in request["OnlineStoreConfig"]:
                    raise validation("the local cloud does not take StorageType of an update")
                changed["OnlineStoreConfig"] = {
                    **group["OnlineStoreConfig"],
                    **request["OnlineStoreConfig"],
                }
            if "ThroughputConfig" in request:
                wanted = request["ThroughputConfig"]
                known = {} if "ThroughputMode" in wanted else group.get("ThroughputConfig", {})
                changed["ThroughputConfig"] = {**known, **wanted}
            _check_features(changed)
            changed["LastModifiedTime"] = call.time
            changed["LastUpdateStatus"] = {"Status": "Successful"}
            self._feature_groups[group["FeatureGroupName"]] = changed
        self._announce_group(changed)
        return {"FeatureGroupArn": group["FeatureGroupArn"]}

    @operation
    def delete_feature_group(self, call: Call, request: Record) -> None:
        with self._feature_groups_lock:
            group = self.feature_group(request["FeatureGroupName"])
            if group["FeatureGroupStatus"] == "Creating":
                raise validation(f"FeatureGroup {group['FeatureGroupName']} is still Creating")
            # What was put is kept offline, as AWS does: the files outlive their group.
            self.offline_store.flush()
            online = self.online_records(group)
            for identifier in list(online):
                del online[identifier]
            del self._feature_groups[group["FeatureGroupName"]]
        self._tags.drop(group["FeatureGroupArn"])

    @operation
    def list_feature_groups(self, call: Call, request: Record) -> Record:
        found = list(self._feature_groups.values())
        if "OfflineStoreStatusEquals" in request:
            wanted = {"Status": request["OfflineStoreStatusEquals"]}
            found = [group for group in found if group.get("OfflineStoreStatus") == wanted]
        by = request.get("SortBy", "CreationTime")
        answer = page(
            found,
            {**request, "StatusEquals": request.get("FeatureGroupStatusEquals")},
            member="FeatureGroupSummaries",
            status="FeatureGroupStatus",
            name="FeatureGroupName",
            sort={
                "FeatureGroupStatus": lambda group: group["FeatureGroupStatus"],
                "OfflineStoreStatus": lambda group: str(group.get("OfflineStoreStatus")),
            }.get(by),
            summary=lambda group: pick(
                group,
                "FeatureGroupName",
                "FeatureGroupArn",
                "CreationTime",
                "FeatureGroupStatus",
                "OfflineStoreStatus",
            ),
        )
        return {"NextToken": "", **answer}

    @operation
    def describe_feature_metadata(self, call: Call, request: Record) -> Record:
        group = self.feature_group(request["FeatureGroupName"])
        return feature_metadata(group, _feature(group, request["FeatureName"]))

    @operation
    def update_feature_metadata(self, call: Call, request: Record) -> None:
        with self._feature_groups_lock:
            group = self.feature_group(request["FeatureGroupName"])
            name = _feature(group, request["FeatureName"])["FeatureName"]
            known = group["metadata"].get(name, {})
            parameters = dict(known.get("Parameters", {}))
            for key in request.get("ParameterRemovals", []):
                parameters.pop(key, None)
            for added in request.get("ParameterAdditions", []):
                parameters[added["Key"]] = added["Value"]
            if len(parameters) > 25:
                raise validation(f"feature {name} would have {len(parameters)} parameters: max 25")
            group["metadata"][name] = {
                **known,
                **pick(request, "Description"),
                "Parameters": parameters,
                "LastModifiedTime": call.time,
            }
            self._feature_groups.save(group["FeatureGroupName"])

    def feature_group(self, name: str) -> Record:
        """Return a group's record, by name or ARN. Raises AwsError ResourceNotFound."""
        found: Record | None = self._feature_groups.get(name.rpartition("/")[2])
        if found is None:
            raise AwsError(
                "ResourceNotFound",
                "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name"
                f" {name.rpartition('/')[2]}",
            )
        return found

    def online_records(self, group: Record) -> Any:
        """Return the table of a group's latest records, by record identifier."""
        return self.cloud.store.table(f"sagemaker.features/{group['FeatureGroupName']}")

    def _offline_config(self, request: Record, call: Call) -> Record:
        config = request["OfflineStoreConfig"]
        if config.get("TableFormat", "Default") == "Iceberg":
            raise validation("the local cloud has no TableFormat Iceberg: use Glue or leave it out")
        if "DataCatalogConfig" in config:
            raise validation(
                "the local cloud has no Glue data catalog: leave DataCatalogConfig out, and read"
                " the Parquet files under ResolvedOutputS3Uri"
            )
        place = config["S3StorageConfig"]["S3Uri"].rstrip("/")
        stamp = int(call.time.timestamp())
        resolved = (
            f"{place}/{call.account}/sagemaker/{call.region}/offline-store"
            f"/{request['FeatureGroupName']}-{stamp}/data"
        )
        storage = {**config["S3StorageConfig"], "ResolvedOutputS3Uri": resolved}
        return {"DisableGlueTableCreation": False, **config, "S3StorageConfig": storage}

    def _open_stores(self, name: str) -> None:
        group = self._feature_groups[name]
        offline = group.get("OfflineStoreConfig")
        changes: Record = {"FeatureGroupStatus": "Created"}
        if offline is not None:
            bucket = offline["S3StorageConfig"]["S3Uri"].partition("://")[2].partition("/")[0]
            try:
                self.cloud.call("s3", "HeadBucket", {"Bucket": bucket})
                changes["OfflineStoreStatus"] = {"Status": "Active"}
            except AwsError as error:
                changes = {
                    "FeatureGroupStatus": "CreateFailed",
                    "FailureReason": f"The S3 bucket {bucket} of OfflineStoreConfig cannot be"
                    f" reached: {error.code}. Create it, delete this feature group, try again.",
                }
        with self._feature_groups_lock:
            group.update(changes, LastModifiedTime=self.cloud.clock.now())
            self._feature_groups.save(name)
        self._announce_group(group)

    def _announce_group(self, group: Record) -> None:
        detail = {
            key: value
            for key, value in group.items()
            if key not in ("metadata", "LastModifiedTime", "LastUpdateStatus")
        }
        detail["CreationTime"] = int(group["CreationTime"].timestamp() * 1000)
        detail["Tags"] = self._tags.of(group["FeatureGroupArn"])
        self.cloud.emit("aws.sagemaker", _EVENT, detail, [group["FeatureGroupArn"]])


def feature_metadata(group: Record, feature: Record) -> Record:
    """Return what DescribeFeatureMetadata tells of a feature."""
    known = group["metadata"].get(feature["FeatureName"], {})
    parameters = known.get("Parameters", {})
    return {
        **pick(group, "FeatureGroupArn", "FeatureGroupName", "CreationTime"),
        **pick(feature, "FeatureName", "FeatureType"),
        **pick(known, "Description"),
        "LastModifiedTime": known.get("LastModifiedTime", group["CreationTime"]),
        "Parameters": [{"Key": key, "Value": value} for key, value in parameters.items()],
    }


def _feature(group: Record, name: str) -> Record:
    for feature in group["FeatureDefinitions"]:
        if feature["FeatureName"] == name:
            return dict(feature)
    raise AwsError(
        "ResourceNotFound",
        f"Resource Not Found: FeatureGroup {group['FeatureGroupName']} has no feature {name}",
    )


def _online(request: Record) -> bool:
    return bool(request.get("OnlineStoreConfig", {}).get("EnableOnlineStore"))


def _check_features(request: Record) -> None:  # noqa: C901 # a branch for each rule
    features = request["FeatureDefinitions"]
    names = [feature["FeatureName"] for feature in features]
    for name, count in Counter(names).items():
        if count > 1:
            raise validation(f"Validation Error: FeatureDefinitions has feature {name} twice")
        if name.lower() in RESERVED:
            raise validation(
                f"Validation Error: feature name {name} is reserved for the offline store;"
                f" names must not be any of {', '.join(RESERVED)}"
            )
    kinds = {feature["FeatureName"]: feature["FeatureType"] for feature in features}
    for role in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if request[role] not in kinds:
            raise validation(
                f"Validation Error: {role} {request[role]} is not among FeatureDefinitions;"
                " define it there too"
            )
    event_time = request["EventTimeFeatureName"]
    if kinds[event_time] not in ("String", "Fractional"):
        raise validation(
            f"Validation Error: event time feature {event_time} is {kinds[event_time]};"
            " it must be String (ISO 8601) or Fractional (Unix seconds)"
        )
    offline = request.get("OfflineStoreConfig")
    if not _online(request) and offline is None:
        raise validation(
            "Validation Error: give OnlineStoreConfig with EnableOnlineStore true,"
            " OfflineStoreConfig or both: a feature group needs a store"
        )
    if offline is not None and "RoleArn" not in request:
        raise validation("Validation Error: RoleArn is required when OfflineStoreConfig is given")
    throughput = request.get("ThroughputConfig", {})
    units = {"ProvisionedReadCapacityUnits", "ProvisionedWriteCapacityUnits"} & throughput.keys()
    if (throughput.get("ThroughputMode") == "Provisioned") != (len(units) == 2) or len(units) == 1:
        raise validation(
            "Validation Error: ThroughputConfig of ThroughputMode Provisioned needs"
            " ProvisionedReadCapacityUnits and ProvisionedWriteCapacityUnits; OnDemand takes none"
        )
    in_memory = request.get("OnlineStoreConfig", {}).get("StorageType") == "InMemory"
    for feature in features:
        kind = feature.get("CollectionType")
        if kind is None:
            continue
        if _online(request) and not in_memory:
            raise validation(
                f"Validation Error: feature {feature['FeatureName']} is a {kind}; collections need"
                " OnlineStoreConfig.StorageType InMemory"
            )
        if feature["FeatureName"] in (event_time, request["RecordIdentifierFeatureName"]):
            raise validation(
                f"Validation Error: {feature['FeatureName']} cannot be a {kind}: it is the"
                " record identifier or the event time"
            )
        if kind == "Vector":
            if feature["FeatureType"] != "Fractional":
                raise validation(
                    f"Validation Error: vector {feature['FeatureName']} must be Fractional"
                )
            if "VectorConfig" not in feature.get("CollectionConfig", {}):
                raise validation(
                    f"Validation Error: vector {feature['FeatureName']} needs"
                    " CollectionConfig.VectorConfig.Dimension"
                )
