"""Step Functions: running state machines, and what brings its operations together."""

import threading
import uuid
from typing import Any, ClassVar

from everloop_localcloud.kernel.account import Account, Call
from everloop_localcloud.kernel.api import operation
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.states import json_text, role
from everloop_localcloud.states.errors import LARGEST_PAYLOAD, TIMEOUT
from everloop_localcloud.states.executions import Executions
from everloop_localcloud.states.machines import MachineOperations, Row, check_name, paged
from everloop_localcloud.states.reads import READS
from everloop_localcloud.states.walk import Machine

_DATA = ("input", "output", "parameters", "cause")


class StepFunctions(MachineOperations):
    service = "stepfunctions"
    reads = READS
    partial: ClassVar[dict[str, str]] = {
        "CreateStateMachine": "publish, KMS keys and activities are refused; logging and tracing "
        "are stored, nothing is logged or traced; a Map state's ItemReader, ItemBatcher and "
        "ResultWriter are refused when it runs",
        "UpdateStateMachine": "as CreateStateMachine",
        "DeleteStateMachine": "deletes at once; executions under way go on",
        "StartExecution": "ARNs of versions and aliases are refused; traceHeader is ignored",
        "ListExecutions": "mapRunArn is refused: map runs are not kept",
        "TestState": "HTTP tasks, and integrations the local cloud does not have, are refused",
    }
    without_effect: ClassVar[dict[str, str]] = {
        "traceHeader": "no traces are written",
        "revealSecrets": "HTTP tasks, which have them, are refused",
    }

    def __init__(self, cloud: Account) -> None:
        super().__init__(cloud)
        self.lock = threading.Lock()
        self.machines = cloud.store.table("stepfunctions.machines")
        self.executions = Executions(cloud)

    def start(self) -> None:
        self.executions.resume()

    def stop(self) -> None:
        self.executions.interrupt()

    # Running

    @operation
    def start_execution(self, call: Call, request: Row) -> Row:
        machine = self.machine(request["stateMachineArn"])
        name = request.get("name") or str(uuid.uuid4())
        check_name(name)
        text = _input(request)
        role.trace(self.cloud, machine)
        if machine["type"] == "EXPRESS":
            return self._start_express(machine, name, text)
        arn = self.cloud.arn("states", f"execution:{machine['name']}:{name}")
        with self.lock:
            known = self.executions.rows.get(arn)
            if known is not None:
                if known["status"] != "RUNNING" or known["input"] != text:
                    told = f"Execution Already Exists: '{arn}'"
                    raise AwsError("ExecutionAlreadyExists", told)
                return {"executionArn": arn, "startDate": known["started"]}
            row = {
                "arn": arn,
                "machine": machine["arn"],
                "revision": machine["revision"],
                "name": name,
                "status": "RUNNING",
                "input": text,
                "started": call.time,
            }
            self.executions.keep(row)
        self.cloud.propagation.made("execution", arn)
        self.executions.launch(row)
        return {"executionArn": arn, "startDate": call.time}

    def _express(self, machine: Row, name: str) -> tuple[Machine, str]:
        arn = self.cloud.arn("states", f"express:{machine['name']}:{name}:{uuid.uuid4()}")
        definition = json_text.loads(machine["definition"])
        return Machine(machine["arn"], machine["name"], machine["roleArn"], definition), arn

    def _start_express(self, machine: Row, name: str, text: str) -> Row:
        ready, arn = self._express(machine, name)
        run, _ = self.executions.express(ready, arn, name, json_text.loads(text))

        def execute() -> None:
            run.execute()

        self.cloud.spawn(execute, name=f"express execution {name}")
        return {"executionArn": arn, "startDate": run.started}

    @operation
    def start_sync_execution(self, call: Call, request: Row) -> Row:
        machine = self.machine(request["stateMachineArn"])
        if machine["type"] != "EXPRESS":
            raise AwsError(
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine",
            )
        name = request.get("name") or str(uuid.uuid4())
        check_name(name)
        text = _input(request)
        ready, arn = self._express(machine, name)
        run, _ = self.executions.express(ready, arn, name, json_text.loads(text))
        ending = run.execute()
        if ending is None:
            raise AwsError("InternalFailure", "the local cloud is stopping", 500)
        stopped = self.cloud.clock.now()
        answer: Row = {
            "executionArn": arn,
            "stateMachineArn": machine["arn"],
            "name": name,
            "startDate": run.started,
            "stopDate": stopped,
            "status": ending.status,
            "input": text,
            "inputDetails": {"included": True},
            "billingDetails": {
                "billedMemoryUsedInMB": 64,
                "billedDurationInMilliseconds": _billed(run.started, stopped),
            },
        }
        if ending.status == "SUCCEEDED":
            answer |= {
                "output": json_text.dumps(ending.output),
                "outputDetails": {"included": True},
            }
        error = TIMEOUT if ending.status == "TIMED_OUT" else ending.error
        told = {"error": error, "cause": ending.cause}
        return answer | {key: value for key, value in told.items() if value is not None}

    @operation
    def stop_execution(self, call: Call, request: Row) -> Row:
        row = self._execution(request["executionArn"])
        stopped = self.executions.stop(row["arn"], request.get("error"), request.get("cause"))
        return {"stopDate": stopped}

    # Reading

    def _execution(self, arn: str) -> Row:
        if ":execution:" not in arn:
            raise AwsError("InvalidArn", f"Invalid Arn: 'Resource type not valid in this context: "
                           f"{arn}'")  # fmt: skip
        row = self.executions.rows.get(arn)
        if row is None:
            raise _absent(arn)
        return row

    @operation
    def describe_execution(self, call: Call, request: Row) -> Row:
        row = self._execution(request["executionArn"])
        if self.cloud.propagation.misses("execution", row["arn"]):
            raise _absent(row["arn"])
        ended = row["status"] in ("FAILED", "TIMED_OUT", "ABORTED")
        answer: Row = {
            "executionArn": row["arn"],
            "stateMachineArn": row["machine"],
            "name": row["name"],
            "status": row["status"],
            "startDate": row["started"],
            "redriveCount": 0,
            "redriveStatus": "REDRIVABLE" if ended else "NOT_REDRIVABLE",
        }
        if not ended:
            told = "cannot be redriven"
            answer["redriveStatusReason"] = f"Execution is {row['status']} and {told}"
        if request.get("includedData") != "METADATA_ONLY":
            answer |= {"input": row["input"], "inputDetails": {"included": True}}
            if "output" in row:
                answer |= {"output": row["output"], "outputDetails": {"included": True}}
            answer |= {key: row[key] for key in ("error", "cause") if row.get(key) is not None}
        if "stopped" in row:
            answer["stopDate"] = row["stopped"]
        return answer

    @operation
    def list_executions(self, call: Call, request: Row) -> Row:
        if "mapRunArn" in request:
            raise AwsError("ResourceNotFound", "the local cloud keeps no map runs: use "
                           "stateMachineArn")  # fmt: skip
        if "stateMachineArn" not in request:
            raise AwsError("ValidationException", "stateMachineArn or mapRunArn is required")
        machine = self.machine(request["stateMachineArn"])
        if machine["type"] == "EXPRESS":
            raise AwsError(
                "StateMachineTypeNotSupported",
                "This operation is not supported by this type of state machine",
            )
        rows = [
            row
            for row in self.executions.rows.values()
            if row["machine"] == machine["arn"]
            and request.get("statusFilter") in (None, row["status"])
            and request.get("redriveFilter") != "REDRIVEN"
        ]
        rows.sort(key=lambda row: row["started"], reverse=True)
        page, more = paged(rows, request)
        return {"executions": [_listed(row) for row in page], **more}

    @operation
    def get_execution_history(self, call: Call, request: Row) -> Row:
        row = self._execution(request["executionArn"])
        events = self.executions.events(row["arn"])
        if request.get("reverseOrder"):
            events.reverse()
        page, more = paged(events, request)
        if request.get("includeExecutionData") is False:
            page = [_bare(event) for event in page]
        return {"events": page, **more}

    @operation
    def describe_state_machine_for_execution(self, call: Call, request: Row) -> Row:
        row = self._execution(request["executionArn"])
        revision = self.executions.revisions[f"{row['machine']}#{row['revision']}"]
        return {
            "stateMachineArn": row["machine"],
            "name": row["machine"].rpartition(":")[2],
            "definition": revision["definition"],
            "roleArn": revision["roleArn"],
            "updateDate": revision["updated"],
            "revisionId": row["revision"],
        }

    # Task tokens

    @operation
    def send_task_success(self, call: Call, request: Row) -> None:
        try:
            output = json_text.loads(request["output"])
        except ValueError as error:
            raise AwsError("InvalidOutput", f"Invalid Output: '{error}'") from error
        if len(request["output"].encode()) > LARGEST_PAYLOAD:
            raise AwsError("InvalidOutput", f"Invalid Output: 'above {LARGEST_PAYLOAD} bytes'")
        self.executions.tokens.answer(request["taskToken"], {"output": output})

    @operation
    def send_task_failure(self, call: Call, request: Row) -> None:
        outcome: Row = {key: request[key] for key in ("error", "cause") if key in request}
        self.executions.tokens.answer(request["taskToken"], outcome)

    @operation
    def send_task_heartbeat(self, call: Call, request: Row) -> None:
        self.executions.tokens.beat(request["taskToken"])


def _absent(arn: str) -> AwsError:
    return AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")


def _input(request: Row) -> str:
    """Return the input's text as it was given. Raises AwsError InvalidExecutionInput."""
    text = str(request.get("input", "{}"))
    try:
        json_text.loads(text)
    except ValueError as error:
        told = f"Invalid State Machine Execution Input: '{error}'"
        raise AwsError("InvalidExecutionInput", told) from error
    if len(text.encode()) > LARGEST_PAYLOAD:
        told = f"Invalid State Machine Execution Input: 'above {LARGEST_PAYLOAD} bytes'"
        raise AwsError("InvalidExecutionInput", told)
    return text


def _billed(started: Any, stopped: Any) -> int:
    """Express executions are billed in steps of 100 ms."""
    return max(1, -(-int((stopped - started).total_seconds() * 1000) // 100)) * 100


def _listed(row: Row) -> Row:
    found = {
        "executionArn": row["arn"],
        "stateMachineArn": row["machine"],
        "name": row["name"],
        "status": row["status"],
        "startDate": row["started"],
        "redriveCount": 0,
    }
    return found | ({"stopDate": row["stopped"]} if "stopped" in row else {})


def _bare(event: Row) -> Row:
    """Return an event without the execution's data."""
    bare = {}
    for member, value in event.items():
        if isinstance(value, dict):
            value = {key: item for key, item in value.items() if key not in _DATA}
        bare[member] = value
    return bare
