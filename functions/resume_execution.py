"""Wake whoever waits for a pipeline or an endpoint. Called by SageMaker's status events."""

from typing import TYPE_CHECKING, Any

from everloop.aws.pipelines import ExecutionGone
from everloop.aws.settings import settings
from everloop.facts import RunChanged, run_or_endpoint_changed
from everloop.flows import resuming
from everloop.flows.report import logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Look at what the event is about, as it is now, and return what was found."""
    fact = run_or_endpoint_changed(event, settings().home)
    if fact is None:
        return {"found": "somebody else's"}
    if isinstance(fact, RunChanged):
        try:
            outcome = resuming.resume_after_run(fact.execution_arn)
        except ExecutionGone:  # what was ours and is waited for, reconcile reports
            outcome = f"{fact.execution_arn} is gone"
    else:
        outcome = resuming.resume_after_endpoint(fact.endpoint)
    logger.info("looked", outcome=outcome)
    return {"found": outcome}
