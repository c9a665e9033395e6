"""Message move tasks: dead letters go back to where they came from, or elsewhere."""

import base64
import json
import uuid
from typing import TYPE_CHECKING, Any

from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.errors import AwsError

if TYPE_CHECKING:
    from everloop_localcloud.sqs.registry import Registry

_BATCH = 100


class Moves:
    """Runs each task on a thread of its own; a task that was running goes on after a restart."""

    def __init__(self, registry: "Registry") -> None:
        self._registry = registry
        self._tasks = registry.cloud.store.table("sqs.moves")

    def resume(self) -> None:
        for handle, task in self._tasks.items():
            if task["status"] in ("RUNNING", "CANCELLING"):
                self._registry.cloud.spawn(self._run, handle, name="message-move")

    def begin(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        try:
            source = self._registry.by_arn(request["SourceArn"])
        except AwsError as error:
            raise _missing() from error
        sources = self._registry.sources_of(source)
        if not sources:
            raise AwsError(
                "InvalidParameterValue",
                "Source queue must be configured as a Dead Letter Queue.",
            )
        destination = request.get("DestinationArn") or ""
        if destination:
            try:
                self._registry.by_arn(destination)
            except AwsError as error:
                raise _missing() from error
        if any(
            task["source"] == source.arn and task["status"] == "RUNNING"
            for task in self._tasks.values()
        ):
            raise AwsError(
                "UnsupportedOperation",
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time.",
            )
        task_id = str(uuid.uuid4())
        text = json.dumps({"taskId": task_id, "sourceArn": source.arn})
        handle = base64.b64encode(text.encode()).decode()
        self._tasks[handle] = {
            "source": source.arn,
            "destination": destination,
            "rate": request.get("MaxNumberOfMessagesPerSecond"),
            "status": "RUNNING",
            "moved": 0,
            "total": source.visible(),
            "reason": "",
            "started": int(call.time.timestamp() * 1000),
        }
        self._registry.cloud.spawn(self._run, handle, name="message-move")
        return {"TaskHandle": handle}

    def listed(self, request: dict[str, Any]) -> dict[str, Any]:
        most = request.get("MaxResults", 1)
        tasks = [
            (handle, task)
            for handle, task in self._tasks.items()
            if task["source"] == request["SourceArn"]
        ]
        tasks.sort(key=lambda item: -int(item[1]["started"]))
        return {"Results": [_shown(handle, task) for handle, task in tasks[:most]]}

    def cancel(self, request: dict[str, Any]) -> dict[str, Any]:
        task = self._tasks.get(request["TaskHandle"])
        if task is None:
            raise AwsError("ResourceNotFoundException", "Task does not exist.", 404)
        if task["status"] != "RUNNING":
            raise AwsError(
                "UnsupportedOperation",
                f"Only active tasks can be cancelled: this one is {task['status']}.",
            )
        self._set(request["TaskHandle"], status="CANCELLING")
        return {"ApproximateNumberOfMessagesMoved": task["moved"]}

    def _set(self, handle: str, **members: Any) -> None:
        self._tasks[handle] = {**self._tasks[handle], **members}

    def _run(self, handle: str) -> None:
        task = self._tasks[handle]
        try:
            self._move(handle, task)
        except AwsError as error:
            self._set(handle, status="FAILED", reason=error.code)

    def _move(self, handle: str, task: dict[str, Any]) -> None:
        source = self._registry.by_arn(task["source"])
        left = max(0, task["total"] - task["moved"])
        while left:
            if self._tasks[handle]["status"] == "CANCELLING":
                self._set(handle, status="CANCELLED")
                return
            moved = self._registry.move(
                source, task["destination"], min(left, task["rate"] or _BATCH)
            )
            if not moved:
                break
            left -= moved
            self._set(handle, moved=self._tasks[handle]["moved"] + moved)
            if task["rate"]:
                self._registry.cloud.clock.sleep(moved / task["rate"])
        self._set(handle, status="COMPLETED")


def _missing() -> AwsError:
    return AwsError(
        "ResourceNotFoundException", "The resource that you specified doesn't exist.", 404
    )


def _shown(handle: str, task: dict[str, Any]) -> dict[str, Any]:
    shown = {
        "Status": task["status"],
        "SourceArn": task["source"],
        "ApproximateNumberOfMessagesMoved": task["moved"],
        "ApproximateNumberOfMessagesToMove": task["total"],
        "StartedTimestamp": task["started"],
    }
    if task["status"] == "RUNNING":
        shown["TaskHandle"] = handle
    if task["destination"]:
        shown["DestinationArn"] = task["destination"]
    if task["rate"]:
        shown["MaxNumberOfMessagesPerSecond"] = task["rate"]
    if task["reason"]:
        shown["FailureReason"] = task["reason"]
    return shown
