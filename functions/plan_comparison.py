"""Seal the candidate, write its card; find the champion and the job that scores both on one set.

Called by statemachines/evaluate.asl.yaml.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from everloop import moments, names, requests
from everloop.aws import ledger, production, registry, shortages, storage
from everloop.aws.settings import settings
from everloop.flows import cards, instances, scoring, sealing
from everloop.flows.report import logger
from everloop.flows.scoring import Comparison
from everloop.pipelines import job_requests
from everloop.records import shortage as activity
from everloop.records.seal import Seal
from everloop.spec.instances import of_job

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
    """Return {compare, champion, comparison_uri, job, rows, score}.

    Without a champion nothing is compared. `rows` and `score` are the jobs in which its serving
    container answers the holdout; null where the comparison imports it.
    """
    request = requests.read(Request, event)
    installed = ledger.installed(request.model)
    candidate = registry.describe(request.package_arn)
    candidate_side = _side(sealing.sealed(candidate, request.time))
    cards.registered(installed, candidate.package.arn)
    serving = production.serving(installed)
    champion = serving.version if serving and serving.status != "Failed" else None
    if champion is None or champion == candidate.package.version:
        logger.info("planned comparison", model=request.model, champion=None)
        nothing = dict.fromkeys(("champion", "comparison_uri", "job", "rows", "score"))
        return {"compare": False, **nothing}
    arn = f"{candidate.package.arn.rpartition('/')[0]}/{champion}"
    waits = shortages.find(request.model, activity.judgement(candidate.package.version))
    name = request.execution.rpartition(":")[2]
    if waits is not None and waits.subject == candidate.package.arn:
        name += f"-{waits.tries}"  # a job's name serves once
    preferred = of_job(installed.spec, "evaluate")
    taken = instances.taken(installed, preferred, request.time)
    if taken.choice != preferred[0]:
        name += f"-{names.digest(taken.choice.quota)[:4]}"
    seal = sealing.known(request.model, champion, arn, request.time)
    comparison = Comparison(
        name=name,
        candidate=candidate_side,
        holdout_uri=candidate.uri("holdout-uri"),
        requests_uri=candidate.metadata.get("requests-uri"),
        output_uri=f"s3://{settings().artefact_bucket}/comparisons/{request.model}"
        f"/v{candidate.package.version}",
        instance=taken.choice.instance,
    )
    scored = scoring.of_champion(installed, seal, _side(seal), comparison, request.time)
    job = job_requests.compare(
        name=name,
        instance=taken.choice.instance,
        spec=installed.spec,
        candidate=candidate_side,
        champion=scored.champion,
        holdout_uri=comparison.holdout_uri,
        jobs_uri=installed.jobs_uri,
        output_uri=comparison.output_uri,
        role_arn=settings().sagemaker_role,
        region=settings().region,
        kms_key=settings().kms_key,
        told=_told(candidate, champion, seal, request.time),
    )
    logger.info(
        "planned comparison", model=request.model, champion=champion, instance=str(taken.choice)
    )
    return {
        "compare": True,
        "champion": champion,
        "comparison_uri": f"{job['output_uri']}/comparison.json",
        "job": job,
        "rows": scored.rows,
        "score": scored.score,
    }


def _told(
    candidate: registry.PackageDescription, champion: int, seal: Seal, at: datetime
) -> dict[str, str]:
    """Return what the comparison's report says of itself."""
    of_candidate, of_champion = candidate.metadata, seal.metadata
    known = {
        "EVERLOOP_VERSION": str(candidate.package.version),
        "EVERLOOP_CHAMPION": str(champion),
        "EVERLOOP_STARTED": moments.text(at),
        "EVERLOOP_RUN": of_candidate.get("run", ""),
        "EVERLOOP_DATASET_DIGEST": of_candidate.get("dataset-digest", ""),
        "EVERLOOP_BUNDLE_DIGEST": of_candidate.get("bundle-digest", ""),
        "EVERLOOP_CHAMPION_BUNDLE_DIGEST": of_champion.get("bundle-digest", ""),
    }
    return {name: value for name, value in known.items() if value}


def _side(seal: Seal) -> job_requests.Side:
    """Return a side; what was measured of it only where that is still there."""
    baseline = _there(seal.metadata.get("baseline-uri"), "statistics.json")
    return job_requests.Side(
        seal.model_uri,
        seal.bundle_uri,
        _there(seal.metadata.get("evaluation-uri"), "evaluation.json"),
        job_requests.folder_of(baseline) if baseline else None,
    )


def _there(uri: str | None, name: str) -> str | None:
    """Return where a file lies whose URI, or whose folder's, is given; None where it does not."""
    place = uri if uri is None or uri.endswith(".json") else f"{uri.rstrip('/')}/{name}"
    there = place is not None and storage.newest_version(place) is not None
    return place if there else None
