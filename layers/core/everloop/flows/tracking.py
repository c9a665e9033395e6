"""Tracking: what a run reached is noted with it, and in SageMaker's experiment.

Nothing here may keep a training from ending: what could not be noted is a warning of the run.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from everloop.aws import billed, experiments, pipelines, registry, storage
from everloop.aws.clients import FAULTS
from everloop.aws.settings import settings
from everloop.errors import EverloopError
from everloop.flows.report import logger
from everloop.records.installation import Installation
from everloop.records.run import BELOW_BARS, REGISTERED, Run

_MOST = 40  # metrics that are kept with a run


def noted(installed: Installation, run: Run, arn: str, package: str) -> Run:
    """Return an ended run with what it used, its job, its metrics and what could not be noted."""
    if not arn:
        return run
    warnings: list[str] = []
    jobs: list[tuple[str, str]] = []
    try:
        jobs = [(kind, name) for _, kind, name in pipelines.step_jobs(arn)]
        run = dataclasses.replace(run, used=billed.instance_hours(jobs))
    except (EverloopError, *FAULTS) as error:
        warnings.append(f"what it cost is not known: {error}")
    if run.outcome in (REGISTERED, BELOW_BARS):
        run = _measured(installed, run, arn, package, jobs, warnings)
    for warning in warnings:
        logger.warning("run not noted", run=run.name, why=warning)
    return dataclasses.replace(run, warnings=tuple(warnings))


def _measured(
    installed: Installation,
    run: Run,
    arn: str,
    package: str,
    jobs: list[tuple[str, str]],
    warnings: list[str],
) -> Run:
    """Return a run with its metrics, noted with the job that trained, where it was one alone."""
    evaluation: Mapping[str, Any] = {}
    try:
        evaluation = storage.find_json(_evaluation(installed.model, arn, package)) or {}
    except (EverloopError, *FAULTS) as error:
        warnings.append(f"its evaluation could not be read: {error}")
    metrics = _metrics(evaluation)
    elsewhere = (evaluation.get("tracking") or {}).get("warning")
    if elsewhere:
        warnings.append(f"not noted in MLflow: {elsewhere}")
    trained = [name for kind, name in jobs if kind == "TrainingJob"]
    job = trained[0] if len(trained) == 1 else ""
    try:
        if job:
            experiments.describe_training(
                job,
                _texts(installed, run, arn),
                {f"everloop.holdout.{name}": value for name, value in metrics.items()},
            )
    except (EverloopError, *FAULTS) as error:
        warnings.append(f"not noted in SageMaker's experiment: {error}")
    return dataclasses.replace(run, job=job, metrics=metrics)


def _texts(installed: Installation, run: Run, arn: str) -> dict[str, str]:
    mine = installed.commit if installed.bundle_digest == run.bundle_digest else ""
    texts = {
        "run": run.name,
        "cause": run.cause,
        "dataset-digest": run.dataset_digest,
        "bundle-digest": run.bundle_digest,
        "execution": arn,
        "outcome": run.outcome,
        "commit": mine,
    }
    return {f"everloop.{name}": value for name, value in texts.items() if value}


def _evaluation(model: str, arn: str, package: str) -> str:
    """Return where an evaluation lies: by the package, else where the default pipeline has it."""
    if package:
        return registry.describe(package).uri("evaluation-uri")
    run = arn.rpartition("/")[2]
    return f"s3://{settings().artefact_bucket}/runs/{model}/{run}/evaluation/evaluation.json"


def _metrics(evaluation: Mapping[str, Any]) -> dict[str, float]:
    listed = evaluation.get("metrics")
    found: dict[str, float] = {}
    for name, each in listed.items() if isinstance(listed, Mapping) else ():
        value = each.get("value") if isinstance(each, Mapping) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            found[str(name)] = float(value)
    return dict(list(found.items())[:_MOST])
