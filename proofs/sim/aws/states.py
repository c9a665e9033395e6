"""Step Functions: the local cloud's interpreter in virtual time, with AWS's rules for names."""

import json
from dataclasses import dataclass
from typing import Any

from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.kernel.task_tokens import execution_of
from everloop_localcloud.states import integrations, json_text
from everloop_localcloud.states.errors import TASK_FAILED, StateError
from everloop_localcloud.states.history import History
from everloop_localcloud.states.run import Ending, Run
from everloop_localcloud.states.walk import Machine as Definition
from everloop_localcloud.states.world import TaskCall, Waiting

Params = dict[str, Any]
_MOST_EXECUTIONS = 300  # a busy history has some thirty
UNTOLD = ("unreported", "States.Runtime")  # how a machine ends of which only an alarm tells


@dataclass
class Execution:
    arn: str
    name: str
    machine: str
    given: str
    started: Any
    run: Run
    ending: Ending | None = None
    ended_at: float = 0.0

    @property
    def status(self) -> str:
        return self.ending.status if self.ending else "RUNNING"


class States:
    def __init__(self, account: Any) -> None:
        self._account = account
        self._kernel = account.kernel
        self.executions: dict[str, Execution] = {}
        self._waits: dict[str, Waiting] = {}
        self.tokens: set[str] = set()  # all that were ever handed out

    # what clients call

    def start_execution(self, caller: Any, params: Params) -> Params:
        machine = self._account.stack.machines.get(params["stateMachineArn"])
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", params["stateMachineArn"])
        name, given = params["name"], params["input"]
        arn = f"{machine.arn.replace(':stateMachine:', ':execution:')}:{name}"
        known = self.executions.get(arn)
        if known is not None:
            if known.status == "RUNNING" and known.given == given:
                return {"executionArn": arn, "startDate": known.started}
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        run = Run(
            machine=Definition(
                machine.arn, machine.name, self._account.stack.role_arns[machine.role],
                machine.definition,
            ),
            arn=arn,
            name=name,
            value=json.loads(given),
            started=self._kernel.moment(),
            world=self,
            history=History(self._kernel.moment, lambda event: None),
        )  # fmt: skip
        execution = Execution(arn, name, machine.name, given, run.started, run)
        self.executions[arn] = execution
        if len(self.executions) == _MOST_EXECUTIONS:
            self._kernel.give_up(f"{_MOST_EXECUTIONS} executions")
        self._account.note("started", f"{machine.name} {name}")
        self._kernel.spawn(lambda: self._follow(execution))
        return {"executionArn": arn, "startDate": run.started}

    def _follow(self, execution: Execution) -> None:
        ending = execution.run.execute()
        assert ending is not None  # nobody interrupts it
        execution.ending, execution.ended_at = ending, self._kernel.now
        said = f": {ending.error} {str(ending.cause)[:160]}" if ending.error else ""
        self._account.note("ended", f"{execution.machine} {execution.name} {ending.status}{said}")
        if ending.error in UNTOLD or ending.status == "ABORTED":
            self._account.moments.died(execution.machine, execution.name)

    def stop_execution(self, caller: Any, params: Params) -> Params:
        self.executions[params["executionArn"]].run.stop(Ending("ABORTED"))
        return {"stopDate": self._kernel.moment()}

    def describe_execution(self, caller: Any, params: Params) -> Params:
        found = self.executions.get(params["executionArn"])
        if found is None:
            told = f"Execution Does Not Exist: '{params['executionArn']}'"
            raise AwsError("ExecutionDoesNotExist", told)
        machine = found.arn.replace(":execution:", ":stateMachine:").rpartition(":")[0]
        return {
            "executionArn": found.arn,
            "stateMachineArn": machine,
            "name": found.name,
            "status": found.status,
            "startDate": found.started,
            "input": found.given,
        }

    def send_task_success(self, caller: Any, params: Params) -> Params:
        token = params["taskToken"]
        if execution_of(token) is None:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        waiting = self._waits.get(token)
        if waiting is None or waiting.outcome is not None:
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        waiting.outcome = {"output": json.loads(params["output"])}
        waiting.signal.set()
        return {}

    # the interpreter's world

    def now(self) -> Any:
        return self._kernel.moment()

    def signal(self) -> Any:
        return self._kernel.signal()

    def after(self, seconds: float, action: Any) -> Any:
        return self._kernel.after(seconds, action)

    def spawn(self, action: Any) -> None:
        self._kernel.spawn(action)

    def random(self) -> float:
        return float(self._kernel.chance("machines").random())

    def uuid(self) -> str:
        number = f"{self._kernel.chance('machines').getrandbits(128):032x}"
        return f"{number[:8]}-{number[8:12]}-4{number[13:16]}-8{number[17:20]}-{number[20:]}"

    def expect(self, token: str, execution_arn: str) -> Waiting:
        self.tokens.add(token)
        return self._waits.setdefault(token, Waiting(self._kernel.signal()))

    def forget(self, token: str) -> None:
        self._waits.pop(token, None)

    def submit(self, call: TaskCall) -> Any:
        self._kernel.pause(self._kernel.chance("machines").uniform(0.005, 0.3))
        service = call.resource.service
        kind = self._account.faults.at_machine(service)
        if kind:
            self._account.note(f"machine {kind}", f"{call.resource.name} of {call.execution_arn}")
        if kind in ("throttle", "fault"):
            raise integrations.named(call.resource, call.resource.operation, _error(kind, service))
        answer = integrations.submit(call, self._call)
        if kind == "lost":
            prefix = integrations.java_name(service)
            raise StateError(f"{prefix}.SdkClientException", "Unable to execute HTTP request")
        return answer

    def follow(self, call: TaskCall, submitted: Any, stopped: Any) -> Any:
        job = self._account.jobs.processing[call.arguments["ProcessingJobName"]]
        job.done.wait()
        if job.status != "Completed":
            raise StateError(TASK_FAILED, json_text.dumps({"FailureReason": job.reason}))
        return {"ProcessingJobName": job.name, "ProcessingJobStatus": job.status}

    def halt(self, call: TaskCall, submitted: Any) -> None:
        self._account.jobs.processing[call.arguments["ProcessingJobName"]].done.set()

    def _call(self, service: str, operation: str, request: Params, role: str) -> Params:
        caller = self._account.machine_caller(role)
        answer: Params = self._account.call(caller, service, operation, request)
        return answer


def _error(kind: str, service: str) -> AwsError:
    """Return what an API says that is too busy, or broken."""
    if service == "lambda":
        if kind == "throttle":
            return AwsError("TooManyRequestsException", "Rate Exceeded.", 429)
        return AwsError("ServiceException", "Service exception.", 500)
    if kind == "throttle":
        return AwsError("ThrottlingException", "Rate exceeded")
    code = "InternalServerError" if service == "dynamodb" else "InternalFailure"
    return AwsError(code, "Internal failure.", 500)
