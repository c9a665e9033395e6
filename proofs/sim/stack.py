"""The stack as the simulator runs it: what the translated template says, with names resolved.

Read once per process; nothing of it changes in a history.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from everloop_localcloud.events.patterns import Pattern
from everloop_localcloud.kernel.access.evaluation import Statement
from proofs.sim import PRODUCT
from proofs.stack import Stack as Roles
from proofs.template import ACCOUNT, REGION, Json, Template, translated


@dataclass(frozen=True)
class Function:
    name: str
    arn: str
    handler: str  # the module in functions/
    role: str  # the logical id of its role
    timeout: float
    retries: int  # of asynchronous invocations
    on_failure: str  # the queue for what failed to the end


@dataclass(frozen=True)
class Rule:
    name: str
    bus: str
    pattern: Pattern
    target: str  # the ARN of a function or a queue


@dataclass(frozen=True)
class Mapping:
    """A queue that a function is fed from."""

    queue: str
    function: str
    batch: int
    window: float
    concurrency: int


@dataclass(frozen=True)
class Queue:
    name: str
    visibility: float
    receives: int  # before a message is dead
    dead: str


@dataclass(frozen=True)
class Machine:
    name: str
    arn: str
    role: str
    definition: Json


@dataclass(frozen=True)
class Stack:
    functions: dict[str, Function]  # by ARN
    rules: tuple[Rule, ...]
    mappings: tuple[Mapping, ...]
    queues: dict[str, Queue]  # by ARN
    machines: dict[str, Machine]  # by ARN
    roles: dict[str, tuple[Statement, ...]]  # by logical id
    role_arns: dict[str, str]
    environment: dict[str, str]
    tick: float  # seconds between reconciles

    def function(self, handler: str) -> Function:
        return next(each for each in self.functions.values() if each.handler == handler)


class _Template(Template):
    """The translated template, without its options."""

    def all(self, kind: str) -> dict[str, Json]:
        """Return the properties of the resources of a type, by logical id."""
        return dict(self.of(kind))

    def referred(self, logical: str, key: str) -> str:
        """Return the logical id of the role that a property refers to."""
        return str(self.raw[logical]["Properties"][key]["Fn::GetAtt"][0])


@cache
def stack() -> Stack:
    """Return the stack of template.yaml."""
    plain = translated(PRODUCT)
    template = _Template(plain, yes=False)
    functions = _functions(template)
    roles = Roles(plain, yes=False)
    named = {arn.rpartition(":")[2]: arn for arn in functions}
    return Stack(
        functions=functions,
        rules=tuple(_rules(template)),
        mappings=tuple(
            Mapping(
                found["EventSourceArn"],
                named[found["FunctionName"]],
                found["BatchSize"],
                float(found["MaximumBatchingWindowInSeconds"]),
                found["ScalingConfig"]["MaximumConcurrency"],
            )
            for found in template.all("AWS::Lambda::EventSourceMapping").values()
        ),
        queues=dict(_queues(template)),
        machines=_machines(template),
        roles={name: roles.statements(name) for name in template.all("AWS::IAM::Role")},
        role_arns={name: template.arn(name) for name in template.all("AWS::IAM::Role")},
        environment=_environment(template),
        tick=300.0,
    )


def _functions(template: _Template) -> dict[str, Function]:
    asynchronous = {
        found["FunctionName"]: found
        for found in template.all("AWS::Lambda::EventInvokeConfig").values()
    }
    functions = {}
    for logical, found in template.all("AWS::Lambda::Function").items():
        name = found["FunctionName"]
        own = asynchronous.get(name, {})
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        functions[arn] = Function(
            name=name,
            arn=arn,
            handler=found["Handler"].partition(".")[0],
            role=template.referred(logical, "Role"),
            timeout=float(found["Timeout"]),
            retries=own.get("MaximumRetryAttempts", 2),
            on_failure=own.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
        )
    return functions


def _environment(template: _Template) -> dict[str, str]:
    """Return the variables of the functions, which all have the same ones."""
    found = [
        {k: str(v) for k, v in each["Environment"]["Variables"].items()}
        for each in template.all("AWS::Lambda::Function").values()
    ]
    assert all(each == found[0] for each in found), "functions differ in their environments"
    return found[0]


def _rules(template: _Template) -> Any:
    for found in template.all("AWS::Events::Rule").values():
        for target in found["Targets"]:
            yield Rule(
                found["Name"],
                found.get("EventBusName", "default"),
                Pattern(json.dumps(found["EventPattern"])),
                target["Arn"],
            )


def _queues(template: _Template) -> Any:
    for found in template.all("AWS::SQS::Queue").values():
        redrive = found.get("RedrivePolicy", {})
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{found['QueueName']}"
        yield (
            arn,
            Queue(
                found["QueueName"],
                float(found.get("VisibilityTimeout", 30)),
                redrive.get("maxReceiveCount", 0),
                redrive.get("deadLetterTargetArn", ""),
            ),
        )


def _machines(template: _Template) -> dict[str, Machine]:
    machines = {}
    for logical, found in template.all("AWS::StepFunctions::StateMachine").items():
        where = found["DefinitionS3Location"]
        text = (PRODUCT / where["Key"]).read_text()
        for name, value in found["DefinitionSubstitutions"].items():
            text = text.replace("${" + name + "}", value)
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{found['StateMachineName']}"
        role = template.referred(logical, "RoleArn")
        machines[arn] = Machine(found["StateMachineName"], arn, role, yaml.safe_load(text))
    return machines
