"""Where the failures of functions end: for each way in which one is called, what rings.

A way that is tried again rings once nothing more is tried: an event's function gives up into a
queue, a machine's ends its execution, a queue's reader leaves the message to the dead letters. Who
calls a function and waits for its answer (a person) sees the error; only there errors ring at once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from proofs.audit.documents import many
from proofs.template import Json, Template

_FAILED: Final = ("ExecutionsFailed", "ExecutionsTimedOut")


@dataclass(frozen=True)
class Way:
    """How a function is called. `silent` says what of its failures rings nowhere."""

    function: str  # its logical id
    caller: str
    silent: str = ""


def ways(stack: Template) -> Iterator[Way]:
    """Yield each way in which a function of the stack is called."""
    found: set[str] = set()
    for way in (*_by_events(stack), *_by_machines(stack), *_by_queues(stack)):
        found.add(way.function)
        yield way
    ringing = rings(stack)
    for logical, function in stack.of("AWS::Lambda::Function"):
        watched = ("Errors", function["FunctionName"]) in ringing
        if watched or logical not in found:
            yield Way(logical, "a person", "" if watched else "no alarm looks at its errors")


def rings(stack: Template) -> set[tuple[str, str]]:
    """Return what alarms with an action look at: metrics, and the values of their dimensions."""
    found = set()
    for _, alarm in stack.of("AWS::CloudWatch::Alarm"):
        if not alarm.get("AlarmActions"):
            continue
        stats = [m["MetricStat"]["Metric"] for m in alarm.get("Metrics", ()) if "MetricStat" in m]
        for each in stats or [alarm]:
            for dimension in each.get("Dimensions", ()):
                found.add((str(each["MetricName"]), str(dimension["Value"])))
    return found


def _by_events(stack: Template) -> Iterator[Way]:
    """Rules, schedules, alarms, CloudFormation and other functions: nobody waits for an answer."""
    functions, ringing = _functions(stack), rings(stack)
    queues = {stack.arn(logical): q["QueueName"] for logical, q in stack.of("AWS::SQS::Queue")}
    kept = {
        str(config["FunctionName"]): config.get("DestinationConfig", {}).get("OnFailure", {})
        for _, config in stack.of("AWS::Lambda::EventInvokeConfig")
    }
    for caller, called in _events(stack):
        for arn, logical in functions.items():
            if arn not in called:
                continue
            name = arn.rpartition(":")[2]
            queue = queues.get(str(kept.get(name, {}).get("Destination")), "")
            silent = ""
            if not queue:
                silent = "what it gives up on is dropped: no OnFailure destination"
            elif ("ApproximateNumberOfMessagesVisible", queue) not in ringing:
                silent = f"no alarm looks at {queue}, where what it gives up on lies"
            yield Way(logical, caller, silent)


def _events(stack: Template) -> Iterator[tuple[str, set[str]]]:
    """Yield who calls functions without waiting for them, and which, by ARN."""
    for logical, rule in stack.of("AWS::Events::Rule"):
        yield logical, {str(target["Arn"]) for target in rule.get("Targets", [])}
    for logical, schedule in stack.of("AWS::Scheduler::Schedule"):
        yield logical, {str(schedule["Target"]["Arn"])}
    functions = _functions(stack)
    for logical, permission in stack.of("AWS::Lambda::Permission"):
        named = str(permission["FunctionName"])
        yield logical, {arn for arn in functions if named in (arn, arn.rpartition(":")[2])}
    for logical, resource in stack.resources.items():
        if resource["Type"].startswith("Custom::"):
            yield logical, {str(resource["Properties"]["ServiceToken"])}
    for logical, role in stack.of("AWS::IAM::Role"):
        trusted = json.dumps(role["AssumeRolePolicyDocument"])
        if "states.amazonaws.com" not in trusted:
            yield logical, _invoked(role)


def _by_machines(stack: Template) -> Iterator[Way]:
    functions, ringing = _functions(stack), rings(stack)
    called = {stack.arn(logical): _invoked(role) for logical, role in stack.of("AWS::IAM::Role")}
    for logical, machine in stack.of("AWS::StepFunctions::StateMachine"):
        lacks = [m for m in _FAILED if (m, stack.arn(logical)) not in ringing]
        silent = f"no alarm looks at its {' and '.join(lacks)}" if lacks else ""
        for arn in called.get(str(machine["RoleArn"]), set()) & set(functions):
            yield Way(functions[arn], logical, silent)


def _by_queues(stack: Template) -> Iterator[Way]:
    ringing = rings(stack)
    queues = {stack.arn(logical): q for logical, q in stack.of("AWS::SQS::Queue")}
    names = {arn.rpartition(":")[2]: logical for arn, logical in _functions(stack).items()}
    for logical, mapping in stack.of("AWS::Lambda::EventSourceMapping"):
        queue = queues.get(str(mapping["EventSourceArn"]), {})
        dead = queues.get(str(queue.get("RedrivePolicy", {}).get("deadLetterTargetArn")), {})
        watched = ("ApproximateNumberOfMessagesVisible", dead.get("QueueName", "")) in ringing
        silent = "" if watched else "no alarm looks at the dead letters of its queue"
        yield Way(names[str(mapping["FunctionName"]).rpartition(":")[2]], logical, silent)


def _functions(stack: Template) -> dict[str, str]:
    return {stack.arn(logical): logical for logical, _ in stack.of("AWS::Lambda::Function")}


def _invoked(role: Json) -> set[str]:
    """Return what a role may invoke, by ARN."""
    return {
        str(resource)
        for policy in role.get("Policies", [])
        for statement in many(policy["PolicyDocument"]["Statement"])
        if "lambda:InvokeFunction" in many(statement.get("Action"))
        for resource in many(statement.get("Resource"))
    }
