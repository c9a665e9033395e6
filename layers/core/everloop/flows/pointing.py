"""Releasing without an endpoint: golden rows in a transform job, and then a pointer moves.

The pointer is one record of the ledger. It moves last, after the approval was read once more.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from everloop import names
from everloop.aws import endpoints, production, storage
from everloop.aws.settings import settings
from everloop.decisions.endpoint_tests import Answer
from everloop.decisions.infrastructure import description, trouble_of
from everloop.errors import NoCapacity, message_of
from everloop.flows import golden, instances, making
from everloop.flows.report import logger
from everloop.pipelines import job_requests
from everloop.pipelines.transform import scoring
from everloop.records.installation import Installation
from everloop.records.production import Production
from everloop.records.seal import Seal
from everloop.spec.instances import of_batch


def stage(
    installed: Installation, seal: Seal, epoch: int, arn: str, now: datetime
) -> dict[str, Any]:
    """Make the version's SageMaker model, write its golden rows, and return what scores them."""
    model = installed.model
    made = making.model_to_score(installed, seal)
    place = names.golden(model, epoch)
    rows = golden.rows(installed, seal.version, arn)
    bucket = settings().artefact_bucket
    storage.write(bucket, f"{place}/rows/{names.GOLDEN}", rows.body(), "text/csv")
    taken = instances.taken(installed, of_batch(installed.spec), now).choice
    job = job_requests.scores(
        name=f"{model}-r{epoch}-golden-{now:%d%H%M%S}",
        model=model,
        sagemaker_model=made,
        rows_uri=f"s3://{bucket}/{place}/rows/",
        answers_uri=f"s3://{bucket}/{place}/answers",
        how=scoring(installed.spec, taken.instance, settings().kms_key),
    )
    return {"started": True, "config": made, "status": "InService", "score": job}


def answered(model: str, epoch: int, failure: Mapping[str, Any] | None) -> Answer:
    """Return what a version answered to its golden rows; `failure` is the job's, where it failed.

    Raises NoCapacity where AWS lacked what the job needs: that says nothing of the version.
    """
    if failure is not None:
        lacked = trouble_of(failure)
        if lacked is not None:
            raise NoCapacity(
                f"the transform job of {model}: {lacked.message or description(lacked)}"
            )
        return Answer(500, message_of(failure), 0.0)
    key = f"{names.golden(model, epoch)}/answers/{names.GOLDEN}.out"
    body = storage.read(settings().artefact_bucket, key)
    return Answer(200, body.decode("utf-8", "replace"), 0.0)


def promote(installed: Installation, seal: Seal, epoch: int, now: datetime) -> dict[str, Any]:
    """Point at a version; what served by an endpoint, before the form changed, goes.

    Raises NotReady while that moves: nobody else would delete what bills by the hour.
    """
    model, made = installed.model, making.model_to_score(installed, seal)
    production.move(model, Production(seal.version, made, seal.image or "", epoch, now))
    before = endpoints.serving(model)
    if before is not None and before.status != "Deleting":
        endpoints.delete(model)
        logger.info("deleted the endpoint of another form of serving", model=model)
    return {
        "started": True,
        "endpoint": model,
        "config": made,
        "serving_config": made,
        "status": "InService",
        "reason": "",
    }
