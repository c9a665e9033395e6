"""Seal the candidate; find the champion that serves, and the job that scores both on the same rows.

Called by statemachines/evaluate.asl.yaml.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import requests
from everloop.aws import endpoints, ledger, registry, shortages
from everloop.aws.settings import settings
from everloop.flows import sealing
from everloop.flows.report import logger
from everloop.pipelines import job_requests
from everloop.records import shortage as activity
from everloop.records.seal import Seal

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass(frozen=True)
class Request:
    model: str
    package_arn: str
    execution: str
    time: datetime


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: "LambdaContext") -> dict[str, Any]:
    """Return {compare, champion, comparison_uri, job}; without a champion nothing is compared."""
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    candidate = registry.describe(request.package_arn)
    candidate_side = _side(sealing.sealed(candidate, request.time))
    serving = endpoints.serving(request.model)
    champion = serving.version if serving and serving.status != "Failed" else None
    if champion is None or champion == candidate.package.version:
        logger.info("planned comparison", model=request.model, champion=None)
        return {"compare": False, "champion": None, "comparison_uri": None, "job": None}
    arn = f"{candidate.package.arn.rpartition('/')[0]}/{champion}"
    waits = shortages.find(request.model, activity.judgement(candidate.package.version))
    name = request.execution.rpartition(":")[2]
    if waits is not None and waits.subject == candidate.package.arn:
        name += f"-{waits.tries}"  # a job's name serves once
    job = job_requests.compare(
        name=name,
        spec=installed.spec,
        candidate=candidate_side,
        champion=_side(sealing.known(request.model, champion, arn, request.time)),
        holdout_uri=candidate.uri("holdout-uri"),
        jobs_uri=installed.jobs_uri,
        output_uri=f"s3://{settings().artefact_bucket}/comparisons/{request.model}"
        f"/v{candidate.package.version}",
        role_arn=settings().sagemaker_role,
        region=settings().region,
        kms_key=settings().kms_key,
    )
    logger.info("planned comparison", model=request.model, champion=champion)
    return {
        "compare": True,
        "champion": champion,
        "comparison_uri": f"{job['output_uri']}/comparison.json",
        "job": job,
    }


def _side(seal: Seal) -> job_requests.Side:
    return job_requests.Side(seal.model_uri, seal.bundle_uri)
