"""Event source mappings: the records of which queue feeds which function."""

import uuid
from typing import Any

from everloop_localcloud.functions import records, role
from everloop_localcloud.functions.invocations import Invocations
from everloop_localcloud.functions.names import function_name
from everloop_localcloud.functions.pages import paged
from everloop_localcloud.functions.part import Part
from everloop_localcloud.functions.poller import Poller
from everloop_localcloud.functions.state import FunctionsState
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

_KEPT = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "ScalingConfig",
    "FunctionResponseTypes",
    "MetricsConfig",
)
_HANDLED = {"EventSourceArn", "FunctionName", "Enabled", "Tags", "UUID", *_KEPT}


class Mappings(Part):
    """The operations on event source mappings; each enabled one has a poller."""

    def __init__(self, state: FunctionsState, invocations: Invocations) -> None:
        super().__init__(state)
        self._invocations = invocations
        self.mappings = self.cloud.store.table("lambda.mappings")
        self._pollers: dict[str, Poller] = {}

    def start(self) -> None:
        for key in list(self.mappings):
            self._poll(key)

    def stop(self) -> None:
        for poller in list(self._pollers.values()):
            poller.stop()

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a mapping's record. Raises AwsError ResourceNotFoundException."""
        known = self.mappings.get(key)
        if known is None:
            raise AwsError(
                "ResourceNotFoundException",
                "The resource you requested does not exist.",
                404,
                Type="User",
            )
        return known

    @operation
    def create_event_source_mapping(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        _refuse(request)
        source = request.get("EventSourceArn", "")
        if ":sqs:" not in source:
            raise records.invalid(
                f"the local cloud polls SQS queues only; EventSourceArn is {source!r}"
            )
        record = self.state.record(request["FunctionName"])
        for key in self.mappings:
            other = self.mappings[key]
            if other["EventSourceArn"] == source and other["Function"] == record["FunctionName"]:
                raise AwsError(
                    "ResourceConflictException",
                    f'An event source mapping with SQS arn (" {source} ") and function '
                    f'(" {record["FunctionName"]} ") already exists. Please update or delete '
                    f"the existing mapping with UUID {key}",
                    409,
                    Type="User",
                )
        row: dict[str, Any] = {
            "UUID": str(uuid.uuid4()),
            "EventSourceArn": source,
            "Function": record["FunctionName"],
            "FunctionArn": record["FunctionArn"],
            "BatchSize": 10,
            "MaximumBatchingWindowInSeconds": 0,
            "FunctionResponseTypes": [],
            "Enabled": request.get("Enabled", True),
            "Tags": request.get("Tags", {}),
            "Changed": call.time,
            "LastProcessingResult": "No records processed",
        }
        row |= {name: request[name] for name in _KEPT if name in request}
        self._check(row, record)
        role.check_polling(self.cloud, record, source)
        with self.state.lock:
            self.mappings[row["UUID"]] = row
        self._poll(row["UUID"])
        return self._mapping_shown(row)

    @operation
    def update_event_source_mapping(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        _refuse(request)
        with self.state.lock:
            row = dict(self.mapping(request["UUID"]))
            if "FunctionName" in request:
                record = self.state.record(request["FunctionName"])
                row |= {"Function": record["FunctionName"], "FunctionArn": record["FunctionArn"]}
            row |= {name: request[name] for name in (*_KEPT, "Enabled") if name in request}
            row["Changed"] = call.time
            self._check(row, self.state.record(row["Function"]))
            self.mappings[row["UUID"]] = row
        self._poll(row["UUID"])
        return self._mapping_shown(row)

    @operation
    def get_event_source_mapping(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        return self._mapping_shown(self.mapping(request["UUID"]))

    @operation
    def list_event_source_mappings(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        rows = [self.mappings[key] for key in sorted(self.mappings)]
        if "EventSourceArn" in request:
            rows = [row for row in rows if row["EventSourceArn"] == request["EventSourceArn"]]
        if "FunctionName" in request:
            name = function_name(request["FunctionName"])
            rows = [row for row in rows if row["Function"] == name]
        page, marker = paged([row["UUID"] for row in rows], request, 100)
        shown = [self._mapping_shown(row) for row in rows if row["UUID"] in page]
        answer: dict[str, Any] = {"EventSourceMappings": shown}
        return {**answer, "NextMarker": marker} if marker else answer

    @operation
    def delete_event_source_mapping(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        with self.state.lock:
            row = self.mapping(request["UUID"])
            del self.mappings[row["UUID"]]
        self._poll(row["UUID"])
        return {**self._mapping_shown(row), "State": "Deleting"}

    def _poll(self, key: str) -> None:
        """Let the mapping's poller run as its record says."""
        with self.state.lock:
            before = self._pollers.pop(key, None)
            row = self.mappings.get(key)
            if before is not None:
                before.stop()
            if row is not None and row["Enabled"]:
                poller = Poller(self.cloud, dict(row), self._run_batch, self._note, self._role)
                self._pollers[key] = poller
                poller.start()

    def _run_batch(self, name: str, payload: bytes) -> Any:
        return self._invocations.run(name, payload)[0]

    def _role(self, name: str) -> str:
        return str(self.state.record(name)["Role"])

    def _note(self, key: str, result: str) -> None:
        with self.state.lock:
            row = self.mappings.get(key)
            if row is not None and row["LastProcessingResult"] != result:
                row["LastProcessingResult"] = result
                self.mappings.save(key)

    def _check(self, row: dict[str, Any], record: dict[str, Any]) -> None:
        size, window = row["BatchSize"], row["MaximumBatchingWindowInSeconds"]
        fifo = row["EventSourceArn"].endswith(".fifo")
        if size > (10 if fifo else 10_000):
            raise records.invalid(f"BatchSize {size} is above what this kind of queue allows")
        if fifo and window:
            raise records.invalid("Batching window is not supported for FIFO queues")
        if size > 10 and window < 1:
            raise records.invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
                "greater than 10"
            )
        attributes = self.cloud.call(
            "sqs",
            "GetQueueAttributes",
            {
                "QueueUrl": row["EventSourceArn"].rpartition(":")[2],
                "AttributeNames": ["VisibilityTimeout"],
            },
        )["Attributes"]
        visibility = int(attributes["VisibilityTimeout"])
        if visibility < record["Timeout"]:
            raise records.invalid(
                f"Queue visibility timeout: {visibility} seconds is less than Function timeout: "
                f"{record['Timeout']} seconds"
            )

    def _mapping_shown(self, row: dict[str, Any]) -> dict[str, Any]:
        answer = {
            "UUID": row["UUID"],
            "EventSourceArn": row["EventSourceArn"],
            "FunctionArn": row["FunctionArn"],
            "EventSourceMappingArn": self.cloud.arn(
                "lambda", f"event-source-mapping:{row['UUID']}"
            ),
            "State": "Enabled" if row["Enabled"] else "Disabled",
            "StateTransitionReason": "USER_INITIATED",
            "LastModified": row["Changed"],
            "LastProcessingResult": row["LastProcessingResult"],
        }
        return answer | {name: row[name] for name in _KEPT if name in row}


def _refuse(request: dict[str, Any]) -> None:
    for name, value in request.items():
        if name not in _HANDLED and value not in (None, [], {}):
            raise records.invalid(
                f"the local cloud does not support {name} of an event source mapping"
            )
