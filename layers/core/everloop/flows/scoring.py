"""Scoring: the jobs in which a champion's own serving container answers a candidate's holdout.

Where no job can import it, and where the candidate's job has another framework than the champion's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from everloop import names
from everloop.aws import endpoints, pipelines, storage
from everloop.aws.settings import settings
from everloop.errors import BadInput
from everloop.flows import instances, making
from everloop.pipelines import job_requests, standard
from everloop.pipelines.job_requests import Side
from everloop.pipelines.transform import scoring
from everloop.records.installation import Installation
from everloop.records.seal import Seal
from everloop.spec import algorithms
from everloop.spec.instances import of_transform
from everloop.spec.model_images import is_scored_apart, is_transformed

_SPEC = "spec.json"  # beside the bundle, as install_model wrote it


@dataclass(frozen=True)
class Comparison:
    """What is compared: the candidate's holdout, its rows for a container, and where results go.

    `requests_uri` is None where the candidate is not scored by its container.
    """

    name: str
    candidate: Side
    holdout_uri: str
    requests_uri: str | None
    output_uri: str
    instance: str  # of the jobs that compare


@dataclass(frozen=True)
class Scored:
    """The champion's side, and the jobs that come before the comparison; None where none does."""

    champion: Side
    rows: dict[str, Any] | None = None
    score: dict[str, Any] | None = None


def of_champion(
    installed: Installation, seal: Seal, champion: Side, comparison: Comparison, now: datetime
) -> Scored:
    """Return what scores the champion. Raises BadInput where nothing says how it is served."""
    spec = _spec_of(champion, installed)
    if not is_scored_apart(spec, installed.spec):
        return Scored(champion)
    if not seal.image:
        raise BadInput(
            f"version {seal.version} of {installed.model} was sealed before images were kept, and "
            "its package is gone: nothing says what serves it, so it cannot be compared with"
        )
    place = f"{comparison.output_uri}/champion-v{seal.version}"
    rows, rows_uri = None, f"{place}/requests/"
    if comparison.requests_uri and _is_sent_alike(spec, champion, installed, comparison.candidate):
        rows_uri = f"{comparison.requests_uri.rstrip('/')}/holdout-"  # S3 takes any beginning
    else:
        rows = job_requests.champion_rows(
            name=comparison.name,
            spec=installed.spec,
            champion=champion,
            holdout_uri=comparison.holdout_uri,
            jobs_uri=installed.jobs_uri,
            output_uri=f"{place}/requests",
            role_arn=settings().sagemaker_role,
            region=settings().region,
            kms_key=settings().kms_key,
            instance=comparison.instance,
        )
    preferred = of_transform(installed.spec)
    taken = instances.taken(installed, preferred, now).choice
    changed = taken != preferred[0]
    turn = f"-{names.digest(taken.quota)[:4]}" if changed else ""
    score = job_requests.scores(
        name=f"{comparison.name}{turn}-champion",
        model=installed.model,
        sagemaker_model=making.model_to_score(installed, seal),
        rows_uri=rows_uri,
        answers_uri=f"{place}/answers",
        how=scoring(spec, taken.instance, settings().kms_key),
    )
    return Scored(replace(champion, answers_uri=f"{place}/answers"), rows, score)


def clear(installed: Installation, execution: str, bundle_digest: str) -> None:
    """Delete the SageMaker model that a run's transform job needed; what is released has another.

    Today's spec says whether there is one only of what was pushed last. A pipeline of one's own
    makes models for whatever it likes: they stay.
    """
    if not execution or installed.own_pipeline:
        return
    if is_transformed(installed.spec) or bundle_digest != installed.bundle_digest:
        _delete(pipelines.made_models(execution, standard.MODEL))


def clear_models(execution: str) -> None:
    """Delete the SageMaker models that an execution made and SageMaker named."""
    _delete(pipelines.made_models(execution))


def _delete(made: Iterable[str]) -> None:
    for name in made:
        endpoints.delete_model(name)


def _spec_of(side: Side, installed: Installation) -> Mapping[str, Any]:
    """Return a version's spec; where it lies no more it was like the one that is installed."""
    place = job_requests.folder_of(side.bundle_uri) + _SPEC
    if storage.newest_version(place) is None:
        return installed.spec
    return storage.read_json(place)


def _is_sent_alike(
    spec: Mapping[str, Any], champion: Side, installed: Installation, candidate: Side
) -> bool:
    """Whether champion and candidate are sent the same columns, in one order, with a header or not.

    Models of scripts are sent all that there are.
    """
    built_in = [algorithms.of(each) is not None for each in (spec, installed.spec)]
    if not any(built_in):
        return bool(spec["data"]["target"] == installed.spec["data"]["target"])
    mine = _features(champion)
    return all(built_in) and mine is not None and mine == _features(candidate)


def _features(side: Side) -> list[str] | None:
    """Return what a built-in algorithm was trained on, as its evaluation kept it."""
    if side.evaluation_uri is None:
        return None
    return storage.read_json(side.evaluation_uri).get("features")
