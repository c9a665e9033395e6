"""TestState: one state on one input, with a mocked answer or a real one."""

from collections.abc import Callable
from typing import Any

from everloop_localcloud.kernel.errors import AwsError, validation
from everloop_localcloud.states import (
    errors,
    json_text,
    jsonata,
    mocks,
    resources,
    retrying,
    timestamps,
)
from everloop_localcloud.states.errors import StateError
from everloop_localcloud.states.jsonata_query import JsonataQuery
from everloop_localcloud.states.jsonpath_query import JsonpathQuery
from everloop_localcloud.states.query import Query, Reading
from everloop_localcloud.states.validation import Diagnostic, validate, validate_state
from everloop_localcloud.states.world import TaskCall, World

_WORKING = ("Task", "Map", "Parallel")
_UNNAMED = "StateName"


def invalid_definition(found: list[Diagnostic]) -> AwsError:
    """Return AWS's error for a definition that has these faults."""
    told = ", ".join(one.text() for one in found)
    return AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{told}'")


def judged(text: str, kind: str = "STANDARD") -> dict[str, Any]:
    """Return a definition that may run. Raises AwsError InvalidDefinition."""
    found = validate(text, kind)
    if found:
        raise invalid_definition(found)
    definition: dict[str, Any] = json_text.loads(text)
    return definition


def _parsed(text: str, error: Callable[[], AwsError]) -> Any:
    try:
        return json_text.loads(text)
    except ValueError:
        raise error() from None


def _find(states: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Find a state by its name, also inside Map and Parallel states."""
    if name in states:
        found: dict[str, Any] = states[name]
        return found
    for state in states.values():
        inner = [state.get("ItemProcessor"), state.get("Iterator"), *state.get("Branches", [])]
        for machine in inner:
            if machine and (found_inside := _find(machine.get("States", {}), name)):
                return found_inside
    return None


class StateTest:
    """One call of TestState."""

    def __init__(self, request: dict[str, Any], world: World, account: str, region: str) -> None:
        self._request = request
        self._world = world
        self._account = account
        self._region = region
        self._mock = request.get("mock")
        self._settings = request.get("stateConfiguration") or {}
        self._name, self._definition, self._language = self._chosen()
        self._kind = self._definition["Type"]
        mocks.check(request, self._definition)
        self._input = _parsed(
            request.get("input", "{}"),
            lambda: AwsError("InvalidExecutionInput", "Invalid State Machine Execution Input"),
        )
        self._context = self._made_context()
        self._inspection: dict[str, Any] = {"input": self._input}
        self._query = self._made_query()

    def _chosen(self) -> tuple[str, dict[str, Any], str]:
        text, name = self._request["definition"], self._request.get("stateName")
        parsed = _parsed(text, lambda: invalid_definition(validate(text)))
        if isinstance(parsed, dict) and "States" in parsed:
            machine = judged(text)
            if name is None:
                raise validation("stateName is required when the definition is a state machine")
            state = _find(machine["States"], name)
            if state is None:
                raise validation(f"State '{name}' not found in definition")
            language = machine.get("QueryLanguage", "JSONPath")
            return name, state, state.get("QueryLanguage", language)
        if name is not None:
            raise validation("stateName is only allowed when the definition is a state machine")
        if found := validate_state(parsed):
            raise invalid_definition(found)
        return _UNNAMED, parsed, parsed.get("QueryLanguage", "JSONPath")

    def _made_context(self) -> dict[str, Any]:
        machine, name = self._world.uuid(), self._world.uuid()
        arn = f"arn:aws:states:{self._region}:{self._account}"
        now = timestamps.written(self._world.now())
        state: dict[str, Any] = {"Name": self._name, "EnteredTime": now}
        if self._kind in _WORKING:
            state["RetryCount"] = self._settings.get("retrierRetryCount", 0)
        role = self._request.get("roleArn", f"arn:aws:iam::{self._account}:role/unknown")
        context: dict[str, Any] = {
            "Execution": {
                "Id": f"{arn}:express:{machine}:{name}:{self._world.uuid()}",
                "Input": self._input,
                "Name": name,
                "RoleArn": role,
                "StartTime": now,
            },
            "StateMachine": {"Id": f"{arn}:stateMachine:{machine}", "Name": machine},
            "State": state,
        }
        given = mocks.context(self._request.get("context"))
        for part, value in given.items():
            known = context.get(part)
            context[part] = {**known, **value} if isinstance(known, dict) else value
        return context

    def _made_query(self) -> Query:
        functions = jsonata.functions(self._world.now, self._world.random, self._world.uuid)
        variables = _parsed(
            self._request.get("variables", "{}"),
            lambda: validation("Provided variables must be valid JSON"),
        )
        if not isinstance(variables, dict):
            raise validation("Provided variables must be a JSON object")
        self._variables = variables
        reading = Reading(
            self._definition, self._name, self._input, self._context, variables, functions
        )
        if self._language == "JSONata":
            return JsonataQuery(reading)
        return JsonpathQuery(reading, self._world.random, self._world.uuid)

    def answer(self) -> dict[str, Any]:
        """Run the state once; return TestState's answer."""
        try:
            found = self._worked() if self._kind in _WORKING else self._passed()
        except StateError as error:
            found = self._failed(error)
        if self._request.get("inspectionLevel", "INFO") != "INFO":
            found["inspectionData"] = {
                key: value if key in mocks.NUMBERS else json_text.dumps(value)
                for key, value in self._inspection.items()
            }
        return found

    def _succeeded(
        self, output: Any, following: str | None, assigned: dict[str, Any]
    ) -> dict[str, Any]:
        if assigned or self._variables:
            self._inspection["variables"] = {**self._variables, **assigned}
        found = {"status": "SUCCEEDED", "output": json_text.dumps(output)}
        if following is not None:
            found["nextState"] = following
        return found

    def _passed(self) -> dict[str, Any]:
        if self._kind == "Choice":
            chosen = self._query.choice()
            if chosen is None:
                told = "Failed to transition out of the state. The state does not point to a next"
                raise StateError("States.NoChoiceMatched", f"{told} state.", located=True)
            return self._succeeded(chosen.output, chosen.next, chosen.assigned)
        if self._kind == "Fail":
            error, cause = self._query.failure()
            raise StateError(error, cause)
        if self._kind == "Wait":
            self._query.wait_until(self._world.now())  # judged, but nobody waits for it
        output, assigned = self._query.passed()
        return self._succeeded(output, self._definition.get("Next"), assigned)

    def _worked(self) -> dict[str, Any]:
        if self._kind == "Task":
            result = self._task()
        else:
            if self._kind == "Map":
                self._map()
            else:
                self._query.arguments()
            result = self._mocked()
        output, assigned = self._query.output(result), self._query.assigned(result)
        return self._succeeded(output, self._definition.get("Next"), assigned)

    def _task(self) -> Any:
        resource = resources.parse(self._definition["Resource"])
        token = None
        if resource.waits_for_token:
            token = self._context.setdefault("Task", {}).setdefault("Token", self._world.uuid())
        arguments = self._query.arguments()
        if self._language == "JSONata":
            if "Arguments" in self._definition:
                self._inspection["afterArguments"] = arguments
        else:
            self._inspection["afterParameters"] = arguments
        for field in ("TimeoutSeconds", "HeartbeatSeconds"):
            self._query.seconds(field)
        if self._mock is not None:
            result = self._mocked()
        else:
            call = TaskCall(
                resource=resource,
                arguments=arguments,
                execution_arn=self._context["Execution"]["Id"],
                role_arn=self._query.role() or self._request["roleArn"],
                key=self._world.uuid(),
                token=token,
                entered=self._world.now(),
            )
            result = self._world.submit(call)
        self._inspection["result"] = result
        return result

    def _map(self) -> None:
        """Evaluate what a Map state says before its iterations begin."""
        reader = self._settings.get("mapItemReaderData")
        if reader is not None:
            items = _parsed(reader, lambda: validation("mapItemReaderData must be valid JSON"))
            if not isinstance(items, list):
                raise validation("mapItemReaderData must be a JSON array")
        else:
            items = self._query.items()
        if "ItemSelector" in self._definition:
            self._inspection["afterItemSelector"] = [
                self._query.item(
                    {**self._context, "Map": {"Item": {"Index": index, "Value": item}}}, item
                )
                for index, item in enumerate(items)
            ]
        self._inspection["maxConcurrency"] = int(self._query.limit("MaxConcurrency") or 0)
        count = self._query.limit("ToleratedFailureCount")
        share = self._query.limit("ToleratedFailurePercentage")
        if count is not None:
            self._inspection["toleratedFailureCount"] = int(count)
        if share is not None:
            self._inspection["toleratedFailurePercentage"] = share
        failures = self._settings.get("mapIterationFailureCount")
        if failures is None:
            return
        if failures > len(items):
            raise validation(
                "Map iteration failure count must be less than or equal to the number of Map"
                " iterations"
            )
        by_share = share is not None and items and 100 * failures / len(items) > share
        if (count is not None and failures > count) or by_share:
            raise StateError(
                errors.THRESHOLD, "The specified tolerated failure threshold was exceeded"
            )

    def _mocked(self) -> Any:
        mock = self._mock or {}
        if "errorOutput" in mock:
            raise StateError(mock["errorOutput"].get("error"), mock["errorOutput"].get("cause"))
        return json_text.loads(mock["result"])

    def _failed(self, error: StateError) -> dict[str, Any]:
        if error.located:
            error.located = False
            error.cause = (
                f"An error occurred while executing the state '{self._name}' (entered at the event"
                f" id #0). {error.cause}"
            )
        found: dict[str, Any] = {"status": "FAILED"}
        if error.error is not None:
            found["error"] = error.error
        if error.cause is not None:
            found["cause"] = error.cause
        if self._kind not in _WORKING:
            return found
        done = self._settings.get("retrierRetryCount", 0)
        counts = {str(index): done for index in range(len(self._definition.get("Retry", [])))}
        again = retrying.retry(self._definition, error, counts)
        if again is not None:
            self._inspection["errorDetails"] = {
                "retryBackoffIntervalSeconds": int(again.delay),
                "retryIndex": again.index,
            }
            return {**found, "status": "RETRIABLE"}
        caught = retrying.catcher(self._definition, error)
        if caught is None:
            return found
        index, rule = caught
        self._inspection["errorDetails"] = {"catchIndex": index}
        try:
            output, assigned = self._query.caught(rule, error.output())
        except StateError as worse:
            return {"status": "FAILED", "error": worse.error or "", "cause": worse.cause or ""}
        told: dict[str, Any] = self._succeeded(output, rule["Next"], assigned)
        return {**told, **found, "status": "CAUGHT_ERROR"}
