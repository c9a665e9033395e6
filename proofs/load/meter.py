"""What work cost: AWS calls, invocations and state transitions, as the cloud counted them."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from everloop_cli import show
from proofs.bench.ground import Ground

_JOBS = "sagemaker"
_MEASURES = ("function_calls", "invocations", "transitions", "job_calls")
_FLAT = 1.1  # how much more one of many may cost than one of few


@dataclass(frozen=True)
class Cost:
    """Totals since the cloud started."""

    function_calls: int  # by functions and machines
    job_calls: int  # by SageMaker's jobs, with the stack's SageMaker role
    transitions: int
    by_function: Counter[str]  # invocations
    by_operation: Counter[str]  # function_calls, by service and operation
    by_role: Counter[str]  # function_calls, by the name of the role that made them

    @property
    def invocations(self) -> int:
        return self.by_function.total()

    def __sub__(self, before: "Cost") -> "Cost":
        return Cost(
            self.function_calls - before.function_calls,
            self.job_calls - before.job_calls,
            self.transitions - before.transitions,
            self.by_function - before.by_function,
            self.by_operation - before.by_operation,
            self.by_role - before.by_role,
        )


def read(ground: Ground) -> Cost:
    """Read the totals. Invocations are counted by CloudWatch, which needs a moment."""
    time.sleep(3)
    functions, jobs = 0, 0
    operations: Counter[str] = Counter()
    roles: Counter[str] = Counter()
    for row in ground.calls():
        principal = str(row["principal"])
        if "role/" not in principal:
            continue  # the one who measures
        if principal.endswith(f"-{_JOBS}") or f"-{_JOBS}/" in principal:
            jobs += row["calls"]
        else:
            functions += row["calls"]
            operations[f"{row['service']}.{row['operation']}"] += row["calls"]
            roles[principal.partition("role/")[2].partition("/")[0]] += row["calls"]
    return Cost(functions, jobs, transitions(ground), _invocations(ground), operations, roles)


def _invocations(ground: Ground) -> Counter[str]:
    cloudwatch = ground.client("cloudwatch")
    now = datetime.now(UTC)
    found: Counter[str] = Counter()
    for page in ground.client("lambda").get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            points = cloudwatch.get_metric_statistics(
                Namespace="AWS/Lambda",
                MetricName="Invocations",
                Dimensions=[{"Name": "FunctionName", "Value": function["FunctionName"]}],
                StartTime=now - timedelta(hours=6),
                EndTime=now + timedelta(minutes=5),
                Period=3600,
                Statistics=["Sum"],
            )["Datapoints"]
            found[function["FunctionName"]] = int(sum(point["Sum"] for point in points))
    return found


def transitions(ground: Ground) -> int:
    """Count the states that all executions of all machines entered."""
    states = ground.client("stepfunctions")
    count = 0
    for machine in ("train", "evaluate", "deploy", "monitor"):
        pages = states.get_paginator("list_executions").paginate(
            stateMachineArn=f"{ground.stack.machines}-{machine}"
        )
        for page in pages:
            for execution in page["executions"]:
                arn = execution["executionArn"]
                histories = states.get_paginator("get_execution_history").paginate(executionArn=arn)
                for history in histories:
                    count += sum(event["type"].endswith("Entered") for event in history["events"])
    return count


def dead_letters(ground: Ground) -> dict[str, int]:
    """Return how many messages lie in each dead-letter queue that is not empty."""
    sqs = ground.client("sqs")
    found = {}
    for name in ("arrivals-dead", "undelivered", "failed"):
        url = sqs.get_queue_url(QueueName=f"{ground.stack.stack}-{name}")["QueueUrl"]
        wanted = ["ApproximateNumberOfMessages"]
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
        if count := int(told["ApproximateNumberOfMessages"]):
            found[name] = count
    return found


def table(of: str, costs: list[tuple[int, Cost]]) -> None:
    """Print what each size cost, in all and each. Raises AssertionError where that is not flat."""
    rows = []
    for word in _MEASURES:
        row: list[object] = [word.replace("_", " ")]
        for size, cost in costs:
            total = getattr(cost, word)
            row += [total, round(total / size, 4)]
        rows.append(row)
    columns = ["cost"]
    for size, _ in costs:
        columns += [f"of {size} {of}s", f"per {of}"]
    show.table(f"What {of}s cost", columns, rows)
    size, last = costs[-1]
    called = [
        (name, count, round(count / size, 4)) for name, count in last.by_operation.most_common(8)
    ]
    show.table(f"The last {size} {of}s called most", ("operation", "calls", f"per {of}"), called)
    ran = last.by_function.most_common()
    show.table(f"The last {size} {of}s ran", ("function", "invocations"), ran)
    _flat(of, costs)


def _flat(of: str, costs: list[tuple[int, Cost]]) -> None:
    first, before = costs[0]
    for size, cost in costs[1:]:
        for word in _MEASURES:
            small, large = getattr(before, word) / first, getattr(cost, word) / size
            assert large <= small * _FLAT, (
                f"{word} per {of}: {small:.3f} at {first}, {large:.3f} at {size}: that is not flat"
            )
