"""Log groups and their streams, without what is in them."""

import threading
from datetime import datetime
from typing import Any

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import Api, operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.logs.files import LogFiles

_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557),
    *(2922, 3288, 3653),
)


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def missing(what: str) -> AwsError:
    return AwsError("ResourceNotFoundException", f"The specified {what} does not exist.")


class LogGroups(Api):
    """Operations on groups, their tags and retention, and on streams."""

    service = "logs"

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)
        self._lock = threading.RLock()
        self._groups = cloud.store.table("logs.groups")
        self._streams = cloud.store.table("logs.streams")
        self._files = LogFiles(cloud.folder / "logs")

    @operation
    def create_log_group(self, call: Call, request: dict[str, Any]) -> None:
        name = request["logGroupName"]
        if request.get("deletionProtectionEnabled"):
            trouble = "the local cloud does not honour deletionProtectionEnabled"
            raise AwsError("NotImplemented", trouble, 501)
        with self._lock:
            if name in self._groups:
                message = "The specified log group already exists"
                raise AwsError("ResourceAlreadyExistsException", message)
            group = {"created": milliseconds(call.time), "tags": request.get("tags", {})}
            for member in ("kmsKeyId", "logGroupClass"):
                if member in request:
                    group[member] = request[member]
            self._groups[name] = group

    @operation
    def delete_log_group(self, call: Call, request: dict[str, Any]) -> None:
        name = request["logGroupName"]
        with self._lock:
            self._group(name)
            for stream in self._names(name):
                self._drop_stream(name, stream)
            del self._groups[name]

    @operation
    def describe_log_groups(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        prefix, part = request.get("logGroupNamePrefix", ""), request.get("logGroupNamePattern", "")
        wanted = [self._name(name) for name in request.get("logGroupIdentifiers", [])]
        with self._lock:
            names = [
                name
                for name in sorted(self._groups)
                if name.startswith(prefix)
                and part.lower() in name.lower()
                and (not wanted or name in wanted)
                and request.get("logGroupClass", self._class(name)) == self._class(name)
            ]
            page, token = _page(names, request, 50)
            return {"logGroups": [self._described(name) for name in page], **token}

    @operation
    def put_retention_policy(self, call: Call, request: dict[str, Any]) -> None:
        days = request["retentionInDays"]
        if days not in _RETENTIONS:
            raise invalid(f"retentionInDays is {days}; it must be one of {list(_RETENTIONS)}")
        self._set(request["logGroupName"], "retention", days)

    @operation
    def delete_retention_policy(self, call: Call, request: dict[str, Any]) -> None:
        self._set(request["logGroupName"], "retention", None)

    @operation
    def associate_kms_key(self, call: Call, request: dict[str, Any]) -> None:
        self._set(self._keyed(request), "kmsKeyId", request["kmsKeyId"])

    @operation
    def disassociate_kms_key(self, call: Call, request: dict[str, Any]) -> None:
        self._set(self._keyed(request), "kmsKeyId", None)

    @operation
    def create_log_stream(self, call: Call, request: dict[str, Any]) -> None:
        group, stream = request["logGroupName"], request["logStreamName"]
        with self._lock:
            self._group(group)
            if row_name(group, stream) in self._streams:
                message = "The specified log stream already exists"
                raise AwsError("ResourceAlreadyExistsException", message)
            self._make_stream(group, stream, call.time)

    @operation
    def delete_log_stream(self, call: Call, request: dict[str, Any]) -> None:
        group, stream = request["logGroupName"], request["logStreamName"]
        with self._lock:
            self._stream(group, stream)
            self._drop_stream(group, stream)

    @operation
    def describe_log_streams(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        group = self._named(request)
        prefix, by_time = request.get("logStreamNamePrefix", ""), False
        if request.get("orderBy") == "LastEventTime":
            by_time = True
            if prefix:
                raise invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
        with self._lock:
            self._group(group)
            streams = {
                name: self._streams[row_name(group, name)]
                for name in self._names(group)
                if name.startswith(prefix)
            }
        names = sorted(streams, key=lambda n: (streams[n].get("last", 0) if by_time else 0, n))
        if request.get("descending"):
            names.reverse()
        page, token = _page(names, request, 50)
        arn = self.cloud.arn("logs", f"log-group:{group}:log-stream")
        listed = []
        for name in page:
            row = streams[name]
            entry = {"logStreamName": name, "arn": f"{arn}:{name}", "storedBytes": 0}
            times = {"first": "firstEventTimestamp", "last": "lastEventTimestamp"}
            times |= {"ingested": "lastIngestionTime", "created": "creationTime"}
            entry |= {member: row[key] for key, member in times.items() if key in row}
            listed.append(entry)
        return {"logStreams": listed, **token}

    @operation
    def tag_resource(self, call: Call, request: dict[str, Any]) -> None:
        name = self._name(request["resourceArn"])
        with self._lock:
            self._set(name, "tags", self._group(name)["tags"] | request["tags"])

    @operation
    def untag_resource(self, call: Call, request: dict[str, Any]) -> None:
        name = self._name(request["resourceArn"])
        with self._lock:
            tags = self._group(name)["tags"]
            self._set(name, "tags", {k: v for k, v in tags.items() if k not in request["tagKeys"]})

    @operation
    def list_tags_for_resource(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return {"tags": self._group(self._name(request["resourceArn"]))["tags"]}

    def _group(self, name: str) -> dict[str, Any]:
        if name not in self._groups:
            raise missing("log group")
        return self._groups[name]

    def _stream(self, group: str, stream: str) -> dict[str, Any]:
        self._group(group)
        if row_name(group, stream) not in self._streams:
            raise missing("log stream")
        return self._streams[row_name(group, stream)]

    def _names(self, group: str) -> list[str]:
        start = f"{group}\n"
        return sorted(row.removeprefix(start) for row in self._streams if row.startswith(start))

    def _make_stream(self, group: str, stream: str, when: datetime) -> None:
        self._streams[row_name(group, stream)] = {"created": milliseconds(when)}

    def _drop_stream(self, group: str, stream: str) -> None:
        del self._streams[row_name(group, stream)]
        self._files.delete(group, stream)

    def _set(self, name: str, member: str, value: Any) -> None:
        with self._lock:
            group = self._group(name)
            if value is None:
                group.pop(member, None)
            else:
                group[member] = value
            self._groups.save(name)

    def _class(self, name: str) -> str:
        return str(self._groups[name].get("logGroupClass", "STANDARD"))

    def _described(self, name: str) -> dict[str, Any]:
        group = self._groups[name]
        arn = self.cloud.arn("logs", f"log-group:{name}")
        paths = [self._files.path(name, stream) for stream in self._names(name)]
        described = {
            "logGroupName": name,
            "creationTime": group["created"],
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "logGroupArn": arn,
            "storedBytes": sum(path.stat().st_size for path in paths if path.exists()),
            "logGroupClass": self._class(name),
        }
        if "retention" in group:
            described["retentionInDays"] = group["retention"]
        if "kmsKeyId" in group:
            described["kmsKeyId"] = group["kmsKeyId"]
        return described

    def _named(self, request: dict[str, Any]) -> str:
        """Return the group that a request names, by name or by ARN."""
        name = request.get("logGroupName") or request.get("logGroupIdentifier")
        if not name:
            raise invalid("logGroupName or logGroupIdentifier is required")
        return self._name(name)

    def _keyed(self, request: dict[str, Any]) -> str:
        """Return the group whose key a request sets; results of queries have none here."""
        name = request.get("logGroupName") or request.get("resourceIdentifier", "")
        if ":query-result:" in name:
            raise AwsError("NotImplemented", "the local cloud encrypts no results of queries", 501)
        if not name:
            raise invalid("logGroupName or resourceIdentifier is required")
        return self._name(name)

    def _name(self, arn: str) -> str:
        start = self.cloud.arn("logs", "log-group:")
        return arn.removeprefix(start).removesuffix(":*") if arn.startswith("arn:") else arn


def row_name(group: str, stream: str) -> str:
    return f"{group}\n{stream}"


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _page(
    items: list[str], request: dict[str, Any], default: int
) -> tuple[list[str], dict[str, str]]:
    token = request.get("nextToken", "0")
    if not token.isdigit():
        raise invalid("The specified nextToken is invalid.")
    end = int(token) + request.get("limit", default)
    return items[int(token) : end], {"nextToken": str(end)} if end < len(items) else {}
