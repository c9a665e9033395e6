"""Waking: look at what somebody waits for, and end the wait with it. Events only say when."""

from datetime import datetime

from everloop.aws import endpoints, ledger, machines, pipelines
from everloop.aws.pipelines import Execution
from everloop.decisions.release_ends import DELETED
from everloop.records.token import Token


def run_subject(model: str, run: str) -> str:
    """Name what a train machine waits for."""
    return f"{model}/{run}"


def endpoint_subject(endpoint: str) -> str:
    return f"endpoint/{endpoint}"


def resume_after_run(arn: str, *, before: datetime | None = None) -> str:
    """Wake whoever waits for a pipeline execution if it has ended; return what was found.

    With `before`, only if it ended before that: an event that is younger is still on its way.
    """
    execution = pipelines.describe(arn)
    if not execution.ended:
        return f"{arn} is {execution.status}"
    if before is not None and execution.changed_at > before:
        return f"{arn} has just ended"
    token = ledger.token(run_subject(execution.pipeline, execution.display_name))
    if token is None:
        return f"{arn} is {execution.status}, and nobody waits for it"
    return _resume(token, ending_of(execution))


def ending_of(execution: Execution) -> dict[str, object]:
    """Return what a machine gets to know of a pipeline execution that has ended."""
    ending = pipelines.ending(execution.arn)
    return {
        "started": True,
        "status": execution.status,
        "run": execution.arn,
        "package_arn": ending.package_arn,
        "failed_step": ending.failed_step,
        "reason": ending.reason or execution.failure_reason,
        "chosen": ending.chosen,
    }


def resume_after_endpoint(endpoint: str, *, before: datetime | None = None) -> str:
    """Wake whoever waits for an endpoint if it has settled; return what was found.

    Before the change was requested, the endpoint's state is about something else: then only the
    requested config counts. With `before`, only if it settled before that.
    """
    token = ledger.token(endpoint_subject(endpoint))
    if token is None:
        return f"nobody waits for {endpoint}"
    serving = endpoints.serving(endpoint)
    if serving is None:
        if not token.armed:
            return f"{endpoint} is not there yet"
        status, config, reason = DELETED, "", f"{endpoint} is gone"
    else:
        status, config, reason = serving.status, serving.config, serving.failure_reason
        arrived = serving.status == "InService" and config == token.config
        # Somebody may have requested something else the moment it came into service.
        arrived = arrived or (token.armed and serving.is_being_replaced(token.config))
        if not arrived and not (token.armed and serving.settled):
            return f"{endpoint} is {status} with {config}, {token.config} was requested"
        if before is not None and serving.changed_at is not None and serving.changed_at > before:
            return f"{endpoint} has just settled"
    return _resume(
        token,
        {
            "started": True,
            "status": status,
            "endpoint": endpoint,
            "config": token.config,
            "serving_config": config,
            "reason": reason,
        },
    )


def refuse(token: str, reason: str, *, later: bool = False) -> None:
    """End a wait for work that was not started; `later` says that it may be, another time."""
    machines.resume(token, {"started": False, "reason": reason, "later": later})


def _resume(token: Token, output: dict[str, object]) -> str:
    waited = machines.resume(token.token, output)
    ledger.drop_token(token)
    end = "woke" if waited else "nobody waits any more in"
    return f"{end} {token.execution.rpartition(':')[2]}: {output['status']}"
