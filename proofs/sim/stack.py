"""The stack as the simulator runs it: what the translated template says, with names resolved.

Read once per process; nothing of it changes in a history.
"""

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from everloop_localcloud.events.patterns import Pattern
from everloop_localcloud.kernel.access.evaluation import Statement, statements_of
from proofs.audit.template import ACCOUNT, REGION, Answered
from tools.translate import translate

ROOT = Path(__file__).parents[2]
PRODUCT = Path(os.environ.get("SIM_PRODUCT", ROOT))  # a copy of it, where a flaw was planted
Json = dict[str, Any]


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


class _Template:
    """The translated template, without its options, and what its resources are called."""

    def __init__(self) -> None:
        translated: Json = dict(translate(PRODUCT / "template.yaml"))
        self.resources: dict[str, Json] = translated["Resources"]
        self._answered = Answered(translated, yes=False)

    def of(self, kind: str) -> dict[str, Json]:
        """Return the properties of the resources of a type, by logical id."""
        return dict(self._answered.of(kind))

    def arn(self, logical: str) -> str:
        return str(self._answered.answer({"Fn::GetAtt": [logical, "Arn"]}))


@cache
def stack() -> Stack:
    """Return the stack of template.yaml."""
    template = _Template()
    functions = _functions(template)
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
            for found in template.of("AWS::Lambda::EventSourceMapping").values()
        ),
        queues=dict(_queues(template)),
        machines=_machines(template),
        roles=_roles(template),
        role_arns={name: template.arn(name) for name in template.of("AWS::IAM::Role")},
        environment=_environment(template),
        tick=300.0,
    )


def _functions(template: _Template) -> dict[str, Function]:
    asynchronous = {
        found["FunctionName"]: found
        for found in template.of("AWS::Lambda::EventInvokeConfig").values()
    }
    functions = {}
    for logical, found in template.of("AWS::Lambda::Function").items():
        name = found["FunctionName"]
        own = asynchronous.get(name, {})
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        functions[arn] = Function(
            name=name,
            arn=arn,
            handler=found["Handler"].partition(".")[0],
            role=template.resources[logical]["Properties"]["Role"]["Fn::GetAtt"][0],
            timeout=float(found["Timeout"]),
            retries=own.get("MaximumRetryAttempts", 2),
            on_failure=own.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""),
        )
    return functions


def _environment(template: _Template) -> dict[str, str]:
    """Return the variables of the functions, which all have the same ones."""
    found = [
        {k: str(v) for k, v in each["Environment"]["Variables"].items()}
        for each in template.of("AWS::Lambda::Function").values()
    ]
    assert all(each == found[0] for each in found), "functions differ in their environments"
    return found[0]


def _rules(template: _Template) -> Any:
    for found in template.of("AWS::Events::Rule").values():
        for target in found["Targets"]:
            yield Rule(
                found["Name"],
                found.get("EventBusName", "default"),
                Pattern(json.dumps(found["EventPattern"])),
                target["Arn"],
            )


def _queues(template: _Template) -> Any:
    for found in template.of("AWS::SQS::Queue").values():
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
    for logical, found in template.of("AWS::StepFunctions::StateMachine").items():
        where = found["DefinitionS3Location"]
        text = (PRODUCT / where["Key"]).read_text()
        for name, value in found["DefinitionSubstitutions"].items():
            text = text.replace("${" + name + "}", value)
        arn = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{found['StateMachineName']}"
        role = template.resources[logical]["Properties"]["RoleArn"]["Fn::GetAtt"][0]
        machines[arn] = Machine(found["StateMachineName"], arn, role, yaml.safe_load(text))
    return machines


def _roles(template: _Template) -> dict[str, tuple[Statement, ...]]:
    roles: dict[str, list[Statement]] = {}
    managed = template.of("AWS::IAM::ManagedPolicy")
    for logical, found in template.of("AWS::IAM::Role").items():
        roles[logical] = [
            statement
            for policy in found.get("Policies", ())
            for statement in statements_of(policy["PolicyName"], policy["PolicyDocument"])
        ]
        for arn in template.resources[logical]["Properties"].get("ManagedPolicyArns", ()):
            name = arn["Ref"]
            roles[logical] += statements_of(name, managed[name]["PolicyDocument"])
    for kind, name in (("AWS::IAM::Policy", "PolicyName"), ("AWS::IAM::ManagedPolicy", "")):
        for logical, found in template.of(kind).items():
            statements = list(statements_of(found.get(name, logical), found["PolicyDocument"]))
            for role in template.resources[logical]["Properties"].get("Roles", ()):
                roles[role["Ref"]] += statements
    return {name: tuple(found) for name, found in roles.items()}
