"""How much of a function may run at once, and what becomes of its asynchronous events."""

from typing import Any

from everloop_localcloud.functions import records
from everloop_localcloud.functions.part import Part
from everloop_localcloud.functions.role import check_destinations
from everloop_localcloud.kernel.account import Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError

_ACCOUNT_CONCURRENCY = 1000
_UNRESERVED_LEAST = 100
_EVENT_MEMBERS = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")


class Settings(Part):
    """Reserved concurrency and the asynchronous invocation's configuration."""

    @operation
    def put_function_concurrency(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request["ReservedConcurrentExecutions"]
        with self.state.lock:
            record = self.state.record(request["FunctionName"])
            others = sum(
                one.get("ReservedConcurrentExecutions", 0)
                for one in self.state.records.values()
                if one is not record
            )
            if others + wanted > _ACCOUNT_CONCURRENCY - _UNRESERVED_LEAST:
                raise records.invalid(
                    "Specified ReservedConcurrentExecutions for function decreases account's "
                    "UnreservedConcurrentExecution below its minimum value of [100]."
                )
            record["ReservedConcurrentExecutions"] = wanted
            self.state.records.save(record["FunctionName"])
        return {"ReservedConcurrentExecutions": wanted}

    @operation
    def get_function_concurrency(self, call: Call, request: dict[str, Any]) -> dict[str, Any]:
        record = self.state.record(request["FunctionName"])
        if "ReservedConcurrentExecutions" not in record:
            return {}
        return {"ReservedConcurrentExecutions": record["ReservedConcurrentExecutions"]}

    @operation
    def delete_function_concurrency(self, call: Call, request: dict[str, Any]) -> None:
        with self.state.lock:
            record = self.state.record(request["FunctionName"])
            record.pop("ReservedConcurrentExecutions", None)
            self.state.records.save(record["FunctionName"])

    @operation
    def put_function_event_invoke_config(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        return self._configure(call, request, {})

    @operation
    def update_function_event_invoke_config(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        return self._configure(call, request, self._existing(request)["EventInvokeConfig"])

    @operation
    def get_function_event_invoke_config(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        return _shown(self._existing(request))

    @operation
    def delete_function_event_invoke_config(self, call: Call, request: dict[str, Any]) -> None:
        with self.state.lock:
            record = self._existing(request)
            del record["EventInvokeConfig"]
            self.state.records.save(record["FunctionName"])

    @operation
    def list_function_event_invoke_configs(
        self, call: Call, request: dict[str, Any]
    ) -> dict[str, Any]:
        record = self.state.record(request["FunctionName"])
        known = "EventInvokeConfig" in record
        return {"FunctionEventInvokeConfigs": [_shown(record)] if known else []}

    def _configure(
        self, call: Call, request: dict[str, Any], before: dict[str, Any]
    ) -> dict[str, Any]:
        with self.state.lock:
            record = self.state.record(request["FunctionName"], request.get("Qualifier"))
            settings = {**before, **{k: request[k] for k in _EVENT_MEMBERS if k in request}}
            check_destinations(self.cloud, record, settings.get("DestinationConfig") or {})
            record["EventInvokeConfig"] = settings | {"LastModified": call.time}
            self.state.records.save(record["FunctionName"])
            return _shown(record)

    def _existing(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self.state.record(request["FunctionName"], request.get("Qualifier"))
        if "EventInvokeConfig" not in record:
            raise AwsError(
                "ResourceNotFoundException",
                f"The function {record['FunctionArn']}:$LATEST doesn't have an EventInvokeConfig",
                404,
                Type="User",
            )
        return record


def _shown(record: dict[str, Any]) -> dict[str, Any]:
    return {**record["EventInvokeConfig"], "FunctionArn": record["FunctionArn"] + ":$LATEST"}
