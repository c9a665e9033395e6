"""What Step Functions does with a machine's role beside its tasks: logs, traces, managed rules.

AWS asks for logs and managed rules when a machine is made or changed, and refuses it; a trace that
the role may not write is left out. See AWS's pages on logging, X-Ray and on `.sync`.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from everloop_localcloud.kernel.account import Account
from everloop_localcloud.kernel.errors import AwsError
from everloop_localcloud.states import json_text
from everloop_localcloud.states.resources import Unknown, parse

Row = dict[str, Any]
# The deliveries of logs are the account's: these APIs take no resource.
_LOGS = (
    *("CreateLogDelivery", "GetLogDelivery", "UpdateLogDelivery", "DeleteLogDelivery"),
    *("ListLogDeliveries", "PutResourcePolicy", "DescribeResourcePolicies", "DescribeLogGroups"),
)
_TRACES = ("PutTraceSegments", "PutTelemetryRecords", "GetSamplingRules", "GetSamplingTargets")
# By the operation that `.sync` waits for: the rule on the default bus that tells of its end.
_RULES = {
    "CreateTrainingJob": "SageMakerTrainingJobs",
    "CreateTransformJob": "SageMakerTransformJobs",
    "CreateProcessingJob": "SageMakerProcessingJobs",
    "CreateHyperParameterTuningJob": "SageMakerTuningJobs",
    "StartExecution": "StepFunctionsExecution",
}


def check(cloud: Account, machine: Row) -> None:
    """Raise AwsError where the machine's role lacks what AWS needs of it."""
    permits, role = cloud.roles.permits, machine["roleArn"]
    logging = machine["logging"]
    if logging.get("level", "OFF") != "OFF" and logging.get("destinations"):
        for operation in _LOGS:
            if not permits(role, "logs", operation):
                raise AwsError(
                    "AccessDeniedException",
                    "The state machine IAM Role is not authorized to access the Log Destination",
                )
    for name in sorted(set(_awaited(json_text.loads(machine["definition"])))):
        rule = f"StepFunctionsGetEventsFor{name}Rule"
        for operation in ("PutTargets", "PutRule", "DescribeRule"):
            named = "Rule" if operation == "PutTargets" else "Name"
            if not permits(role, "events", operation, **{named: rule}):
                raise AwsError(
                    "AccessDeniedException", f"'{role}' is not authorized to create managed-rule."
                )


def trace(cloud: Account, machine: Row) -> None:
    """Note what the trace of an execution needs; no traces are kept here."""
    if machine["tracing"].get("enabled"):
        for operation in _TRACES:
            cloud.roles.permits(machine["roleArn"], "xray", operation)


def _awaited(states: Any) -> Iterator[str]:
    """Yield the rule of each task that waits for a job, those in branches included."""
    if isinstance(states, list):
        for item in states:
            yield from _awaited(item)
    elif isinstance(states, dict):
        if states.get("Type") == "Task" and isinstance(states.get("Resource"), str):
            with contextlib.suppress(Unknown):  # a definition may name what is not run here
                resource = parse(states["Resource"])
                if resource.waits_for_job:
                    yield _RULES[resource.operation]
        for item in states.values():
            yield from _awaited(item)
