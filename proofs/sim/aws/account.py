"""The account: its services, who may call them, and what it saw."""

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from everloop_localcloud.kernel.access.demands import Demand, Place, demands
from everloop_localcloud.kernel.access.evaluation import evaluate
from everloop_localcloud.kernel.access.record import wanted
from everloop_localcloud.kernel.errors import AwsError
from proofs.sim.aws import content
from proofs.sim.aws.bus import Bus
from proofs.sim.aws.dynamodb import DynamoDb
from proofs.sim.aws.functions import Functions
from proofs.sim.aws.hosting import Hosting
from proofs.sim.aws.jobs import Jobs
from proofs.sim.aws.model_cards import ModelCards
from proofs.sim.aws.registry import Registry
from proofs.sim.aws.room import Room
from proofs.sim.aws.s3 import S3
from proofs.sim.aws.states import States
from proofs.sim.aws.telling import Telling
from proofs.sim.ledger import Ledger
from proofs.sim.stack import stack
from proofs.template import ACCOUNT, REGION

Params = dict[str, Any]
_RECORD = wanted("sim")
_KNOWN = {"aws:securetransport": "true", "aws:principalaccount": ACCOUNT}


@dataclass(frozen=True)
class Caller:
    """Who calls, other than a function: a machine, or a person (who has no role of ours)."""

    name: str
    role: str = ""


PERSON = Caller("ana")


class Account:
    """AWS as the stack sees it, for one history."""

    def __init__(self, kernel: Any, faults: Any, judge: Any, trace: Any) -> None:
        self.kernel = kernel
        self.faults = faults
        self.judge = judge
        self._trace = trace
        self.stack = stack()
        self.data_bucket = self.stack.environment["DATA_BUCKET"]
        self.artefact_bucket = self.stack.environment["ARTEFACT_BUCKET"]
        self.bus = Bus(self)
        self.functions = Functions(self)
        self.table = DynamoDb(self)
        self.ledger = Ledger(self.table)
        self.s3 = S3(self)
        self.states = States(self)
        self.registry = Registry(self)
        self.room = Room(self)
        self.jobs = Jobs(self)
        self.hosting = Hosting(self)
        self.telling = Telling(self)
        self.moments: Any = None  # who hears of every call, once there are people
        self._services = {
            "dynamodb": (self.table,),
            "s3": (self.s3,),
            "stepfunctions": (self.states,),
            "sagemaker": (self.registry, ModelCards(self), self.jobs, self.hosting),
            "sagemaker-runtime": (self.hosting,),
            "events": (self.telling,),
            "sns": (self.telling,),
            "scheduler": (self.telling,),
            "cloudwatch": (self.telling,),
            "application-autoscaling": (self.telling,),
            "lambda": (self,),
        }
        judge.watch(self)

    def call(self, caller: Any, service: str, operation: str, params: Params) -> Params:
        """Make a call take effect and return its result. Raises AwsError."""
        if caller.role:
            self._permit(caller, service, operation, params)
        name = _snake(operation)
        part = next((part for part in self._services[service] if hasattr(part, name)), None)
        if part is None:
            raise NotImplementedError(f"the simulator has no {service}.{operation}")
        self._trace.call(self.kernel.now, caller.name, service, operation, params)
        self.judge.before(caller, service, operation, params)
        answer: Params = getattr(part, name)(caller, params)
        self.judge.after(caller, service, operation, params, answer)
        if self.moments is not None:
            self.moments.called(caller, operation, params)
        return answer

    def note(self, kind: str, text: str) -> None:
        self._trace.note(self.kernel.now, kind, text)

    def machine_caller(self, role_arn: str) -> Caller:
        role = next(name for name, arn in self.stack.role_arns.items() if arn == role_arn)
        return Caller(f"machine {role}", role)

    def invoke(self, caller: Any, params: Params) -> Params:
        """Lambda's Invoke, as machines make it; and asynchronously, as functions do."""
        if params.get("InvocationType") == "Event":
            function, event = params["FunctionName"], content.read_json(params["Payload"])
            self.kernel.spawn(lambda: self.bus.invoke_later(function, event))
            return {"StatusCode": 202, "Payload": b""}
        outcome = self.functions.invoke(params["FunctionName"], json.loads(params["Payload"]))
        failed = {"FunctionError": "Unhandled"} if outcome.error else {}
        return {
            "StatusCode": 200,
            "ExecutedVersion": "$LATEST",
            "Payload": outcome.payload,
            **failed,
        }

    def _permit(self, caller: Any, service: str, operation: str, params: Params) -> None:
        for demand in demands(service, operation, params, Place(ACCOUNT, REGION)):
            context = tuple((key, tuple(values)) for key, values in demand.context.items())
            allowed = _allowed(caller.role, demand.action, demand.resource, context)
            if _RECORD is not None:
                _RECORD.note(caller.role, demand, allowed=allowed)
            if not allowed:
                self.judge.denied(caller, demand)
                told = f"{caller.role} is not authorized to perform: {demand.action}"
                raise AwsError("AccessDeniedException", f"{told} on {demand.resource}", 403)


@cache
def _allowed(role: str, action: str, resource: str | None, context: Any) -> bool:
    demand = Demand(action, resource, {key: list(values) for key, values in context})
    return evaluate(stack().roles[role], demand, _KNOWN).allowed


@cache
def _snake(operation: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", operation).lower()
