"""Rules about resources: what is lost, kept for ever, unencrypted, unbounded or unwatched."""

import json
from collections.abc import Iterator
from typing import Final

from proofs.audit.documents import many
from proofs.audit.rules import Found, Rule, failures
from proofs.template import Json, Template


def target_without_retry(stack: Template) -> Found:
    """An event that a target does not take at once is tried as AWS likes, and then dropped."""
    for where, target in _targets(stack):
        if "RetryPolicy" not in target:
            yield where, "no RetryPolicy"


def target_without_dead_letters(stack: Template) -> Found:
    """An event that a target never takes is dropped."""
    for where, target in _targets(stack):
        if "Arn" not in target.get("DeadLetterConfig", {}):
            yield where, "no DeadLetterConfig"


def invoked_without_destination(stack: Template) -> Found:
    """An event that a function cannot handle is dropped after the retries."""
    kept = {
        str(config["FunctionName"])
        for _, config in stack.of("AWS::Lambda::EventInvokeConfig")
        if config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    }
    invoked = {str(target["Arn"]) for _, target in _targets(stack)} | set(_scheduled(stack))
    for logical, function in stack.of("AWS::Lambda::Function"):
        name = str(function.get("FunctionName", logical))
        if any(arn.endswith(f":function:{name}") for arn in invoked) and name not in kept:
            yield logical, "invoked by events, and no OnFailure destination"


def bucket_unencrypted(stack: Template) -> Found:
    """Objects are encrypted as S3 likes, and not by a key that the template chose."""
    for logical, bucket in stack.of("AWS::S3::Bucket"):
        if "BucketEncryption" not in bucket:
            yield logical, "no BucketEncryption"


def queue_unencrypted(stack: Template) -> Found:
    """Messages lie in the queue in plain."""
    for logical, queue in stack.of("AWS::SQS::Queue"):
        if queue.get("SqsManagedSseEnabled") is not True and "KmsMasterKeyId" not in queue:
            yield logical, "neither SqsManagedSseEnabled nor KmsMasterKeyId"


def queue_unbounded(stack: Template) -> Found:
    """A burst may take all of the account's concurrency."""
    for logical, mapping in stack.of("AWS::Lambda::EventSourceMapping"):
        if "MaximumConcurrency" not in mapping.get("ScalingConfig", {}):
            yield logical, "no ScalingConfig.MaximumConcurrency"


def batch_all_or_nothing(stack: Template) -> Found:
    """One bad message sends a whole batch back, and at last into the dead-letter queue."""
    for logical, mapping in stack.of("AWS::Lambda::EventSourceMapping"):
        if "ReportBatchItemFailures" not in many(mapping.get("FunctionResponseTypes")):
            yield logical, "FunctionResponseTypes lacks ReportBatchItemFailures"


def table_without_expiry(stack: Template) -> Found:
    """Items that are of use for days are kept for ever."""
    for logical, table in stack.of("AWS::DynamoDB::Table"):
        if not table.get("TimeToLiveSpecification", {}).get("Enabled"):
            yield logical, "no TimeToLiveSpecification"


def table_unencrypted(stack: Template) -> Found:
    """The table's key is one that the account cannot see used."""
    for logical, table in stack.of("AWS::DynamoDB::Table"):
        if not table.get("SSESpecification", {}).get("SSEEnabled"):
            yield logical, "no SSESpecification"


def logs_for_ever(stack: Template) -> Found:
    """Logs are kept for ever, or lie in a group that AWS makes without a limit."""
    groups = dict(stack.of("AWS::Logs::LogGroup"))
    for logical, group in groups.items():
        if not group.get("RetentionInDays"):
            yield logical, "no RetentionInDays"
    names = {group.get("LogGroupName", logical) for logical, group in groups.items()}
    for logical, function in stack.of("AWS::Lambda::Function"):
        if function.get("LoggingConfig", {}).get("LogGroup") not in names:
            yield logical, "LoggingConfig names no log group of this template"


def event_logged_by_switch(stack: Template) -> Found:
    """Powertools logs every event whole."""
    for logical, function in stack.of("AWS::Lambda::Function"):
        if str(_env(function).get("POWERTOOLS_LOGGER_LOG_EVENT", "")).lower() in ("true", "1"):
            yield logical, "POWERTOOLS_LOGGER_LOG_EVENT is on"


def lost_with_the_stack(stack: Template) -> Found:
    """Data goes with the stack, or with a change that replaces its resource."""
    for logical, resource in stack.resources.items():
        if resource["Type"] in ("AWS::S3::Bucket", "AWS::DynamoDB::Table"):
            for key in ("DeletionPolicy", "UpdateReplacePolicy"):
                if resource.get(key) not in ("Retain", "RetainExceptOnCreate", "Snapshot"):
                    yield logical, f"{key} is {resource.get(key, 'Delete')}"


def unwatched(stack: Template) -> Found:
    """Something can fail or stop, and nobody is told."""
    for way in failures.ways(stack):
        if way.silent:
            yield way.function, f"called by {way.caller}: {way.silent}"
    watched = {value for _, value in failures.rings(stack)}
    for logical, _ in stack.of("AWS::StepFunctions::StateMachine"):
        if stack.arn(logical) not in watched:
            yield logical, "no alarm with an action looks at it"
    for logical, queue in stack.of("AWS::SQS::Queue"):
        is_dead_letters = "RedrivePolicy" not in queue
        if is_dead_letters and queue.get("QueueName", logical) not in watched:
            yield logical, "dead letters come in silence: no alarm with an action looks at it"


def _targets(stack: Template) -> Iterator[tuple[str, Json]]:
    for logical, rule in stack.of("AWS::Events::Rule"):
        for target in rule.get("Targets", []):
            yield f"{logical}/{target.get('Id', '?')}", target
    for logical, schedule in stack.of("AWS::Scheduler::Schedule"):
        yield logical, schedule["Target"]


def _scheduled(stack: Template) -> Iterator[str]:
    """Yield what schedules may invoke, those that the code makes included."""
    for _, role in stack.of("AWS::IAM::Role"):
        if "scheduler.amazonaws.com" in json.dumps(role["AssumeRolePolicyDocument"]):
            for policy in role.get("Policies", []):
                for statement in many(policy["PolicyDocument"]["Statement"]):
                    yield from map(str, many(statement.get("Resource")))


def _env(function: Json) -> Json:
    found: Json = function.get("Environment", {}).get("Variables", {})
    return found


RULES: Final[tuple[Rule, ...]] = (
    target_without_retry,
    target_without_dead_letters,
    invoked_without_destination,
    bucket_unencrypted,
    queue_unencrypted,
    queue_unbounded,
    batch_all_or_nothing,
    table_without_expiry,
    table_unencrypted,
    logs_for_ever,
    event_logged_by_switch,
    lost_with_the_stack,
    unwatched,
)
